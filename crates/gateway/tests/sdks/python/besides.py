"""OpenAI's Python SDK: what is besides chat."""

import base64
import struct

import openai
from clients import client
from harness import Upstream, case, equal, raises

VECTOR = [0.25, -0.5, 0.75]


@case("openai embeddings: in base64, as the SDK asks by default")
def embeddings():
    with Upstream() as seen:
        answer = client.embeddings.create(model="chat/vectors", input=["one", "two"])
    equal(seen.last["input"], ["one", "two"])
    equal([item.embedding for item in answer.data], [[*VECTOR, 0], [*VECTOR, 1]])
    equal([item.index for item in answer.data], [0, 1])
    equal((answer.object, answer.data[0].object), ("list", "embedding"))
    equal((answer.usage.prompt_tokens, answer.usage.total_tokens), (5, 5))


@case("openai embeddings: as numbers, and the raw form of base64")
def formats():
    answer = client.embeddings.create(model="chat/vectors", input="one", encoding_format="float")
    equal(answer.data[0].embedding, [*VECTOR, 0])
    answer = client.embeddings.create(model="chat/vectors", input="one", encoding_format="base64")
    equal(list(struct.unpack("<4f", base64.b64decode(answer.data[0].embedding))), [*VECTOR, 0])


@case("openai embeddings: dimensions come to the upstream, and errors back")
def dimensions():
    with Upstream() as seen:
        client.embeddings.create(model="responses/vectors", input=["one"], dimensions=4, user="somebody")
    equal((seen.last["dimensions"], seen.last["user"]), (4, "somebody"))
    raises(openai.NotFoundError, lambda: client.embeddings.create(model="nowhere", input="one"))
    raises(openai.BadRequestError, lambda: client.embeddings.create(model="chat/vectors", input=[]))
    raises(openai.BadRequestError, lambda: client.embeddings.create(model="chat/vectors", input=7))


@case("openai models: listed and retrieved")
def models():
    listed = list(client.models.list())
    ids = [model.id for model in listed]
    for name in ("default", "chat", "anthropic", "gemini"):
        assert name in ids, ids
    assert all(model.object == "model" and isinstance(model.created, int) and model.owned_by for model in listed)
    equal(client.models.retrieve("default").id, "default")
    equal(client.models.retrieve("chat").object, "model")
    raises(openai.NotFoundError, lambda: client.models.retrieve("nowhere"))
