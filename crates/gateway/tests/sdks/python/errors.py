"""Both Python SDKs: each class of error, in the head and in the middle of a stream, and who asks again how often."""

import json
import urllib.error
import urllib.request

import anthropic
import openai
from clients import ANTHROPIC, OPENAI, USER, claude, client
from harness import GATEWAY, UPSTREAMS, Upstream, case, equal, open_connections, raises, wait_until

# What the upstream says, the class of OpenAI's SDK and its status, the class of Anthropic's and its status. Keys and quotas of
# the upstream are the operator's: the caller's own are in order.
STATUSES = [
    ("status-400", openai.BadRequestError, 400, anthropic.BadRequestError, 400),
    ("status-401", openai.InternalServerError, 502, anthropic.InternalServerError, 502),
    ("status-403", openai.InternalServerError, 502, anthropic.InternalServerError, 502),
    ("status-404", openai.NotFoundError, 404, anthropic.NotFoundError, 404),
    ("status-422", openai.UnprocessableEntityError, 422, anthropic.UnprocessableEntityError, 422),
    ("status-429", openai.RateLimitError, 429, anthropic.RateLimitError, 429),
    ("status-500", openai.InternalServerError, 502, anthropic.InternalServerError, 502),
    ("status-503", openai.InternalServerError, 503, anthropic.OverloadedError, 529),
    ("status-529", openai.InternalServerError, 503, anthropic.OverloadedError, 529),
    ("quota", openai.InternalServerError, 502, anthropic.InternalServerError, 502),
    ("long", openai.BadRequestError, 400, anthropic.ContentTooLargeError, 413),
]


def chat(model, client=client, **more):
    return client.chat.completions.create(model=model, messages=USER, **more)


def message(model, claude=claude, **more):
    return claude.messages.create(model=model, max_tokens=100, messages=more.pop("messages", USER), **more)


def checked(error, status):
    equal(error.status_code, status)
    assert error.request_id, "no request id"
    told = json.dumps(error.body)
    assert "sk-upstream" not in told and "sk-test" not in told, f"a key in an error: {told}"


@case("errors: each status of the upstream is OpenAI's own class", UPSTREAMS)
def of_openai(upstream):
    for model, kind, status, _, _ in STATUSES:
        for stream in (False, True):
            error = raises(kind, lambda: chat(f"{upstream}/{model}", stream=stream))
            checked(error, status)
            assert error.type, error.body
            assert {"message", "type", "param", "code"} <= set(error.body), error.body
            if status in (429, 503):
                equal(error.response.headers["retry-after"], "1")
                # It was asked once.
                assert error.response.headers.get("x-should-retry") != "false"
            if model == "status-500":
                equal(error.response.headers.get("x-should-retry"), "false")
            if model == "long":
                equal(error.code, "context_length_exceeded")
            if model == "status-404":
                equal(error.code, "model_not_found")
            if model == "status-400":
                assert "the upstream says no" in error.message, error.message


@case("errors: each status of the upstream is Anthropic's own class", UPSTREAMS)
def of_anthropic(upstream):
    for model, _, _, kind, status in STATUSES:
        for stream in (False, True):
            error = raises(kind, lambda: message(f"{upstream}/{model}", stream=stream))
            checked(error, status)
            equal(error.body["type"], "error")
            kind_of_error = error.body["error"]["type"]
            assert kind_of_error.endswith("_error") or kind_of_error == "request_too_large", error.body
            assert error.body["error"]["message"], error.body
            if status == 529:
                equal(error.body["error"]["type"], "overloaded_error")
            if status == 429:
                equal(error.response.headers["retry-after"], "1")


@case("errors: the responses are refused as chat is", UPSTREAMS)
def of_responses(upstream):
    for model, kind, status, _, _ in STATUSES:
        error = raises(kind, lambda: client.responses.create(model=f"{upstream}/{model}", input="hello"))
        checked(error, status)


@case("errors: an unknown model")
def unknown_model():
    error = raises(openai.NotFoundError, lambda: chat("nowhere"))
    equal(error.code, "model_not_found")
    assert "nowhere" in error.message, error.message
    error = raises(anthropic.NotFoundError, lambda: message("nowhere"))
    equal(error.body["error"]["type"], "not_found_error")


@case("errors: an unknown address and a wrong method")
def unknown_address():
    raises(openai.NotFoundError, lambda: client.get("/nowhere", cast_to=object))
    error = raises(openai.APIStatusError, lambda: client.get("/chat/completions", cast_to=object))
    equal(error.status_code, 405)
    raises(anthropic.NotFoundError, lambda: claude.get("/v1/messages/nowhere", cast_to=object))


@case("errors: a request that is none")
def malformed():
    for messages in (7, [{"role": "user", "content": 7}], [{"content": "no role"}], "hello"):
        error = raises(openai.BadRequestError, lambda: client.chat.completions.create(model="chat", messages=messages))
        equal(error.type, "invalid_request_error")
    raises(anthropic.BadRequestError, lambda: message("chat", messages=7))
    raises(openai.BadRequestError, lambda: client.responses.create(model="chat", input=7))
    for path in ("chat/completions", "responses", "messages"):
        for body in (b"", b"{", b"[]", b"\xff\xfe", b'{"model": 3}', b"null", b'{"messages": []}'):
            request = urllib.request.Request(
                f"{GATEWAY}/v1/{path}", body, {"content-type": "application/json", "authorization": "Bearer sk-test"}
            )
            try:
                urllib.request.urlopen(request)
            except urllib.error.HTTPError as error:
                equal(error.code, 400, f"{path} {body!r}")
                assert json.load(error)["error"]["message"]
            else:
                raise AssertionError(f"{path} took {body!r}")


@case("errors: a body that is too large")
def too_large():
    large = [{"role": "user", "content": "x" * (5 << 20)}]
    error = raises(
        openai.APIStatusError, lambda: client.chat.completions.create(model="chat/text", messages=large)
    )
    equal(error.status_code, 413)
    error = raises(anthropic.ContentTooLargeError, lambda: message("chat/text", messages=large))
    equal(error.body["error"]["type"], "request_too_large")


@case("errors: an upstream that takes too long, and one that is not there")
def late():
    error = raises(openai.InternalServerError, lambda: chat("impatient"))
    equal(error.status_code, 504)
    error = raises(anthropic.GatewayTimeoutError, lambda: message("impatient"))
    equal(error.status_code, 504)
    error = raises(openai.InternalServerError, lambda: chat("nobody"))
    equal(error.status_code, 502)


@case("errors: the caller's own patience ends the upstream's request")
def impatient():
    wait_until(lambda: open_connections() == 0, "a connection was open before")
    hasty = client.with_options(timeout=0.5)
    raises(openai.APITimeoutError, lambda: chat("slow/hang", hasty))
    wait_until(lambda: open_connections() == 0, "the upstream's connection is still open")
    hasty = claude.with_options(timeout=0.5)
    raises(anthropic.APITimeoutError, lambda: message("slow/hang", hasty))
    wait_until(lambda: open_connections() == 0, "the upstream's connection is still open")


@case("errors: a chat stream that breaks off, or says so, raises after its text", UPSTREAMS)
def broken_chat(upstream):
    for model in ("torn", "sorry"):
        text = ""

        def read():
            nonlocal text
            for chunk in chat(f"{upstream}/{model}", stream=True):
                text += "".join(choice.delta.content or "" for choice in chunk.choices)

        error = raises(openai.APIError, read)
        assert text.startswith("The sky"), f"{model}: {text!r}"
        assert error.message and isinstance(error.body, dict), (error.message, error.body)


@case("errors: a messages stream that breaks off, or says so, raises after its text", UPSTREAMS)
def broken_messages(upstream):
    for model in ("torn", "sorry"):
        text = ""

        def read():
            nonlocal text
            with claude.messages.stream(model=f"{upstream}/{model}", max_tokens=100, messages=USER) as stream:
                for piece in stream.text_stream:
                    text += piece

        try:
            read()
        except anthropic.APIStatusError as error:
            equal(error.body["type"], "error")
            assert error.body["error"]["type"] in ("api_error", "overloaded_error"), error.body
        else:
            raise AssertionError(f"{model}: no error after {text!r}")
        assert text.startswith("The sky"), f"{model}: {text!r}"


@case("errors: a quick failure is asked again by the SDK as often as it says")
def asked_again():
    patient = openai.OpenAI(**{**OPENAI, "max_retries": 2})
    with Upstream() as seen:
        raises(openai.RateLimitError, lambda: chat("chat/status-429", patient))
    equal(len(seen.requests), 3)
    patient = anthropic.Anthropic(**{**ANTHROPIC, "max_retries": 1})
    with Upstream() as seen:
        raises(anthropic.RateLimitError, lambda: message("chat/status-429", patient))
    equal(len(seen.requests), 2)


@case("errors: what the gateway has retried is not retried by the SDK")
def no_storm():
    patient = openai.OpenAI(**{**OPENAI, "max_retries": 2})
    with Upstream() as seen:
        raises(openai.InternalServerError, lambda: chat("retrying", patient))
    equal(len(seen.requests), 4)
    patient = anthropic.Anthropic(**{**ANTHROPIC, "max_retries": 2})
    with Upstream() as seen:
        raises(anthropic.InternalServerError, lambda: message("retrying", patient))
    assert len(seen.requests) <= 4, len(seen.requests)


@case("errors: what the upstream says no to is asked once")
def once():
    patient = openai.OpenAI(**{**OPENAI, "max_retries": 2})
    for model in ("status-400", "status-401", "status-404"):
        with Upstream() as seen:
            try:
                chat(f"chat/{model}", patient)
            except openai.APIStatusError:
                pass
        equal(len(seen.requests), 1, model)
