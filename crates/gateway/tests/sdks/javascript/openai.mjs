// OpenAI's package of npm.

import assert from "node:assert/strict";

import {
  ASK,
  CITIES,
  GATEWAY,
  PIXEL,
  TEXT,
  UPSTREAMS,
  USER,
  WEATHER,
  gather,
  load,
  openConnections,
  raises,
  test,
  waitUntil,
  watched,
} from "./harness.mjs";

const { default: OpenAI } = await load("openai");
const { zodResponseFormat, zodTextFormat } = await load("openai/helpers/zod");
const { z } = await load("zod");

const options = { baseURL: `${GATEWAY}/v1`, apiKey: "sk-test", maxRetries: 0, timeout: 30_000 };
const client = new OpenAI(options);

const tools = [{ type: "function", function: { name: "get_weather", parameters: WEATHER } }];
const flatTools = [{ type: "function", name: "get_weather", parameters: WEATHER, strict: true }];
const Report = z.object({ city: z.string(), degrees: z.number() });
const report = { city: "Oslo", degrees: 7 };

const chat = (model, more = {}, client_ = client) =>
  client_.chat.completions.create({ model, messages: USER, ...more });

test("openai npm chat: whole and streamed", UPSTREAMS, async (upstream) => {
  const answer = await chat(`${upstream}/text`);
  assert.equal(answer.choices[0].message.content, TEXT);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.total_tokens, 10);
  const chunks = await gather(await chat(`${upstream}/text`, { stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join(""), TEXT);
  assert(chunks.every((chunk) => chunk.choices.length === 1 && !chunk.usage), "usage that nobody asked for");
});

test("openai npm chat: the accumulated stream is the whole answer", UPSTREAMS, async (upstream) => {
  for (const model of ["text", "tools"]) {
    const asked = { model: `${upstream}/${model}`, messages: USER, ...(model === "tools" ? { tools } : {}) };
    const whole = await client.chat.completions.create(asked);
    const stream = client.chat.completions.stream({ ...asked, stream_options: { include_usage: true } });
    const final = await stream.finalChatCompletion();
    const said = ({ choices: [{ message, finish_reason }], usage }) => ({
      content: message.content,
      calls: (message.tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
      finish_reason,
      usage,
    });
    assert.deepEqual(said(final), said(whole));
  }
});

test("openai npm chat: the helper calls tools and sends back what they say", UPSTREAMS, async (upstream) => {
  const asked = [];
  const runner = client.chat.completions.runTools({
    model: `${upstream}/tools`,
    messages: USER,
    stream: true,
    tools: [
      {
        type: "function",
        function: {
          name: "get_weather",
          parameters: WEATHER,
          parse: JSON.parse,
          function: ({ city }) => {
            asked.push({ city });
            return city === "Oslo" ? "sunny" : "rainy";
          },
        },
      },
    ],
  });
  assert.equal(await runner.finalContent(), "Sunny in Oslo, rainy in Lima.");
  assert.deepEqual(asked, CITIES);
});

test("openai npm chat: structured output", UPSTREAMS, async (upstream) => {
  const response_format = zodResponseFormat(Report, "report");
  const asked = { model: `${upstream}/json`, messages: USER, response_format };
  assert.deepEqual((await client.chat.completions.parse(asked)).choices[0].message.parsed, report);
  const final = await client.chat.completions.stream(asked).finalChatCompletion();
  assert.deepEqual(final.choices[0].message.parsed, report);
});

test("openai npm chat: an image", UPSTREAMS, async (upstream) => {
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
  ];
  const [answer, seen] = await watched(() => chat(`${upstream}/text`, { messages: [{ role: "user", content }] }));
  assert.equal(answer.choices[0].message.content, TEXT);
  assert(JSON.stringify(seen[0].body).includes(PIXEL), "the image did not come to the upstream");
});

test("openai npm responses: the accumulated stream is the whole answer", UPSTREAMS, async (upstream) => {
  for (const model of ["text", "tools", "reasoning"]) {
    const asked = { model: `${upstream}/${model}`, input: ASK, ...(model === "tools" ? { tools: flatTools } : {}) };
    const whole = await client.responses.create(asked);
    const stream = client.responses.stream(asked);
    const kinds = (await gather(stream)).map((event) => event.type);
    const final = await stream.finalResponse();
    assert.equal(kinds[0], "response.created");
    assert.equal(kinds.at(-1), "response.completed");
    const said = ({ output, output_text, usage, status }) => ({
      output: output.map(({ id, call_id, parsed_arguments, ...item }) => ({
        ...item,
        content: item.content?.map(({ parsed, ...part }) => part),
      })),
      output_text,
      usage,
      status,
    });
    assert.deepEqual(said(final), said(whole), model);
    assert.equal(whole.output_text, model === "tools" ? "Let me look." : TEXT);
  }
});

test("openai npm responses: structured output", UPSTREAMS, async (upstream) => {
  const text = { format: zodTextFormat(Report, "report") };
  const asked = { model: `${upstream}/json`, input: ASK, text };
  assert.deepEqual((await client.responses.parse(asked)).output_parsed, report);
});

test("openai npm: embeddings", async () => {
  const ask = (more) => client.embeddings.create({ model: "chat/vectors", input: ["one", "two"], ...more });
  for (const more of [{}, { encoding_format: "float" }]) {
    const answer = await ask(more);
    assert.deepEqual(
      answer.data.map((item) => [...item.embedding]),
      [
        [0.25, -0.5, 0.75, 0],
        [0.25, -0.5, 0.75, 1],
      ],
    );
  }
});

test("openai npm: models", async () => {
  const ids = (await gather(client.models.list())).map((model) => model.id);
  assert(ids.includes("default") && ids.includes("gemini"), ids.join());
  assert.equal((await client.models.retrieve("default")).id, "default");
  await raises(OpenAI.NotFoundError, () => client.models.retrieve("nowhere"));
});

test("openai npm: each class of error", UPSTREAMS, async (upstream) => {
  for (const [model, kind, status] of [
    ["status-400", OpenAI.BadRequestError, 400],
    ["status-401", OpenAI.InternalServerError, 502],
    ["status-404", OpenAI.NotFoundError, 404],
    ["status-422", OpenAI.UnprocessableEntityError, 422],
    ["status-429", OpenAI.RateLimitError, 429],
    ["status-500", OpenAI.InternalServerError, 502],
    ["status-503", OpenAI.InternalServerError, 503],
    ["long", OpenAI.BadRequestError, 400],
  ]) {
    for (const stream of [false, true]) {
      const error = await raises(kind, () => chat(`${upstream}/${model}`, { stream }));
      assert.equal(error.status, status);
      assert(error.requestID && error.type, JSON.stringify(error));
    }
  }
});

test("openai npm: a stream that breaks off raises after its text", UPSTREAMS, async (upstream) => {
  for (const model of ["torn", "sorry"]) {
    let text = "";
    const error = await raises(OpenAI.APIError, async () => {
      for await (const chunk of await chat(`${upstream}/${model}`, { stream: true })) {
        text += chunk.choices[0]?.delta?.content ?? "";
      }
      return text;
    });
    assert(text.startsWith("The sky"), text);
    assert(error.message, "no message");
  }
});

test("openai npm: what is slow runs into the caller's limit", async () => {
  await raises(OpenAI.APIConnectionTimeoutError, () =>
    client.chat.completions.create({ model: "slow/hang", messages: USER }, { timeout: 300 }),
  );
  await waitUntil(async () => (await openConnections()) === 0, "the upstream's connection is still open");
});

test("openai npm: the SDK asks again no more than it should", async () => {
  const patient = new OpenAI({ ...options, maxRetries: 2 });
  for (const [model, count] of [
    ["retrying", 4],
    ["chat/status-429", 3],
    ["chat/status-400", 1],
  ]) {
    const [, seen] = await watched(() => chat(model, {}, patient).catch((error) => error));
    assert.equal(seen.length, count, model);
  }
});

test("openai npm: closing a stream closes the upstream's connection", async () => {
  const asked = { model: "slow/slow", messages: USER, stream: true };
  for await (const chunk of await client.chat.completions.create(asked)) {
    if (chunk.choices[0]?.delta?.content) break;
  }
  await waitUntil(async () => (await openConnections()) === 0, "the upstream's connection is still open");
  const controller = new AbortController();
  const stream = await client.chat.completions.create(asked, { signal: controller.signal });
  const reading = gather(stream).catch((error) => error);
  await waitUntil(async () => (await openConnections()) === 1, "the request did not begin");
  controller.abort();
  await reading;
  await waitUntil(async () => (await openConnections()) === 0, "the upstream's connection is still open");
});

test("openai npm: raw answers", async () => {
  const { data, response, request_id } = await chat("default").withResponse();
  assert.equal(data.choices[0].message.content, TEXT);
  assert.equal(response.headers.get("x-request-id"), request_id);
  assert(response.headers.get("x-ultraai-provider"), "no provider");
});
