//! The request as the server sees it, and what each status means.

use std::time::Duration;

use ultraai_core::{Delivery, ErrorKind, FinishReason, Part, Provider as _, Tool};

use super::{
    super::{
        connect::{Bench, Connect, KEY, PROMPT_WORD, TEXTS, text},
        scenario::{Scenario, Verdict, ensure, scenarios},
    },
    asked, failing, fails_as,
};
use crate::{Reply, refusing_url};

pub(super) const SCENARIOS: &[Scenario<Connect>] = scenarios![
    sends_what_was_asked,
    reads_the_usage,
    marks_an_answer_at_its_limit,
    wrong_key,
    forbidden,
    unknown_model,
    rejected,
    context_too_long,
    too_large,
    rate_limited,
    quota_exhausted,
    server_error,
    overloaded,
    refused_connection,
    tools,
];

async fn sends_what_was_asked(connect: &Connect) -> Verdict {
    for delivery in [Delivery::Whole, Delivery::Live] {
        let bench = connect.good()?;
        let answer = asked(&bench, connect, delivery).await.map_err(text)?;
        ensure!(answer.text() == TEXTS.concat(), "the {delivery:?} answer is not what the server sent");
        let requests = bench.server().requests();
        let [request] = requests.as_slice() else {
            return Err(format!("one attempt sent {} requests", requests.len()));
        };
        let path = match delivery {
            Delivery::Whole => connect.speaks().chat_path(connect.model_name().as_str()),
            Delivery::Live => connect.speaks().live_path(connect.model_name().as_str()),
        };
        ensure!(request.method == "POST", "the method is {}", request.method);
        ensure!(
            request.path.split('?').next() == Some(path.as_str()),
            "the path is {}, not {path}",
            request.path
        );
        ensure!(request.mentions(connect.model_name().as_str()), "the request does not name the model");
        ensure!(request.mentions(PROMPT_WORD), "the request does not hold the prompt");
        let has_key = request.headers.iter().any(|(_, value)| value.contains(KEY));
        ensure!(has_key, "no header holds the key");
        ensure!(!request.path.contains(KEY), "the key stands in the address, which is logged everywhere");
        let is_json = request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        ensure!(is_json, "the content type is {:?}", request.header("content-type"));
        let is_live = connect.speaks().wants_live(request);
        ensure!(
            is_live == (delivery == Delivery::Live),
            "asked for a {delivery:?} answer, live is {is_live}"
        );
    }
    Ok(())
}

async fn reads_the_usage(connect: &Connect) -> Verdict {
    for delivery in [Delivery::Whole, Delivery::Live] {
        let bench = connect.good()?;
        let answer = asked(&bench, connect, delivery).await.map_err(text)?;
        let usage = answer.usage.ok_or("there is no usage")?;
        let wanted = ultraai_core::Usage::reported(7, 3);
        let same = (usage.input_tokens, usage.output_tokens, usage.source)
            == (wanted.input_tokens, wanted.output_tokens, wanted.source);
        ensure!(same, "the server reported {wanted:?}, and the {delivery:?} answer says {usage:?}");
    }
    Ok(())
}

async fn marks_an_answer_at_its_limit(connect: &Connect) -> Verdict {
    let bench = connect.always(connect.speaks().cut_short(connect.model_name().as_str(), "Grass, and"))?;
    let answer = asked(&bench, connect, Delivery::Whole).await.map_err(text)?;
    ensure!(answer.finish_reason == FinishReason::Length, "the finish reason is {:?}", answer.finish_reason);
    Ok(())
}

async fn wrong_key(connect: &Connect) -> Verdict {
    let reply = connect.speaks().error(401, "Incorrect API key provided.");
    let error = failing(connect, Delivery::Whole, reply.clone()).await?;
    ensure!(error.status() == Some(401), "the error's status is {:?}", error.status());
    fails_as(connect, &[ErrorKind::Authentication], &reply).await
}

async fn forbidden(connect: &Connect) -> Verdict {
    fails_as(connect, &[ErrorKind::PermissionDenied], &connect.speaks().error(403, "Not in your country."))
        .await
}

async fn unknown_model(connect: &Connect) -> Verdict {
    fails_as(connect, &[ErrorKind::ModelNotFound], &connect.speaks().error(404, "No such model.")).await
}

async fn rejected(connect: &Connect) -> Verdict {
    for status in [400, 422] {
        fails_as(connect, &[ErrorKind::Rejected], &connect.speaks().error(status, "`temperature` is odd."))
            .await?;
    }
    Ok(())
}

async fn context_too_long(connect: &Connect) -> Verdict {
    fails_as(connect, &[ErrorKind::ContextTooLong], &connect.speaks().context_too_long()).await
}

async fn too_large(connect: &Connect) -> Verdict {
    fails_as(connect, &[ErrorKind::ContextTooLong], &connect.speaks().error(413, "Too large.")).await
}

async fn rate_limited(connect: &Connect) -> Verdict {
    let reply = connect.speaks().error(429, "Slow down.");
    fails_as(connect, &[ErrorKind::RateLimited], &reply).await?;
    let error = failing(connect, Delivery::Live, reply.clone()).await?;
    ensure!(
        error.retry_after().is_none(),
        "the server named no delay, and {:?} is said",
        error.retry_after()
    );
    for (name, value, seconds) in [("retry-after", "7", 7.0), ("retry-after-ms", "1500", 1.5)] {
        let error = failing(connect, Delivery::Whole, reply.clone().header(name, value)).await?;
        let wanted = Some(Duration::from_secs_f64(seconds));
        ensure!(error.retry_after() == wanted, "`{name}: {value}` is read as {:?}", error.retry_after());
    }
    Ok(())
}

async fn quota_exhausted(connect: &Connect) -> Verdict {
    fails_as(connect, &[ErrorKind::QuotaExhausted], &connect.speaks().quota_exhausted()).await
}

async fn server_error(connect: &Connect) -> Verdict {
    for status in [500, 502] {
        fails_as(connect, &[ErrorKind::ServerError], &connect.speaks().error(status, "Internal.")).await?;
        // Proxies before the vendor answer in their own words.
        fails_as(connect, &[ErrorKind::ServerError], &Reply::body(status, "text/plain", "upstream")).await?;
    }
    Ok(())
}

async fn overloaded(connect: &Connect) -> Verdict {
    for status in [503, 529] {
        fails_as(connect, &[ErrorKind::Overloaded], &connect.speaks().error(status, "Overloaded.")).await?;
    }
    Ok(())
}

async fn refused_connection(connect: &Connect) -> Verdict {
    let provider = connect.build(Some(&refusing_url()), &serde_json::Map::new()).map_err(text)?;
    let bench = Bench::of(provider, None);
    match asked(&bench, connect, Delivery::Whole).await {
        Ok(_) => Err("nobody listens, and it answers".to_owned()),
        Err(error) => {
            ensure!(error.kind() == ErrorKind::Connect, "it says {}", text(error));
            Ok(())
        }
    }
}

async fn tools(connect: &Connect) -> Verdict {
    let arguments = "{\"zone\":\"CET\"}";
    let bench =
        connect.always(connect.speaks().tool_call(connect.model_name().as_str(), "clock", arguments))?;
    let schema = serde_json::json!({ "type": "object", "properties": { "zone": { "type": "string" } } });
    let request =
        connect.request(Delivery::Whole).edited(|request| request.tools.push(Tool::new("clock", schema)));
    let reply = bench.attempt.chat(&bench.cx, request.into()).await.map_err(text)?;
    let answer = reply.collect().await.map_err(text)?;
    let called = answer.content.iter().any(|part| {
        matches!(part, Part::ToolCall(call) if call.name == "clock" && call.arguments == arguments && !call.id.is_empty())
    });
    ensure!(called, "the call is not among the answer's parts");
    ensure!(
        answer.finish_reason == FinishReason::ToolCalls,
        "the finish reason is {:?}",
        answer.finish_reason
    );
    let sent = bench.server().requests().iter().any(|request| request.mentions("clock"));
    ensure!(sent, "the tool was not sent");
    Ok(())
}
