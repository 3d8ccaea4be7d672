// Anthropic's package of npm.

import assert from "node:assert/strict";

import {
  CITIES,
  GATEWAY,
  TEXT,
  UPSTREAMS,
  USER,
  WEATHER,
  load,
  openConnections,
  raises,
  test,
  waitUntil,
} from "./harness.mjs";

const { default: Anthropic } = await load("@anthropic-ai/sdk");

const client = new Anthropic({ baseURL: GATEWAY, apiKey: "sk-test", maxRetries: 0, timeout: 30_000 });
const tools = [{ name: "get_weather", input_schema: WEATHER }];

const asked = (model, more = {}) => ({ model, max_tokens: 100, messages: USER, ...more });

test("anthropic npm: the final message of a stream is the whole one", UPSTREAMS, async (upstream) => {
  for (const model of ["text", "tools", "reasoning", "cut"]) {
    const request = asked(`${upstream}/${model}`, model === "tools" ? { tools } : {});
    const whole = await client.messages.create(request);
    const final = await client.messages.stream(request).finalMessage();
    const said = ({ content, stop_reason, usage: { service_tier, ...usage } }) => ({
      content: content.map(({ id, parsed_output, ...block }) => block),
      stop_reason,
      usage,
    });
    assert.deepEqual(said(final), said(whole), model);
  }
});

test("anthropic npm: parallel calls and their results", UPSTREAMS, async (upstream) => {
  const request = asked(`${upstream}/tools`, { tools });
  const first = await client.messages.create(request);
  const calls = first.content.filter((block) => block.type === "tool_use");
  assert.deepEqual(
    calls.map((call) => call.input),
    CITIES,
  );
  const results = calls.map((call, index) => ({
    type: "tool_result",
    tool_use_id: call.id,
    content: ["sunny", "rainy"][index],
  }));
  const messages = [...USER, { role: "assistant", content: first.content }, { role: "user", content: results }];
  const second = await client.messages.create({ ...request, messages });
  assert.equal(second.content[0].text, "Sunny in Oslo, rainy in Lima.");
});

test("anthropic npm: each class of error", UPSTREAMS, async (upstream) => {
  for (const [model, kind, status] of [
    ["status-400", Anthropic.BadRequestError, 400],
    ["status-401", Anthropic.InternalServerError, 502],
    ["status-404", Anthropic.NotFoundError, 404],
    ["status-429", Anthropic.RateLimitError, 429],
    ["status-503", Anthropic.InternalServerError, 529],
    ["status-500", Anthropic.InternalServerError, 502],
  ]) {
    const ask = () => client.messages.create(asked(`${upstream}/${model}`));
    const error = await raisesLike(kind, ask);
    assert.equal(error.status, status);
    assert.equal(error.error.type, "error");
  }
});

/** The package has classes for some statuses of a kind that it did not have before. */
async function raisesLike(kind, call) {
  const error = await call().then(
    () => assert.fail(`no ${kind.name}`),
    (error) => error,
  );
  assert(error instanceof kind, `${error.constructor.name} and not ${kind.name}: ${error.message}`);
  return error;
}

test("anthropic npm: a stream that breaks off raises after its text", UPSTREAMS, async (upstream) => {
  for (const model of ["torn", "sorry"]) {
    let text = "";
    const stream = client.messages.stream(asked(`${upstream}/${model}`)).on("text", (piece) => (text += piece));
    await raisesLike(Anthropic.APIError, () => stream.finalMessage());
    assert(text.startsWith("The sky"), text);
  }
});

test("anthropic npm: aborting a stream closes the upstream's connection", async () => {
  const stream = client.messages.stream(asked("slow/slow"));
  let text = "";
  stream.on("text", (piece) => {
    text += piece;
    stream.abort();
  });
  await raises(Anthropic.APIUserAbortError, () => stream.finalMessage());
  assert.equal(text, "The sky");
  await waitUntil(async () => (await openConnections()) === 0, "the upstream's connection is still open");
});

test("anthropic npm: count_tokens", async () => {
  const { input_tokens } = await client.messages.countTokens({ model: "anthropic/text", messages: USER });
  assert.equal(input_tokens, 42);
});
