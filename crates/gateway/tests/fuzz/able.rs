//! A provider that can do everything and never fails: it writes each request in the words of three vendors, as one that sends
//! it would.

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use ultraai::{
    BuildContext, CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, Codec, Error, ModelName,
    Part, Provider, ProviderRegistration, Result, async_trait,
};
use ultraai_protocol_anthropic_messages::Messages;
use ultraai_protocol_openai_chat::{Chat, Dialect};
use ultraai_protocol_openai_responses::Responses;

#[derive(Debug)]
struct Able;

static CODECS: LazyLock<[Box<dyn Codec>; 3]> = LazyLock::new(|| {
    [Box::new(Chat(&Dialect::OPENAI)), Box::new(Responses::new()), Box::new(Messages::new())]
});

#[async_trait]
impl Provider for Able {
    fn name(&self) -> &'static str {
        "able"
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let mut losses = cx.losses();
        let mut written = Vec::new();
        for codec in CODECS.iter() {
            let passed =
                request.native_in(codec.protocol()).and_then(|native| codec.native(&request, native));
            written.extend(passed.as_deref().map(said));
            written.push(codec.encode(&request, &mut losses).map(|body| said(&body)).map_err(Error::unsent)?);
        }
        assert!(written.iter().all(|said| said["model"] == "able-1"), "somebody else is asked");
        let mut answer = ChatResponse::default();
        answer.content = vec![Part::text("Grass, "), Part::text("mostly.")];
        Ok(ChatReply::whole(answer))
    }
}

/// What is sent is JSON.
fn said(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("what is sent is JSON")
}

fn build(_: &'static str, _: Value, _: &BuildContext) -> Result<Arc<dyn Provider>> {
    Ok(Arc::new(Able))
}

ultraai::register_provider!(
    ProviderRegistration::new("able", build).key_optional(true).default_model(Some("able-1"))
);
