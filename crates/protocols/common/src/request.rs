//! What a request lacks, or holds too much.

use ultraai_core::{ChatRequest, Error, ErrorKind, ModelName, Result};

/// The model that `vendor` is asked for.
///
/// # Errors
/// `Unsupported` without one: another candidate may have one.
pub fn model<'a>(vendor: &str, request: &'a ChatRequest) -> Result<&'a ModelName> {
    request.model.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("no model: set `model` to one that {vendor} has"))
    })
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
