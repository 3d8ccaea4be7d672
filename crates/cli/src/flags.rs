//! A flag for every option of orchestration that one request can have, made from the options themselves.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, ValueHint};
use ultraai::{Field, Options};
use ultraai_settings::{OptionArgument, OptionKind};

use crate::arguments::Names;

/// The options of orchestration that arguments set. What they hold is checked with the other settings.
#[derive(Debug)]
pub(crate) struct OptionFlags(pub(crate) Vec<OptionArgument>);

impl Args for OptionFlags {
    fn augment_args(command: Command) -> Command {
        let heading = "Options of orchestration (also in ultraai.toml, and as ULTRAAI_… variables)";
        of_one_request().fold(command, |command, field| {
            let value = match OptionKind::of(field.name) {
                OptionKind::Switch => "true|false",
                OptionKind::Whole => "N",
                OptionKind::Number if field.name.ends_with("_seconds") => "SECONDS",
                OptionKind::Number if field.name.ends_with("_dollars") => "DOLLARS",
                OptionKind::Number => "NUMBER",
                OptionKind::Text if field.name.ends_with("_template") => "TEXT",
                OptionKind::Text => "NAME",
            };
            let help = field.doc.trim().trim_end_matches('.').to_owned();
            let flag = Arg::new(field.name)
                .long(field.name.replace('_', "-"))
                .value_name(value)
                .help(help)
                .allow_negative_numbers(true)
                .hide_possible_values(true)
                .help_heading(heading);
            // No shell should offer files, for none of them names one.
            command.arg(match field.name {
                "analysis_type" => flag.value_parser(Names::ANALYZERS),
                "selector" => flag.value_parser(Names::SELECTORS),
                _ => flag.value_hint(ValueHint::Other),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for OptionFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |field: &'static Field| {
            let value = matches.get_one::<String>(field.name)?.clone();
            Some(OptionArgument { name: field.name, value })
        };
        Ok(Self(of_one_request().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Options that many requests of one program share: a command asks once at a time, and settings and variables set them.
pub(crate) const SHARED: [&str; 4] =
    ["max_requests_in_flight", "max_queued_requests", "daily_budget_dollars", "daily_budget_dollars_per_key"];

fn of_one_request() -> impl Iterator<Item = &'static Field> {
    Options::FIELDS.iter().filter(|field| !SHARED.contains(&field.name))
}
