//! Names of what is linked, which a shell offers.

use std::ffi::OsStr;

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, StringValueParser, TypedValueParser},
};
use ultraai::Registry;

/// Takes any text, and lets a shell complete the names of what is linked.
///
/// Clap's own list of possible values refuses every other: whoever loads the settings knows more names, says which one
/// was meant, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names(fn(&Registry) -> Vec<&'static str>);

impl Names {
    /// Of strategies.
    pub(crate) const STRATEGIES: Self = Self(|linked| linked.strategies().map(|row| row.name).collect());
    /// Of types of providers.
    pub(crate) const PROVIDERS: Self = Self(|linked| linked.providers().map(|row| row.name).collect());
    /// Of types of providers that make embeddings.
    pub(crate) const EMBEDDERS: Self = Self(|linked| linked.embedders().map(|row| row.name).collect());
    /// Of types of providers that list their models.
    pub(crate) const LISTERS: Self = Self(|linked| linked.model_listers().map(|row| row.name).collect());
    /// Of analyzers.
    pub(crate) const ANALYZERS: Self = Self(|linked| linked.analyzers().map(|row| row.name).collect());
    /// Of selectors.
    pub(crate) const SELECTORS: Self = Self(|linked| linked.selectors().map(|row| row.name).collect());
}

impl TypedValueParser for Names {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        // A registry that contradicts itself is told by every command that uses it.
        let linked = Registry::linked().ok()?;
        Some(Box::new((self.0)(&linked).into_iter().map(PossibleValue::new)))
    }
}
