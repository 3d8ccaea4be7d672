#![doc = include_str!("../README.md")]

mod abandonment;
mod accounted;
mod accounting;
mod analyzer;
pub mod attempt;
mod besides;
mod budgets;
mod candidate;
mod clock;
mod codec;
mod context;
mod details;
mod embedding;
mod embedding_codec;
mod endpoint;
mod error;
mod error_report;
pub mod estimate;
mod event;
mod hurry;
mod layer;
pub mod ledger;
mod limits;
mod losses;
mod message;
pub mod metrics;
mod model_list;
pub mod money;
mod names;
mod notes;
mod options;
pub mod orchestrator;
mod prices;
pub mod prompt;
mod provider;
mod purse;
mod rate_limits;
mod raw_fields;
pub mod registry;
mod reply;
mod request;
mod response;
mod selector;
pub mod stats;
mod strategy;
mod token_count;

pub use self::{
    abandonment::AbandonReason,
    accounting::{Accounting, PriceSource, Tokenizer},
    analyzer::{Analysis, Analyzer},
    budgets::Budgets,
    candidate::{Candidate, ProviderSpec, is_variable_name, provider},
    clock::Clock,
    codec::{
        Answering, Codec, ErrorAnswer, EventDecoder, EventEncoder, Frame, Framing, OwnedFrame, Route,
        ServerCodec,
    },
    context::{CallContext, QuotaObserver},
    details::Details,
    embedding::{
        Embedder, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, EmbeddingTask, Truncate, VectorFormat,
    },
    embedding_codec::{BatchLimits, EmbeddingCodec, EmbeddingServerCodec},
    endpoint::EndpointId,
    error::{Error, ErrorKind, Recovery, Result},
    error_report::ErrorReport,
    event::{ChatEvent, ChoicePiece, Delta, Fold, events_of},
    layer::{Layer, Slot, stack},
    ledger::{Ledger, LedgerReport},
    limits::AttemptLimits,
    losses::Losses,
    message::{Media, MediaSource, Message, Part, Reasoning, Role, ToolCall, ToolResult, VendorState},
    metrics::{Measurement, Meter},
    model_list::{ModelInfo, ModelListCodec, ModelLister, ModelPage},
    money::{Cost, Price, PriceTier},
    names::{ModelName, ProviderId, RequestId, Secret},
    notes::{CacheMarker, Citation, Notes},
    options::{Options, RequestOptions, duration},
    orchestrator::{
        Answer, AnswerEvents, Aside, Ask, BaseOrchestrator, Event, Method, Orchestrator, OrchestratorBuilder,
        Outcome, OutcomeStream, Panel, ProviderResponse, Reply, Run, Synthesis,
    },
    prices::{PriceSettings, PriceTable, TierSettings},
    provider::{Capabilities, Provider, Support},
    purse::{Deposit, Purse, Reservation},
    rate_limits::{Quota, RateLimits},
    raw_fields::RawFields,
    registry::{
        AnalyzerRegistration, BuildContext, EmbedderRegistration, FeatureHint, Field, KeySource,
        LayerContext, LayerReading, LayerRegistration, Lookup, ModelListerRegistration, Plugin,
        PricesRegistration, ProviderRegistration, Registry, SelectorRegistration, StrategyRegistration,
        TokenCounterRegistration, TokenizerRegistration, nearest,
    },
    reply::{BoxEvents, ChatEvents, ChatReply, StreamGuard},
    request::{ChatRequest, Delivery, Native, ReasoningOptions, ResponseFormat, Tool, ToolChoice},
    response::{ChatResponse, Choice, FinishReason, TokenLogprob, Usage, UsageSource},
    selector::{Priority, Selector},
    strategy::Strategy,
    token_count::{TokenCountCodec, TokenCounter},
};

/// The trait macro that `Provider` and `Strategy` are written with.
pub use async_trait::async_trait;

/// What the macros of this crate reach through it.
#[doc(hidden)]
pub mod __private {
    pub use inventory;
}
