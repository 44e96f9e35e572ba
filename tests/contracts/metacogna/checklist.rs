//! Which case or test shows each line of the contract's conformance checklist, in one place.

use super::check_answer;
use crate::runner::Suite;
use crate::runner::checklist::Proof::{Case, EveryAnswer, Test};
use crate::runner::checklist::{Checklist, assert_cases_agree, assert_tests_exist};

/// The checklist's last line.
const LINES: u32 = 60;

/// Lines about routes that are not mounted yet, and about the files of a sign-up. Each moves to
/// [`CHECKLIST`] with what it is about.
const NOT_MOUNTED: &[std::ops::RangeInclusive<u32>] = &[14..=14, 22..=23, 28..=60];

const LOGGING_IN: &str = "tests/contracts/metacogna/logging_in.rs";
const SIGNING_UP: &str = "tests/contracts/metacogna/signing_up.rs";
const ORIGINS: &str = "tests/contracts/metacogna/origins.rs";

const CHECKLIST: &Checklist = &[
    (1, &[Case("The root is the published object and nothing more")]),
    (2, &[Case("The server says that it is well and what time it has")]),
    (
        3,
        &[
            Case("A preflight of any path is answered for anybody, and is empty"),
            Case("The server says that it is well and what time it has"),
            Test(ORIGINS, "listed_origins_may_send_the_cookie_and_others_may_not"),
            EveryAnswer,
        ],
    ),
    (
        4,
        &[
            Case("An unknown path and a wrong method are told alike, with the paths there are"),
            EveryAnswer,
        ],
    ),
    (5, &[Case("The admin of the configuration logs in with the hash of name and password")]),
    (
        6,
        &[
            Case("The admin of the configuration logs in with the hash of name and password"),
            Test(
                LOGGING_IN,
                "the_cookie_is_secure_where_the_login_came_encrypted_or_the_operator_says_so",
            ),
        ],
    ),
    (7, &[Test(LOGGING_IN, "the_token_is_the_cookie_s_value_and_has_enough_random_letters")]),
    (
        8,
        &[
            Case("The admin of the configuration logs in with the hash of name and password"),
            EveryAnswer,
        ],
    ),
    (9, &[Test(LOGGING_IN, "the_last_login_is_this_one_and_grows")]),
    (10, &[Case("A wrong hash and an unknown user are refused alike, without a cookie")]),
    (11, &[Case("A login without a password or without a name is told which is missing")]),
    (12, &[Case("A login that is no object of JSON is refused, whatever its media type")]),
    (13, &[Case("The hash may be sent as passwordHash")]),
    (15, &[Test(LOGGING_IN, "a_session_ends_a_week_after_its_login_however_much_it_is_used")]),
    (16, &[Case("A session is as good in a bearer header as in the cookie")]),
    (17, &[Case("Signing up needs a credential")]),
    (18, &[Case("Signing up is for admins")]),
    (
        19,
        &[Test(
            SIGNING_UP,
            "an_admin_s_id_and_hash_in_base64_are_as_good_as_a_session_and_nothing_like_it_is",
        )],
    ),
    (
        20,
        &[Test(
            SIGNING_UP,
            "an_admin_s_id_and_hash_in_base64_are_as_good_as_a_session_and_nothing_like_it_is",
        )],
    ),
    (
        21,
        &[
            Case("An admin signs somebody up, who logs in with their address"),
            Case("A summary of goals has at most 200 characters"),
        ],
    ),
    (24, &[Case("Goals that are blank or left out are summarised without a word of them")]),
    (25, &[Case("Name, address and password are required, and told in this order")]),
    (
        26,
        &[
            Case("A used address is refused"),
            Test(SIGNING_UP, "a_refused_sign_up_leaves_nothing_behind"),
        ],
    ),
    (27, &[Case("An admin signs somebody up, who logs in with their address")]),
];

#[test]
fn every_line_of_the_checklist_is_shown_or_about_what_is_not_mounted() {
    let listed: Vec<u32> = CHECKLIST.iter().map(|(line, _)| *line).collect();
    let waits = |line: &u32| NOT_MOUNTED.iter().any(|lines| lines.contains(line));
    let expected: Vec<u32> = (1..=LINES).filter(|line| !waits(line)).collect();
    assert_eq!(listed, expected, "each line once, in order");
    assert!(CHECKLIST.iter().all(|(_, proofs)| !proofs.is_empty()));
}

#[test]
fn the_cases_name_the_lines_they_are_listed_for() {
    assert_cases_agree(CHECKLIST, &Suite::load("metacogna", check_answer));
}

#[test]
fn the_listed_tests_are_there() {
    assert_tests_exist(CHECKLIST);
}
