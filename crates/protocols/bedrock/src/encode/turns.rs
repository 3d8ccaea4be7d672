//! The turns of the conversation.

use std::ops::Range;

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Losses, Message, Result, Role};

use crate::{
    NAME,
    encode::{Block, Context, NO_FIELD, block, is_foreign},
    family::Family,
};

/// The system prompt and the turns of a conversation, all their blocks in one list.
#[derive(Debug)]
pub(crate) struct Turns<'a> {
    blocks: Vec<Block<'a>>,
    system: Range<usize>,
    turns: Vec<Turn<'a>>,
}

#[derive(Debug)]
struct Turn<'a> {
    assistant: bool,
    blocks: Range<usize>,
    extra: Option<&'a Map<String, Value>>,
}

impl<'a> Turns<'a> {
    /// Reads the messages of `request`. Messages of one side that follow each other are one turn, since the protocol wants
    /// both sides in turn; those that say nothing are left out.
    ///
    /// # Errors
    /// What [`Losses::lose`] refuses, and `InvalidRequest` for arguments of a call that are no JSON.
    pub(crate) fn of(request: &'a ChatRequest, family: Family, losses: &mut Losses) -> Result<Self> {
        let own = request.origin == Some(NAME);
        let (mut blocks, mut turns) =
            (Vec::with_capacity(2 * request.messages.len()), Vec::<Turn<'_>>::new());
        turns.reserve(request.messages.len());
        let mut context = Context { said: false, claude: family.claude, own, answer: false };
        for system in [true, false] {
            for (index, message) in request.messages.iter().enumerate() {
                if is_system(message) != system {
                    continue;
                }
                let start = blocks.len();
                context.said = message.role == Role::Assistant;
                check(message, index, losses, is_foreign(request))?;
                for (number, part) in message.content.iter().enumerate() {
                    let place = || format!("`messages[{index}].content[{number}]`");
                    block(part, context, &place, &mut blocks, losses)?;
                }
                if system {
                    // A system prompt is made of texts and of what is given back as it came.
                    check_system(&mut blocks, start, index, losses)?;
                } else if blocks.len() > start {
                    let extra =
                        Some(&message.extra).filter(|extra| !extra.is_empty() && !is_foreign(request));
                    match turns.last_mut() {
                        Some(last) if last.assistant == context.said && extra.is_none() => {
                            last.blocks.end = blocks.len();
                        }
                        _ => turns.push(Turn { assistant: context.said, blocks: start..blocks.len(), extra }),
                    }
                }
            }
        }
        let system = 0..turns.first().map_or(blocks.len(), |turn| turn.blocks.start);
        Ok(Self { blocks, system, turns })
    }

    /// The blocks of the system prompt.
    pub(crate) fn system(&self) -> &[Block<'a>] {
        &self.blocks[self.system.clone()]
    }
}

fn is_system(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

fn check(message: &Message, index: usize, losses: &mut Losses, foreign: bool) -> Result<()> {
    if let Role::Other(_) = message.role {
        losses.lose(&format!("the role of `messages[{index}]`"), "bedrock has user and assistant alone")?;
    }
    if message.name.is_some() {
        losses.lose(&format!("`messages[{index}].name`"), NO_FIELD)?;
    }
    if foreign || is_system(message) {
        for key in message.extra.keys() {
            losses.lose(&format!("`messages[{index}].{key}`"), NO_FIELD)?;
        }
    }
    Ok(())
}

fn check_system(blocks: &mut Vec<Block<'_>>, start: usize, index: usize, losses: &mut Losses) -> Result<()> {
    let fits = |block: &Block<'_>| matches!(block, Block::Text(..) | Block::CachePoint(_) | Block::Opaque(_));
    if !blocks[start..].iter().all(fits) {
        let what = format!("what is no text in `messages[{index}]`");
        losses.lose(&what, "bedrock's system prompt is made of texts")?;
        let kept: Vec<_> = blocks.drain(start..).filter(fits).collect();
        blocks.extend(kept);
    }
    Ok(())
}

impl Serialize for Turns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.turns.iter().map(|turn| Written(turn, &self.blocks[turn.blocks.clone()])))
    }
}

struct Written<'a>(&'a Turn<'a>, &'a [Block<'a>]);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", if self.0.assistant { "assistant" } else { "user" })?;
        map.serialize_entry("content", self.1)?;
        for (key, value) in self.0.extra.into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
