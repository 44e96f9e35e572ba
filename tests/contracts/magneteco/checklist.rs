//! Which case or test shows each line of the contract's conformance checklist, in one place.

use super::check_answer;
use crate::runner::Suite;
use crate::runner::checklist::Proof::{Case, EveryAnswer, Test};
use crate::runner::checklist::{
    Checklist, assert_cases_agree, assert_complete, assert_tests_exist,
};

/// The checklist's last line.
const LINES: u32 = 60;

const PERMISSIONS: &str = "tests/contracts/magneteco/permissions.rs";
const WINDOWS: &str = "tests/contracts/magneteco/windows.rs";
const REMEMBERING: &str = "tests/contracts/magneteco/remembering.rs";
const READING: &str = "tests/contracts/magneteco/reading.rs";
const FORGETTING: &str = "tests/contracts/magneteco/forgetting.rs";
const INCOMING: &str = "tests/contracts/magneteco/incoming.rs";
const OUTGOING: &str = "tests/contracts/magneteco/outgoing.rs";
const OLDER_CLIENT: &str = "tests/contracts/magneteco/older_client.rs";

const STEP_BY_STEP: &str = "a_content_is_processed_step_by_step_and_each_time_anew";
const FOUND: &str = "what_was_said_is_found_and_being_found_is_counted";
const LEAVE_OUT: &str = "confidence_and_categories_leave_out_what_does_not_fit";
const APART: &str =
    "users_of_one_name_in_two_apps_and_two_users_of_one_app_know_nothing_of_each_other";
const WITHOUT_TEMPLATE: &str =
    "an_event_without_a_template_names_its_data_and_is_of_medium_importance";
const ONE_PAGE: &str = "every_entity_is_on_one_page_however_the_pages_are_walked";
const ONE_ENTITY: &str = "one_entity_is_told_with_where_it_was_mentioned";
const CONTEXT: &str =
    "the_context_is_what_an_unbounded_retrieval_sums_up_and_categories_count_their_items";
const DELIVERED: &str =
    "a_signed_event_of_a_mapped_customer_is_remembered_once_however_often_it_comes";
const FORGOTTEN: &str = "a_forgotten_user_is_gone_and_others_stay_as_they_are";

const CHECKLIST: &Checklist = &[
    (1, &[Case("Whoever has no good key is told so, with or without another credential")]),
    (2, &[Case("Whoever has no good key is told so, with or without another credential")]),
    (3, &[Case("An app that is not the key's is refused, whether or not there is such an app")]),
    (4, &[Test(PERMISSIONS, "each_route_asks_for_its_permission_and_for_no_other")]),
    (5, &[Case("What a content lacks is told, the first first")]),
    (6, &[Case("What a content lacks is told, the first first")]),
    (7, &[Case("Only contents of the documented types are taken")]),
    (8, &[Case("What is no object of JSON is refused, whatever its media type")]),
    (9, &[Case("A content is taken, and its state can be asked for")]),
    (10, &[Case("The same content twice is two resources"), Test(REMEMBERING, STEP_BY_STEP)]),
    (11, &[Test(REMEMBERING, STEP_BY_STEP), EveryAnswer]),
    (12, &[Case("A state is the app's own"), Test(REMEMBERING, APART)]),
    (13, &[Test(REMEMBERING, "what_was_taken_before_a_restart_is_processed_after_it")]),
    (14, &[Test(REMEMBERING, FOUND), EveryAnswer]),
    (15, &[Test(REMEMBERING, FOUND), EveryAnswer]),
    (16, &[Test(REMEMBERING, FOUND), EveryAnswer]),
    (17, &[Test(REMEMBERING, "the_graph_of_what_is_asked_for_comes_along_unless_it_is_declined")]),
    (18, &[Case("A question is needed, and numbers have their ranges")]),
    (19, &[Test(REMEMBERING, LEAVE_OUT)]),
    (20, &[Test(REMEMBERING, LEAVE_OUT)]),
    (21, &[Test(REMEMBERING, "a_larger_budget_holds_more_and_none_is_overspent"), EveryAnswer]),
    (22, &[Test(REMEMBERING, "of_equal_facts_the_newer_ranks_first_unless_age_hardly_counts")]),
    (23, &[Test(REMEMBERING, "leaving_everything_out_is_sending_the_defaults")]),
    (24, &[Case("Of somebody who was never seen nothing is known")]),
    (25, &[Test(REMEMBERING, APART)]),
    (26, &[Case("An event is taken, and its state can be asked for")]),
    (27, &[Case("What an event lacks is told")]),
    (
        28,
        &[
            Case("Importance is one of four words, and entities have a name and a type"),
            Test(REMEMBERING, WITHOUT_TEMPLATE),
        ],
    ),
    (29, &[Test(REMEMBERING, "an_approved_statement_of_work_becomes_the_documented_sentence")]),
    (30, &[Test(REMEMBERING, WITHOUT_TEMPLATE)]),
    (31, &[Test(REMEMBERING, "what_matters_more_does_not_lose_to_what_matters_less")]),
    (32, &[Test(READING, ONE_PAGE)]),
    (33, &[Test(READING, CONTEXT)]),
    (34, &[Test(READING, CONTEXT)]),
    (35, &[Test(READING, ONE_PAGE), EveryAnswer]),
    (36, &[Test(READING, ONE_PAGE)]),
    (37, &[Test(READING, ONE_PAGE), EveryAnswer]),
    (38, &[Test(READING, ONE_PAGE)]),
    (39, &[Case("Pages are asked for in whole numbers and by cursors of the server")]),
    (40, &[Test(READING, ONE_PAGE)]),
    (41, &[Test(READING, ONE_ENTITY)]),
    (42, &[Test(READING, ONE_ENTITY)]),
    (43, &[Test(INCOMING, DELIVERED)]),
    (44, &[Test(INCOMING, "a_wrong_missing_or_old_signature_is_refused_and_nothing_is_kept")]),
    (45, &[Test(INCOMING, "an_event_that_nobody_mapped_or_of_nobody_is_ignored")]),
    (
        46,
        &[
            Test(INCOMING, "github_signs_its_body_and_says_the_rest_in_headers"),
            Test(INCOMING, "slack_signs_body_and_time_and_is_answered_its_challenge"),
        ],
    ),
    (47, &[Case("A delivery with a key is processed, and without one it is refused")]),
    (48, &[Case("Nobody delivers from an unknown source")]),
    (49, &[Test(INCOMING, DELIVERED)]),
    (50, &[Case("A target of webhooks is registered, and its secret is never told")]),
    (51, &[Test(OUTGOING, "a_target_is_told_of_what_it_asked_for_in_a_signed_message")]),
    (52, &[Case("Forgetting is confirmed by true alone")]),
    (53, &[Test(FORGETTING, "a_forgotten_category_is_gone_and_others_stay_as_they_are")]),
    (54, &[Test(FORGETTING, FORGOTTEN)]),
    (55, &[Test(FORGETTING, "what_is_on_its_way_when_its_user_is_forgotten_never_arrives")]),
    (56, &[Test(FORGETTING, FORGOTTEN)]),
    (
        57,
        &[
            Case("A content is taken, and its state can be asked for"),
            Case("An event is taken, and its state can be asked for"),
            Case("Of somebody who was never seen nothing is known"),
            Test(WINDOWS, "every_route_has_the_documented_limit_and_all_gets_share_one"),
            EveryAnswer,
        ],
    ),
    (
        58,
        &[
            Test(WINDOWS, "the_101st_of_a_minute_is_refused_and_nobody_else_is"),
            Test(WINDOWS, "of_150_at_once_exactly_100_are_let_through"),
        ],
    ),
    (
        59,
        &[Case(
            "The server says that it is well, below the base to those with a key and outside of it to anybody",
        )],
    ),
    (
        60,
        &[Test(
            OLDER_CLIENT,
            "the_older_client_completes_its_calls_at_the_host_and_below_the_base",
        )],
    ),
];

#[test]
fn every_line_of_the_checklist_is_shown() {
    assert_complete(CHECKLIST, LINES);
}

#[test]
fn the_cases_name_the_lines_they_are_listed_for() {
    assert_cases_agree(CHECKLIST, &Suite::load("magneteco", check_answer));
}

#[test]
fn the_listed_tests_are_there() {
    assert_tests_exist(CHECKLIST);
}
