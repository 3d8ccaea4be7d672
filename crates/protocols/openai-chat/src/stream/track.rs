//! Where one answer of a stream stands.

use serde_json::Value;
use ultraai_core::{Delta, Error, ErrorKind, Result};
use ultraai_protocol_common::{in_band, is_fault};

use crate::{
    answer::{Call, Choice, Custom, Said},
    audio, cite, decode, logprobs, state,
};

/// One answer of a stream.
#[derive(Debug, Default)]
pub(super) struct Track {
    calls: Vec<Started>,
    /// The calls that were told.
    told: u32,
    /// What the vendor wants back with the reasoning, as far as it has come.
    details: Vec<Value>,
}

/// A tool call of the stream.
#[derive(Debug, Default)]
struct Started {
    /// The vendor's index.
    index: Option<u64>,
    id: String,
    /// Arguments that came before the name; of a call whose input is no JSON all of it.
    held: String,
    /// Its index in our events, once it has a name.
    told: Option<u32>,
    /// The name of a tool whose input is no JSON.
    custom: Option<String>,
    state: Option<Value>,
}

/// No model asks for more tools in one answer; a server that does would fill the memory.
const MOST_CALLS: usize = 4096;

impl Track {
    /// Reads a piece.
    pub(super) fn push(
        &mut self,
        vendor: &str,
        choice: &mut Choice<'_>,
        push: &mut impl FnMut(Delta),
    ) -> Result<()> {
        if let Some(mut delta) = choice.delta.take() {
            for entry in std::mem::take(&mut delta.reasoning_details) {
                state::add_detail(&mut self.details, entry);
            }
            delta.said(|said, text| {
                if said != Said::Reasoning {
                    self.tell_state(vendor, push);
                }
                push(match said {
                    Said::Text => Delta::Text(text),
                    Said::Reasoning => Delta::Reasoning(text),
                    Said::Refusal => Delta::Refusal(text),
                });
            });
            for annotation in std::mem::take(&mut delta.annotations) {
                push(Delta::Citation(Box::new(cite::read(annotation))));
            }
            for image in std::mem::take(&mut delta.images) {
                if let Some(image) = decode::image(&image) {
                    push(Delta::Part(Box::new(image)));
                }
            }
            if let Some(speech) = delta.audio.take().and_then(|it| audio::part(*it)) {
                push(Delta::Part(Box::new(speech)));
            }
            for call in delta.calls() {
                self.tell_state(vendor, push);
                self.push_call(vendor, call, push)?;
            }
        }
        let logprobs = logprobs::read(choice.logprobs);
        if !logprobs.is_empty() {
            push(Delta::Logprobs(logprobs));
        }
        match choice.error.take().filter(is_fault) {
            Some(error) => Err(in_band(&error)),
            None => Ok(()),
        }
    }

    /// Tells what goes with the reasoning, once what follows the reasoning begins.
    fn tell_state(&mut self, vendor: &str, push: &mut impl FnMut(Delta)) {
        if !self.details.is_empty() {
            let states = state::from_details(std::mem::take(&mut self.details), vendor);
            for state in states {
                push(Delta::ReasoningState(state));
            }
        }
    }

    /// Tells what was kept until the end.
    ///
    /// # Errors
    /// `Undecodable` when a tool call has no name.
    pub(super) fn end(&mut self, vendor: &str, push: &mut impl FnMut(Delta)) -> Result<()> {
        self.tell_state(vendor, push);
        for call in std::mem::take(&mut self.calls) {
            match (call.custom, call.told) {
                (Some(name), _) => {
                    push(Delta::Part(Box::new(decode::custom(&call.id, &name, &call.held))));
                }
                (None, Some(_)) => {}
                (None, None) => {
                    let message = "the model asks for a tool without a name";
                    return Err(Error::new(ErrorKind::Undecodable, message));
                }
            }
        }
        Ok(())
    }

    fn push_call(&mut self, vendor: &str, call: Call<'_>, push: &mut impl FnMut(Delta)) -> Result<()> {
        let place = self.place(&call)?;
        let known = &mut self.calls[place];
        if known.id.is_empty() {
            call.id.as_str().clone_into(&mut known.id);
        }
        if call.is_custom() {
            let Custom { name, input, .. } = call.custom.map(|custom| *custom).unwrap_or_default();
            if known.custom.is_none() {
                push(Delta::PartStart);
            }
            known.custom.get_or_insert_default().push_str(name.as_str());
            known.held.push_str(input.as_str());
            return Ok(());
        }
        known.state = call.extra_content.or(known.state.take());
        let function = call.function.unwrap_or_default();
        let mut more = function.arguments.0;
        let index = match known.told {
            Some(index) => index,
            None => {
                let Some(name) = function.name.filled() else {
                    known.held.push_str(&more);
                    return Ok(());
                };
                let index = self.told;
                self.told += 1;
                known.told = Some(index);
                let state = known.state.take().map(|value| state::from_extra_content(value, vendor));
                push(Delta::ToolCallStart { index, id: known.id.clone(), name, state });
                if !known.held.is_empty() {
                    more = (std::mem::take(&mut known.held) + &more).into();
                }
                index
            }
        };
        if !more.is_empty() {
            push(Delta::ToolCallArguments { index, arguments: more.into_owned() });
        }
        Ok(())
    }

    /// The call that a piece belongs to. Some vendors leave the index out, or give the same one to every call: then a
    /// new id begins a new call.
    fn place(&mut self, call: &Call<'_>) -> Result<usize> {
        let id = call.id.as_str();
        let known = match call.index.0 {
            Some(index) => self.calls.iter().rposition(|known| known.index == Some(index)),
            None => self.calls.len().checked_sub(1),
        };
        let same = known
            .filter(|place| id.is_empty() || self.calls[*place].id.is_empty() || self.calls[*place].id == id);
        match same {
            Some(place) => Ok(place),
            None if self.calls.len() >= MOST_CALLS => {
                Err(Error::new(ErrorKind::Undecodable, "too many tool calls"))
            }
            None => {
                self.calls.push(Started { index: call.index.0, id: id.to_owned(), ..Started::default() });
                Ok(self.calls.len() - 1)
            }
        }
    }
}
