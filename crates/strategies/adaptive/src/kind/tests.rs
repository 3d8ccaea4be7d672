//! What the rules say of varied phrasings.

use ultraai_core::{ChatRequest, Message, Tool};

use super::{Format, Kind, Length, Task, excerpt};

const CASES: &[(&str, Kind)] = &[
    ("Write a function that reverses a list in Python.", Kind::Code),
    ("Why does this panic?\n```\nlet x = v[3];\n```", Kind::Code),
    ("Explain: for (let i = 0; i < n; i++) { f(); };", Kind::Code),
    ("def f(x):\n    return x + 1\nassert f(2) == ??", Kind::Code),
    ("Please refactor my shell script", Kind::Code),
    ("Schreibe eine Funktion, die Zahlen sortiert", Kind::Code),
    ("用代码实现快速排序", Kind::Code),
    ("How many apples are left if I have 12 and eat 5?", Kind::Arithmetic),
    ("What is 17 * 23?", Kind::Arithmetic),
    ("Tom buys 3 pens at $2 each. What is the total?", Kind::Arithmetic),
    ("Find the sum of all integers for which the fraction is one.", Kind::Arithmetic),
    ("Simplify \\(\\frac{x}{2}\\)", Kind::Arithmetic),
    ("Wie viele Äpfel bleiben von 12, wenn 5 gegessen werden?", Kind::Arithmetic),
    ("Combien font 12 pommes et 5 poires ?", Kind::Arithmetic),
    ("¿Cuántos kilómetros recorre en 3 horas a 80 km/h?", Kind::Arithmetic),
    ("小明有12个苹果,吃了5个,还剩多少?", Kind::Arithmetic),
    ("Сколько будет 12 и 5?", Kind::Arithmetic),
    ("Extract the dates from this letter: …", Kind::Extraction),
    ("List all names that appear below.", Kind::Extraction),
    ("Extrahiere alle Firmen aus dem Text.", Kind::Extraction),
    ("从下面的文字中提取日期", Kind::Extraction),
    ("Which is a mammal?\nA. Trout\nB. Whale\nC. Frog", Kind::Choice),
    ("Which is a mammal?\n(A) Trout\n(B) Whale", Kind::Choice),
    ("Is water wet? Answer yes or no.", Kind::Choice),
    ("Welche der folgenden Städte liegt am Meer?", Kind::Choice),
    ("以下哪个城市在海边?", Kind::Choice),
    ("Why is the sky blue?", Kind::Open),
    ("Write a poem about autumn.", Kind::Open),
    ("What happened on 2024-05-01 in Oslo?", Kind::Open),
    ("Tell me about sqlite's history", Kind::Open),
    ("", Kind::Open),
];

#[test]
fn varied_phrasings_are_told_apart() {
    for (prompt, kind) in CASES {
        let task = Task::of(&ChatRequest::from_prompt(*prompt));
        assert_eq!(task.kind, *kind, "{prompt:?} ({})", task.sign);
    }
}

#[test]
fn only_the_last_user_message_counts() {
    let request = ChatRequest::new(vec![
        Message::user("Write a function in Python."),
        Message::assistant("def f(): pass"),
        Message::user("Thank you! Now a poem about it."),
    ]);
    assert_eq!(Task::of(&request).kind, Kind::Open);
}

#[test]
fn the_instruction_may_stand_at_either_end_of_a_long_text() {
    let filler = "Es war einmal ein König, der hatte viele Söhne. ".repeat(2_000);
    for prompt in [format!("Extract the names.\n{filler}"), format!("{filler}\nExtract the names.")] {
        let task = Task::of(&ChatRequest::from_prompt(prompt));
        assert_eq!((task.kind, task.length), (Kind::Extraction, Length::Long));
    }
}

#[test]
fn little_is_read_of_a_long_text_and_no_character_is_cut() {
    for letter in ["ß", "中", "🦀", "a"] {
        for shift in 0..4 {
            let text = format!("{}{}", "x".repeat(shift), letter.repeat(20_000));
            assert!(excerpt(&Message::user(text)).len() <= 4_200);
        }
    }
}

#[test]
fn the_format_is_read_from_the_fields() {
    let mut request = ChatRequest::from_prompt("The weather in Oslo?");
    assert_eq!(Task::of(&request).format, Format::Text);
    request.response_format = Some(ultraai_core::ResponseFormat::JsonObject);
    let task = Task::of(&request);
    assert_eq!((task.format, task.kind), (Format::Json, Kind::Extraction));
    request.tools.push(Tool::new("weather", serde_json::json!({ "type": "object" })));
    assert_eq!(Task::of(&request).format, Format::Tools);
}
