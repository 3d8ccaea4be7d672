"""Both Python SDKs at a gateway that wants access keys."""

import os

import anthropic
import openai
from clients import ANTHROPIC, OPENAI, USER
from harness import TEXT, Upstream, case, equal, raises

GUARDED = os.environ["ULTRAAI_GUARDED"]


def chat(key, model="chat", **more):
    client = openai.OpenAI(**{**OPENAI, "base_url": GUARDED + "/v1", "api_key": key, **more})
    return client.chat.completions.with_raw_response.create(model=model, messages=USER)


def message(key, model="chat", **more):
    claude = anthropic.Anthropic(**{**ANTHROPIC, "base_url": GUARDED, "api_key": key, **more})
    return claude.messages.create(model=model, max_tokens=100, messages=USER)


def key(name):
    return os.environ[f"ULTRAAI_{name}_KEY"]


@case("access keys: a good one is let in, in either head")
def good():
    equal(chat(key("PLAIN")).parse().choices[0].message.content, TEXT)
    equal(message(key("PLAIN")).content[0].text, TEXT)
    claude = anthropic.Anthropic(base_url=GUARDED, api_key=None, auth_token=key("PLAIN"), max_retries=0)
    equal(claude.messages.create(model="chat", max_tokens=100, messages=USER).content[0].text, TEXT)


@case("access keys: a wrong one and a revoked one are refused, and nobody is asked")
def wrong():
    with Upstream() as seen:
        for bad in ("sk-wrong", key("REVOKED"), key("PLAIN") + "x"):
            error = raises(openai.AuthenticationError, lambda: chat(bad, max_retries=2))
            equal(error.code, "invalid_api_key")
            assert bad not in str(error), "a key in an error"
            error = raises(anthropic.AuthenticationError, lambda: message(bad, max_retries=2))
            equal(error.body["error"]["type"], "authentication_error")
    equal(seen.requests, [])


@case("access keys: the upstream does not see them")
def hidden():
    with Upstream() as seen:
        chat(key("PLAIN"))
        message(key("PLAIN"))
    assert key("PLAIN") not in str(seen.requests), "the caller's key came to the upstream"


@case("access keys: a model that the key may not ask")
def narrow():
    equal(chat(key("NARROW")).parse().choices[0].message.content, TEXT)
    for model in ("gemini", "default"):
        error = raises(openai.NotFoundError, lambda: chat(key("NARROW"), model))
        equal(error.code, "model_not_found")
        raises(anthropic.NotFoundError, lambda: message(key("NARROW"), model))
    client = openai.OpenAI(**{**OPENAI, "base_url": GUARDED + "/v1", "api_key": key("NARROW")})
    equal([model.id for model in client.models.list()], ["chat"])


@case("access keys: requests per minute")
def slow():
    first = chat(key("SLOW"))
    equal(first.headers["x-ratelimit-limit-requests"], "2")
    equal(first.headers["x-ratelimit-remaining-requests"], "1")
    chat(key("SLOW"))
    with Upstream() as seen:
        error = raises(openai.RateLimitError, lambda: chat(key("SLOW")))
    equal(seen.requests, [])
    equal(error.code, "rate_limit_exceeded")
    assert int(error.response.headers["retry-after"]) > 0, dict(error.response.headers)
    equal(error.response.headers["x-ratelimit-remaining-requests"], "0")
    raises(anthropic.RateLimitError, lambda: message(key("SLOW")))
