//! Which case or test shows each line of the contract's conformance checklist, in one place.

use super::check_answer;
use crate::runner::Suite;
use crate::runner::checklist::Proof::{Case, EveryAnswer, Test};
use crate::runner::checklist::{
    Checklist, assert_cases_agree, assert_complete, assert_tests_exist,
};

/// The checklist's last line.
const LINES: u32 = 80;

/// `make clients` drives the clients of lines 78 and 79 themselves.
const CHECKLIST: &Checklist = &[
    (1, &[Case("A call without a credential is refused")]),
    (2, &[Case("A key in X-Api-Key is accepted")]),
    (3, &[Case("A key as a bearer token is accepted, whatever the case of the scheme")]),
    (4, &[Case("A well-formed but unknown key is refused")]),
    (
        5,
        &[Test(
            "tests/contracts/mnemoverse/keys.rs",
            "a_revoked_key_is_refused_and_named_as_revoked",
        )],
    ),
    (
        6,
        &[Test(
            "tests/contracts/mnemoverse.rs",
            "every_route_but_the_public_ones_refuses_a_caller_without_a_good_key",
        )],
    ),
    (
        7,
        &[
            Case("Health needs no key and touches no database"),
            Case("Readiness answers 200 with three checks"),
            Test(
                "tests/contracts/mnemoverse.rs",
                "every_route_but_the_public_ones_refuses_a_caller_without_a_good_key",
            ),
        ],
    ),
    (8, &[Test("tests/contracts/mnemoverse/keys.rs", "minted_keys_have_the_form_clients_accept")]),
    (9, &[EveryAnswer]),
    (10, &[EveryAnswer]),
    (11, &[Case("Malformed JSON is a validation error of the body with line and column")]),
    (12, &[Case("Missing content is named")]),
    (13, &[Case("A write of content alone is stored in the general domain")]),
    (14, &[Case("Content of 10,000 characters is stored and of 10,001 refused")]),
    (15, &[Case("Characters are counted, not bytes")]),
    (16, &[Case("The same text twice in one domain is filtered, with 200")]),
    (17, &[Case("The same text twice in one domain is filtered, with 200")]),
    (18, &[Case("Metadata comes back to the letter")]),
    (19, &[Case("An external reference makes a write idempotent")]),
    (20, &[Case("The same external reference of two tenants is two atoms")]),
    (21, &[Case("Concepts come back in the order given")]),
    (22, &[Case("Results stand in the order of the items and are counted")]),
    (23, &[Case("Results stand in the order of the items and are counted")]),
    (
        24,
        &[
            Case("500 items are taken"),
            Case("501 items are refused"),
            Case("An empty batch is refused"),
        ],
    ),
    (25, &[Case("The same text twice in one batch is stored once")]),
    (26, &[Case("The older path with an underscore works as well")]),
    (27, &[Case("A read of nearly the same text returns the atom with every field")]),
    (
        28,
        &[
            Case("A read of nearly the same text returns the atom with every field"),
            Case("An empty tenant answers every top-level field"),
        ],
    ),
    (29, &[Case("Items come by falling relevance")]),
    (30, &[Case("top_k is a cap, with associations on")]),
    (
        31,
        &[
            Case("A top_k of 1 and of 100 is taken"),
            Case("A top_k of 101 is refused"),
            Case("A top_k of 0 is refused"),
            Case("A negative top_k is refused"),
        ],
    ),
    (
        32,
        &[
            Case("A query of 5,000 characters is taken"),
            Case("A query that is missing, empty, too long or no string is refused"),
        ],
    ),
    (
        33,
        &[
            Case("A floor of 1 leaves nothing of an unrelated question"),
            Case("No item lies below the floor"),
            Case("A floor below 0 is refused"),
            Case("A floor above 1 is refused"),
        ],
    ),
    (34, &[Case("A domain is a filter; null or none searches all")]),
    (35, &[Case("Domains are compared byte for byte")]),
    (36, &[Case("Another tenant's atoms are never found")]),
    (37, &[Case("Without associations no item is hebbian")]),
    (38, &[Case("An atom that shares a concept is found through it")]),
    (39, &[Case("A question that equals stored content is an episodic hit and comes first")]),
    (40, &[Case("Without feedback relevance is similarity")]),
    (41, &[Case("Feedback moves the relevance of an atom and leaves its similarity")]),
    (
        42,
        &[
            Case("A read of nearly the same text returns the atom with every field"),
            Case("An empty tenant answers every top-level field"),
        ],
    ),
    (43, &[Case("Unknown fields of a read are ignored")]),
    (
        44,
        &[
            Case("Two questions are answered in order, each like a single read"),
            Case("50 questions are taken"),
            Case("51 questions are refused"),
            Case("No question is refused"),
        ],
    ),
    (45, &[Case("A query finds atoms of the domains it names")]),
    (
        46,
        &[
            Case("Equality compares values"),
            Case("Containing looks into strings, arrays and objects"),
            Case("Being in a list needs one equal entry"),
            Case("All conditions and the domains hold together, and an absent key meets none"),
            Case("A malformed condition is refused with its place"),
        ],
    ),
    (47, &[Case("A query without domains and filters is a read")]),
    (48, &[Case("A good outcome raises the valence of its atom")]),
    (
        49,
        &[
            Case(
                "An outcome out of range, missing or no number is refused, and so is an id that is none",
            ),
            Case("Outcomes of the ends of the range are taken"),
        ],
    ),
    (
        50,
        &[Test(
            "tests/contracts/mnemoverse/learning.rs",
            "repeated_praise_raises_a_valence_by_ever_smaller_steps_and_never_past_one",
        )],
    ),
    (51, &[Case("A bad outcome lowers a valence, a neutral one takes it towards zero")]),
    (52, &[Case("Ids that are not there are skipped")]),
    (53, &[Case("The domain of a feedback filters nothing")]),
    (54, &[Case("Concepts of the question are linked to those of the atoms it found")]),
    (55, &[Case("Another tenant's atoms cannot be rated")]),
    (56, &[Case("Consolidating nothing is no error")]),
    (57, &[Case("Near-duplicates become a prototype that stands for them")]),
    (58, &[Case("Without a domain the general one is consolidated, and no other")]),
    (59, &[Case("A new tenant's statistics are nine zeros")]),
    (60, &[Case("Domains are listed exactly as written, in both routes")]),
    (61, &[Case("An atom's envelope has every field and no embedding")]),
    (
        62,
        &[
            Case("An unknown atom and another tenant's look the same"),
            Case("An id that is no UUID is refused"),
        ],
    ),
    (63, &[Case("A deleted atom is gone from every answer, and deleting again says so")]),
    (64, &[Case("A deleted atom is gone from every answer, and deleting again says so")]),
    (65, &[Case("Deleting another tenant's atom deletes nothing")]),
    (66, &[Case("Deleting a domain removes its atoms and no others")]),
    (67, &[Case("A reset is refused unless the server allows it")]),
    (
        68,
        &[Test(
            "tests/contracts/mnemoverse/resetting.rs",
            "an_allowed_reset_deletes_one_tenant_s_memory_and_nothing_else",
        )],
    ),
    (69, &[Case("Domains are listed exactly as written, in both routes")]),
    (
        70,
        &[
            Case("An atom is found by its external reference"),
            Case("A reference that cannot be one is refused"),
            Case("The lookup route is not taken for an id"),
        ],
    ),
    (
        71,
        &[
            Case("An export has one line per atom and nothing of other tenants"),
            Case("An empty tenant's export is empty"),
        ],
    ),
    (
        72,
        &[Test("tests/api/export.rs", "an_export_is_sent_while_it_is_read_and_not_gathered_first")],
    ),
    (
        73,
        &[
            Case("Health needs no key and touches no database"),
            Test(
                "tests/contracts/mnemoverse/outages.rs",
                "health_is_200_with_the_database_down_and_readiness_says_what_is_down",
            ),
        ],
    ),
    (
        74,
        &[
            Case("Readiness answers 200 with three checks"),
            Test(
                "tests/contracts/mnemoverse/outages.rs",
                "health_is_200_with_the_database_down_and_readiness_says_what_is_down",
            ),
        ],
    ),
    (
        75,
        &[
            EveryAnswer,
            Test(
                "tests/contracts/mnemoverse/plans.rs",
                "the_sixty_first_call_of_a_free_plan_is_refused_with_a_pause",
            ),
        ],
    ),
    (
        76,
        &[Test(
            "tests/contracts/mnemoverse/plans.rs",
            "the_sixty_first_call_of_a_free_plan_is_refused_with_a_pause",
        )],
    ),
    (
        77,
        &[Test(
            "tests/contracts/mnemoverse/plans.rs",
            "beyond_the_atom_limit_writes_are_refused_and_everything_else_works",
        )],
    ),
    (
        78,
        &[
            Test("tests/api/clients.rs", "the_python_client_s_requests_get_answers_it_can_parse"),
            Test("tests/api/clients.rs", "the_python_client_finds_a_number_in_a_refusal_for_haste"),
        ],
    ),
    (79, &[Test("tests/api/clients.rs", "the_mcp_server_s_requests_succeed")]),
    (
        80,
        &[
            Case("Duplicate slashes in a path collapse"),
            Test(
                "tests/api/clients.rs",
                "the_mcp_server_s_requests_succeed_when_its_address_ends_in_a_slash",
            ),
        ],
    ),
];

#[test]
fn every_line_of_the_checklist_is_shown() {
    assert_complete(CHECKLIST, LINES);
}

#[test]
fn the_cases_name_the_lines_they_are_listed_for() {
    assert_cases_agree(CHECKLIST, &Suite::load("mnemoverse", check_answer));
}

#[test]
fn the_listed_tests_are_there() {
    assert_tests_exist(CHECKLIST);
}
