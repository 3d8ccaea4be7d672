//! `ultraai chat`.

mod entry;
mod input;
mod session;

use std::fmt::Write as _;

use tokio::signal::ctrl_c;
use ultraai::Error;

pub(crate) use self::entry::help;
use self::{
    entry::{Command, Entry},
    input::{Input, Line},
    session::{Engine, Session},
};
use crate::{
    arguments::Chat,
    exit::Exit,
    failure::Failure,
    summary,
    terminal::{DIM, printable, tell},
};

/// What comes after an entry.
enum Next {
    /// Another entry; the program ends like this if there is none.
    Entry(Exit),
    /// The end.
    End,
}

/// Asks as often as somebody writes something. Ctrl-C drops the answer under way, and the program with it where
/// nobody types.
pub(crate) async fn chat(arguments: Chat) -> Result<Exit, Failure> {
    let mut session = Session::new(&arguments).await?;
    let mut input = Input::new(session.conversation.prompts())?;
    let somebody_types = input.is_terminal();
    if somebody_types && !arguments.quiet {
        tell(&greeting(&session));
    }
    let mut exit = Exit::Answer;
    loop {
        let line = tokio::select! {
            biased;
            // On a terminal it is a key that the editor reads.
            _ = ctrl_c(), if !somebody_types => return Err(Failure::Interrupted),
            line = input.next() => line?,
        };
        let entry = match line {
            Line::Text(text) => Entry::of(&text),
            Line::Dropped => {
                note(&session, "Ctrl-D or /quit ends");
                continue;
            }
            Line::End => break,
        };
        let was_dropped = tokio::select! {
            biased;
            // What is under way is dropped, so that its connections close and the servers stop working on it.
            _ = ctrl_c() => None,
            done = obey(&mut session, entry) => Some(done),
        };
        if let Err(failure) = session.settle() {
            failure.tell();
        }
        exit = match was_dropped {
            Some(Ok(Next::Entry(exit))) => exit,
            Some(Ok(Next::End)) => break,
            Some(Err(Failure::OutputClosed)) => return Err(Failure::OutputClosed),
            Some(Err(failure)) => told(&session, &failure),
            None if somebody_types => {
                tell("\n");
                note(&session, "dropped, and the conversation is as before: /retry asks again");
                Exit::Interrupted
            }
            None => return Err(Failure::Interrupted),
        };
    }
    // Whoever types has seen what failed; a script sees how the last turn ended.
    Ok(if somebody_types { Exit::Answer } else { exit })
}

async fn obey(session: &mut Session<'_>, entry: Entry) -> Result<Next, Failure> {
    let exit = match entry {
        Entry::Prompt(prompt) => session.ask(prompt).await?,
        Entry::Command(Command::Retry) => session.retry().await?,
        Entry::Command(Command::Quit) => return Ok(Next::End),
        Entry::Unknown(wrong) => return Err(Failure::usage(wrong)),
        Entry::Nothing => Exit::Answer,
        Entry::Command(command) => {
            tell(&done(session, command).await?);
            Exit::Answer
        }
    };
    Ok(Next::Entry(exit))
}

/// Does what needs no answer, and says what was done.
async fn done(session: &mut Session<'_>, command: Command) -> Result<String, Failure> {
    Ok(match command {
        Command::Reset => {
            session.reset();
            match session.kept_in() {
                Some(file) => format!(
                    "a new conversation: the next answer replaces {file}, unless /save names another\n"
                ),
                None => "a new conversation\n".to_owned(),
            }
        }
        Command::System(None) => match &session.conversation.system {
            Some(text) => format!("{}\n", printable(text)),
            None => "no instructions: /system TEXT sets them\n".to_owned(),
        },
        Command::System(Some(text)) => {
            session.conversation.system = (!text.is_empty()).then_some(text);
            match &session.conversation.system {
                Some(_) => "set, from the next prompt on\n".to_owned(),
                None => "taken away, from the next prompt on\n".to_owned(),
            }
        }
        Command::Providers(names) => {
            if !names.is_empty() {
                let names = if names == ["all"] { Vec::new() } else { names };
                let loaded = Engine::load(session.arguments, Some(&names)).await;
                session.engine = loaded.map_err(Failure::without_flag)?;
            }
            providers(&session.engine)
        }
        Command::Cost => cost(session),
        Command::Save(name) => {
            match &name {
                Some(name) => session.keep_in(name)?,
                None if session.kept_in().is_some() => session.keep()?,
                None => return Err(Failure::usage("no file keeps this conversation: write /save FILE")),
            }
            format!("kept in {}, now and after each answer\n", session.kept_in().unwrap_or_default())
        }
        Command::Help | Command::Quit | Command::Retry => help(),
    })
}

fn greeting(session: &Session<'_>) -> String {
    let engine = &session.engine;
    let asked: Vec<_> =
        engine.providers.iter().filter(|one| engine.asks(&one.id)).map(|one| one.id.as_str()).collect();
    let mut text = format!("{DIM}asks {} · strategy {}", asked.join(", "), engine.strategy);
    if session.conversation.turns() > 0 {
        let _ = write!(text, " · goes on after {}", turns(session.conversation.turns()));
    }
    if let Some(file) = session.kept_in() {
        let _ = write!(text, " · kept in {file}");
    }
    let _ = writeln!(text, "\n/help lists the commands, Ctrl-C drops an answer, Ctrl-D ends{DIM:#}");
    text
}

fn providers(engine: &Engine) -> String {
    let mut out = String::new();
    for provider in &engine.providers {
        let mark = if engine.asks(&provider.id) { "asked" } else { "-" };
        let model = provider.model.as_deref().unwrap_or("-");
        let _ = writeln!(out, "  {mark:<5}  {} ({}, {model})", provider.id, provider.provider_type);
    }
    out
}

fn cost(session: &Session<'_>) -> String {
    let spent = session.conversation.spent();
    let totals = &spent.totals;
    format!(
        "{} · {} attempt{} · {} · cost {}\n",
        turns(session.conversation.turns()),
        totals.attempts,
        if totals.attempts == 1 { "" } else { "s" },
        summary::tokens(totals),
        summary::cost(&spent)
    )
}

fn turns(number: usize) -> String {
    if number == 1 { "1 turn".to_owned() } else { format!("{number} turns") }
}

/// Tells what failed, what it cost all the same, and what can be done.
fn told(session: &Session<'_>, failure: &Failure) -> Exit {
    let exit = failure.tell();
    let Failure::Error(error, _) = failure else { return exit };
    let Some(report) = Error::report(error) else { return exit };
    if !session.arguments.quiet {
        tell(&summary::effort(&report.ledger));
    }
    if session.arguments.explain {
        tell(&summary::explanation(&report.trace, &report.ledger));
    }
    note(
        session,
        "the conversation is as before: /retry asks again, /providers asks others, /reset begins anew",
    );
    exit
}

fn note(session: &Session<'_>, text: &str) {
    if !session.arguments.quiet {
        tell(&format!("{DIM}{text}{DIM:#}\n"));
    }
}
