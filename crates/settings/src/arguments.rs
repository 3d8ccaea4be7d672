//! What the arguments of a command set.

/// What the arguments of a command set; it goes over everything else.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Arguments {
    /// The strategy.
    pub strategy: Option<String>,
    /// Ids of configured providers, or `TYPE` or `TYPE/MODEL` of linked ones. Empty: all that are configured.
    pub providers: Vec<String>,
    /// Options of orchestration.
    pub options: Vec<OptionArgument>,
}

/// One option as an argument gave it.
#[derive(Clone, Debug)]
pub struct OptionArgument {
    /// Its name, one of `Options::FIELDS`.
    pub name: &'static str,
    /// What was given.
    pub value: String,
}

impl OptionArgument {
    /// The flag: the name with dashes.
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}
