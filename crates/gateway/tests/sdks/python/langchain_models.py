"""LangChain's `langchain-openai`: chat and embeddings, over chat completions and over responses."""

import asyncio

import openai
import pydantic
from harness import GATEWAY, PIXEL, TEXT, UPSTREAMS, Upstream, case, equal
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings


class Report(pydantic.BaseModel):
    """The weather."""

    city: str
    degrees: int


@tool
def get_weather(city: str) -> str:
    """Tells the weather in a city."""
    return {"Oslo": "sunny", "Lima": "rainy"}[city]


def model(name, **more):
    given = {"base_url": GATEWAY + "/v1", "api_key": "sk-test", "max_retries": 0, "timeout": 30}
    return ChatOpenAI(model=name, **given, **more)


@case("langchain: whole, streamed and in batches", UPSTREAMS)
def text(upstream):
    for responses in (False, True):
        chat = model(f"{upstream}/text", use_responses_api=responses, stream_usage=True)
        answer = chat.invoke("What colour is the sky?")
        equal(answer.text, TEXT)
        equal(answer.usage_metadata["total_tokens"], 10)
        chunks = list(chat.stream("What colour is the sky?"))
        total = chunks[0]
        for chunk in chunks[1:]:
            total += chunk
        equal(total.text, TEXT)
        equal(total.usage_metadata["total_tokens"], 10)
        equal([answer.text for answer in chat.batch(["one", "two"])], [TEXT, TEXT])


@case("langchain: tools are called, and their results sent back", UPSTREAMS)
def tools(upstream):
    for responses in (False, True):
        chat = model(f"{upstream}/tools", use_responses_api=responses).bind_tools([get_weather])
        asked = [HumanMessage("How is the weather in Oslo and in Lima?")]
        said = chat.invoke(asked)
        equal([call["args"] for call in said.tool_calls], [{"city": "Oslo"}, {"city": "Lima"}])
        results = [get_weather.invoke(call) for call in said.tool_calls]
        assert all(isinstance(result, ToolMessage) for result in results)
        equal(chat.invoke([*asked, said, *results]).text, "Sunny in Oslo, rainy in Lima.")
        total = None
        for chunk in chat.stream(asked):
            total = chunk if total is None else total + chunk
        equal([call["args"] for call in total.tool_calls], [{"city": "Oslo"}, {"city": "Lima"}])


@case("langchain: structured output", UPSTREAMS)
def structured(upstream):
    for responses in (False, True):
        chat = model(f"{upstream}/json", use_responses_api=responses)
        with Upstream() as seen:
            answer = chat.with_structured_output(Report, method="json_schema").invoke("How is the weather?")
        equal(answer, Report(city="Oslo", degrees=7))
        assert "degrees" in str(seen.last), seen.last


@case("langchain: an image", UPSTREAMS)
def image(upstream):
    url = {"url": f"data:image/png;base64,{PIXEL}"}
    asked = HumanMessage([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": url}])
    with Upstream() as seen:
        equal(model(f"{upstream}/text").invoke([asked]).text, TEXT)
    assert PIXEL in str(seen.last), "the image did not come to the upstream"


@case("langchain: asynchronous calls")
async def asynchronous():
    chats = [model(f"{upstream}/text") for upstream in UPSTREAMS]
    answers = await asyncio.gather(*(chat.ainvoke("What colour is the sky?") for chat in chats))
    equal({answer.text for answer in answers}, {TEXT})
    pieces = [chunk.text async for chunk in chats[0].astream("What colour is the sky?")]
    equal("".join(pieces), TEXT)


@case("langchain: errors are the SDK's own")
def errors():
    for responses in (False, True):
        try:
            model("chat/status-429", use_responses_api=responses).invoke("hello")
        except openai.RateLimitError:
            continue
        raise AssertionError("no error")


@case("langchain: embeddings")
def embeddings():
    embedder = OpenAIEmbeddings(
        model="chat/vectors", base_url=GATEWAY + "/v1", api_key="sk-test", check_embedding_ctx_length=False
    )
    equal(embedder.embed_documents(["one", "two"]), [[0.25, -0.5, 0.75, 0], [0.25, -0.5, 0.75, 1]])
    equal(embedder.embed_query("one"), [0.25, -0.5, 0.75, 0])
