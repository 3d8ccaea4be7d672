//! A whole lister of models: a protocol's codec at an endpoint.

use ultraai_core::{
    CallContext, EndpointId, Error, ErrorKind, ModelInfo, ModelListCodec, ModelLister, Result, async_trait,
};

use crate::{
    Endpoint,
    exchange::{identified, whole, within},
    hygiene::cleaned_of,
};

/// Pages that are read at most: a list that goes on behind them is broken, for no vendor has a tenth of the models that fit.
const MAX_PAGES: usize = 100;

/// A lister of models that speaks a protocol over HTTP.
#[derive(Debug)]
pub struct HttpModelLister<C> {
    name: &'static str,
    endpoint: Endpoint,
    codec: C,
}

impl<C: ModelListCodec> HttpModelLister<C> {
    /// A lister of the name `gen_ai.provider.name` that speaks `codec` at `endpoint`.
    pub fn new(name: &'static str, endpoint: Endpoint, codec: C) -> Self {
        Self { name, endpoint, codec }
    }

    async fn pages(&self, cx: &CallContext) -> Result<Vec<ModelInfo>> {
        let clean = |error| cleaned_of(error, std::iter::empty(), self.endpoint.secret());
        let failed = |status, body: &[u8]| clean(self.codec.error(status, body).with_status(status));
        let (mut models, mut next) = (Vec::new(), None::<String>);
        for _ in 0..MAX_PAGES {
            let query = self.codec.query(next.as_deref());
            let response = self.endpoint.get_with(self.codec.route().as_ref(), &query).await?;
            let (body, id) = whole(cx, &self.endpoint, response, failed).await?;
            let page = match self.codec.decode(&body) {
                Ok(page) => page,
                Err(error) => return Err(identified(clean(error).with_body(body), id)),
            };
            models.extend(page.models);
            // A page that names itself as the next one would never end.
            match page.next {
                Some(after) if next.as_ref() != Some(&after) => next = Some(after),
                _ => return Ok(models),
            }
        }
        let message = format!("the list of models has no end within {MAX_PAGES} pages");
        Err(Error::new(ErrorKind::Undecodable, message))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a method that core adds must be thought about here")]
impl<C: ModelListCodec> ModelLister for HttpModelLister<C> {
    fn name(&self) -> &str {
        self.name
    }

    fn endpoint(&self) -> Option<EndpointId> {
        Some(EndpointId::new(self.endpoint.address().host_and_port(), self.endpoint.secret()))
    }

    async fn models(&self, cx: &CallContext) -> Result<Vec<ModelInfo>> {
        within(cx, self.pages(cx)).await
    }
}
