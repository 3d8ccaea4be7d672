//! Pieces of an answer as events.

use serde_json::{Map, Value, json};
use ultraai_core::{Citation, Delta, Losses, Part, Result, TokenLogprob, ToolCall, VendorState};

use super::{Encoder, Out};
use crate::{
    NAME, citation, item, logprobs,
    opened::{Call, Message, Open, Piece, Reasoning},
};

impl Encoder {
    /// Writes a piece of the answer.
    ///
    /// # Errors
    /// What [`Losses::lose`] refuses.
    pub(super) fn delta(&mut self, delta: &Delta, out: &mut Out, losses: &mut Losses) -> Result<()> {
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => {
                self.say(text, matches!(delta, Delta::Refusal(_)), out);
            }
            Delta::Reasoning(text) => self.think(text, out),
            Delta::ReasoningState(state) => self.keep(state, out),
            Delta::ToolCallStart { id, name, index, state } => {
                let call = ToolCall::new(id, name, "");
                self.call(*index, call, state.as_ref(), out);
            }
            Delta::ToolCallArguments { index, arguments } => self.arguments(*index, arguments, out),
            Delta::PartStart => {}
            Delta::Part(part) => self.part(part, out, losses)?,
            Delta::NextPart => match &self.open {
                Some(Open::Message(_)) => self.close_piece(out),
                _ => self.close(out, "completed"),
            },
            Delta::Citation(citation) => self.cite(citation, out, losses)?,
            Delta::Extra(extra) => self.extra(extra, losses)?,
            Delta::Logprobs(tokens) => self.logprobs(tokens, out, losses)?,
            _ => losses.lose("a piece of the answer", "openai-responses does not know it")?,
        }
        Ok(())
    }

    fn say(&mut self, text: &str, refusal: bool, out: &mut Out) {
        if text.is_empty() {
            return;
        }
        self.message(out);
        let other = match &self.open {
            Some(Open::Message(Message { piece: Some(piece), .. })) => piece.refusal != refusal,
            _ => false,
        };
        if other {
            self.close_piece(out);
        }
        let Some(Open::Message(message)) = &mut self.open else { return };
        let (id, at, place) = (message.id.clone(), message.at, message.pieces.len());
        let begins = message.piece.is_none();
        let piece = message.piece.get_or_insert_with(|| Piece { refusal, ..Piece::default() });
        let empty = piece.value();
        piece.text.push_str(text);
        let mut fields = json!({ "item_id": id, "output_index": at, "content_index": place });
        if begins {
            let mut added = fields.clone();
            added["part"] = empty;
            self.frame("response.content_part.added", added, out);
        }
        fields["delta"] = text.into();
        if refusal {
            self.frame("response.refusal.delta", fields, out);
        } else {
            fields["logprobs"] = json!([]);
            self.last_text = Some((id, at, place));
            self.frame("response.output_text.delta", fields, out);
        }
    }

    /// Opens a message, unless one is open.
    fn message(&mut self, out: &mut Out) {
        if self.mark.is_none() && matches!(self.open, Some(Open::Message(_))) {
            return;
        }
        let mark = self.mark.take();
        self.close(out, "completed");
        self.begin_message(mark.unwrap_or_default(), out);
    }

    pub(super) fn begin_message(&mut self, mut fields: Map<String, Value>, out: &mut Out) {
        fields.remove("type");
        let at = self.place();
        let id = match fields.remove("id") {
            Some(Value::String(id)) => id,
            _ => item::made_up("msg", &self.id, at),
        };
        let message = Message { id, at, fields, pieces: Vec::new(), piece: None };
        let added = json!({ "output_index": at, "item": message.item("in_progress") });
        self.open = Some(Open::Message(message));
        self.frame("response.output_item.added", added, out);
    }

    /// A place in the output.
    fn place(&mut self) -> usize {
        self.output.push(Value::Null);
        self.output.len() - 1
    }

    fn think(&mut self, text: &str, out: &mut Out) {
        if text.is_empty() {
            return;
        }
        // A state ends reasoning.
        if !matches!(&self.open, Some(Open::Reasoning(Reasoning { fields: None, .. }))) {
            self.close(out, "completed");
            self.begin_reasoning(None, out);
        }
        let Some(Open::Reasoning(reasoning)) = &mut self.open else { return };
        let begins = reasoning.text.is_empty();
        reasoning.text.push_str(text);
        let mut fields = json!({ "item_id": reasoning.id, "output_index": reasoning.at, "summary_index": 0 });
        if begins {
            let mut added = fields.clone();
            added["part"] = json!({ "type": "summary_text", "text": "" });
            self.frame("response.reasoning_summary_part.added", added, out);
        }
        fields["delta"] = text.into();
        self.frame("response.reasoning_summary_text.delta", fields, out);
    }

    fn begin_reasoning(&mut self, fields: Option<Map<String, Value>>, out: &mut Out) {
        let at = self.place();
        let kept = fields.as_ref().and_then(|fields| fields.get("id")).and_then(Value::as_str);
        let id = kept.map_or_else(|| item::made_up("rs", &self.id, at), str::to_owned);
        let added = json!({ "output_index": at, "item": { "id": id, "type": "reasoning", "summary": [] } });
        self.open = Some(Open::Reasoning(Reasoning { id, at, text: String::new(), fields }));
        self.frame("response.output_item.added", added, out);
    }

    /// Takes the state of reasoning, or what the vendor keeps with a message; another vendor's is nobody's business here.
    fn keep(&mut self, state: &VendorState, out: &mut Out) {
        if let Some(mark) = item::marked(Some(state), self.vendor) {
            self.close(out, "completed");
            self.mark = Some(mark.clone());
            return;
        }
        let Some(fields) = item::own(Some(state), self.vendor) else { return };
        match &mut self.open {
            Some(Open::Reasoning(reasoning)) if reasoning.fields.is_none() => {
                reasoning.fields = Some(fields.clone());
            }
            _ => {
                self.close(out, "completed");
                self.begin_reasoning(Some(fields.clone()), out);
            }
        }
    }

    fn call(&mut self, index: u32, call: ToolCall, state: Option<&VendorState>, out: &mut Out) {
        self.close_open(out, "completed");
        let fields = item::own(state, self.vendor).cloned().unwrap_or_default();
        let at = self.place();
        let kept = fields.get("id").and_then(Value::as_str).map(str::to_owned);
        let id = kept.unwrap_or_else(|| item::made_up("fc", &self.id, at));
        let call = Call { index, id, at, fields, said: call };
        let added = json!({ "output_index": at, "item": call.item("in_progress") });
        self.calls.push(call);
        self.frame("response.output_item.added", added, out);
    }

    fn arguments(&mut self, index: u32, arguments: &str, out: &mut Out) {
        let Some(call) = self.calls.iter_mut().rev().find(|call| call.index == index) else { return };
        if arguments.is_empty() {
            return;
        }
        call.said.arguments.push_str(arguments);
        let delta = json!({ "item_id": call.id, "output_index": call.at, "delta": arguments });
        self.frame("response.function_call_arguments.delta", delta, out);
    }

    fn part(&mut self, part: &Part, out: &mut Out, losses: &mut Losses) -> Result<()> {
        match part {
            Part::Text { text, .. } => self.say(text, false, out),
            Part::Refusal { text, .. } => self.say(text, true, out),
            Part::Reasoning(reasoning) => {
                self.think(&reasoning.text, out);
                if let Some(state) = &reasoning.state {
                    self.keep(state, out);
                }
            }
            Part::Vendor(state) if state.vendor == NAME && item::is_content(item::kind_of(&state.data)) => {
                self.message(out);
                self.close_piece(out);
                if let Some(Open::Message(message)) = &mut self.open {
                    let fields = json!({
                        "item_id": message.id,
                        "output_index": message.at,
                        "content_index": message.pieces.len(),
                        "part": state.data,
                    });
                    message.pieces.push(state.data.clone());
                    self.frame("response.content_part.added", fields.clone(), out);
                    self.frame("response.content_part.done", fields, out);
                }
            }
            Part::Vendor(state) if state.vendor == NAME => {
                self.close(out, "completed");
                let at = self.place();
                self.output[at] = state.data.clone();
                for name in ["response.output_item.added", "response.output_item.done"] {
                    self.frame(name, json!({ "output_index": at, "item": state.data }), out);
                }
            }
            part => losses.lose(
                &format!("a part of the kind `{}` of the answer", part.kind()),
                "openai-responses has no words for it",
            )?,
        }
        Ok(())
    }

    fn cite(&mut self, citation: &Citation, out: &mut Out, losses: &mut Losses) -> Result<()> {
        let lost = |losses: &mut Losses| {
            losses.lose("a citation of the answer", "openai-responses has words for addresses alone")
        };
        let Some(annotation) = citation::write(citation) else { return lost(losses) };
        let Some(Open::Message(Message { id, at, pieces, piece: Some(piece), .. })) = &mut self.open else {
            return lost(losses);
        };
        let fields = json!({
            "item_id": id,
            "output_index": at,
            "content_index": pieces.len(),
            "annotation_index": piece.annotations.len(),
            "annotation": annotation,
        });
        piece.annotations.push(annotation);
        self.frame("response.output_text.annotation.added", fields, out);
        Ok(())
    }

    fn extra(&mut self, extra: &VendorState, losses: &mut Losses) -> Result<()> {
        let Some(fields) = item::own(Some(extra), NAME) else {
            return losses
                .lose("what stands beside a part of the answer", "it is in another protocol's words");
        };
        match &mut self.open {
            Some(Open::Message(Message { piece: Some(piece), .. })) => piece.extra.extend(fields.clone()),
            Some(Open::Reasoning(reasoning)) => {
                reasoning.fields.get_or_insert_default().extend(fields.clone());
            }
            _ => {
                if let Some(call) = self.calls.last_mut() {
                    call.fields.extend(fields.clone());
                }
            }
        }
        Ok(())
    }

    /// Tokens are told with the last text, also where it is complete.
    fn logprobs(&mut self, tokens: &[TokenLogprob], out: &mut Out, losses: &mut Losses) -> Result<()> {
        let Some((id, at, place)) = self.last_text.clone() else {
            return losses.lose("`logprobs`", "openai-responses tells them with a text, and there is none");
        };
        let written = logprobs::write(tokens);
        let list = written.as_array().cloned().unwrap_or_default();
        match &mut self.open {
            Some(Open::Message(Message { piece: Some(piece), at: open, .. }))
                if *open == at && !piece.refusal =>
            {
                piece.logprobs.extend(list);
            }
            Some(Open::Message(message)) if message.at == at => extend(&mut message.pieces[place], list),
            _ => extend(&mut self.output[at]["content"][place], list),
        }
        let fields = json!({ "item_id": id, "output_index": at, "content_index": place, "delta": "", "logprobs": written });
        self.frame("response.output_text.delta", fields, out);
        Ok(())
    }
}

/// Adds to the tokens of a text that is complete.
fn extend(text: &mut Value, more: Vec<Value>) {
    if let Some(list) = text.get_mut("logprobs").and_then(Value::as_array_mut) {
        list.extend(more);
    }
}
