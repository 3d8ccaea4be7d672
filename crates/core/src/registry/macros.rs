//! The macros that plugin crates call.

/// Writes one submission; the other macros go through it, so that there is one version of `inventory`.
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($kind:ident, $registration:expr) => {
        $crate::__private::inventory::submit! {
            $crate::Plugin::$kind($registration.from_package(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
        }
    };
}

/// Registers a provider: `register_provider!(ProviderRegistration::new("acme", build));`
///
/// The linker drops a crate that no code names: applications name it with `use acme_provider as _;`.
#[macro_export]
macro_rules! register_provider {
    ($registration:expr $(,)?) => {
        const _: () = {
            const ROW: &[$crate::ProviderRegistration] =
                &[$registration.from_package(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))];
            $crate::register_providers!(ROW);
        };
    };
}

/// Registers a table of providers, each row of which names its package already.
#[macro_export]
macro_rules! register_providers {
    ($rows:expr $(,)?) => {
        $crate::__private::inventory::submit! { $crate::Plugin::Providers($rows) }
    };
}

/// Registers an embedder under the name of its provider: the settings of that provider build both.
/// `register_embedder!(EmbedderRegistration::new("acme", build));`
#[macro_export]
macro_rules! register_embedder {
    ($registration:expr $(,)?) => {
        const _: () = {
            const ROW: &[$crate::EmbedderRegistration] =
                &[$registration.from_package(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))];
            $crate::register_embedders!(ROW);
        };
    };
}

/// Registers a table of embedders, each row of which names its package already.
#[macro_export]
macro_rules! register_embedders {
    ($rows:expr $(,)?) => {
        $crate::__private::inventory::submit! { $crate::Plugin::Embedders($rows) }
    };
}

/// Registers a lister of models under the name of its provider: the settings of that provider build both.
/// `register_model_lister!(ModelListerRegistration::new("acme", build));`
#[macro_export]
macro_rules! register_model_lister {
    ($registration:expr $(,)?) => {
        const _: () = {
            const ROW: &[$crate::ModelListerRegistration] =
                &[$registration.from_package(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))];
            $crate::register_model_listers!(ROW);
        };
    };
}

/// Registers a table of listers of models, each row of which names its package already.
#[macro_export]
macro_rules! register_model_listers {
    ($rows:expr $(,)?) => {
        $crate::__private::inventory::submit! { $crate::Plugin::ModelListers($rows) }
    };
}

/// Registers a counter of tokens under the name of its provider: the settings of that provider build both.
/// `register_token_counter!(TokenCounterRegistration::new("acme", build));`
#[macro_export]
macro_rules! register_token_counter {
    ($registration:expr $(,)?) => {
        const _: () = {
            const ROW: &[$crate::TokenCounterRegistration] =
                &[$registration.from_package(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))];
            $crate::__private::inventory::submit! { $crate::Plugin::TokenCounters(ROW) }
        };
    };
}

/// Registers a strategy: `register_strategy!(StrategyRegistration::new("first", build));`
#[macro_export]
macro_rules! register_strategy {
    ($registration:expr $(,)?) => {
        $crate::__register!(Strategy, $registration);
    };
}

/// Registers a layer: `register_layer!(LayerRegistration::new("retry", build).slot(Slot::Retry));`
#[macro_export]
macro_rules! register_layer {
    ($registration:expr $(,)?) => {
        $crate::__register!(Layer, $registration);
    };
}

/// Registers an analyzer: `register_analyzer!(AnalyzerRegistration::new("comparative", build));`
#[macro_export]
macro_rules! register_analyzer {
    ($registration:expr $(,)?) => {
        $crate::__register!(Analyzer, $registration);
    };
}

/// Registers a selector: `register_selector!(SelectorRegistration::new("cost", build));`
#[macro_export]
macro_rules! register_selector {
    ($registration:expr $(,)?) => {
        $crate::__register!(Selector, $registration);
    };
}

/// Registers a source of prices: `register_prices!(PricesRegistration::new("acme", build));`
#[macro_export]
macro_rules! register_prices {
    ($registration:expr $(,)?) => {
        $crate::__register!(Prices, $registration);
    };
}

/// Registers a tokenizer: `register_tokenizer!(TokenizerRegistration::new("acme", build));`
#[macro_export]
macro_rules! register_tokenizer {
    ($registration:expr $(,)?) => {
        $crate::__register!(Tokenizer, $registration);
    };
}

/// Tells which feature of the facade brings which plugin; only the facade calls it.
#[macro_export]
macro_rules! register_features {
    ($hints:expr $(,)?) => {
        $crate::__private::inventory::submit! { $crate::Plugin::Features($hints) }
    };
}
