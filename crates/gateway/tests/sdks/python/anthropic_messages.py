"""Anthropic's Python SDK: messages."""

import asyncio
import json

import anthropic
import pydantic
from clients import ANTHROPIC, USER, claude
from harness import PIXEL, TEXT, UPSTREAMS, WEATHER, Upstream, case, equal, open_connections, raises, wait_until

TOOLS = [{"name": "get_weather", "description": "Tells it.", "input_schema": WEATHER}]


class Report(pydantic.BaseModel):
    city: str
    degrees: int


def asked(upstream, model, **more):
    tools = {"tools": TOOLS} if model == "tools" else {}
    return {"model": f"{upstream}/{model}", "max_tokens": 100, "messages": USER, **tools, **more}


@case("anthropic messages: whole", UPSTREAMS)
def whole(upstream):
    with Upstream() as seen:
        answer = claude.messages.create(**asked(upstream, "text", system="Be brief.", extra_body={"temperature": 0.5}))
    equal([block.type for block in answer.content], ["text"])
    equal(answer.content[0].text, TEXT)
    equal((answer.type, answer.role, answer.stop_reason), ("message", "assistant", "end_turn"))
    used = answer.usage
    equal(used.input_tokens + (used.cache_read_input_tokens or 0), 7, "tokens of the request")
    equal(used.output_tokens, 3)
    assert answer.id.startswith("msg_"), answer.id
    sent = json.dumps(seen.last)
    assert "Be brief." in sent and "100" in sent and "0.5" in sent, sent


def plain(message):
    body = message.to_dict(exclude_none=True)
    body.pop("id")
    # It is told at the beginning of a stream by those alone who know it then.
    body["usage"].pop("service_tier", None)
    for block in body["content"]:
        # An id that nobody gave is made up anew each time.
        block.pop("id", None)
        block.pop("parsed_output", None)
    return body


@case("anthropic messages: the final message of a stream is the whole one", UPSTREAMS)
def accumulated(upstream):
    for model in ["text", "tools", "cut", "reasoning"]:
        whole = claude.messages.create(**asked(upstream, model))
        with claude.messages.stream(**asked(upstream, model)) as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_message()
        equal(plain(final), plain(whole), model)
        equal(kinds[0], "message_start", model)
        equal(kinds[-1], "message_stop", model)
        equal(kinds.count("content_block_start"), len(whole.content), model)
        equal(kinds.count("content_block_stop"), len(whole.content), model)


@case("anthropic messages: the text of a stream comes in pieces", UPSTREAMS)
def pieces(upstream):
    with claude.messages.stream(**asked(upstream, "text")) as stream:
        texts = list(stream.text_stream)
    equal("".join(texts), TEXT)
    assert len(texts) > 1, "it came in one piece"


@case("anthropic messages: the events of a stream come in order", UPSTREAMS)
def order(upstream):
    for model in ["text", "tools", "reasoning"]:
        events = list(claude.messages.create(**asked(upstream, model), stream=True))
        kinds = [event.type for event in events]
        equal(kinds[0], "message_start")
        equal(kinds[-2:], ["message_delta", "message_stop"])
        equal(events[0].message.content, [])
        equal(events[0].message.stop_reason, None)
        current = None
        blocks = 0
        for event in events[1:-2]:
            if event.type == "content_block_start":
                equal((current, event.index), (None, blocks), "a block begins")
                current, blocks = event.index, blocks + 1
            elif event.type == "content_block_delta":
                equal(event.index, current, "a delta's block")
            else:
                equal((event.type, event.index), ("content_block_stop", current))
                current = None
        equal(current, None)
        assert events[-2].delta.stop_reason, events[-2]
        equal(events[-2].usage.output_tokens, 3)


@case("anthropic messages: parallel calls and their results", UPSTREAMS)
def calls(upstream):
    first = claude.messages.create(**asked(upstream, "tools"))
    equal(first.stop_reason, "tool_use")
    made = [block for block in first.content if block.type == "tool_use"]
    equal([(call.name, call.input) for call in made], [("get_weather", {"city": city}) for city in ["Oslo", "Lima"]])
    equal(len({call.id for call in made}), 2, "ids")
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": weather}
        for call, weather in zip(made, ["sunny", "rainy"], strict=True)
    ]
    said = [
        *USER,
        {"role": "assistant", "content": [block.to_dict() for block in first.content]},
        {"role": "user", "content": results},
    ]
    with Upstream() as seen:
        second = claude.messages.create(**asked(upstream, "tools", messages=said))
    equal(second.content[0].text, "Sunny in Oslo, rainy in Lima.")
    equal(second.stop_reason, "end_turn")
    sent = json.dumps(seen.last)
    for word in ["Oslo", "Lima", "sunny", "rainy"]:
        assert word in sent, f"{word} did not come to the upstream: {sent}"


@case("anthropic messages: a tool that must be called, and no two at once", UPSTREAMS)
def choice(upstream):
    wanted = {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    if upstream == "gemini":
        # Google's protocol has no word for it.
        error = raises(anthropic.BadRequestError, lambda: claude.messages.create(**asked(upstream, "tools", tool_choice=wanted)))
        assert "disable_parallel_tool_use" in str(error), error
        return
    with Upstream() as seen:
        claude.messages.create(**asked(upstream, "tools", tool_choice=wanted))
    sent = json.dumps(seen.last)
    assert "parallel" in sent, f"the wish for one call at a time was lost: {sent}"
    assert sent.count("get_weather") > 1, f"the choice was lost: {sent}"


@case("anthropic messages: structured output", UPSTREAMS)
def structured(upstream):
    with Upstream() as seen:
        answer = claude.messages.parse(**asked(upstream, "json", output_format=Report))
    equal(answer.parsed_output, Report(city="Oslo", degrees=7))
    assert "degrees" in json.dumps(seen.last), "the schema did not come to the upstream"


@case("anthropic messages: an image", UPSTREAMS)
def image(upstream):
    parts = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "text", "text": "What is this?"},
    ]
    with Upstream() as seen:
        answer = claude.messages.create(**asked(upstream, "text", messages=[{"role": "user", "content": parts}]))
    equal(answer.content[0].text, TEXT)
    sent = json.dumps(seen.last)
    assert PIXEL in sent and "image/png" in sent, "the image did not come to the upstream"


@case("anthropic messages: cut short, and ended by a stop sequence", UPSTREAMS)
def cut(upstream):
    equal(claude.messages.create(**asked(upstream, "cut")).stop_reason, "max_tokens")


@case("anthropic messages: stop sequences come to the upstream", ["chat", "anthropic", "gemini"])
def stop(upstream):
    with Upstream() as seen:
        claude.messages.create(**asked(upstream, "text", stop_sequences=["ENOUGH"]))
    assert "ENOUGH" in json.dumps(seen.last), seen.last


@case("anthropic messages: thinking", ["chat", "anthropic", "gemini"])
def thinking(upstream):
    answer = claude.messages.create(**asked(upstream, "reasoning"))
    equal([block.type for block in answer.content], ["thinking", "text"])
    equal(answer.content[0].thinking, "Light scatters.")
    said = [*USER, {"role": "assistant", "content": [block.to_dict() for block in answer.content]}, *USER]
    with Upstream() as seen:
        claude.messages.create(**asked(upstream, "text", messages=said))
    if upstream == "anthropic":
        assert "c2lnbmF0dXJl" in json.dumps(seen.last), "the signature was lost"


@case("anthropic messages: fields that nobody knows pass to an upstream of the same protocol")
def unknown():
    with Upstream() as seen:
        claude.messages.create(
            **asked("anthropic", "text", extra_body={"x_mine": [1, 2.5]}, extra_headers={"anthropic-beta": "some-beta"})
        )
    equal(seen.last["x_mine"], [1, 2.5])


@case("anthropic messages: count_tokens")
def count():
    equal(claude.messages.count_tokens(model="anthropic/text", messages=USER).input_tokens, 42)
    answer = claude.messages.with_raw_response.count_tokens(model="chat/text", messages=USER)
    assert answer.parse().input_tokens > 0
    equal(answer.headers["x-ultraai-estimated"], "true")


@case("anthropic messages: models")
def models():
    ids = [model.id for model in claude.models.list()]
    assert "default" in ids and "chat" in ids, ids
    equal(claude.models.retrieve("default").id, "default")


@case("anthropic messages: raw answers have their id")
def raw():
    answer = claude.messages.with_raw_response.create(**asked("chat", "text"))
    assert answer.headers["request-id"], dict(answer.headers)
    equal(answer.parse()._request_id, answer.headers["request-id"])


@case("anthropic messages: the asynchronous client")
async def asynchronous():
    async with anthropic.AsyncAnthropic(**ANTHROPIC) as claude:

        async def live(upstream):
            async with claude.messages.stream(**asked(upstream, "text")) as stream:
                return (await stream.get_final_message()).content[0].text

        equal(set(await asyncio.gather(*(live(upstream) for upstream in UPSTREAMS * 4))), {TEXT})


@case("anthropic messages: closing a stream closes the upstream's connection")
def closed():
    wait_until(lambda: open_connections() == 0, "a connection was open before")
    with claude.messages.stream(model="slow/slow", max_tokens=100, messages=USER) as stream:
        for _ in stream.text_stream:
            break
        equal(open_connections(), 1)
    wait_until(lambda: open_connections() == 0, "the upstream's connection is still open")
