//! What words alone tell, and what they do not.

use super::*;

fn compared(answers: &[&str]) -> Compared {
    compare(&answers.iter().map(|answer| (*answer).to_owned()).collect::<Vec<_>>())
}

#[test]
fn agreement_is_told_only_where_every_pair_is() {
    for (answers, expected) in [
        (&["42", "The answer is 42.", "**42**"][..], Some(1.0)),
        (&["42", "42.0"], None),
        (&["42", "43"], Some(0.0)),
        (&["B", "(B) Paris", "(C)"], Some(1.0 / 3.0)),
        (&["Yes.", "Yes, it is.", "It depends."], None),
        (&["Yes.", "Yes, it is.", "No!"], Some(1.0 / 3.0)),
        (&["red", "blue"], None),
        (&["", ""], None),
        (&["Some long text. Of two sentences.", "Some long text. Of two sentences.\n"], Some(1.0)),
        (&["one"], None),
        (&[], None),
    ] {
        assert_eq!(compared(answers).pairs.agreement(), expected, "{answers:?}");
    }
}

/// Two answers, and whether they come down to the same.
const CONCLUSIONS: &[(&str, &str, Option<bool>)] = &[
    ("(B)", "B) Paris", Some(true)),
    ("**B**", "The answer is (B).", Some(true)),
    ("B.", "The correct option is C.", Some(false)),
    ("B) Paris", "B) London", None),
    ("(A) Paris", "(B) Paris", None),
    ("Let me think. 3 + 4 = 7. So the final answer is **7**.", "7", Some(true)),
    ("**Final Answer:** 1,000,000", "Therefore, the answer is: 1000000.", Some(true)),
    ("Final answer: 1,000", "1000", None),
    ("Thus $\\boxed{42}$.", "The answer is 41.", Some(false)),
    ("Therefore:\n\\[\n\\boxed{42}\n\\]", "42", Some(true)),
    ("**Answer**:\n42", "42", Some(true)),
    ("Yes, because it is.", "No. I know.", Some(false)),
    ("Yes, because it is.", "YES", Some(true)),
    ("Yes", "True", None),
    ("Yes", "False", None),
    ("Yes, if it rains.", "Yes.", None),
    ("Yes, but it is hard.", "Yes.", None),
    ("No one knows.", "No.", None),
    ("A dog is an animal.", "A", None),
    ("I. Introduction", "(I)", None),
    ("A) red\nB) blue", "A", None),
    ("A: Hello\nB: Bye", "A: Nothing here", None),
    ("The answer is 5, or the answer is 6.", "5", None),
    ("Paris", "Paris.", Some(true)),
    ("Paris", "paris.", None),
    ("Paris", "London", None),
    ("It is 5.", "It is 6.", Some(false)),
    ("It is 5. And more.", "It is 6. And more.", None),
    ("The answer is 5 km.", "The answer is 5 m.", None),
    ("", "5", None),
    ("Answerable: no", "no", None),
    // Boxes.
    ("\\boxed{\\frac{1}{2}}", "\\boxed{\\frac{1}{3}}", None),
    ("So $\\boxed{\\frac{1}{2}}$.", "\\boxed{\\frac{1}{2}}", Some(true)),
    ("\\boxed{10^{5}}", "\\boxed{10^{5}-1}", None),
    ("\\boxed{\\{1\\}}", "\\boxed{\\{1\\}}.", Some(true)),
    ("\\boxed{5", "5", None),
    ("\\boxed{A}", "\\boxed{A, B}", None),
    ("\\boxed{5} km", "\\boxed{5} m", None),
    ("-\\boxed{5}", "\\boxed{5}", None),
    ("x \\neq \\boxed{5}", "x = \\boxed{5}", None),
    ("It is not \\boxed{5}", "\\boxed{5}", None),
    ("This is wrong:\n\\boxed{5}", "\\boxed{5}", None),
    ("x = \\boxed{5}", "\\boxed{6}", Some(false)),
    // Several verdicts, options, values.
    ("1. Yes\n2. No", "1. Yes\n2. Yes", None),
    ("True\nFalse", "True\nTrue", None),
    ("Yes, no, yes.", "Yes, yes, no.", None),
    ("Answer: No, Yes", "Answer: No, No", None),
    ("1. B\n2. C", "1. B\n2. D", None),
    ("1) (B)\n2) C", "1) (B)\n2) D", None),
    ("1. No\n2. Answer: B", "1. Yes\n2. Answer: B", None),
    ("Answer: B\n\nAnswer: C", "B", None),
    ("The answer is A, C.", "The answer is A, D.", None),
    ("The answer is (A) and (C).", "The answer is (A).", None),
    ("The answer is (A) and the last one.", "The answer is (A).", None),
    ("Correct answer: (A), (B)", "Correct answer: (A), (C)", None),
    ("The answer is (a) or (b) depending", "The answer is (a).", None),
    ("A) and C)", "A)", None),
    ("B and D", "B", None),
    ("The answer is C, N and O.", "The answer is C, H and S.", None),
    ("The answer is No. 5.", "The answer is No. 7.", None),
    ("No. 7 personas", "No. 8 personas", None),
    ("No, 5", "No, 6", None),
    ("No-one knows that.", "No.", None),
    ("C. It is fast.", "C, C++ and Rust", None),
    ("Yes, if x > 0; no otherwise.", "Yes, always.", None),
    ("1. 5\n2. 6", "1. 5\n2. 7", None),
    ("Answer:\n- Red\n- Blue", "Answer:\n- Red\n- Green", None),
    ("Answer: Red\nBlue", "Answer: Red\nGreen", None),
    ("Answer: Red\n\n- Blue", "Answer: Red", None),
    ("Answer: Red. And Blue.", "Answer: Red", None),
    ("- Answer: Red", "Red", None),
    ("2. \\boxed{5}", "\\boxed{5}", None),
    ("Answer: Red\n\nI know that.", "Red", Some(true)),
    ("One root is \\boxed{2}", "One root is \\boxed{3}", None),
    ("A prime is 5.", "A prime is 7.", None),
    ("Answer: Red\r\n\r\nBlue", "Answer: Red\r\n\r\nGreen", None),
    ("Yes\nNope", "Yes", None),
    ("Yes.\n\nIndeed", "Yes", None),
    ("**B) Paris**\n\nWhy:\nIt is the capital.", "B", Some(true)),
    // Framed, denied and taken back.
    ("It is not true that the answer is 5.", "The answer is 5.", None),
    ("A common wrong answer is B.", "The answer is B.", None),
    ("The incorrect option is B.", "The correct option is B.", None),
    ("I do not think the answer is yes.", "The answer is yes.", None),
    ("People say:\nThe answer is B.", "The answer is B.", None),
    ("> The answer is B.", "The answer is B.", None),
    ("The answer is not 5.", "The answer is not 6.", None),
    ("The answer is 5. Wait, I am wrong.", "The answer is 5.", None),
    ("The answer is 5.\nOr 6.", "The answer is 5.", None),
    ("```\nAnswer: 5\n```", "5", None),
    ("Answer:\n```\n5\n```", "Answer:\n```\n6\n```", None),
    // What is written otherwise may be otherwise.
    ("The answer is 5 MW.", "The answer is 5 mW.", None),
    ("5 MB", "5 Mb", None),
    ("The answer is 6'.", "The answer is 6\".", None),
    ("The answer is f'(x).", "The answer is f(x).", None),
    ("y' = 2", "y = 2", None),
    ("The answer is z*.", "The answer is z.", None),
    ("The answer is Python 3.10.", "The answer is Python 3.1.", None),
    ("Am 1.10 ist es soweit", "Am 1.1 ist es soweit", None),
    ("The zip code is 02134.", "The zip code is 2134.", None),
    ("The hash is 1e3.", "The hash is 1000.", None),
    ("Die Antwort: 1,234", "Die Antwort: 1234", None),
    ("The answer is - 5.", "The answer is 5.", None),
    ("- 5", "5", None),
    ("The answer is `String`.", "The answer is `string`.", None),
    ("The answer is ~~5~~ 6.", "The answer is 5", None),
    ("5 pm", "5 PM", None),
    // Both may be right.
    ("The roots are 2 and 3.", "The roots are 3 and 2.", None),
    ("The answer is 2, 3.", "The answer is 3, 2.", None),
    ("x = 2 or x = 3", "x = 3 or x = 2", None),
    ("The answer is {1, 2}.", "The answer is {2, 1}.", None),
    ("2 * 3 = 6", "3 * 2 = 6", None),
    ("The answer is approximately 3.14.", "The answer is approximately 3.1416.", None),
    ("The answer is 7. 3 + 4 = 7.", "The answer is 7. 2 + 5 = 7.", None),
    ("The answer is 3. 4 is the other root.", "The answer is 5. 4 is the other root.", None),
    ("For example, 7 is a prime.", "For example, 11 is a prime.", None),
    ("f (a)", "f (b)", None),
];

#[test]
fn what_an_answer_comes_down_to_is_told_only_where_it_is_certain() {
    for (one, other, expected) in CONCLUSIONS {
        let expected = expected.map(|is_same| if is_same { 1.0 } else { 0.0 });
        for pair in [[*one, *other], [*other, *one]] {
            let compared = compared(&pair);
            assert_eq!(compared.pairs.agreement(), expected, "{pair:?}");
            assert_eq!(
                compared.topics.iter().any(Topic::is_contradicted),
                expected == Some(0.0),
                "{pair:?}: {:?}",
                compared.topics
            );
        }
    }
}

#[test]
fn the_same_words_with_another_number_contradict() {
    let compared = compared(&[
        "It is in the Alps. Mont Blanc is 4808 m high.",
        "Mont Blanc is 4808 m high. What else? Well.",
        "I think so. Mont Blanc is 4807 m high.",
    ]);
    let topic = compared.topics.iter().find(|topic| topic.is_contradicted()).unwrap();
    assert_eq!(topic.point, "Mont Blanc is … m high");
    let said: Vec<_> =
        topic.variants.iter().map(|variant| (&variant.said_by[..], &variant.against[..])).collect();
    assert_eq!(said, [(&[0, 1][..], &[1][..]), (&[2], &[0])]);
    assert_eq!(compared.pairs.agreement(), None);
}

#[test]
fn what_stands_beside_a_conclusion_is_a_claim() {
    let compared = compared(&[
        "Yes, it was opened long ago. Answer: 5.",
        "It was opened long ago. Answer: 5.",
        "It was opened long ago. Answer: 6.",
    ]);
    let alike: Vec<_> = compared
        .topics
        .iter()
        .flat_map(|topic| &topic.variants)
        .filter(|variant| variant.said_by.len() > 1)
        .map(|variant| (variant.text.as_str(), &variant.said_by[..]))
        .collect();
    assert_eq!(alike, [("5", &[0, 1][..]), ("It was opened long ago.", &[1, 2])]);
}

#[test]
fn what_may_both_be_right_contradicts_nothing() {
    for (one, other) in [
        ("Look at chapter 1 here. Look at chapter 2 here.", "First. Look at chapter 3 here."),
        ("The hut is old. It is 4 m high.", "The hill is old. It is 400 m high."),
        ("The price is 5 euros. The price is 7 euros.", "Well. The price is 9 euros."),
        ("It rained. In 2019 sales were 5 million.", "It rained. In 2020 sales were 6 million."),
        ("Well. There are at least 5 such cases.", "So. There are at least 3 such cases."),
        ("Here are 5 ways to save money:\n- Cook.", "Here are 3 ways to save money:\n- Walk."),
        ("Good. For example, 7 is a prime.", "Ok. For example, 11 is a prime."),
        ("Do it. You can use port 8080 here.", "Do so. You can use port 9090 here."),
        ("Go. The lake is about 300 km away.", "So. The lake is about 510 km away."),
    ] {
        let compared = compared(&[one, other]);
        assert!(!compared.topics.iter().any(Topic::is_contradicted), "{one} | {other}");
        assert_eq!(compared.pairs.agreement(), None);
    }
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
        "answer: 5\n",
        "\\boxed{5} ",
        "** a**",
        "yes, ",
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
