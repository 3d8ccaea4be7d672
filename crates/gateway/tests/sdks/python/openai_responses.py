"""OpenAI's Python SDK: responses."""

import json

import openai
import pydantic
from clients import OPENAI, client
from harness import PIXEL, TEXT, UPSTREAMS, WEATHER, Upstream, case, equal, open_connections, raises, wait_until

ASK = "What colour is the sky?"
TOOLS = [{"type": "function", "name": "get_weather", "description": "Tells it.", "parameters": WEATHER, "strict": True}]
MODELS = ["text", "tools", "cut", "reasoning"]


class Report(pydantic.BaseModel):
    city: str
    degrees: int


def asked(upstream, model):
    return {
        "model": f"{upstream}/{model}",
        "input": ASK,
        "instructions": "Be brief.",
        "tools": TOOLS if model == "tools" else [],
        "store": False,
    }


@case("openai responses: whole", UPSTREAMS)
def whole(upstream):
    with Upstream() as seen:
        answer = client.responses.create(**asked(upstream, "text"))
    equal(answer.output_text, TEXT)
    equal(answer.status, "completed")
    equal(answer.object, "response")
    equal((answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens), (7, 3, 10))
    assert answer.usage.input_tokens_details.cached_tokens >= 0
    assert answer.usage.output_tokens_details.reasoning_tokens >= 0
    assert answer.id.startswith("resp_"), answer.id
    assert answer.output[0].id.startswith("msg_"), answer.output[0].id
    assert "Be brief." in json.dumps(seen.last), seen.last


@case("openai responses: what was asked is repeated", UPSTREAMS)
def repeated(upstream):
    answer = client.responses.create(**asked(upstream, "tools"))
    equal(answer.instructions, "Be brief.")
    equal([tool.name for tool in answer.tools], ["get_weather"])
    equal(answer.tool_choice, "auto")
    equal(answer.parallel_tool_calls, True)


def plain(response):
    """All that does not change from one answer to the next, nor from a whole one to a streamed one."""
    body = response.to_dict() if hasattr(response, "to_dict") else dict(response)
    for name in ["id", "created_at", "completed_at"]:
        body.pop(name, None)
    for item in body["output"]:
        item.pop("id", None)
        # An id that nobody gave is made up anew each time.
        item.pop("call_id", None)
    return body


@case("openai responses: the accumulated stream is the whole answer", UPSTREAMS)
def accumulated(upstream):
    for model in MODELS:
        whole = client.responses.create(**asked(upstream, model))
        with client.responses.stream(**asked(upstream, model)) as stream:
            events = list(stream)
            # Only an answer that is complete has one.
            final = events[-1].response if model == "cut" else stream.get_final_response()
        wanted, found = plain(whole), plain(final)
        for item in found["output"]:
            item.pop("parsed_arguments", None)
            for part in item.get("content") or []:
                part.pop("parsed", None)
        equal(found, wanted, model)


@case("openai responses: every event is typed, in order and complete", UPSTREAMS)
def events(upstream):
    for model in MODELS:
        stream = list(client.responses.create(**asked(upstream, model), stream=True))
        for event in stream:
            assert type(event).__name__ != "BaseModel", f"of no known type: {event}"
        check_order([event.to_dict() for event in stream], "incomplete" if model == "cut" else "completed")


def check_order(events, ending):
    """The rules of the Open Responses specification on the order of events."""
    equal([event["sequence_number"] for event in events], list(range(len(events))), "numbers")
    kinds = [event["type"] for event in events]
    equal(kinds[:2], ["response.created", "response.in_progress"])
    equal(kinds[-1], f"response.{ending}")
    equal(events[0]["response"]["status"], "in_progress")
    equal(events[0]["response"]["output"], [])
    final = events[-1]["response"]
    equal(final["status"], ending)
    equal({event["response"]["id"] for event in events if "response" in event}, {final["id"]}, "ids")
    items, parts, sums = {}, {}, {}
    for event in events[2:-1]:
        kind, index = event["type"], event["output_index"]
        if kind == "response.output_item.added":
            equal(index, len(items), "the items' places")
            items[index] = {"id": event["item"].get("id"), "done": None}
            continue
        item = items[index]
        assert item["done"] is None, f"{kind} after its item was done"
        if kind == "response.output_item.done":
            open_parts = [place for place, part in parts.items() if place[0] == index and not part["done"]]
            equal(open_parts, [], "parts that were not done")
            equal(event["item"].get("id"), item["id"], "the item's id")
            item["done"] = event["item"]
            continue
        equal(event["item_id"], item["id"], f"{kind}: the item's id")
        inner = event.get("content_index", event.get("summary_index"))
        place = (index, inner)
        if kind.endswith("part.added"):
            assert place not in parts, f"the part {place} was added twice"
            parts[place] = {"done": False}
            continue
        if inner is not None:
            assert place in parts, f"{kind} before its part was added"
            assert not parts[place]["done"], f"{kind} after its part was done"
        if kind.endswith("part.done"):
            parts[place]["done"] = True
            part = event["part"]
            said = part.get("text", part.get("refusal"))
            equal(said, sums[place], "the part's text")
        elif kind.endswith(".delta"):
            sums[place] = sums.get(place, "") + event["delta"]
        elif kind.endswith(".done"):
            said = event.get("text", event.get("arguments", event.get("refusal")))
            equal(said, sums.get(place, ""), f"{kind} repeats what deltas said")
        else:
            raise AssertionError(f"an unknown event: {event}")
    equal([item["done"] for item in items.values()], final["output"], "the items that were done")
    for index, item in enumerate(final["output"]):
        if item["type"] == "function_call":
            equal(item["arguments"], sums[(index, None)], "the arguments")


@case("openai responses: parallel calls and their results", UPSTREAMS)
def calls(upstream):
    first = client.responses.create(**asked(upstream, "tools"))
    made = [item for item in first.output if item.type == "function_call"]
    equal([json.loads(call.arguments) for call in made], [{"city": "Oslo"}, {"city": "Lima"}])
    equal([call.name for call in made], ["get_weather"] * 2)
    equal(len({call.call_id for call in made}), 2, "ids")
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": weather}
        for call, weather in zip(made, ["sunny", "rainy"], strict=True)
    ]
    said = [{"role": "user", "content": ASK}, *(item.to_dict() for item in first.output), *results]
    with Upstream() as seen:
        second = client.responses.create(**{**asked(upstream, "tools"), "input": said})
    equal(second.output_text, "Sunny in Oslo, rainy in Lima.")
    sent = json.dumps(seen.last)
    for word in ["Oslo", "Lima", "sunny", "rainy"]:
        assert word in sent, f"{word} did not come to the upstream: {sent}"


@case("openai responses: structured output", UPSTREAMS)
def structured(upstream):
    with Upstream() as seen:
        answer = client.responses.parse(model=f"{upstream}/json", input=ASK, text_format=Report)
    equal(answer.output_parsed, Report(city="Oslo", degrees=7))
    assert "degrees" in json.dumps(seen.last), "the schema did not come to the upstream"
    equal(answer.text.format.type, "json_schema")
    with client.responses.stream(model=f"{upstream}/json", input=ASK, text_format=Report) as stream:
        for _ in stream:
            pass
        equal(stream.get_final_response().output_parsed, Report(city="Oslo", degrees=7))


@case("openai responses: an image", UPSTREAMS)
def image(upstream):
    parts = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
    ]
    with Upstream() as seen:
        answer = client.responses.create(model=f"{upstream}/text", input=[{"role": "user", "content": parts}])
    equal(answer.output_text, TEXT)
    assert PIXEL in json.dumps(seen.last), "the image did not come to the upstream"


@case("openai responses: cut short", UPSTREAMS)
def cut(upstream):
    answer = client.responses.create(model=f"{upstream}/cut", input=ASK, max_output_tokens=16)
    equal(answer.status, "incomplete")
    equal(answer.incomplete_details.reason, "max_output_tokens")


@case("openai responses: reasoning", UPSTREAMS)
def reasoning(upstream):
    answer = client.responses.create(model=f"{upstream}/reasoning", input=ASK, reasoning={"effort": "low"})
    thoughts = [item for item in answer.output if item.type == "reasoning"]
    equal(len(thoughts), 1)
    parts = [*thoughts[0].summary, *(thoughts[0].content or [])]
    equal("".join(part.text for part in parts), "Light scatters.")
    equal(answer.output_text, TEXT)


@case("openai responses: what needs a store is refused by name")
def stateful():
    # The gateway keeps no answers, and what an upstream of the same protocol keeps may be another caller's.
    needs = {"previous_response_id": "resp_123", "conversation": "conv_123", "background": True}
    for upstream in ["gemini", "responses"]:
        for field, value in needs.items():
            try:
                client.responses.create(model=f"{upstream}/text", input=ASK, **{field: value})
            except openai.BadRequestError as error:
                equal(error.param, field)
            else:
                raise AssertionError(f"{field} was served")


@case("openai responses: an error before the first event is one of the SDK's own")
def early():
    for stream in (False, True):
        try:
            given = client.responses.create(model="responses/status-429", input=ASK, stream=stream)
        except openai.RateLimitError as error:
            equal(error.status_code, 429)
        else:
            raise AssertionError(f"no error: {given}")


@case("openai responses: the stream tells of an error in the middle", ["chat", "responses", "anthropic", "gemini"])
def middle(upstream):
    for model in ["sorry", "torn"]:
        kinds, text = [], ""

        def read():
            nonlocal text
            for event in client.responses.create(model=f"{upstream}/{model}", input=ASK, stream=True):
                kinds.append(event.type)
                if event.type == "response.output_text.delta":
                    text += event.delta

        error = raises(openai.APIError, read)
        assert error.message, error.body
        assert text.startswith("The sky"), text
        assert "response.completed" not in kinds, kinds


@case("openai responses: raw answers, and streams of them")
def raw():
    answer = client.responses.with_raw_response.create(model="chat/text", input=ASK)
    assert answer.headers["x-request-id"]
    equal(answer.parse().output_text, TEXT)
    with client.responses.with_streaming_response.create(model="chat/text", input=ASK, stream=True) as answer:
        equal(answer.headers["content-type"].split(";")[0], "text/event-stream")
        assert answer.headers["x-request-id"]
        lines = list(answer.iter_lines())
    names = [line[7:] for line in lines if line.startswith("event: ")]
    kinds = [json.loads(line[6:])["type"] for line in lines if line.startswith("data: ")]
    equal(names, kinds, "the events' names")


@case("openai responses: the asynchronous client")
async def asynchronous():
    async with openai.AsyncOpenAI(**OPENAI) as client:
        async with client.responses.stream(model="gemini/text", input=ASK) as stream:
            async for _ in stream:
                pass
            final = await stream.get_final_response()
        equal(final.output_text, TEXT)


@case("openai responses: closing a stream closes the upstream's connection")
def closed():
    wait_until(lambda: open_connections() == 0, "a connection was open before")
    stream = client.responses.create(model="slow/slow", input=ASK, stream=True)
    for event in stream:
        if event.type == "response.output_text.delta":
            break
    equal(open_connections(), 1)
    stream.close()
    wait_until(lambda: open_connections() == 0, "the upstream's connection is still open")
