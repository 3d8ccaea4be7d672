//! Layers around a provider.
#![doc = include_str!("../README.md")]

#[cfg(feature = "breaker")]
pub mod breaker;
#[cfg(feature = "budget")]
pub mod budget;
#[cfg(feature = "hedge")]
pub mod hedge;
#[cfg(feature = "limit")]
pub mod limit;
#[cfg(feature = "retry")]
pub mod retry;
#[cfg(feature = "schema")]
pub mod schema;

#[cfg(any(
    feature = "breaker",
    feature = "budget",
    feature = "hedge",
    feature = "limit",
    feature = "schema"
))]
mod shared {
    //! What layers share.
    #[cfg(any(feature = "breaker", feature = "limit"))]
    pub(crate) mod calls;
    pub(crate) mod nested;
    #[cfg(any(feature = "breaker", feature = "limit"))]
    pub(crate) mod states;
}
