//! What words alone tell, and what they do not.

use super::*;

fn compared(answers: &[&str]) -> Compared {
    compare(&answers.iter().map(|answer| (*answer).to_owned()).collect::<Vec<_>>())
}

#[test]
fn agreement_is_told_only_where_every_pair_is() {
    for (answers, expected) in [
        (&["42", "The answer is 42.", "42.0"][..], Some(1.0)),
        (&["42", "43"], Some(0.0)),
        (&["B", "(B) Paris", "(C)"], Some(1.0 / 3.0)),
        (&["Yes.", "Yes, it is.", "It depends."], None),
        (&["red", "blue"], None),
        (&["", ""], None),
        (&["Some long text. Of two sentences.", "Some long text. Of two sentences.\n"], Some(1.0)),
        (&["one"], None),
        (&[], None),
    ] {
        assert_eq!(compared(answers).pairs.agreement(), expected, "{answers:?}");
    }
}

#[test]
fn the_same_words_with_other_numbers_contradict() {
    let compared = compared(&[
        "Mont Blanc is in the Alps. It is 4,808 m high.",
        "It is 4808 m high. What else? Well.",
        "I think so. It is 4810 m high.",
    ]);
    let topic = compared.topics.iter().find(|topic| topic.is_contradicted()).unwrap();
    assert_eq!(topic.point, "it is … m high");
    let said: Vec<_> =
        topic.variants.iter().map(|variant| (&variant.said_by[..], &variant.against[..])).collect();
    assert_eq!(said, [(&[0, 1][..], &[1][..]), (&[2], &[0])]);
    assert_eq!(compared.pairs.agreement(), None);
}

#[test]
fn a_list_of_like_things_contradicts_nothing() {
    let compared =
        compared(&["Look at chapter 1 here. Look at chapter 2 here.", "First. Look at chapter 3 here."]);
    assert!(!compared.topics.iter().any(Topic::is_contradicted));
}

#[test]
fn long_answers_are_compared_as_far_as_it_goes() {
    let many = "This is a fact indeed. ".repeat(MOST_SENTENCES + 5);
    let long = format!("{} end.", "word ".repeat(LONGEST_SENTENCE));
    let compared = compared(&[&many, &long]);
    assert_eq!(compared.left_out, 6);
    assert_eq!(compared.topics.len(), 1);
}

#[test]
fn no_answer_is_so_odd_that_it_takes_long() {
    for odd in [
        "answer is ",
        "answer: \\boxed{",
        "(A)",
        "a. ",
        "A.",
        "`",
        "**",
        "1,",
        "- ",
        "{",
        "No. ",
        "\n",
        "is 5.5 ",
    ] {
        let odd = odd.repeat(100_000 / odd.len());
        let compared = compared(&[&odd, &odd]);
        assert_eq!(compared.pairs.differ, 0);
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(answers in proptest::collection::vec("(\\PC|[\n*_`#(){}.,:!?0-9A-Je-]){0,80}", 0..4)) {
        let compared = compare(&answers);
        let pairs = answers.len() * answers.len().saturating_sub(1) / 2;
        proptest::prop_assert_eq!(compared.pairs.agree + compared.pairs.differ + compared.pairs.unknown, pairs);
    }

    #[test]
    fn an_answer_never_contradicts_itself(answer in "([A-Za-z]{1,5} |[0-9]{1,4} |[.\n]){0,40}") {
        let pairs = compare(&[answer.clone(), answer]).pairs;
        proptest::prop_assert_eq!(pairs.differ, 0);
    }
}
