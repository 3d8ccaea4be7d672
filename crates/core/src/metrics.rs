//! Measurements for an application's own exporter.
//!
//! Names, units and attributes are those of the OpenTelemetry GenAI conventions
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>); what they have no name for begins with
//! `ultraai.`. Measurements hold no content and no keys.

use std::{fmt, ops::Deref};

use crate::{Cost, ErrorKind, Usage, UsageSource, ledger::RowOutcome};

/// Takes measurements as they come and hands them to an exporter, such as the crates `metrics` or `opentelemetry`.
pub trait Meter: fmt::Debug + Send + Sync + 'static {
    /// Takes one measurement. It is called in the path of the request, so it must not wait.
    fn record(&self, measurement: &Measurement<'_>);
}

/// One measured value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measurement<'a> {
    /// What was measured.
    pub instrument: &'static Instrument,
    /// How much, in the instrument's unit.
    pub value: f64,
    /// Of what.
    pub attributes: &'a [Attribute<'a>],
}

impl<'a> Measurement<'a> {
    /// A value of `instrument` that belongs to `attributes`.
    pub fn new(instrument: &'static Instrument, value: f64, attributes: &'a [Attribute<'a>]) -> Self {
        Self { instrument, value, attributes }
    }
}

/// A name and a value that a measurement belongs to.
pub type Attribute<'a> = (&'static str, &'a str);

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instrument {
    /// The name.
    pub name: &'static str,
    /// The unit, in UCUM's words.
    pub unit: &'static str,
    /// How values are put together.
    pub kind: InstrumentKind,
    /// What it means.
    pub description: &'static str,
}

/// How an instrument's values are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstrumentKind {
    /// They are added up.
    Counter,
    /// Their distribution is kept.
    Histogram,
}

impl Instrument {
    pub(crate) fn record(&'static self, meter: &dyn Meter, value: f64, attributes: &[Attribute<'_>]) {
        meter.record(&Measurement { instrument: self, value, attributes });
    }
}

/// As many as any measurement here belongs to: the five of an attempt, and two of its own.
const MOST_ATTRIBUTES: usize = 7;

/// What a measurement belongs to, in place: every attempt makes some.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'a> {
    all: [Attribute<'a>; MOST_ATTRIBUTES],
    len: usize,
}

impl<'a> Attributes<'a> {
    /// What everything that the operation `name` measures belongs to.
    pub(crate) fn of_operation(name: &'static str) -> Self {
        let mut attributes = Self { all: [("", ""); MOST_ATTRIBUTES], len: 0 };
        attributes.push("gen_ai.operation.name", name);
        attributes
    }

    /// What everything that an attempt measures belongs to: its operation, the provider's name, the candidate, and the models.
    pub(crate) fn of_attempt(
        operation: &'static str,
        provider_name: &'a str,
        provider_id: &'a str,
        request_model: Option<&'a str>,
        response_model: Option<&'a str>,
    ) -> Self {
        let mut attributes = Self::of_operation(operation);
        attributes.push("gen_ai.provider.name", provider_name);
        attributes.push("ultraai.provider_id", provider_id);
        attributes.push("gen_ai.request.model", request_model);
        attributes.push("gen_ai.response.model", response_model);
        attributes
    }

    /// Adds one, unless its value is `None`.
    pub(crate) fn push(&mut self, name: &'static str, value: impl Into<Option<&'a str>>) {
        if let Some(value) = value.into() {
            self.all[self.len] = (name, value);
            self.len += 1;
        }
    }
}

impl<'a> Deref for Attributes<'a> {
    type Target = [Attribute<'a>];

    fn deref(&self) -> &[Attribute<'a>] {
        &self.all[..self.len]
    }
}

/// An attempt that is over.
pub(crate) struct Ended {
    pub(crate) outcome: RowOutcome,
    pub(crate) error: Option<ErrorKind>,
    pub(crate) seconds: f64,
    pub(crate) usage: Usage,
    pub(crate) cost: Cost,
}

impl Ended {
    /// Records how it ended, what it used and what it cost. `tokens` are the counts that its operation has, by their kind.
    pub(crate) fn record(&self, meter: &dyn Meter, of: Attributes<'_>, tokens: &[(&'static str, u64)]) {
        let mut attributes = of;
        let outcome = match self.outcome {
            RowOutcome::Failed => "failed",
            RowOutcome::Abandoned => "abandoned",
            _ => "answered",
        };
        attributes.push("ultraai.outcome", outcome);
        attributes.push("error.type", self.error.map(ErrorKind::as_str));
        OPERATION_DURATION.record(meter, self.seconds, &attributes);
        for (kind, count) in tokens {
            let source = match self.usage.source {
                UsageSource::Reported => "reported",
                UsageSource::Estimated => "estimated",
            };
            attributes = of;
            attributes.push("ultraai.usage.source", source);
            attributes.push("gen_ai.token.type", *kind);
            TOKEN_USAGE.record(meter, as_f64(*count), &attributes);
        }
        match self.cost {
            Cost::NanoDollars(nano) => COST.record(meter, as_f64(nano) / 1e9, &of),
            Cost::Unknown => UNKNOWN_COST.record(meter, 1.0, &of),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a measurement needs no more than 53 bits")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

const fn histogram(name: &'static str, unit: &'static str, description: &'static str) -> Instrument {
    Instrument { name, unit, kind: InstrumentKind::Histogram, description }
}

const fn counter(name: &'static str, unit: &'static str, description: &'static str) -> Instrument {
    Instrument { name, unit, kind: InstrumentKind::Counter, description }
}

/// Time from the start of an attempt to its end. Its count is the number of attempts; `ultraai.outcome` tells
/// `answered`, `failed` (with `error.type`) and `abandoned` apart.
pub static OPERATION_DURATION: Instrument =
    histogram("gen_ai.client.operation.duration", "s", "time from the start of an attempt to its end");

/// Tokens of an attempt; `gen_ai.token.type` tells `input` and `output`, `ultraai.usage.source` `reported` and `estimated`
/// apart.
pub static TOKEN_USAGE: Instrument =
    histogram("gen_ai.client.token.usage", "{token}", "tokens of an attempt");

/// Time to the first content of a live answer.
pub static TIME_TO_FIRST_CHUNK: Instrument = histogram(
    "gen_ai.client.operation.time_to_first_chunk",
    "s",
    "time from the start of an attempt to the first content of its live answer",
);

/// Time of a whole request, all its attempts included; `gen_ai.workflow.name` is the strategy, and `error.type` is
/// `cancelled` where the caller left.
pub static WORKFLOW_DURATION: Instrument =
    histogram("gen_ai.workflow.duration", "s", "time of a whole request, all its attempts included");

/// What attempts cost, as far as it is known.
pub static COST: Instrument =
    counter("ultraai.client.cost", "USD", "what attempts cost, as far as it is known");

/// Attempts whose cost nobody knows: a sum of [`COST`] is whole only where this stays at zero.
pub static UNKNOWN_COST: Instrument =
    counter("ultraai.client.unknown_cost", "{attempt}", "attempts whose cost nobody knows");

/// All instruments, for exporters that must know them before they are used.
pub static INSTRUMENTS: [&Instrument; 6] =
    [&OPERATION_DURATION, &TOKEN_USAGE, &TIME_TO_FIRST_CHUNK, &WORKFLOW_DURATION, &COST, &UNKNOWN_COST];
