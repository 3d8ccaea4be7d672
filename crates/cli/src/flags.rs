//! A flag for every option of orchestration, made from the options themselves.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, ValueHint};
use ultraai::Options;
use ultraai_settings::{OptionArgument, OptionKind};

use crate::arguments::Names;

/// The options of orchestration that arguments set. What they hold is checked with the other settings.
#[derive(Debug)]
pub(crate) struct OptionFlags(pub(crate) Vec<OptionArgument>);

impl Args for OptionFlags {
    fn augment_args(command: Command) -> Command {
        let heading = "Options of orchestration (also in ultraai.toml, and as ULTRAAI_… variables)";
        Options::FIELDS.iter().fold(command, |command, field| {
            let value = match OptionKind::of(field.name) {
                OptionKind::Switch => "true|false",
                OptionKind::Whole => "N",
                OptionKind::Number if is_time(field) => "SECONDS",
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
        let given = |field: &ultraai::Field| {
            let value = matches.get_one::<String>(field.name)?.clone();
            Some(OptionArgument { name: field.name, value })
        };
        Ok(Self(Options::FIELDS.iter().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn is_time(field: &ultraai::Field) -> bool {
    field.name.ends_with("_seconds")
}
