"""Both Python SDKs over the gateway on mock servers that others wrote, each in several vendors' protocols."""

import json
import os

from clients import claude, client
from harness import WEATHER, case, equal

# The gateway's providers at the servers that are there; what a server says to what, is in its own file of fixtures.
AIMOCK = os.environ.get("ULTRAAI_AIMOCK", "").split()
LLMOCK = os.environ.get("ULTRAAI_LLMOCK", "").split()

GREETING = "Good morning! What a fine day to answer a question in more than one piece."
HELLO = [{"role": "user", "content": "hello"}]
CITIES = [{"role": "user", "content": "two cities"}]
CHAT_TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]
TOOLS = [{"name": "get_weather", "input_schema": WEATHER}]


def deltas(stream):
    return [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]


@case("mock servers: chat, whole and streamed", AIMOCK)
def chat(provider):
    answer = client.chat.completions.create(model=provider, messages=HELLO)
    equal(answer.choices[0].message.content, GREETING)
    pieces = deltas(client.chat.completions.create(model=provider, messages=HELLO, stream=True))
    equal("".join(pieces), GREETING)
    assert sum(bool(piece) for piece in pieces) > 1, pieces


@case("mock servers: responses, whole and streamed", AIMOCK)
def responses(provider):
    equal(client.responses.create(model=provider, input="hello").output_text, GREETING)
    with client.responses.stream(model=provider, input="hello") as stream:
        for _ in stream:
            pass
        equal(stream.get_final_response().output_text, GREETING)


@case("mock servers: messages, whole and streamed", AIMOCK)
def messages(provider):
    asked = {"model": provider, "max_tokens": 100, "messages": HELLO}
    equal(claude.messages.create(**asked).content[0].text, GREETING)
    with claude.messages.stream(**asked) as stream:
        equal("".join(stream.text_stream), GREETING)


@case("mock servers: parallel calls and their results", AIMOCK)
def tools(provider):
    first = client.chat.completions.create(model=provider, messages=CITIES, tools=CHAT_TOOLS).choices[0].message
    equal([json.loads(call.function.arguments)["city"] for call in first.tool_calls], ["Oslo", "Lima"])
    results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in first.tool_calls]
    said = [*CITIES, first.to_dict(), *results]
    second = client.chat.completions.create(model=provider, messages=said, tools=CHAT_TOOLS)
    equal(second.choices[0].message.content, "It is sunny in both of them, as the tool says.")

    with claude.messages.stream(model=provider, max_tokens=100, messages=CITIES, tools=TOOLS) as stream:
        first = stream.get_final_message()
    calls = [block for block in first.content if block.type == "tool_use"]
    equal([call.input["city"] for call in calls], ["Oslo", "Lima"])
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"} for call in calls]
    said = [
        *CITIES,
        {"role": "assistant", "content": [block.to_dict() for block in first.content]},
        {"role": "user", "content": results},
    ]
    second = claude.messages.create(model=provider, max_tokens=100, messages=said, tools=TOOLS)
    equal(second.content[0].text, "It is sunny in both of them, as the tool says.")


@case("mock servers: something is said in each API, whole and streamed", LLMOCK)
def said(provider):
    assert client.chat.completions.create(model=provider, messages=HELLO).choices[0].message.content
    assert "".join(deltas(client.chat.completions.create(model=provider, messages=HELLO, stream=True)))
    assert client.responses.create(model=provider, input="hello").output_text
    assert claude.messages.create(model=provider, max_tokens=100, messages=HELLO).content[0].text
    with claude.messages.stream(model=provider, max_tokens=100, messages=HELLO) as stream:
        assert "".join(stream.text_stream)
