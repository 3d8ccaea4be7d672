//! Asking a model to compare the answers.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{
    Answer, Aside, ChatRequest, Delivery, Part, Run,
    prompt::{ANALYSIS_PURPOSE, ANALYSIS_VARIABLES, Prompt, Template},
};

use crate::json;

/// Upper bound of the analyst's reply, in tokens: room for a page of JSON, and for a model that thinks first.
const REPLY_TOKENS: u64 = 4096;

/// What came of asking the analyst.
#[derive(Debug)]
pub(crate) enum Asked<T> {
    /// Nobody is named, or there is nothing to show.
    Nobody,
    /// What it found.
    Found(T),
    /// It found nothing that can be used, and why.
    Unusable(&'static str),
}

/// Asks the candidate that the option `analyst` names, by the user's template or `template`, for a reply of the given
/// form, which `read` understands. What is not usable is noted in the trace.
pub(crate) async fn ask<T>(
    run: &Run,
    request: &ChatRequest,
    answers: &[Answer],
    template: &str,
    format: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Asked<T> {
    let Some(id) = run.options().analyst.as_ref().filter(|_| answers.len() > 1) else { return Asked::Nobody };
    // Tools and their results would have to be sent along, and then the analyst might call them.
    if !request.tools.is_empty()
        || request.parts().any(|part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_)))
    {
        run.note(format!(
            "{id} did not compare the answers: a request with tools is compared by words alone"
        ));
        return Asked::Nobody;
    }
    match replied(run, request, answers, template, format, read).await {
        Ok(found) => {
            run.note(format!("{id} compared {} answers", answers.len()));
            Asked::Found(found)
        }
        Err(why) => {
            run.note(format!(
                "the comparison of {id} was not used: {why}; the answers were compared by their words"
            ));
            Asked::Unusable(why)
        }
    }
}

async fn replied<T>(
    run: &Run,
    request: &ChatRequest,
    answers: &[Answer],
    template: &str,
    format: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<T, &'static str> {
    let id = run.options().analyst.as_ref().ok_or("nobody is named")?;
    let candidate = run.candidate(id).map_err(|_| "it is not registered any more")?;
    let template = run.options().analysis_template.as_deref().unwrap_or(template);
    let template = Template::parse(template, ANALYSIS_VARIABLES).map_err(|_| "its template is wrong")?;
    let texts: Vec<String> = answers.iter().map(|answer| answer.response.text()).collect();
    let window = candidate.capabilities(request).context_window;
    // A small window is mostly for what is shown.
    let reply_tokens = window.map_or(REPLY_TOKENS, |window| REPLY_TOKENS.min(window / 4).max(1));
    let question = question(request, reply_tokens);
    let prompt = Prompt::new(&template, texts.clone()).format(format).within(window, reply_tokens);
    // Whoever sees next to nothing of the answers can only invent what they say.
    prompt.shortens(&question).map_err(|_| "the answers do not fit its context window")?;
    let (question, fence) = prompt.added_to(&question, &mut run.context().rng(ANALYSIS_PURPOSE));
    let reply = run.ask_aside(Aside::Analysis, &candidate, Arc::new(question)).await;
    let answer = match reply {
        Ok(reply) => reply.collect().await,
        Err(error) => Err(error),
    };
    let answer = answer.map_err(|_| "it failed")?;
    if !answer.is_good() {
        return Err("its reply is incomplete or a refusal");
    }
    let text = answer.response.text();
    if fence.is_in(&text) {
        return Err("its reply repeats the frame of the prompt");
    }
    // Who thinks aloud comes to its finding at the end.
    json::objects(&text, &texts)
        .iter()
        .rev()
        .find_map(read)
        .ok_or("its reply has not the form that was asked for")
}

/// The conversation, without what the user wants of the answer's form.
fn question(request: &ChatRequest, reply_tokens: u64) -> ChatRequest {
    request.clone().with_delivery(Delivery::Whole).edited(|request| {
        request.max_tokens = Some(reply_tokens);
        request.temperature = None;
        request.top_p = None;
        request.stop_sequences.clear();
        request.seed = None;
        request.tool_choice = None;
        request.response_format = None;
        request.reasoning = None;
        request.extra.clear();
    })
}
