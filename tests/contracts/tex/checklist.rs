//! Which case or test shows each line of the contract's conformance checklist, in one place.

use super::check_answer;
use crate::runner::Suite;
use crate::runner::checklist::Proof::{Case, EveryAnswer, Test};
use crate::runner::checklist::{
    Checklist, assert_cases_agree, assert_complete, assert_tests_exist,
};

/// The checklist's last line.
const LINES: u32 = 68;

/// `make clients` drives the clients of lines 65 to 68 themselves.
const CHECKLIST: &Checklist = &[
    (
        1,
        &[
            Case(
                "Signing up with an empty object makes an organization, a user and a key that is shown",
            ),
            Case("Signing up twice makes two organizations"),
            Case("The key of who signed up opens the organization, and speaks for itself"),
        ],
    ),
    (
        2,
        &[
            Case(
                "Signing up with an empty object makes an organization, a user and a key that is shown",
            ),
            EveryAnswer,
        ],
    ),
    (
        3,
        &[
            Case(
                "Signing up with an empty object makes an organization, a user and a key that is shown",
            ),
            Test(
                "tests/contracts/tex/keys.rs",
                "keys_are_listed_newest_first_and_say_when_they_were_used_and_revoked",
            ),
        ],
    ),
    (
        4,
        &[
            Case("A chosen name comes back, and nobody else can have it"),
            Test(
                "tests/contracts/tex/signing_up.rs",
                "of_many_who_want_a_name_at_once_one_gets_it",
            ),
        ],
    ),
    (
        5,
        &[
            Case("A name of 1 and of 64 characters is taken, one of 65 or of others is refused"),
            Case("A key has a name of up to 64 characters, one of 65 is refused"),
        ],
    ),
    (6, &[Case("A key is exchanged for an access token and a refresh token")]),
    (
        7,
        &[Test(
            "tests/contracts/tex/signed_tokens.rs",
            "an_access_token_says_in_clear_for_whom_it_was_issued",
        )],
    ),
    (
        8,
        &[
            Case("The key that verifies tokens is published and nothing more of it"),
            Test(
                "tests/contracts/tex/signed_tokens.rs",
                "tokens_verify_with_the_published_key_and_changed_ones_do_not",
            ),
        ],
    ),
    (
        9,
        &[
            Case("An unknown, a malformed and an empty key are refused alike"),
            Case("An exchange without a key is a validation error"),
        ],
    ),
    (
        10,
        &[
            Case("A refresh gives four fields, and both access tokens work"),
            Test(
                "tests/contracts/tex/expiry.rs",
                "an_access_token_ends_after_a_day_on_every_product_route",
            ),
        ],
    ),
    (
        11,
        &[
            Case("What is no refresh token is refused, garbage too"),
            Test(
                "tests/contracts/tex/expiry.rs",
                "a_refresh_token_ends_after_a_week_and_each_refresh_gives_another",
            ),
        ],
    ),
    (
        12,
        &[
            Case("A refresh token or a key as a bearer is no access token"),
            Test(
                "tests/contracts/tex/refusals.rs",
                "every_product_route_refuses_what_is_no_access_token_of_ours",
            ),
        ],
    ),
    (
        13,
        &[
            Case("Without a credential a call is refused, and with a tampered one"),
            Test(
                "tests/contracts/tex/refusals.rs",
                "every_product_route_refuses_a_caller_without_a_token",
            ),
            Test(
                "tests/contracts/tex/refusals.rs",
                "every_product_route_refuses_what_is_no_access_token_of_ours",
            ),
            Test(
                "tests/contracts/tex/expiry.rs",
                "an_access_token_ends_after_a_day_on_every_product_route",
            ),
        ],
    ),
    (14, &[Case("A verified token says for whom it was issued")]),
    (15, &[Case("Logging in is off")]),
    (
        16,
        &[
            Case("The account has the organization, whom the token speaks for, and its keys"),
            Case("The list of keys is an array, the same as in the account"),
            Test(
                "tests/contracts/tex/keys.rs",
                "keys_are_listed_newest_first_and_say_when_they_were_used_and_revoked",
            ),
        ],
    ),
    (
        17,
        &[
            Case("The list of keys is an array, the same as in the account"),
            Test(
                "tests/contracts/tex/keys.rs",
                "keys_are_listed_newest_first_and_say_when_they_were_used_and_revoked",
            ),
        ],
    ),
    (
        18,
        &[
            Case("A key is made from nothing, or with a name and scopes"),
            Case("Scopes come back to the letter and in order"),
        ],
    ),
    (
        19,
        &[
            Case("An answer to a mistyped exchange does not show the key that was sent"),
            EveryAnswer,
            Test("tests/contracts/tex/keys.rs", "a_key_is_shown_once_and_in_no_later_answer"),
        ],
    ),
    (
        20,
        &[
            Case("A revoked key is gone from the list and shown on request"),
            Case("Revoking again is the same, and the first time stays"),
            Test(
                "tests/contracts/tex/keys.rs",
                "keys_are_listed_newest_first_and_say_when_they_were_used_and_revoked",
            ),
        ],
    ),
    (21, &[Case("A key that is not there cannot be revoked, nor one of another organization")]),
    (
        22,
        &[
            Case("A revoked key is gone from the list and shown on request"),
            Case("A key behind a token may be revoked, which ends what it can be exchanged for"),
            Test(
                "tests/contracts/tex/refusals.rs",
                "a_token_of_a_revoked_key_works_on_every_product_route",
            ),
        ],
    ),
    (
        23,
        &[
            Case("A key says when it was exchanged for the first time"),
            Case("A key of a named user s tokens is used like any"),
            Test(
                "tests/contracts/tex/keys.rs",
                "keys_are_listed_newest_first_and_say_when_they_were_used_and_revoked",
            ),
        ],
    ),
    (
        24,
        &[
            Case("A supplied UUID comes back in header and error"),
            Case("Health is answered to anybody, with an id"),
            EveryAnswer,
            Test(
                "tests/contracts/tex/envelope.rs",
                "every_answer_has_a_fresh_random_id_when_the_caller_has_none",
            ),
            Test("tests/contracts/tex/envelope.rs", "every_answer_repeats_the_caller_s_id"),
        ],
    ),
    (
        25,
        &[
            Case("A supplied UUID comes back in header and error"),
            Case("Without an id, or with one that is none, a random UUID is made"),
            EveryAnswer,
            Test(
                "tests/contracts/tex/envelope.rs",
                "every_answer_has_a_fresh_random_id_when_the_caller_has_none",
            ),
            Test("tests/contracts/tex/envelope.rs", "every_answer_repeats_the_caller_s_id"),
        ],
    ),
    (26, &[Case("An error has five keys and the time in whole seconds"), EveryAnswer]),
    (
        27,
        &[
            Case("Everything that is wrong with a signing up is named at once"),
            Case("An exchange without a key is a validation error"),
            Case("A refresh without a token is a validation error"),
            Case("What is wrong with an order for a key is named"),
            Case("Whether revoked keys are listed is yes or no"),
            Case("What has another type is named"),
            Case("An option is yes or no"),
            Case("All problems of a request are listed at once, a hundred at most"),
            Case("Whether there is to be a timeline is yes or no"),
            Case("Everything that is wrong with a recall is named at once"),
            Case("What is no month is a validation error"),
            EveryAnswer,
        ],
    ),
    (28, &[Case("A path of no dialect is unknown, and so are those of later revisions")]),
    (
        29,
        &[
            Case("What is no JSON is a bad request, on every route that takes a body"),
            Case("A body that nests too deeply, or is compressed, is a bad request"),
        ],
    ),
    (
        30,
        &[
            Case("Null means that nothing was chosen, and unknown fields mean nothing"),
            Case("Nulls and unknown fields of an exchange are nothing"),
            Case("Unknown fields of a refresh are ignored, and so is a bad credential beside it"),
            Case("Unknown fields of an ingestion are ignored, those of later clients too"),
            Case("Unknown fields of a recall are ignored, those of later clients too"),
        ],
    ),
    (31, &[Case("A turn is accepted, with an id, a job and what it cost")]),
    (
        32,
        &[Case("Each turn has an id, in the order they came in"), Case("Many turns are one call")],
    ),
    (33, &[Case("A recall right after an ingestion returns the turn")]),
    (
        34,
        &[
            Case("What is missing is named"),
            Case("What is empty and must not be is named"),
            Case("Null is no value for what is required, but for an organization"),
        ],
    ),
    (35, &[Case("The organization in a body is looked at and ignored")]),
    (36, &[Case("A user that is left out, null, empty or the token s own is the same")]),
    (37, &[Case("A session that is left out, null or empty is the default one")]),
    (
        38,
        &[
            Case("Anybody may speak"),
            Case("A role and a time of any characters come back as they were sent"),
        ],
    ),
    (
        39,
        &[
            Case(
                "Observations come back as such, texts and objects alike, with ids after that of their turn",
            ),
            Case("No observations are none"),
            Case("An observation of another shape is taken somehow"),
        ],
    ),
    (
        40,
        &[
            Case("A turn that is sent again is the same, is found once and costs nothing"),
            Case("Equal turns of one request are one, with its id at each place"),
            Test(
                "tests/contracts/tex/usage.rs",
                "the_same_turn_sent_many_times_at_once_is_one_and_is_billed_once",
            ),
        ],
    ),
    (41, &[Case("Another role, text, time, session or user is another turn")]),
    (42, &[Case("Metadata and options are accepted, and null is none of them")]),
    (
        43,
        &[
            Case("Observations are billed by their text, in the form they are kept"),
            Case("Texts cost what the published table says"),
        ],
    ),
    (
        44,
        &[
            Case("Recalling nothing has every field"),
            Case("A turn comes back with date and role, its id and its time, and what that cost"),
            EveryAnswer,
        ],
    ),
    (45, &[Case("A recall is active unless it is to be deep, and nothing else")]),
    (
        46,
        &[
            Case("A number of hits is an integer from 1 to 50, or none"),
            Case("Hits are sorted by score, and as many as were asked for"),
            EveryAnswer,
            Test(
                "tests/contracts/tex/recalling.rs",
                "as_many_hits_come_back_as_were_asked_for_and_thirty_at_most",
            ),
        ],
    ),
    (
        47,
        &[
            Case("Hits are sorted by score, and as many as were asked for"),
            EveryAnswer,
            Test(
                "tests/contracts/tex/recalling.rs",
                "as_many_hits_come_back_as_were_asked_for_and_thirty_at_most",
            ),
        ],
    ),
    (48, &[Case("A question is a text of any length but none")]),
    (
        49,
        &[
            Case("A role and a time of any characters come back as they were sent"),
            Case("A turn keeps its time as it was sent, and says it in milliseconds"),
            Case("A turn comes back with date and role, its id and its time, and what that cost"),
            Case("A text in brackets comes back behind its own two groups"),
        ],
    ),
    (
        50,
        &[
            Case("A turn comes back with date and role, its id and its time, and what that cost"),
            Case("Hits are sorted by score, and as many as were asked for"),
            EveryAnswer,
        ],
    ),
    (
        51,
        &[
            Case("Names that hits have are entities"),
            EveryAnswer,
            Test(
                "tests/contracts/tex/enrichment.rs",
                "a_deep_recall_has_derived_observations_and_whom_they_name_of_its_conversation_only",
            ),
        ],
    ),
    (52, &[Case("Recalling nothing has every field")]),
    (
        53,
        &[
            Case("Who else asks gets nothing, in either mode"),
            Test(
                "tests/contracts/tex/recalling.rs",
                "nobody_recalls_another_s_memory_in_either_mode",
            ),
            Test(
                "tests/contracts/tex/enrichment.rs",
                "a_deep_recall_has_derived_observations_and_whom_they_name_of_its_conversation_only",
            ),
        ],
    ),
    (
        54,
        &[
            Case("A timeline lists what was found in the order it happened"),
            Case("A timeline has one line for each event, however long its text"),
            EveryAnswer,
        ],
    ),
    (
        55,
        &[
            Case("A turn comes back with date and role, its id and its time, and what that cost"),
            Case(
                "A timeline is billed, and a recall is billed by its question and by what it answers",
            ),
            EveryAnswer,
        ],
    ),
    (
        56,
        &[
            Case("What answers the question comes before what does not, with more confidence"),
            Test(
                "tests/contracts/tex/recalling.rs",
                "a_question_that_memory_answers_has_more_confidence_than_one_it_does_not",
            ),
        ],
    ),
    (
        57,
        &[
            Case("The usage of a day has seven fields and the free limits"),
            Test(
                "tests/contracts/tex/usage.rs",
                "a_new_day_begins_at_zero_and_a_month_keeps_its_sum",
            ),
        ],
    ),
    (58, &[Case("The published example costs what was published")]),
    (
        59,
        &[
            Case("The published example costs what was published"),
            Case("A month without anything is zeros, whenever it is"),
            Case("What is no month is a validation error"),
            Test(
                "tests/contracts/tex/usage.rs",
                "a_new_day_begins_at_zero_and_a_month_keeps_its_sum",
            ),
        ],
    ),
    (
        60,
        &[
            Case("The usage of two organizations never mixes"),
            Case("All keys, users and sessions of an organization have one account"),
            Test("tests/contracts/tex/usage.rs", "calls_at_the_same_time_lose_no_token"),
            Test("tests/contracts/tex/usage.rs", "what_fails_costs_nothing"),
        ],
    ),
    (
        61,
        &[
            Case("Beyond the day s tokens in, memory is closed and the rest is open"),
            Case("A limit that is reached to the token is reached"),
            Test(
                "tests/contracts/tex/quotas.rs",
                "spent_tokens_in_refuse_memory_calls_until_midnight_and_nothing_else",
            ),
        ],
    ),
    (
        62,
        &[
            Case("Beyond the day s tokens out, only recalls are refused"),
            Test(
                "tests/contracts/tex/quotas.rs",
                "spent_tokens_out_refuse_recalls_and_no_ingestion",
            ),
        ],
    ),
    (
        63,
        &[
            Case("Beyond the day s tokens in, memory is closed and the rest is open"),
            Case("Beyond the day s tokens out, only recalls are refused"),
            EveryAnswer,
            Test(
                "tests/contracts/tex/quotas.rs",
                "spent_tokens_in_refuse_memory_calls_until_midnight_and_nothing_else",
            ),
        ],
    ),
    (
        64,
        &[
            Test(
                "tests/contracts/tex/quotas.rs",
                "spent_tokens_in_refuse_memory_calls_until_midnight_and_nothing_else",
            ),
            Test(
                "tests/contracts/tex/usage.rs",
                "a_new_day_begins_at_zero_and_a_month_keeps_its_sum",
            ),
        ],
    ),
    (
        65,
        &[Test(
            "tests/contracts/tex/clients.rs",
            "the_first_release_takes_its_first_steps_without_knowing_who_it_is",
        )],
    ),
    (
        66,
        &[Test(
            "tests/contracts/tex/clients.rs",
            "the_newest_release_takes_its_first_steps_and_knows_who_it_is",
        )],
    ),
    (
        67,
        &[Test(
            "tests/contracts/tex/clients.rs",
            "an_expired_token_costs_a_client_one_refresh_and_a_refused_refresh_one_exchange",
        )],
    ),
    (
        68,
        &[Test("tests/contracts/tex/clients.rs", "what_a_client_raises_has_the_id_of_its_request")],
    ),
];

#[test]
fn every_line_of_the_checklist_is_shown() {
    assert_complete(CHECKLIST, LINES);
}

#[test]
fn the_cases_name_the_lines_they_are_listed_for() {
    assert_cases_agree(CHECKLIST, &Suite::load("tex", check_answer));
}

#[test]
fn the_listed_tests_are_there() {
    assert_tests_exist(CHECKLIST);
}
