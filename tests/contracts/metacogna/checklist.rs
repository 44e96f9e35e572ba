//! Which case or test shows each line of the contract's conformance checklist, in one place.

use super::check_answer;
use crate::runner::Suite;
use crate::runner::checklist::Proof::{Case, EveryAnswer, Test};
use crate::runner::checklist::{
    Checklist, assert_cases_agree, assert_complete, assert_tests_exist,
};

/// The checklist's last line.
const LINES: u32 = 60;

const LOGGING_IN: &str = "tests/contracts/metacogna/logging_in.rs";
const INDEXING: &str = "tests/contracts/metacogna/indexing.rs";
const GRAPHING: &str = "tests/contracts/metacogna/graphing.rs";
const CHATTING: &str = "tests/contracts/metacogna/chatting.rs";
const WINDOWS: &str = "tests/contracts/metacogna/windows.rs";
const UPLOADS: &str = "tests/contracts/metacogna/uploads.rs";
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
    (14, &[Case("Documents, search, graph and chat need a session")]),
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
            Case("Files may be sent along under either name, and become documents"),
        ],
    ),
    (22, &[Case("Files may be sent along under either name, and become documents")]),
    (23, &[Case("Files may be sent along under either name, and become documents")]),
    (24, &[Case("Goals that are blank or left out are summarised without a word of them")]),
    (25, &[Case("Name, address and password are required, and told in this order")]),
    (
        26,
        &[
            Case("A used address is refused"),
            Test(SIGNING_UP, "a_refused_sign_up_leaves_nothing_behind"),
            Test(UPLOADS, "a_sign_up_whose_files_are_refused_makes_nobody"),
        ],
    ),
    (27, &[Case("An admin signs somebody up, who logs in with their address")]),
    (28, &[Case("A file of Markdown is taken, indexed and listed with what was sent of it")]),
    (
        29,
        &[
            Case("A file of Markdown is taken, indexed and listed with what was sent of it"),
            EveryAnswer,
        ],
    ),
    (30, &[Case("Whose a document is must be said")]),
    (31, &[Case("A document for another user is refused, unless an admin brings it")]),
    (32, &[Case("Other kinds of files are refused by their names")]),
    (33, &[Case("Metadata is an object of JSON")]),
    (34, &[Case("The words of a PDF are found")]),
    (35, &[Case("A text of JSON is taken, and another of its id replaces it")]),
    (36, &[Case("A sentence too long for a chunk is cut into pieces that are not"), EveryAnswer]),
    (37, &[Case("An empty or blank text is a document without chunks")]),
    (
        38,
        &[
            Case("A file of Markdown is taken, indexed and listed with what was sent of it"),
            Case("A text of JSON is taken, and another of its id replaces it"),
            EveryAnswer,
        ],
    ),
    (39, &[Case("A file of Markdown is taken, indexed and listed with what was sent of it")]),
    (
        40,
        &[
            Test(INDEXING, "progress_is_seen_while_a_document_is_indexed_and_never_falls"),
            EveryAnswer,
        ],
    ),
    (41, &[Case("A damaged file ends as an error with a reason, and purging removes it once")]),
    (42, &[Case("A damaged file ends as an error with a reason, and purging removes it once")]),
    (43, &[Test(INDEXING, "every_document_can_be_indexed_anew_and_nothing_is_found_twice")]),
    (44, &[Case("A deleted document is gone for good, and its neighbour stays")]),
    (45, &[Case("A deleted document is gone for good, and its neighbour stays")]),
    (
        46,
        &[
            Case("A search finds at most five chunks, the best first, each with its document"),
            EveryAnswer,
        ],
    ),
    (47, &[Case("As many results come as are asked for, under either name")]),
    (48, &[Case("A search without a question is refused")]),
    (
        49,
        &[
            Case("A search finds at most five chunks, the best first, each with its document"),
            Case("As many results come as are asked for, under either name"),
        ],
    ),
    (50, &[Case("Nothing of another user's is seen in lists, searches, graphs and chats")]),
    (51, &[Case("A graph is what the documents name and say, and counts it"), EveryAnswer]),
    (
        52,
        &[
            Case("Asked again it is the same graph, until a document comes"),
            Test(GRAPHING, "a_graph_is_kept_until_a_document_changes_and_five_minutes_at_most"),
        ],
    ),
    (53, &[Case("A chat is answered from what the server finds")]),
    (
        54,
        &[
            Case("Sources that are sent along come back as they are, and are answered from"),
            Test(CHATTING, "without_a_model_the_stream_is_the_same_text_as_the_whole_answer"),
            EveryAnswer,
        ],
    ),
    (55, &[Case("An outside provider without a key is a trouble that is told in the answer")]),
    (56, &[Case("An agent of an unknown name answers as without one")]),
    (57, &[Case("A chat without a question is refused")]),
    (
        58,
        &[
            Test(
                WINDOWS,
                "ten_chats_fit_into_a_window_that_the_first_begins_and_the_eleventh_waits_for_its_end",
            ),
            EveryAnswer,
        ],
    ),
    (
        59,
        &[
            Test(
                WINDOWS,
                "ten_chats_fit_into_a_window_that_the_first_begins_and_the_eleventh_waits_for_its_end",
            ),
            EveryAnswer,
        ],
    ),
    (
        60,
        &[
            Test(WINDOWS, "of_twenty_chats_at_once_exactly_ten_are_answered"),
            Test(WINDOWS, "of_twenty_one_searches_by_get_and_post_only_the_last_is_refused"),
        ],
    ),
];

#[test]
fn every_line_of_the_checklist_is_shown() {
    assert_complete(CHECKLIST, LINES);
}

#[test]
fn the_cases_name_the_lines_they_are_listed_for() {
    assert_cases_agree(CHECKLIST, &Suite::load("metacogna", check_answer));
}

#[test]
fn the_listed_tests_are_there() {
    assert_tests_exist(CHECKLIST);
}
