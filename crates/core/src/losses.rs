//! What a protocol cannot say.

use crate::{Error, ErrorKind, Result};

/// How a sentence of the trace begins that tells what was left out.
pub(crate) const LEFT_OUT: &str = "left out of what ";

/// What a protocol cannot say of a request or an answer: refused by name, or left out and noted, as the user chose.
///
/// ```
/// use ultraai_core::Losses;
///
/// let error = Losses::refused().lose("`logprobs`", "anthropic-messages has no such field").err();
/// assert!(error.is_some_and(|error| error.message().starts_with("`logprobs` cannot be sent: ")));
/// let mut losses = Losses::noted();
/// losses.lose("`logprobs`", "anthropic-messages has no such field")?;
/// assert_eq!(losses.as_slice(), ["`logprobs`: anthropic-messages has no such field"]);
/// # Ok::<_, ultraai_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Losses {
    may_lose: bool,
    noted: Vec<String>,
}

impl Losses {
    /// What cannot be said is refused.
    pub fn refused() -> Self {
        Self::default()
    }

    /// What cannot be said is left out, and noted here.
    pub fn noted() -> Self {
        Self { may_lose: true, noted: Vec::new() }
    }

    /// Notes that `what`, such as `` `logprobs` `` or `` the image in `messages[2].content[0]` ``, is lost, because of `why`.
    /// Who may leave it out goes on without it. Neither may repeat content.
    ///
    /// # Errors
    /// `Unsupported`, which names it, where nothing may be lost: another candidate may be able to say it.
    pub fn lose(&mut self, what: &str, why: &str) -> Result<()> {
        if !self.may_lose {
            return Err(Error::new(ErrorKind::Unsupported, format!("{what} cannot be sent: {why}")));
        }
        self.leave_out(what, why);
        Ok(())
    }

    /// Notes that `what` is left out, because of `why`, and refuses nothing: for what changes no answer, such as the name of
    /// a file or a mark of what is worth keeping in a cache. What is left out of many messages in the same words is noted once.
    pub fn leave_out(&mut self, what: &str, why: &str) {
        let sentence = format!("{what}: {why}");
        if !self.noted.contains(&sentence) {
            self.noted.push(sentence);
        }
    }

    /// Whether what cannot be said may be left out.
    pub fn may_lose(&self) -> bool {
        self.may_lose
    }

    /// The sentences of a trace that tell what was left out of what the candidates were asked.
    pub fn in_trace(trace: &[String]) -> impl Iterator<Item = &str> {
        trace.iter().map(String::as_str).filter(|sentence| sentence.starts_with(LEFT_OUT))
    }

    /// What was left out.
    pub fn as_slice(&self) -> &[String] {
        &self.noted
    }
}
