//! Turns as a whole: what they state, whom they name, and the bounds that hold for any text.

use super::EntityKind::{Organisation, Other, Person, Place};
use super::*;
use proptest::prelude::*;

fn facts(speaker: &str, text: &str) -> Vec<String> {
    derive(&TurnText { speaker, text }).into_iter().map(|fact| fact.text).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(facts("user", text), expected, "{text}");
}

fn check_entities(text: &str, expected: &[(&str, EntityKind)]) {
    let found = entities(text);
    let found: Vec<_> = found.iter().map(|entity| (entity.label.as_str(), entity.kind)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn the_first_person_becomes_the_third() {
    for (text, expected) in [
        ("I'm allergic to shellfish", "user is allergic to shellfish"),
        ("I’m allergic to shellfish!", "user is allergic to shellfish"),
        ("I live in Austin.", "user lives in Austin"),
        ("i live in berlin", "user lives in berlin"),
        ("im vegan", "user is vegan"),
        ("we moved from Seattle to Austin", "user moved from Seattle to Austin"),
        ("I teach yoga every Tuesday.", "user teaches yoga every Tuesday"),
        ("I study law.", "user studies law"),
        ("I have two kids.", "user has two kids"),
        ("We've lived here since 2015.", "user has lived here since 2015"),
        ("I've been to Japan twice.", "user has been to Japan twice"),
        ("I'd like to visit Japan someday.", "user would like to visit Japan someday"),
        ("I'll start a new job on Monday.", "user will start a new job on Monday"),
        (
            "I was born in Lisbon and grew up in Porto.",
            "user was born in Lisbon and grew up in Porto",
        ),
        ("We were married in Oslo.", "user was married in Oslo"),
        ("I'm going to visit my parents in Ohio.", "user is going to visit their parents in Ohio"),
        ("I used to play the violin.", "user used to play the violin"),
        ("I also volunteer at a shelter.", "user volunteers at a shelter"),
        ("I always take the bus.", "user always takes the bus"),
        ("I do my own taxes.", "user does their own taxes"),
        ("I quit my job at Globex.", "user quit their job at Globex"),
        ("I'm learning Spanish", "user is learning Spanish"),
        ("I write C++", "user writes C++"),
    ] {
        check(text, &[expected]);
    }
}

#[test]
fn what_is_denied_stays_denied() {
    for (text, expected) in [
        ("I don't eat meat.", "user does not eat meat"),
        ("i dont drink", "user does not drink"),
        ("I can't eat gluten.", "user cannot eat gluten"),
        ("I haven't been to Spain yet.", "user has not been to Spain yet"),
        ("I'm not a fan of horror movies.", "user is not a fan of horror movies"),
        ("I didn't finish college.", "user did not finish college"),
        ("I've never eaten sushi.", "user has never eaten sushi"),
        ("I no longer eat meat.", "user no longer eats meat"),
        ("I only eat fish on Fridays.", "user only eats fish on Fridays"),
        ("I do not smoke or drink.", "user does not smoke or drink"),
        ("Anna doesn't like olives.", "Anna does not like olives"),
    ] {
        check(text, &[expected]);
    }
}

#[test]
fn further_verbs_agree_where_they_are_certainly_verbs() {
    for (text, expected) in [
        ("I live in Austin and work at Acme.", "user lives in Austin and works at Acme"),
        ("I studied law and now work for Siemens.", "user studied law and now works for Siemens"),
        ("I like to hike and paint.", "user likes to hike and paint"),
        ("I want to move to Rome and work at Acme.", "user wants to move to Rome and work at Acme"),
        ("I read and write stories.", "user reads and writes stories"),
        ("I wanna learn the cello.", "user wants to learn the cello"),
        // A verb or a noun: what stands before it is certain.
        ("I watch Netflix and play chess.", "user watches Netflix"),
        ("I have regular meetings, plan events, and bake.", "user has regular meetings"),
    ] {
        check(text, &[expected]);
    }
}

#[test]
fn each_clause_with_a_subject_of_its_own_is_a_fact() {
    check(
        "I live in Austin and I work at Acme, but I might move to Denver.",
        &["user lives in Austin", "user works at Acme"],
    );
    check(
        "I sing in a choir; my sister plays the flute.",
        &["user sings in a choir", "user's sister plays the flute"],
    );
    check("I have a house near Lake Tahoe — it is lovely.", &["user has a house near Lake Tahoe"]);
    check(
        "I can't eat gluten, so I avoid bread.",
        &["user cannot eat gluten", "user avoids bread"],
    );
    check("I like tea. I like TEA!", &["user likes tea"]);
}

#[test]
fn what_belongs_to_the_speaker_is_named_after_them() {
    for (text, expected) in [
        ("my sister Anna works at Acme", "user's sister Anna works at Acme"),
        ("My name's Ingrid.", "user's name is Ingrid"),
        ("My favorite color is blue.", "user's favorite color is blue"),
        ("My wife and I live in Oslo.", "user's wife and user live in Oslo"),
        (
            "Our kids, Tom and Lucy, go to Lincoln School.",
            "user's kids, Tom and Lucy, go to Lincoln School",
        ),
        ("Dr. Smith is my dentist.", "Dr. Smith is user's dentist"),
        ("Anna gave me a book about Rome.", "Anna gave user a book about Rome"),
    ] {
        check(text, &[expected]);
    }
}

#[test]
fn statements_about_named_things_are_kept_without_idle_openers() {
    for (text, expected) in [
        ("Well, by the way, Anna said she loves Paris.", "Anna said she loves Paris"),
        ("Oh yeah, Zuzana works at Škoda in Brno!", "Zuzana works at Škoda in Brno"),
        ("Anna, my sister, works in Leeds.", "Anna, user's sister, works in Leeds"),
        ("Bob's wife Alice teaches at MIT.", "Bob's wife Alice teaches at MIT"),
        ("Anna and I went to Rome last summer.", "Anna and user went to Rome last summer"),
        ("The University of Oslo hired Ingrid.", "The University of Oslo hired Ingrid"),
        ("Hey Anna, I live in Rome.", "user lives in Rome"),
        ("Last year I adopted a dog.", "Last year user adopted a dog"),
        ("As a teacher, I value patience.", "As a teacher, user values patience"),
    ] {
        check(text, &[expected]);
    }
}

#[test]
fn what_states_nothing_lasting_or_cannot_be_read_alone_gives_nothing() {
    for text in [
        "Got it.",
        "Thanks!",
        "Thanks so much, Anna!",
        "What do you like?",
        "Do you live in Rome? I do!",
        "Please call Anna at the office.",
        "Book a table for two.",
        "Anna, call me.",
        "If I lived in Paris, I would eat bread, and I would love that.",
        "If it rains, I stay at home and I read the news.",
        "I think Anna works at Acme.",
        "I have been part of it.",
        "I am a fan of it.",
        "I will make sure to call.",
        "I'm super pumped!",
        "I do- Oscar, my guinea pig.",
        "Since I lost my job, things have been tough.",
        "We're both on different paths.",
        "I'm planning a few.",
        "I might move to Denver.",
        "Maybe I like tea.",
        "I eat meat if Ben cooks.",
        "I drink tea, unless it is hot.",
        "I live in Rome, right?",
        "Anna lives in Rome?",
        "I wish I lived in Rome.",
        "I love it!",
        "I bought it at Target.",
        "She works at Acme.",
        "I know he's in Rome.",
        "I bought flowers when she's away.",
        "I want you to write a poem.",
        "I am so tired.",
        "I have to go now.",
        "I've got to run.",
        "I have a question about Rust.",
        "I want to know more.",
        "I'll let you know.",
        "I can't wait to see Anna!",
        "My goodness!",
        "My guess is that it rains.",
        "I, too, live in Rome.",
        "Anna told me \"I hate Paris\".",
        "I gatti sono belli.",
        "Ich bin im Urlaub. Im Sommer fahre ich nach Rom.",
        "Я живу в Москве.",
        "我住在北京。",
        "```\nI live in Rome.\n```",
        "I",
        "",
        "?!",
    ] {
        check(text, &[]);
    }
}

#[test]
fn an_assistant_states_only_what_is_about_a_named_thing() {
    let text =
        "I can help. I recommend Rome. My favorite color is blue. Anna lives in Rome, as you said.";
    assert_eq!(facts("assistant", text), ["Anna lives in Rome"]);
    assert_eq!(facts("Assistant", "I live in Rome."), [""; 0]);
}

#[test]
fn a_speaker_with_a_name_is_the_subject_and_an_entity_of_their_facts() {
    let turn = TurnText {
        speaker: "Caroline",
        text: "My dog Rex loves carrots! I own a studio in Portland.",
    };
    let facts = derive(&turn);
    assert_eq!(facts[0].text, "Caroline's dog Rex loves carrots");
    assert_eq!(facts[1].text, "Caroline owns a studio in Portland");
    let entity = |label: &str, kind| Entity { label: label.to_owned(), kind };
    assert_eq!(facts[0].entities, [entity("Caroline", Person), entity("Rex", Other)]);
    assert_eq!(facts[1].entities, [entity("Caroline", Person), entity("Portland", Place)]);
    let facts = derive(&TurnText { speaker: "user", text: "I'm allergic to shellfish" });
    assert!(facts[0].entities.is_empty());
}

#[test]
fn a_move_for_a_job_names_two_places_and_an_organisation() {
    let text = "I just moved from Seattle to Austin for a job at Acme.";
    check(text, &["user moved from Seattle to Austin for a job at Acme"]);
    let expected = [("Seattle", Place), ("Austin", Place), ("Acme", Organisation)];
    check_entities(text, &expected);
    let facts = derive(&TurnText { speaker: "user", text });
    assert_eq!(facts[0].entities, entities(text));
}

#[test]
fn what_stands_around_a_name_tells_its_kind() {
    check_entities("Got it. Yesterday I slept. Thanks! On Fridays too.", &[]);
    check_entities("my friend Austin moved to Zorbton", &[("Austin", Person), ("Zorbton", Place)]);
    check_entities("I met Zorblax in Nepal.", &[("Zorblax", Person), ("Nepal", Place)]);
    check_entities("Hey Zuzana!", &[("Zuzana", Person)]);
    check_entities("My name is Sam Porter.", &[("Sam Porter", Person)]);
    check_entities("I have two cats, Tom and Lucy.", &[("Tom", Other), ("Lucy", Other)]);
    check_entities(
        "I joined Médecins Sans Frontières.",
        &[("Médecins Sans Frontières", Organisation)],
    );
    check_entities(
        "I studied at the University of Texas.",
        &[("University of Texas", Organisation)],
    );
    check_entities("We hiked near Crater Lake.", &[("Crater Lake", Place)]);
    check_entities("It is written in Rust.", &[("Rust", Other)]);
    check_entities("I'm married to Jonas.", &[("Jonas", Person)]);
    check_entities(
        "Dr. Lee is the CEO of Initech.",
        &[("Dr Lee", Person), ("Initech", Organisation)],
    );
    check_entities(
        "We went there with Anna, Zed and Mia.",
        &[("Anna", Person), ("Zed", Person), ("Mia", Person)],
    );
    check_entities("Ich wohne in Köln.", &[("Köln", Place)]);
    check_entities("Я живу в Москве.", &[("Москве", Other)]);
    check_entities("That is great, Zed!", &[("Zed", Person)]);
    check_entities("I volunteer in the LGBTQ community.", &[("LGBTQ", Other)]);
    check_entities("I LOVE THIS SO MUCH", &[]);
}

#[test]
fn one_name_is_one_entity_and_has_the_best_known_kind() {
    check_entities("I like Zorbton. I live in Zorbton's suburbs.", &[("Zorbton", Place)]);
    check_entities(
        "Anna Lee is my boss. Anna lives in Rome.",
        &[("Anna Lee", Person), ("Rome", Place)],
    );
    let turn = TurnText { speaker: "user", text: "Anna Lee is my boss. Anna lives in Rome." };
    assert_eq!(derive(&turn)[1].entities, entities(turn.text));
}

#[test]
fn a_head_is_skipped_and_a_colon_within_a_sentence_is_not_one() {
    check("[2024-01-31] Caroline: I live in Ghent.", &["user lives in Ghent"]);
    check("I love two cities: Rome and Paris.", &["user loves two cities: Rome and Paris"]);
}

#[test]
fn a_long_turn_is_bounded_and_read_only_so_far() {
    let many: String = (0..100).map(|number| format!("I own {number} cats. ")).collect();
    assert_eq!(facts("user", &many).len(), FACTS_MAX);
    let names: String = (0..100).map(|number| format!("we met Zed{number}. ")).collect();
    assert_eq!(entities(&names).len(), ENTITIES_MAX);
    let late = format!("{}I live in Rome.", " ".repeat(TEXT_CHARS_MAX));
    check(&late, &[]);
    check(&format!("I own {}cats.", "very ".repeat(100)), &[]);
}

#[test]
fn bounds_hold_for_the_longest_texts_that_are_one_sentence_or_nothing_but_ends() {
    for piece in ["I ", "Anna ", "the ", "and I ", ". ", "a.", "(", "Anna, my ", "I'm in the "] {
        assert_bounds("user", &piece.repeat(TEXT_CHARS_MAX / piece.len()));
    }
}

#[test]
fn the_domain_of_facts_is_named_after_the_domain() {
    assert_eq!(derived_domain("chat"), "chat~facts");
}

/// Sentences put together from pieces that the rules look at.
fn sentence_pieces() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "I", "I'm", "we", "my", "sister", "Anna", "and", "but", "if", "live", "work", "have",
        "not", "don't", "in", "at", "to", "from", "Rome", "Acme", "the", "a", "is", "moved", ",",
        ";", "—", ".", "!", "?", "\"", "it", "she", "’", "Dr.", "İ", "ß", "北京", "can't", "'d",
        "because",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.join(" "))
}

fn assert_bounds(speaker: &str, text: &str) {
    let turn = TurnText { speaker, text };
    let facts = derive(&turn);
    assert_eq!(derive(&turn), facts);
    assert!(facts.len() <= FACTS_MAX);
    let wordings: HashSet<_> =
        facts.iter().map(|fact| Fingerprint::of_wording(&fact.text)).collect();
    assert_eq!(wordings.len(), facts.len());
    for fact in &facts {
        assert!(!fact.text.trim().is_empty() && fact.text.chars().count() <= FACT_CHARS_MAX);
        assert!(!fact.text.ends_with(['.', '?', ' ']), "{fact:?}");
    }
    let found = entities(text);
    assert!(found.len() <= ENTITIES_MAX);
    let labels: HashSet<_> = found.iter().map(|entity| entity.label.to_lowercase()).collect();
    assert_eq!(labels.len(), found.len());
    assert!(!labels.contains(""));
}

proptest! {
    #[test]
    fn bounds_hold_for_any_text(speaker: String, text: String) {
        assert_bounds(&speaker, &text);
    }

    #[test]
    fn bounds_hold_for_sentences_of_every_form(text in sentence_pieces()) {
        assert_bounds("user", &text);
        assert_bounds("Ådne", &text);
    }
}
