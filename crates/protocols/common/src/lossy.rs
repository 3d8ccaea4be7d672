//! What a protocol has no words for, met while a request or an answer is written.

use std::fmt::{self, Display};

use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Losses, Message, Notes, Part, Reasoning, Result, VendorState};

use crate::{collision, is_harmless, is_harmless_of_tool};

/// Where a part of a request stands, said only where it must be.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// Which message.
    pub message: usize,
    /// Which part of it.
    pub part: usize,
    /// Which part of a result.
    pub inner: Option<usize>,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "messages[{}].content[{}]", self.message, self.part)?;
        self.inner.map_or(Ok(()), |inner| write!(f, ".content[{inner}]"))
    }
}

/// Notes that reasoning of an earlier answer is left out of what is written in `protocol`: it changes an answer little, and
/// another vendor's is no use to anybody else. Of an id alone there is nothing to tell.
pub fn leave_out_thought(losses: &mut Losses, protocol: &str, reasoning: &Reasoning) {
    let state = reasoning.state.as_ref().map(|state| &state.data);
    let says_more = |state: &Value| match state {
        Value::Object(fields) => fields.keys().any(|key| !matches!(key.as_str(), "id" | "type" | "status")),
        _ => true,
    };
    let what = match state {
        // What the Responses protocol says of a message besides, which is no reasoning.
        Some(state) if state.get("phase").is_some() && reasoning.text.is_empty() => {
            "the `phase` of earlier answers"
        }
        _ if !reasoning.text.is_empty() || state.is_some_and(says_more) => "reasoning of earlier answers",
        _ => return,
    };
    losses.leave_out(what, &format!("{protocol} does not take it back"));
}

/// The losses of one protocol.
#[derive(Debug)]
pub struct Lossy<'a> {
    protocol: &'static str,
    losses: &'a mut Losses,
}

impl<'a> Lossy<'a> {
    /// Losses of what is written in `protocol`.
    pub fn new(protocol: &'static str, losses: &'a mut Losses) -> Self {
        Self { protocol, losses }
    }

    /// Whose they are.
    pub fn protocol(&self) -> &'static str {
        self.protocol
    }

    /// Loses the field at `place` if it `is_there`.
    ///
    /// # Errors
    /// `Unsupported`, which names it, where nothing may be lost.
    pub fn field(&mut self, place: impl Display, is_there: bool) -> Result<()> {
        match is_there {
            true => self.losses.lose(&format!("`{place}`"), &format!("{} has no such field", self.protocol)),
            false => Ok(()),
        }
    }

    /// Leaves out the field at `place` if it `is_there`: one that changes no answer.
    pub fn hint(&mut self, place: impl Display, is_there: bool) {
        if is_there {
            let why = format!("{} has no such field", self.protocol);
            self.leave_out(place, &why);
        }
    }

    /// Loses what stands at `place`, because of `why`.
    ///
    /// # Errors
    /// `Unsupported`, which names it, where nothing may be lost.
    pub fn because(&mut self, place: impl Display, why: &str) -> Result<()> {
        self.losses.lose(&format!("`{place}`"), why)
    }

    /// Notes that reasoning of an earlier answer is left out, as [`leave_out_thought`] does.
    pub fn thought(&mut self, reasoning: &Reasoning) {
        leave_out_thought(self.losses, self.protocol, reasoning);
    }

    /// Notes that what stands at `place` is left out, because of `why`, and refuses nothing: for what changes no answer.
    pub fn leave_out(&mut self, place: impl Display, why: &str) {
        self.losses.leave_out(&format!("`{place}`"), why);
    }

    /// Loses a part that the protocol cannot hold there.
    ///
    /// # Errors
    /// `Unsupported`, which names it, where nothing may be lost.
    pub fn part(&mut self, place: impl Display, part: &Part) -> Result<()> {
        let what = match part {
            Part::Vendor(state) => format!("what only {} has words for, in `{place}`", state.vendor),
            part => format!("the part of the kind `{}` in `{place}`", part.kind()),
        };
        self.losses.lose(&what, &format!("{} has no place for it there", self.protocol))
    }

    /// Leaves out of the notes of a part the cache marker, and loses the citations unless they are `cited` elsewhere, and
    /// fields of other protocols; hands back the fields of this one.
    ///
    /// # Errors
    /// `Unsupported`, which names it, where nothing may be lost.
    pub fn notes<'n>(
        &mut self,
        place: impl Display,
        notes: Option<&'n Notes>,
        cited: bool,
    ) -> Result<Option<&'n Map<String, Value>>> {
        let Some(notes) = notes else { return Ok(None) };
        let protocol = self.protocol;
        if notes.cache.is_some() {
            self.losses.leave_out(&format!("the cache marker of `{place}`"), &format!("{protocol} has none"));
        }
        let mut lose = |what: &str| {
            self.losses.lose(&format!("{what} of `{place}`"), &format!("{protocol} has no such field"))
        };
        if !cited && !notes.citations.is_empty() {
            lose("the citations")?;
        }
        match &notes.extra {
            Some(VendorState { vendor, data, .. }) if vendor == protocol => Ok(data.as_object()),
            Some(extra) => lose(&format!("the fields of {}", extra.vendor)).map(|()| None),
            None => Ok(None),
        }
    }

    /// Loses the name of the speaker of a message, and hands back the fields that only this protocol has in it, beside `role` and
    /// `content`.
    ///
    /// # Errors
    /// `Unsupported`, which names one, where nothing may be lost, and `InvalidRequest` for a field that is sent already.
    pub fn message<'m>(
        &mut self,
        request: &'m ChatRequest,
        index: usize,
    ) -> Result<Option<&'m Map<String, Value>>> {
        let Message { name, extra, .. } = &request.messages[index];
        self.field(format_args!("messages[{index}].name"), name.is_some())?;
        let extra = self.extra(format_args!("messages[{index}]"), extra, request.origin)?;
        let own = extra.into_iter().flat_map(Map::keys);
        collision("a message's `extra`", own, |key| matches!(key, "role" | "content"))?;
        Ok(extra)
    }

    /// The fields of `extra`, which stands at `place`, unless they are another protocol's: those are lost, each by its name.
    ///
    /// # Errors
    /// `Unsupported`, which names one, where nothing may be lost.
    pub fn extra<'m>(
        &mut self,
        place: impl Display,
        extra: &'m Map<String, Value>,
        origin: Option<&'static str>,
    ) -> Result<Option<&'m Map<String, Value>>> {
        match origin {
            Some(origin) if origin != self.protocol && !extra.is_empty() => {
                let place = place.to_string();
                let why = format!("it is a field of {origin}, and {} has no such field", self.protocol);
                let dot = if place.is_empty() { "" } else { "." };
                for (key, value) in extra {
                    let harmless = match place.as_str() {
                        "" => is_harmless(Some(origin), key, value, self.protocol, self.losses),
                        place => place.starts_with("tools[") && is_harmless_of_tool(Some(origin), key),
                    };
                    if harmless {
                        continue;
                    }
                    self.losses.lose(&format!("`{place}{dot}{key}`"), &why)?;
                }
                Ok(None)
            }
            _ => Ok(Some(extra)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::Citation;

    use super::*;

    #[test]
    fn what_changes_no_answer_is_noted_where_nothing_may_be_lost() {
        let mut losses = Losses::refused();
        Lossy::new("acme", &mut losses).leave_out("messages[0].is_error", "the text says it");
        assert_eq!(losses.as_slice(), ["`messages[0].is_error`: the text says it"]);
    }

    #[test]
    fn reasoning_that_is_left_out_is_told_once_and_an_id_alone_is_not() {
        let thought = |text: &str, state: Option<Value>| {
            let mut reasoning = Reasoning::new(text);
            reasoning.state = state.map(|data| VendorState::new("openai", data));
            reasoning
        };
        let told = |thoughts: &[Reasoning]| {
            let mut losses = Losses::refused();
            for thought in thoughts {
                leave_out_thought(&mut losses, "acme", thought);
            }
            losses.as_slice().to_vec()
        };
        let reasoning = "reasoning of earlier answers: acme does not take it back";
        let id = || thought("", Some(json!({ "id": "rs_1", "type": "message", "status": "completed" })));
        for (said, expected) in [
            (thought("hm", None), &[reasoning][..]),
            (thought("", Some(json!({ "id": "rs_1", "encrypted_content": "e" }))), &[reasoning]),
            (
                thought("", Some(json!({ "id": "msg_1", "type": "message", "phase": "commentary" }))),
                &["the `phase` of earlier answers: acme does not take it back"],
            ),
            (id(), &[]),
            (thought("", None), &[]),
        ] {
            assert_eq!(told(&[said.clone(), id(), said]), expected);
        }
    }

    #[test]
    fn everything_that_is_lost_is_named() {
        let mut losses = Losses::noted();
        let mut lossy = Lossy::new("acme", &mut losses);
        lossy.field("logprobs", true).unwrap();
        lossy.field("seed", false).unwrap();
        lossy.part("messages[0]", &Part::refusal("no")).unwrap();
        let mut text = Part::text("a");
        text.annotate(|notes| {
            notes.citations.push(Citation::default());
            notes.extra = Some(VendorState::new("other", Value::Null));
        });
        assert_eq!(lossy.notes("messages[1]", text.notes(), false).unwrap(), None);
        let extra = Map::from_iter([("novel".to_owned(), Value::from(7))]);
        assert_eq!(lossy.extra("", &extra, None).unwrap(), Some(&extra));
        assert_eq!(lossy.extra("tools[0]", &extra, Some("other")).unwrap(), None);
        let expected = [
            "`logprobs`: acme has no such field",
            "the part of the kind `refusal` in `messages[0]`: acme has no place for it there",
            "the citations of `messages[1]`: acme has no such field",
            "the fields of other of `messages[1]`: acme has no such field",
            "`tools[0].novel`: it is a field of other, and acme has no such field",
        ];
        assert_eq!(losses.as_slice(), expected);
    }
}
