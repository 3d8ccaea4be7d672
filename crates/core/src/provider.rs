//! Who answers.

use std::{fmt, pin::Pin, sync::Arc};

use async_trait::async_trait;

use crate::{CallContext, ChatReply, ChatRequest, EndpointId, ModelName, Part, ResponseFormat, Result};

/// Answers requests. One call is one attempt: retrying is a layer's work.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// `gen_ai.provider.name`: the registered name of the GenAI conventions, or the vendor's own.
    fn name(&self) -> &str;

    /// What `model` can do. What is not known is [`Support::Unknown`], and is tried.
    fn capabilities(&self, model: &ModelName) -> Capabilities;

    /// Where it sends, and as whom; `None` where that is nowhere, or is nobody else's business.
    fn endpoint(&self) -> Option<EndpointId> {
        None
    }

    /// Answers one request with one attempt.
    ///
    /// What it cannot send is `Unsupported`, never dropped in silence, and says so by [`Error::unsent`](crate::Error::unsent);
    /// a live reply may be given for a request for a whole one and the reverse. Dropping the future or the reply aborts the
    /// exchange. What the other side says of its rate limits goes to [`CallContext::report_rate_limits`].
    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply>;
}

// Written out, and not through the macro, so that the inner future is handed on and not boxed once more.
impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        (**self).capabilities(model)
    }

    fn endpoint(&self) -> Option<EndpointId> {
        (**self).endpoint()
    }

    fn chat<'this, 'cx, 'call>(
        &'this self,
        cx: &'cx CallContext,
        request: Arc<ChatRequest>,
    ) -> Pin<Box<dyn Future<Output = Result<ChatReply>> + Send + 'call>>
    where
        'this: 'call,
        'cx: 'call,
        Self: 'call,
    {
        (**self).chat(cx, request)
    }
}

/// Whether something can be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Support {
    /// Yes.
    Yes,
    /// No: who asks for it is not sent here.
    No,
    /// Not known: it is tried.
    #[default]
    Unknown,
}

/// What a model of a provider can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Tools, their calls and their results.
    pub tools: Support,
    /// Images in the request.
    pub images: Support,
    /// Sound in the request.
    pub audio: Support,
    /// Moving pictures in the request.
    pub video: Support,
    /// Documents in the request.
    pub documents: Support,
    /// Answers that follow a JSON schema or are JSON.
    pub structured_output: Support,
    /// Tokens of request and answer together.
    pub context_window: Option<u64>,
    /// Tokens of an answer.
    pub max_output_tokens: Option<u64>,
    /// Whether it asks candidates of its own, each of which is watched, limited and paid for by itself.
    pub orchestrates: bool,
}

impl Capabilities {
    /// Text alone: no tools, images, sound, moving pictures, documents and structured output.
    pub fn text_only() -> Self {
        let no = Support::No;
        Self {
            tools: no,
            images: no,
            audio: no,
            video: no,
            documents: no,
            structured_output: no,
            ..Self::default()
        }
    }

    /// What `request` asks for that is known to be missing here.
    pub fn missing_for(&self, request: &ChatRequest) -> Option<&'static str> {
        let no = |support: Support| support == Support::No;
        let any = |wanted: fn(&Part) -> bool| request.parts().any(wanted);
        if no(self.tools)
            && (!request.tools.is_empty()
                || any(|part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_))))
        {
            Some("tools")
        } else if no(self.images) && any(|part| matches!(part, Part::Image(_))) {
            Some("images")
        } else if no(self.audio) && any(|part| matches!(part, Part::Audio(_))) {
            Some("audio")
        } else if no(self.video) && any(|part| matches!(part, Part::Video(_))) {
            Some("video")
        } else if no(self.documents) && any(|part| matches!(part, Part::Document(_))) {
            Some("documents")
        } else if no(self.structured_output)
            && !matches!(request.response_format, None | Some(ResponseFormat::Text))
        {
            Some("structured output")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Tool};

    #[test]
    fn only_what_is_known_to_be_missing_is_missing() {
        let mut request = ChatRequest::new(vec![Message::user("hello")]);
        request.tools.push(Tool::new("clock", serde_json::json!({})));
        assert_eq!(Capabilities::default().missing_for(&request), None);
        let without_tools = Capabilities { tools: Support::No, ..Capabilities::default() };
        assert_eq!(without_tools.missing_for(&request), Some("tools"));
    }
}
