//! Prompts that show answers to a model: templates, fences around what is shown, and room for it.
//!
//! A synthesis and a comparison are both asked for with such a prompt: a [`Template`], which a user may replace
//! (`synthesis_template`, `analysis_template`), filled with answers that a [`Fence`] keeps apart from the
//! instructions, and shortened to what the context window leaves. It is added to the last user message of the
//! conversation, whose turns stay as they are.
//!
//! | variable | stands for | in |
//! | --- | --- | --- |
//! | `{{answers}}` | the answers, each between two lines that hold the delimiter, and a sentence that says so. It must be there | both |
//! | `{{count}}` | how many answers there are | both |
//! | `{{delimiter}}` | the 128 random bits that this request's delimiters are made of | both |
//! | `{{question}}` | the text of the last user message, which stands above anyway | both |
//! | `{{comparison}}` | what an analyzer found, between delimiters; nothing where it found nothing | synthesis |
//! | `{{format}}` | the form of the reply that the analyzer can read. Where a template has it not, it is added at the end | analysis |
//!
//! A `{{` that is none is written `{{{{`. What is put in is never read again: an answer that holds `{{question}}` is shown
//! with these words.

mod fence;
mod room;
mod template;

pub use self::{
    fence::Fence,
    room::{shares, shortened},
    template::{Template, Variable},
};
use crate::{ChatRequest, Error, ErrorKind, Message, Options, Part, Result, Role, estimate};

/// The variables of `synthesis_template`.
pub const SYNTHESIS_VARIABLES: &[Variable] = &[
    Variable::required("answers"),
    Variable::optional("comparison"),
    Variable::optional("count"),
    Variable::optional("delimiter"),
    Variable::optional("question"),
];

/// The variables of `analysis_template`.
pub const ANALYSIS_VARIABLES: &[Variable] = &[
    Variable::required("answers"),
    Variable::optional("count"),
    Variable::optional("delimiter"),
    Variable::optional("format"),
    Variable::optional("question"),
];

/// The default of `synthesis_template`.
pub const SYNTHESIS_TEMPLATE: &str = "\
{{count}} assistants have answered the message above. Their answers follow.
{{answers}}{{comparison}}
Now answer the message above yourself. Keep what the answers have right, correct what they have wrong, settle where they \
contradict each other, and say nothing of these answers or of how you used them.";

/// Purpose number of the random numbers that make a synthesis's delimiter.
pub(crate) const SYNTHESIS_PURPOSE: u64 = 0x5359_4E54;

/// Purpose number, for [`CallContext::rng`](crate::CallContext::rng), of the random numbers that make an analysis's
/// delimiter: another than a synthesis's, whose prompt holds words of the one who saw this one.
pub const ANALYSIS_PURPOSE: u64 = 0x414E_414C;

/// What stands between the conversation and what is added to it.
const SEPARATOR: &str = "\n\n---\n";

/// Bytes per token that answers are given room by: three, and not the four of an estimate, keep what is added on the
/// safe side.
const BYTES_PER_TOKEN: u64 = 3;

/// Bytes of a shortened answer below which nothing of it can be judged.
pub const LEAST_SHARE: usize = 200;

/// Tokens kept free for what vendors put around a message.
const SPARE_TOKENS: u64 = 50;

/// Checks the templates among the options.
pub(crate) fn validate(options: &Options) -> Result<()> {
    for (name, text, variables) in [
        ("synthesis_template", &options.synthesis_template, SYNTHESIS_VARIABLES),
        ("analysis_template", &options.analysis_template, ANALYSIS_VARIABLES),
    ] {
        if let Some(text) = text {
            Template::parse(text, variables)
                .map_err(|error| crate::Error::new(error.kind(), format!("`{name}`: {}", error.message())))?;
        }
    }
    Ok(())
}

/// Answers that are about to be shown to a model.
#[derive(Clone, Debug)]
#[must_use = "call `added_to`"]
pub struct Prompt<'a> {
    template: &'a Template,
    answers: Vec<String>,
    comparison: Option<&'a str>,
    format: &'a str,
    window: Option<u64>,
    reply_tokens: u64,
}

impl<'a> Prompt<'a> {
    /// Shows `answers` by `template`.
    pub fn new(template: &'a Template, answers: Vec<String>) -> Self {
        Self { template, answers, comparison: None, format: "", window: None, reply_tokens: 0 }
    }

    /// Shows a comparison of the answers, where the template has a place for it.
    pub fn comparison(mut self, comparison: Option<&'a str>) -> Self {
        self.comparison = comparison.filter(|text| !text.is_empty());
        self
    }

    /// Says in which form the reply can be read; at the end, where the template has no place for it.
    pub fn format(mut self, format: &'a str) -> Self {
        self.format = format;
        self
    }

    /// Shortens what is shown, so that the request and a reply of `reply_tokens` fit a context window of so many tokens.
    /// Default: the window is not known, and nothing is shortened.
    ///
    /// Each answer, and the comparison, gets an equal share of the room; what one leaves of its share goes to the others;
    /// what is longer loses its middle.
    pub fn within(mut self, window: Option<u64>, reply_tokens: u64) -> Self {
        self.window = window;
        self.reply_tokens = reply_tokens;
        self
    }

    /// Adds it to the last user message of `original`, in place of a native form.
    ///
    /// The turns stay as they are, because chat templates of some models refuse two user messages in a row. The fence
    /// comes with it: no reply of a model that understood holds its delimiter.
    pub fn added_to(mut self, original: &ChatRequest, rng: &mut fastrand::Rng) -> (ChatRequest, Fence) {
        let question = question(original);
        let shown = self.answers.iter().map(String::as_str).chain(self.comparison);
        let fence = Fence::around(&shown.chain([question.as_str()]), rng);
        let comparison = self.make_room(original, &question, &fence);
        let material = self.rendered(&self.answers, comparison.as_deref(), &question, &fence);
        let request = original.clone().edited(|request| {
            match request.messages.iter_mut().rev().find(|message| message.role == Role::User) {
                Some(message) => message.content.push(Part::text(material)),
                None => request.messages.push(Message::user(material)),
            }
        });
        (request, fence)
    }

    /// Whether answers lose their middle within the window when they are added to `original`.
    ///
    /// # Errors
    /// `ContextTooLong` when so little room is left that an answer would not be one any more: below [`LEAST_SHARE`] bytes.
    pub fn shortens(&self, original: &ChatRequest) -> Result<bool> {
        let Some(window) = self.window else { return Ok(false) };
        // Every fence takes the same room.
        let fence = Fence::around(&std::iter::empty::<&str>(), &mut fastrand::Rng::with_seed(0));
        let shares = self.shares(original, &question(original), &fence, window);
        let answers = || self.answers.iter().zip(&shares).filter(|(text, share)| text.len() > **share);
        if answers().any(|(_, share)| *share < LEAST_SHARE) {
            let message = format!(
                "a context window of {window} tokens leaves no room for {} answers",
                self.answers.len()
            );
            return Err(Error::new(ErrorKind::ContextTooLong, message));
        }
        Ok(answers().next().is_some())
    }

    /// How many bytes each answer, and the comparison, may have.
    fn shares(&self, original: &ChatRequest, question: &str, fence: &Fence, window: u64) -> Vec<usize> {
        let bare = self.rendered(
            &vec![String::new(); self.answers.len()],
            self.comparison.map(|_| ""),
            question,
            fence,
        );
        let taken = estimate::tokens_of_request(original)
            .saturating_add(self.reply_tokens)
            .saturating_add(SPARE_TOKENS);
        let room = window.saturating_sub(taken).saturating_sub(fence.tokens_of(&bare, BYTES_PER_TOKEN));
        let times = self.template.uses("answers").max(self.template.uses("comparison")).max(1) as u64;
        let room = usize::try_from(room.saturating_mul(BYTES_PER_TOKEN) / times).unwrap_or(usize::MAX);
        let lengths: Vec<usize> =
            self.answers.iter().map(String::len).chain(self.comparison.map(str::len)).collect();
        shares(&lengths, room)
    }

    /// Shortens the answers where they must be, and returns the comparison as it is shown.
    fn make_room(&mut self, original: &ChatRequest, question: &str, fence: &Fence) -> Option<String> {
        let Some(window) = self.window else { return self.comparison.map(str::to_owned) };
        let shares = self.shares(original, question, fence, window);
        for (text, share) in self.answers.iter_mut().zip(&shares) {
            if text.len() > *share {
                *text = shortened(text, *share).into_owned();
            }
        }
        let share = *shares.last()?;
        self.comparison.map(|text| shortened(text, share).into_owned())
    }

    fn rendered(
        &self,
        answers: &[String],
        comparison: Option<&str>,
        question: &str,
        fence: &Fence,
    ) -> String {
        let mut blocks = fence.rule();
        for (number, text) in (1..).zip(answers) {
            fence.push_block(&mut blocks, &format!("answer {number}"), text);
        }
        let mut compared = String::new();
        if let Some(text) = comparison {
            fence.push_block(&mut compared, "comparison of the answers", text);
        }
        let count = answers.len().to_string();
        let mut out = SEPARATOR.to_owned();
        self.template.render_into(&mut out, |name| match name {
            "answers" => &blocks,
            "comparison" => &compared,
            "count" => &count,
            "delimiter" => fence.delimiter(),
            "format" => self.format,
            "question" => question,
            _ => "",
        });
        if !self.format.is_empty() && self.template.uses("format") == 0 {
            out.push_str("\n\n");
            out.push_str(self.format);
        }
        out
    }
}

/// The text of the last user message.
fn question(original: &ChatRequest) -> String {
    let is_user = |message: &&Message| message.role == Role::User;
    original.messages.iter().rev().find(is_user).map(Message::text).unwrap_or_default()
}

#[cfg(test)]
mod tests;
