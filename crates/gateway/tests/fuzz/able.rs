//! A provider that can do everything and never fails: it writes each request in the words of three vendors, as one that sends
//! it would.

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use ultraai::{
    BuildContext, CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, Codec, ModelName, Part,
    Provider, ProviderRegistration, Result, async_trait,
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
        for codec in CODECS.iter() {
            let passed =
                request.native_in(codec.protocol()).and_then(|native| codec.native(&request, native));
            // What one of them cannot take is no fault; what is sent must be sound.
            let written = codec.encode(&request, &mut losses).ok();
            for body in passed.into_iter().chain(written) {
                let said: Value = serde_json::from_slice(&body).expect("what is sent is JSON");
                assert_eq!(said["model"], "able-1");
            }
        }
        let mut answer = ChatResponse::default();
        answer.content = vec![Part::text("Grass, "), Part::text("mostly.")];
        Ok(ChatReply::whole(answer))
    }
}

fn build(_: &'static str, _: Value, _: &BuildContext) -> Result<Arc<dyn Provider>> {
    Ok(Arc::new(Able))
}

ultraai::register_provider!(
    ProviderRegistration::new("able", build).key_optional(true).default_model(Some("able-1"))
);
