"""OpenAI's Python SDK: chat completions."""

import asyncio
import json

import openai
import pydantic
from clients import OPENAI, USER, client
from harness import PIXEL, TEXT, UPSTREAMS, WEATHER, Upstream, case, equal, open_connections, wait_until

TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Tells it.", "parameters": WEATHER}}]


class Report(pydantic.BaseModel):
    city: str
    degrees: int


@case("openai chat: whole", UPSTREAMS)
def whole(upstream):
    answer = client.chat.completions.create(model=f"{upstream}/text", messages=USER)
    equal(answer.choices[0].message.content, TEXT)
    equal(answer.choices[0].message.role, "assistant")
    equal(answer.choices[0].finish_reason, "stop")
    equal(answer.object, "chat.completion")
    equal((answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens), (7, 3, 10))
    assert answer.id.startswith("chatcmpl-"), answer.id
    assert answer.created > 1_600_000_000, answer.created
    assert answer.model, "no model"


@case("openai chat: streamed", UPSTREAMS)
def streamed(upstream):
    stream = client.chat.completions.create(model=f"{upstream}/text", messages=USER, stream=True)
    chunks = list(stream)
    equal("".join(chunk.choices[0].delta.content or "" for chunk in chunks), TEXT)
    equal(len({chunk.id for chunk in chunks}), 1, "ids")
    equal(len({chunk.created for chunk in chunks}), 1, "times")
    equal({chunk.object for chunk in chunks}, {"chat.completion.chunk"})
    equal([chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason], ["stop"])
    equal(chunks[0].choices[0].delta.role, "assistant")
    assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks) > 1, "it came in one piece"
    assert all(chunk.usage is None for chunk in chunks), "usage that nobody asked for"


@case("openai chat: usage in streams", UPSTREAMS)
def usage(upstream):
    stream = client.chat.completions.create(
        model=f"{upstream}/text", messages=USER, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    last = chunks[-1]
    equal(last.choices, [])
    equal((last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens), (7, 3, 10))
    assert all(chunk.usage is None for chunk in chunks[:-1]), "usage before the end"


@case("openai chat: the accumulated stream is the whole answer", UPSTREAMS)
def accumulated(upstream):
    for model in ["text", "tools", "cut"]:
        tools = TOOLS if model == "tools" else openai.omit
        options = {"include_usage": True}
        with client.chat.completions.stream(
            model=f"{upstream}/{model}", messages=USER, tools=tools, stream_options=options
        ) as stream:
            kinds = [event.type for event in stream]
            # The helper calls an answer that was cut short an error of its own.
            final = stream.current_completion_snapshot if model == "cut" else stream.get_final_completion()
        whole = client.chat.completions.create(model=f"{upstream}/{model}", messages=USER, tools=tools)
        assert "content.delta" in kinds, kinds
        equal(message(final), message(whole), model)
        equal(final.choices[0].finish_reason, whole.choices[0].finish_reason, model)
        equal(final.usage.to_dict(), whole.usage.to_dict(), model)


def message(answer):
    """The text and the calls; an id that nobody gave is made up anew each time."""
    said = answer.choices[0].message
    calls = said.tool_calls or []
    return said.role, said.content, [(call.function.name, json.loads(call.function.arguments)) for call in calls]


@case("openai chat: parallel calls and their results", UPSTREAMS)
def calls(upstream):
    model = f"{upstream}/tools"
    with Upstream() as seen:
        first = client.chat.completions.create(model=model, messages=USER, tools=TOOLS, parallel_tool_calls=True)
    equal(first.choices[0].finish_reason, "tool_calls")
    made = first.choices[0].message.tool_calls
    equal([call.function.name for call in made], ["get_weather"] * 2)
    equal([json.loads(call.function.arguments) for call in made], [{"city": "Oslo"}, {"city": "Lima"}])
    equal(len({call.id for call in made}), 2, "ids")
    assert all(call.id and call.type == "function" for call in made), made
    assert "get_weather" in json.dumps(seen.last), "no tool came"
    answered(model, first.choices[0].message, made)


@case("openai chat: parallel calls in a stream", UPSTREAMS)
def streamed_calls(upstream):
    model = f"{upstream}/tools"
    with client.chat.completions.stream(model=model, messages=USER, tools=TOOLS) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion()
    equal([event.index for event in done], [0, 1])
    made = final.choices[0].message.tool_calls
    equal([json.loads(call.function.arguments) for call in made], [{"city": "Oslo"}, {"city": "Lima"}])
    answered(model, final.choices[0].message, made)


def answered(model, said, made):
    """The results go back; the upstream sees each with its own call."""
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": weather}
        for call, weather in zip(made, ["sunny", "rainy"], strict=True)
    ]
    with Upstream() as seen:
        second = client.chat.completions.create(
            model=model, messages=[*USER, said.to_dict(), *results], tools=TOOLS
        )
    equal(second.choices[0].message.content, "Sunny in Oslo, rainy in Lima.")
    equal(second.choices[0].finish_reason, "stop")
    sent = json.dumps(seen.last)
    for word in ["Oslo", "Lima", "sunny", "rainy"]:
        assert word in sent, f"{word} did not come to the upstream: {sent}"


@case("openai chat: structured output", UPSTREAMS)
def structured(upstream):
    with Upstream() as seen:
        answer = client.chat.completions.parse(model=f"{upstream}/json", messages=USER, response_format=Report)
    equal(answer.choices[0].message.parsed, Report(city="Oslo", degrees=7))
    assert "degrees" in json.dumps(seen.last), "the schema did not come to the upstream"


@case("openai chat: structured output in a stream", UPSTREAMS)
def streamed_structured(upstream):
    with client.chat.completions.stream(
        model=f"{upstream}/json", messages=USER, response_format=Report
    ) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    equal(final.choices[0].message.parsed, Report(city="Oslo", degrees=7))


@case("openai chat: an image", UPSTREAMS)
def image(upstream):
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    with Upstream() as seen:
        answer = client.chat.completions.create(
            model=f"{upstream}/text", messages=[{"role": "user", "content": parts}]
        )
    equal(answer.choices[0].message.content, TEXT)
    sent = json.dumps(seen.last)
    assert PIXEL in sent and "image/png" in sent, "the image did not come to the upstream"


@case("openai chat: what is set comes to the upstream", UPSTREAMS)
def sampling(upstream):
    with Upstream() as seen:
        client.chat.completions.create(
            model=f"{upstream}/text",
            messages=[{"role": "system", "content": "Be brief."}, *USER],
            temperature=0.5,
            top_p=0.25,
            max_completion_tokens=123,
        )
    sent = json.dumps(seen.last)
    for value in ["0.5", "0.25", "123", "Be brief."]:
        assert value in sent, f"{value} did not come: {sent}"


@case("openai chat: seed, stop and penalties come to an upstream of the same protocol")
def seeds():
    said = {
        "seed": 7,
        "stop": ["\n", "END"],
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "logit_bias": {"50256": -100},
        "user": "somebody",
        "metadata": {"a": "b"},
        "tools": TOOLS,
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "parallel_tool_calls": False,
    }
    with Upstream() as seen:
        client.chat.completions.create(model="chat/text", messages=USER, **said)
    for name, value in said.items():
        equal(seen.last.get(name), value, name)


@case("openai chat: stop is understood", ["chat", "anthropic", "gemini"])
def stop(upstream):
    with Upstream() as seen:
        client.chat.completions.create(model=f"{upstream}/text", messages=USER, stop=["ENOUGH"])
    assert "ENOUGH" in json.dumps(seen.last), seen.last


@case("openai chat: what an upstream has no word for is refused by name", ["anthropic"])
def refused(upstream):
    try:
        answer = client.chat.completions.with_raw_response.create(model=f"{upstream}/text", messages=USER, seed=7)
    except openai.BadRequestError as error:
        assert "seed" in str(error), error
    else:
        left_out = answer.headers.get("x-ultraai-left-out", "")
        assert "seed" in left_out, f"the seed was lost in silence: {dict(answer.headers)}"


@case("openai chat: unknown fields pass both ways")
def unknown():
    with Upstream() as seen:
        answer = client.chat.completions.create(
            model="chat/text", messages=USER, extra_body={"x_mine": {"deep": [1, 2.50]}}
        )
    equal(seen.last["x_mine"], {"deep": [1, 2.5]})
    equal(answer.model_extra["x_upstream"], {"kept": True})
    equal(answer.system_fingerprint, "fp_upstream")
    equal(answer.service_tier, "default")


@case("openai chat: several choices, whole and streamed")
def several():
    answer = client.chat.completions.create(model="chat/text", messages=USER, n=2)
    equal([(choice.index, choice.message.content) for choice in answer.choices], [(0, TEXT), (1, TEXT)])
    texts = ["", ""]
    reasons = {}
    for chunk in client.chat.completions.create(model="chat/text", messages=USER, n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                reasons[choice.index] = choice.finish_reason
    equal(texts, [TEXT, TEXT])
    equal(reasons, {0: "stop", 1: "stop"})


@case("openai chat: logprobs, whole and streamed")
def logprobs():
    asked = {"model": "chat/text", "messages": USER, "logprobs": True, "top_logprobs": 1}
    answer = client.chat.completions.create(**asked)
    whole = answer.choices[0].logprobs.content
    equal([token.token for token in whole], ["The sky", " is", " blue."])
    equal(whole[0].top_logprobs[0].logprob, -0.25)
    with client.chat.completions.stream(**asked) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    equal([token.to_dict() for token in final.choices[0].logprobs.content], [token.to_dict() for token in whole])


@case("openai chat: cut short", UPSTREAMS)
def cut(upstream):
    answer = client.chat.completions.create(model=f"{upstream}/cut", messages=USER)
    equal(answer.choices[0].finish_reason, "length")
    chunks = list(client.chat.completions.create(model=f"{upstream}/cut", messages=USER, stream=True))
    equal([chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason], ["length"])


@case("openai chat: reasoning", ["chat", "anthropic", "gemini"])
def reasoning(upstream):
    answer = client.chat.completions.create(model=f"{upstream}/reasoning", messages=USER)
    equal(answer.choices[0].message.content, TEXT)
    equal(answer.choices[0].message.model_extra.get("reasoning_content"), "Light scatters.")
    chunks = list(client.chat.completions.create(model=f"{upstream}/reasoning", messages=USER, stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    equal("".join((delta.model_extra or {}).get("reasoning_content") or "" for delta in deltas), "Light scatters.")
    equal("".join(delta.content or "" for delta in deltas), TEXT)


@case("openai chat: an orchestrator by its name, and what it tells in its head")
def default():
    answer = client.chat.completions.with_raw_response.create(model="default", messages=USER)
    equal(answer.parse().choices[0].message.content, TEXT)
    assert answer.headers["x-request-id"], dict(answer.headers)
    assert answer.headers["x-ultraai-provider"] in [*UPSTREAMS, "slow"], dict(answer.headers)
    equal(answer.headers["x-ultraai-strategy"], "fallback")
    equal(answer.headers["x-ultraai-attempts"], "1")
    assert "x-ultraai-cost" in answer.headers, dict(answer.headers)
    equal(answer.http_response.headers["content-type"], "application/json")


@case("openai chat: the caller's own request id is kept")
def request_id():
    answer = client.chat.completions.with_raw_response.create(
        model="chat/text", messages=USER, extra_headers={"x-request-id": "mine-1"}
    )
    equal(answer.headers["x-request-id"], "mine-1")
    equal(answer.parse()._request_id, "mine-1")


@case("openai chat: the asynchronous client")
async def asynchronous():
    async with openai.AsyncOpenAI(**OPENAI) as client:

        async def whole(upstream):
            answer = await client.chat.completions.create(model=f"{upstream}/text", messages=USER)
            return answer.choices[0].message.content

        async def live(upstream):
            stream = await client.chat.completions.create(model=f"{upstream}/text", messages=USER, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        asked = [ask(upstream) for ask in (whole, live) for upstream in UPSTREAMS * 4]
        equal(set(await asyncio.gather(*asked)), {TEXT})


@case("openai chat: closing a stream closes the upstream's connection")
def closed():
    wait_until(lambda: open_connections() == 0, "a connection was open before")
    stream = client.chat.completions.create(model="slow/slow", messages=USER, stream=True)
    text = ""
    for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        if text:
            break
    equal(open_connections(), 1)
    stream.close()
    wait_until(lambda: open_connections() == 0, "the upstream's connection is still open")


@case("openai chat: a cancelled task closes the upstream's connection")
async def cancelled():
    async with openai.AsyncOpenAI(**OPENAI) as client:

        async def read():
            stream = await client.chat.completions.create(model="slow/slow", messages=USER, stream=True)
            async for _ in stream:
                pass

        task = asyncio.create_task(read())
        while await asyncio.to_thread(open_connections) == 0:
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(wait_until, lambda: open_connections() == 0, "the connection is still open")
