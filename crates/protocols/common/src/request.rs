//! What a request lacks, or holds too much.

use std::fmt;

use ultraai_core::{ChatRequest, Error, ErrorKind, Message, ModelName, Part, ResponseFormat, Result, Role};

/// The model that `vendor` is asked for.
///
/// # Errors
/// `Unsupported` without one: another candidate may have one.
pub fn model<'a>(vendor: &str, request: &'a ChatRequest) -> Result<&'a ModelName> {
    request.model.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("no model: set `model` to one that {vendor} has"))
    })
}

/// The error for what `vendor` cannot be sent.
pub fn unsupported(vendor: &str, what: fmt::Arguments<'_>) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} cannot be sent to {vendor} yet"))
}

/// Refuses what a codec that carries text alone cannot send, by the field's name; `more` are the protocol's own fields with
/// whether they are asked for.
///
/// # Errors
/// `Unsupported`, which names the field.
pub fn text_only(vendor: &str, request: &ChatRequest, more: &[(bool, &str)]) -> Result<()> {
    text_and(vendor, request, more, |_, _| false)
}

/// As [`text_only`], for a codec that also carries the parts that `carried` says, such as its vendor's own state.
///
/// # Errors
/// `Unsupported`, which names the field.
pub fn text_and(
    vendor: &str,
    request: &ChatRequest,
    more: &[(bool, &str)],
    carried: impl Fn(&Message, &Part) -> bool,
) -> Result<()> {
    let usual = [
        (!request.tools.is_empty(), "tools"),
        (request.tool_choice.is_some(), "tool_choice"),
        (!matches!(request.response_format, None | Some(ResponseFormat::Text)), "response_format"),
        (request.reasoning.is_some(), "reasoning"),
    ];
    match usual.iter().chain(more).find(|(asked, _)| *asked) {
        Some((_, field)) => Err(unsupported(vendor, format_args!("`{field}`"))),
        None => request.messages.iter().try_for_each(|message| text_message(vendor, message, &carried)),
    }
}

fn text_message(vendor: &str, message: &Message, carried: impl Fn(&Message, &Part) -> bool) -> Result<()> {
    if message.role == Role::Tool {
        return Err(unsupported(vendor, format_args!("a message of the role `tool`")));
    }
    let other = message.content.iter().find(|part| match part {
        Part::Text { .. } => false,
        Part::Refusal { .. } => message.role != Role::Assistant,
        part => !carried(message, part),
    });
    match other {
        Some(part) => Err(unsupported(vendor, format_args!("a part of the kind `{}`", part.kind()))),
        None => Ok(()),
    }
}

/// Refuses a field of `extra`, which stands in `place`, that is `sent` already.
///
/// # Errors
/// `InvalidRequest`, which names the field.
pub fn collision<'a>(
    place: &str,
    extra: impl IntoIterator<Item = &'a String>,
    mut sent: impl FnMut(&str) -> bool,
) -> Result<()> {
    match extra.into_iter().find(|key| sent(key)) {
        Some(key) => {
            let message =
                format!("`{key}` stands in {place} and is a field of the request too: keep one of them");
            Err(Error::new(ErrorKind::InvalidRequest, message))
        }
        None => Ok(()),
    }
}
