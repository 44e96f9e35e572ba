//! Which case or test shows each line of the contract's conformance checklist. A line without proof
//! fails, and so does a proof that is not there any more.

use super::check_answer;
use crate::runner::Suite;
use crate::runner::checklist::Proof::{Case, EveryAnswer, Test};
use crate::runner::checklist::{
    Checklist, assert_cases_agree, assert_complete, assert_tests_exist,
};

const LINES: u32 = 50;

const CLIENTS: &str = "tests/contracts/metorial/clients.rs";
const EXPIRY: &str = "tests/contracts/metorial/expiry.rs";
const HASTE: &str = "tests/contracts/metorial/haste.rs";
const PERMISSIONS: &str = "tests/contracts/metorial/permissions.rs";
const WALKING: &str = "tests/contracts/metorial/walking.rs";
const WINDOWS: &str = "tests/contracts/metorial/windows.rs";

const BY_KIND: &str = "each_kind_of_key_is_let_in_where_it_may_and_nowhere_else";
const TWENTY_FIVE: &str =
    "With twenty-five sessions a page is the twenty oldest, and goes on from there";
const TWENTY: &str = "the_first_page_is_the_oldest_twenty_or_the_newest";

const CHECKLIST: &Checklist = &[
    (1, &[Case("Whoever shows no key is told so")]),
    (2, &[Case("Only one bearer key is read, and its scheme in any case")]),
    (3, &[Case("Keys that nobody has are refused, whatever they look like")]),
    (4, &[Case("A key in the address is no key")]),
    (5, &[Case("A key's clear text is told once")]),
    (
        6,
        &[
            Case("A revoked key and a replaced secret are good for nothing at once"),
            Test(EXPIRY, "a_key_and_a_replaced_secret_are_good_until_their_time"),
        ],
    ),
    (7, &[Case("A publishable key reads the agents and nothing else"), Test(PERMISSIONS, BY_KIND)]),
    (
        8,
        &[
            Case("A publishable key is refused before anything else is looked at"),
            Test(PERMISSIONS, BY_KIND),
        ],
    ),
    (9, &[Case("With a publishable key an agent is what everybody may know of it")]),
    (10, &[Case("Browsers may read what publishable keys are answered, and nothing else")]),
    (11, &[Case("What is made in one environment is not there in another")]),
    (12, &[Case("An id of another environment is good for nothing")]),
    (13, &[Case("One name is two actors in two environments")]),
    (14, &[Case("Each key is told its environment and what that is")]),
    (15, &[Test(WINDOWS, "the_101st_of_a_development_key_in_ten_minutes_is_refused")]),
    (16, &[Test(WINDOWS, "a_production_key_may_send_5000_in_ten_minutes_or_what_is_configured")]),
    (
        17,
        &[Test(
            WINDOWS,
            "the_1001st_of_an_address_in_ten_seconds_is_refused_with_a_key_or_without",
        )],
    ),
    (
        18,
        &[
            Test(WINDOWS, "what_is_left_falls_by_one_and_whoever_waits_as_told_is_let_in"),
            EveryAnswer,
        ],
    ),
    (19, &[Test(WINDOWS, "each_key_has_a_window_of_its_own_and_keeps_it_when_it_is_rotated")]),
    (20, &[Test(WINDOWS, "whatever_is_answered_counts_but_for_what_was_refused")]),
    (21, &[Test(WINDOWS, "no_window_holds_more_than_its_capacity_wherever_it_begins")]),
    (22, &[EveryAnswer]),
    (23, &[Case("What is no JSON, and what is of no known type, is not understood")]),
    (24, &[Case("A field that is missing or wrong is named")]),
    (25, &[Case("What is not there is named by its kind")]),
    (26, &[EveryAnswer]),
    (27, &[Case("A list of nothing is a whole list"), EveryAnswer]),
    (28, &[Case(TWENTY_FIVE), Test(WALKING, TWENTY)]),
    (29, &[Case(TWENTY_FIVE)]),
    (30, &[Case(TWENTY_FIVE)]),
    (31, &[Case(TWENTY_FIVE), Test(WALKING, TWENTY)]),
    (
        32,
        &[
            Test(WALKING, "walks_meet_every_record_once_while_records_come_and_go"),
            Test(WALKING, "pages_of_every_size_make_the_whole_of_every_list"),
        ],
    ),
    (33, &[Case("A place that is no place of the list is refused, always in the same words")]),
    (34, &[Case("A page has one to a hundred entries")]),
    (
        35,
        &[
            Case("Several values are several, however they are written"),
            Case("A range of times has strict bounds"),
        ],
    ),
    (36, &[Case("Without a version the environment's own is spoken"), EveryAnswer]),
    (37, &[Case("A version and its long name are the same"), EveryAnswer]),
    (38, &[Case("An unknown version is refused, and the known ones are listed")]),
    (39, &[Case("An environment's version changes its own answers at once and nobody else's")]),
    (40, &[Case("A file's purpose is an object to older clients and a word to newer ones")]),
    (41, &[EveryAnswer]),
    (
        42,
        &[
            Test(HASTE, "ids_of_a_thousand_records_made_in_haste_sort_as_they_were_made"),
            Test(HASTE, "ids_of_each_collection_sort_as_they_were_made"),
        ],
    ),
    (43, &[Case("An actor may bring its id, which nobody else then has")]),
    (44, &[Case("Nobody chooses the id of a session or a thread")]),
    (45, &[Case("The same values by form and by JSON make the same")]),
    (46, &[Case("A form's number or time must be one, and a GET may say it has JSON")]),
    (
        47,
        &[
            Case("A session is made, read, changed and deleted"),
            Case("An agent is made, read, changed and deleted"),
            Case("A file is kept, retitled, filtered and deleted"),
            Case("A thread is made, read, changed and deleted"),
        ],
    ),
    (48, &[Case("Providers and deployments may be named none of")]),
    (
        49,
        &[
            Test(CLIENTS, "the_older_client_maps_all_it_is_answered"),
            Test(CLIENTS, "the_newer_client_maps_all_it_is_answered"),
        ],
    ),
    (50, &[Test(CLIENTS, "a_failure_tells_both_clients_its_code_hint_entity_and_fields")]),
];

#[test]
fn every_line_of_the_checklist_is_shown() {
    assert_complete(CHECKLIST, LINES);
}

#[test]
fn the_cases_name_the_lines_they_are_listed_for() {
    assert_cases_agree(CHECKLIST, &Suite::load("metorial", check_answer));
}

#[test]
fn the_listed_tests_are_there() {
    assert_tests_exist(CHECKLIST);
}
