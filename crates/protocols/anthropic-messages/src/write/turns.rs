//! The system prompt and the turns of a request.

use ultraai_core::{ChatRequest, Error, ErrorKind, Losses, Message, Part, Result, Role};
use ultraai_protocol_common::collision;

use super::{At, Blocks, NO_FIELD, Target, is_blank, lose_all};
use crate::{NAME, VENDOR, json::Json};

pub(super) fn write(
    request: &ChatRequest,
    target: &Target,
    json: &mut Json,
    sent: &mut Vec<&'static str>,
    losses: &mut Losses,
) -> Result<()> {
    let messages = &request.messages;
    let leading = messages.iter().take_while(|message| is_system(message)).count();
    let stays = target.traits.system_turns().unwrap_or(request.origin == Some(NAME));
    // System messages between the turns stand there where the model takes them, and in the system prompt elsewhere.
    let hoisted = |index: usize| is_system(&messages[index]) && (index < leading || !stays);
    let mut writer = Writer { target, blocks: Blocks::of_request(json, losses, target.vertex) };
    if writer.system((0..messages.len()).filter(|index| hoisted(*index)), messages)? {
        sent.push("system");
    }

    let turns: Vec<usize> = (0..messages.len()).filter(|index| !hoisted(*index)).collect();
    let last = turns.iter().rposition(|index| messages[*index].content.iter().any(|part| !is_blank(part)));
    writer.blocks.json.key("messages");
    writer.blocks.json.begin(b'[');
    let empty = writer.blocks.json.place();
    let (mut begin, mut talks) = (0, false);
    while let Some(first) = turns.get(begin) {
        let end = begin + length(turns[begin..].iter().map(|index| &messages[*index].role));
        let role = match &messages[*first].role {
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
            Role::System | Role::Developer => "system",
            role => {
                let what = format!("a message of the role `{}`", role.as_str());
                writer.blocks.losses.lose(&what, "anthropic-messages knows `user` and `assistant`")?;
                begin = end;
                continue;
            }
        };
        let is_last = last.is_some_and(|last| (begin..end).contains(&last));
        let turn = turns[begin..end].iter().map(|index| (*index, &messages[*index]));
        talks |= writer.turn(role, turn, is_last)? && role != "system";
        begin = end;
    }
    if writer.blocks.json.place() == empty || !talks {
        let message = format!(
            "a request in which neither user nor assistant speaks cannot be sent to {VENDOR}: give a prompt"
        );
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    json.end(b']');
    Ok(())
}

fn is_system(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

/// How many messages make the first turn: results of tools and what the user says after them stand in one.
fn length<'a>(mut roles: impl Iterator<Item = &'a Role>) -> usize {
    let Some(Role::Tool) = roles.next() else { return 1 };
    let mut length = 1;
    for role in roles {
        match role {
            Role::Tool => length += 1,
            Role::User => return length + 1,
            _ => break,
        }
    }
    length
}

struct Writer<'w, 't> {
    target: &'t Target,
    blocks: Blocks<'w>,
}

impl Writer<'_, '_> {
    /// Writes the system prompt and says whether there is one.
    fn system(&mut self, indexes: impl Iterator<Item = usize> + Clone, messages: &[Message]) -> Result<bool> {
        let mut parts = indexes
            .clone()
            .flat_map(|index| messages[index].content.iter().map(move |part| (index, part)))
            .filter(|(_, part)| !is_blank(part));
        let alone = match (parts.next(), parts.next()) {
            (Some((index, Part::Text { text, notes: None })), None) if messages[index].extra.is_empty() => {
                Some(text)
            }
            _ => None,
        };
        for index in indexes.clone() {
            self.check(index, &messages[index], &["type", "text"])?;
        }
        if let Some(text) = alone {
            self.blocks.json.entry("system", text);
            return Ok(true);
        }
        let start = self.blocks.json.place();
        self.blocks.json.key("system");
        self.blocks.json.begin(b'[');
        let empty = self.blocks.json.place();
        for index in indexes {
            let message = &messages[index];
            let last = message.content.iter().rposition(|part| !is_blank(part));
            for (part, said) in message.content.iter().enumerate() {
                // What a message has in `extra`, such as `cache_control`, belongs to its last block.
                let extra = Some(&message.extra).filter(|_| self.target.own && Some(part) == last);
                self.blocks.system_part(said, extra, At { message: Some(index), part, inner: None })?;
            }
        }
        let said = self.blocks.json.place() != empty;
        match said {
            true => self.blocks.json.end(b']'),
            false => self.blocks.json.rewind(start),
        }
        Ok(said)
    }

    /// Writes a turn and says whether it says anything: the protocol refuses those that do not.
    fn turn<'a>(
        &mut self,
        role: &'static str,
        messages: impl Iterator<Item = (usize, &'a Message)> + Clone,
        is_last: bool,
    ) -> Result<bool> {
        for (index, message) in messages.clone() {
            self.check(index, message, &["role", "content"])?;
        }
        let start = self.blocks.json.place();
        // There are many of them, so what is the same in each is written at once.
        self.blocks.json.raw(match role {
            "user" => r#"{"role":"user","content":"#,
            "assistant" => r#"{"role":"assistant","content":"#,
            _ => r#"{"role":"system","content":"#,
        });
        // An answer that the model is to continue must not end in white space.
        let begun = is_last && role == "assistant";
        let mut all = messages.clone();
        let said = match (all.next().map(|(_, message)| message.content.as_slice()), all.next()) {
            (Some([part @ Part::Text { text, notes: None }]), None) if !is_blank(part) => {
                self.blocks.json.value(if begun { text.trim_end() } else { text });
                true
            }
            _ => {
                self.blocks.json.begin(b'[');
                let empty = self.blocks.json.place();
                for (index, message) in messages.clone() {
                    let last = message.content.iter().rposition(|part| !is_blank(part));
                    for (part, said) in message.content.iter().enumerate() {
                        let trimmed = begun && last == Some(part);
                        let at = At { message: Some(index), part, inner: None };
                        self.blocks.part(role, said, trimmed, at)?;
                    }
                }
                let said = self.blocks.json.place() != empty;
                self.blocks.json.end(b']');
                said
            }
        };
        if self.target.own {
            messages.for_each(|(_, message)| self.blocks.json.fields(&message.extra));
        }
        match said {
            true => self.blocks.json.end(b'}'),
            false => self.blocks.json.rewind(start),
        }
        Ok(said)
    }

    /// Looks for what stands beside the parts of a message.
    fn check(&mut self, index: usize, message: &Message, sent: &[&str]) -> Result<()> {
        if message.name.is_some() {
            self.blocks.losses.lose(&format!("`messages[{index}].name`"), NO_FIELD)?;
        }
        if message.extra.is_empty() {
            return Ok(());
        }
        match self.target.own {
            true => collision("a message's `extra`", message.extra.keys(), |key| sent.contains(&key)),
            false => lose_all(&message.extra, &format!("messages[{index}]."), self.blocks.losses),
        }
    }
}
