//! Writes streams.

use ultraai_core::{
    Answering, ChatEvent, ChoicePiece, Citation, Delta, Details, Error, ErrorKind, EventEncoder,
    FinishReason, Losses, OwnedFrame, Part, Reasoning, Result, TokenLogprob, ToolCall, Usage, VendorState,
};

use super::{Candidate, Reply, beside, candidate, count, nothing, parts, tail, written};
use crate::{
    NAME,
    encode::{Piece, Written, own},
    fault::encode_error,
};

/// Writes the chunks of one stream. Calls are written when they are complete: chunks hold whole ones.
#[derive(Debug)]
pub(crate) struct Encoder {
    id: String,
    model: Option<String>,
    has_names: bool,
    tracks: Vec<Track>,
    usage: Option<Usage>,
    details: Details,
}

/// Where one answer stands.
#[derive(Debug, Default)]
struct Track {
    last: Last,
    /// What comes next is a part of its own.
    is_next: bool,
    /// Calls that are not complete, by their index.
    calls: Vec<(u32, Part)>,
    citations: Vec<Citation>,
    tokens: Vec<TokenLogprob>,
    finish: Option<FinishReason>,
}

/// What was written last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    Text,
    Refusal,
    Thought,
}

impl Encoder {
    pub(crate) fn new(to: &Answering<'_>, has_names: bool) -> Self {
        Self {
            id: to.id.to_owned(),
            model: to.request.model.as_ref().map(|model| model.as_str().to_owned()),
            has_names,
            tracks: vec![Track::default()],
            usage: None,
            details: Details::default(),
        }
    }

    fn chunk(&self, index: u32, parts: Vec<Written<'_>>, out: &mut Vec<OwnedFrame>) -> Result<()> {
        let candidate = Candidate { index, parts, ..Candidate::default() };
        let rest = tail(self.model.as_deref(), &self.id);
        let data = written(&Reply { candidates: vec![candidate], rest })?;
        out.push(OwnedFrame { name: "", data });
        Ok(())
    }

    fn delta(
        &mut self,
        index: u32,
        delta: &Delta,
        out: &mut Vec<OwnedFrame>,
        losses: &mut Losses,
    ) -> Result<()> {
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        if place > 256 {
            return Err(Error::new(ErrorKind::InvalidRequest, "a piece of a choice that nobody asked for"));
        }
        if self.tracks.len() <= place {
            self.tracks.resize_with(place + 1, Track::default);
        }
        let track = &mut self.tracks[place];
        match delta {
            Delta::ToolCallStart { index, id, name, state } => {
                let mut call = ToolCall::new(id.as_str(), name.as_str(), "");
                call.state.clone_from(state);
                track.calls.push((*index, Part::ToolCall(call)));
                return Ok(());
            }
            Delta::ToolCallArguments { index, arguments } => {
                let open = track.calls.iter_mut().rev().find(|(open, _)| open == index);
                let Some((_, Part::ToolCall(call))) = open else {
                    let message = format!("arguments came for tool call {index}, which is not open");
                    return Err(Error::new(ErrorKind::Undecodable, message));
                };
                call.arguments.push_str(arguments);
                return Ok(());
            }
            Delta::Extra(extra) if !track.calls.is_empty() => {
                if let Some((_, call)) = track.calls.last_mut() {
                    call.annotate(|notes| notes.extra = Some(extra.clone()));
                }
                return Ok(());
            }
            Delta::NextPart => {
                track.is_next = true;
                return Ok(());
            }
            Delta::Citation(citation) => {
                track.citations.push((**citation).clone());
                return Ok(());
            }
            Delta::Logprobs(tokens) => {
                track.tokens.extend(tokens.iter().cloned());
                return Ok(());
            }
            Delta::Text(text) | Delta::Reasoning(text) | Delta::Refusal(text) if text.is_empty() => {
                return Ok(());
            }
            _ => {}
        }
        self.end_calls(place, out, losses)?;
        match delta {
            Delta::Text(text) => self.text(place, Piece::Text(text), Last::Text, out),
            Delta::Refusal(text) => self.text(place, Piece::Text(text), Last::Refusal, out),
            Delta::Reasoning(text) => self.text(place, Piece::Thought(text), Last::Thought, out),
            Delta::ReasoningState(state) => self.state(place, state, out, losses),
            Delta::Part(part) => self.part(place, part, out, losses),
            Delta::Extra(extra) => match own(extra) {
                Some(extra) => {
                    let piece = Piece::Text("");
                    self.chunk(index, vec![Written { piece, state: None, extra: Some(extra) }], out)
                }
                None => losses.lose("the extra fields of a part", "only another protocol has words for them"),
            },
            _ => losses.lose("a piece of the answer", "gemini has no such pieces"),
        }
    }

    fn text(&mut self, place: usize, piece: Piece<'_>, last: Last, out: &mut Vec<OwnedFrame>) -> Result<()> {
        let track = &mut self.tracks[place];
        let is_thought = last == Last::Thought;
        // A refusal is a text here.
        let is_same = match track.last {
            Last::Other => false,
            Last::Thought => is_thought,
            Last::Text | Last::Refusal => !is_thought,
        };
        let is_next = is_same && (track.is_next || track.last != last);
        (track.last, track.is_next) = (last, false);
        let mut parts = Vec::with_capacity(2);
        if is_next {
            parts.push(nothing(is_thought));
        }
        parts.push(Written::new(piece));
        self.chunk(u32::try_from(place).unwrap_or(u32::MAX), parts, out)
    }

    fn state(
        &mut self,
        place: usize,
        state: &VendorState,
        out: &mut Vec<OwnedFrame>,
        losses: &mut Losses,
    ) -> Result<()> {
        let last = std::mem::take(&mut self.tracks[place].last);
        let is_alone = std::mem::take(&mut self.tracks[place].is_next) || last != Last::Thought;
        match own(state) {
            // Another vendor's.
            None => Ok(()),
            Some(fields) if !is_alone => {
                let part = Written { piece: Piece::Thought(""), state: Some(fields), extra: None };
                self.chunk(u32::try_from(place).unwrap_or(u32::MAX), vec![part], out)
            }
            Some(_) => {
                let mut reasoning = Reasoning::default();
                reasoning.state = Some(state.clone());
                self.part(place, &Part::Reasoning(reasoning), out, losses)
            }
        }
    }

    fn part(
        &mut self,
        place: usize,
        part: &Part,
        out: &mut Vec<OwnedFrame>,
        losses: &mut Losses,
    ) -> Result<()> {
        self.tracks[place].last = Last::Other;
        self.tracks[place].is_next = false;
        let mut parts = parts(losses, self.has_names);
        parts.write(std::slice::from_ref(part), |_| "content")?;
        let parts = parts.out;
        match parts.is_empty() {
            true => Ok(()),
            false => self.chunk(u32::try_from(place).unwrap_or(u32::MAX), parts, out),
        }
    }

    fn end_calls(&mut self, place: usize, out: &mut Vec<OwnedFrame>, losses: &mut Losses) -> Result<()> {
        let calls = std::mem::take(&mut self.tracks[place].calls);
        calls.iter().try_for_each(|(_, call)| self.part(place, call, out, losses))
    }

    fn finish(
        &mut self,
        reason: &FinishReason,
        out: &mut Vec<OwnedFrame>,
        losses: &mut Losses,
    ) -> Result<()> {
        for place in 0..self.tracks.len() {
            self.end_calls(place, out, losses)?;
        }
        if self.details.stop_sequence.is_some() {
            losses.lose("`stop_sequence`", "gemini does not tell it")?;
        }
        let mut reply = Reply::default();
        for (index, track) in (0..).zip(&self.tracks) {
            let open = FinishReason::Stop;
            let finish = if index == 0 { reason } else { track.finish.as_ref().unwrap_or(&open) };
            let rest = beside(&self.details.raw, index);
            let (citations, parts) = (track.citations.iter(), vec![nothing(false)]);
            reply.candidates.push(candidate(index, parts, finish, rest, citations, &track.tokens, losses)?);
        }
        reply.rest = tail(self.model.as_deref(), &self.id);
        let Details { service_tier, raw, .. } = &self.details;
        count(&mut reply.rest, self.usage, service_tier.as_deref(), raw, losses)?;
        out.push(OwnedFrame { name: "", data: written(&reply)? });
        Ok(())
    }
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &ChatEvent, out: &mut Vec<OwnedFrame>, losses: &mut Losses) -> Result<()> {
        match event {
            ChatEvent::Started { model, request_id } => {
                if let Some(model) = model {
                    self.model = Some(model.clone());
                }
                if let Some(id) = request_id {
                    self.id.clone_from(id);
                }
                Ok(())
            }
            ChatEvent::Delta(delta) => self.delta(0, delta, out, losses),
            ChatEvent::Choice { index, piece: ChoicePiece::Delta(delta) } => {
                self.delta(*index, delta, out, losses)
            }
            ChatEvent::Choice { index, piece: ChoicePiece::Finished(reason) } => {
                self.delta(*index, &Delta::Text(String::new()), out, losses)?;
                if let Some(track) = usize::try_from(*index).ok().and_then(|place| self.tracks.get_mut(place))
                {
                    track.finish = Some(reason.clone());
                }
                Ok(())
            }
            ChatEvent::Usage(usage) => {
                self.usage = Some(*usage);
                Ok(())
            }
            ChatEvent::Details(more) => {
                self.details.add(more, NAME);
                Ok(())
            }
            ChatEvent::Finished { finish_reason } => self.finish(finish_reason, out, losses),
            _ => Ok(()),
        }
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<OwnedFrame>) {
        out.push(OwnedFrame { name: "", data: encode_error(error).body });
    }
}
