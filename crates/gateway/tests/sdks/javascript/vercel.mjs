// Vercel's `ai`, over chat completions, responses and messages.

import assert from "node:assert/strict";

import {
  ASK,
  CITIES,
  GATEWAY,
  PIXEL,
  TEXT,
  UPSTREAMS,
  gather,
  load,
  openConnections,
  test,
  waitUntil,
  watched,
} from "./harness.mjs";

const ai = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { createAnthropic } = await load("@ai-sdk/anthropic");
const { z } = await load("zod");

const openai = createOpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: "sk-test" });
const anthropic = createAnthropic({ baseURL: `${GATEWAY}/v1`, apiKey: "sk-test" });

const APIS = { chat: (name) => openai.chat(name), responses: (name) => openai.responses(name), messages: anthropic };
const schema = z.object({ city: z.string(), degrees: z.number() });
// Else the package sends back mere references to what the service would have stored.
const unstored = { providerOptions: { openai: { store: false } } };
const quiet = { maxRetries: 0 };

/** A stream whose first error is thrown, which the package only tells. */
async function live(asked, read) {
  const errors = [];
  const stream = ai.streamText({ ...asked, onError: ({ error }) => errors.push(error) });
  try {
    return await read(stream);
  } catch (error) {
    throw errors[0] ?? error;
  }
}

for (const [api, model] of Object.entries(APIS)) {
  test(`vercel ${api}: whole and streamed`, UPSTREAMS, async (upstream) => {
    const asked = { model: model(`${upstream}/text`), prompt: ASK, ...quiet };
    const answer = await ai.generateText(asked);
    assert.equal(answer.text, TEXT);
    assert.equal(answer.finishReason, "stop");
    assert.equal(answer.usage.totalTokens, 10);
    await live(asked, async (stream) => {
      assert.equal((await gather(stream.textStream)).join(""), TEXT);
      assert.equal(await stream.finishReason, "stop");
      assert.equal((await stream.usage).totalTokens, 10);
    });
  });

  test(`vercel ${api}: tools in several steps, whole and streamed`, UPSTREAMS, async (upstream) => {
    for (const ask of [(asked, read) => ai.generateText(asked).then(read), live]) {
      const cities = [];
      const asked = {
        model: model(`${upstream}/tools`),
        prompt: ASK,
        tools: {
          get_weather: ai.tool({
            description: "Tells it.",
            inputSchema: z.object({ city: z.string() }),
            execute: async ({ city }) => {
              cities.push({ city });
              return city === "Oslo" ? "sunny" : "rainy";
            },
          }),
        },
        stopWhen: ai.stepCountIs(3),
        ...unstored,
        ...quiet,
      };
      await ask(asked, async (answer) => {
        assert.equal(await answer.text, "Sunny in Oslo, rainy in Lima.");
        assert.deepEqual(cities, CITIES);
        assert.equal((await answer.steps).length, 2);
      });
    }
  });

  test(`vercel ${api}: structured output`, UPSTREAMS, async (upstream) => {
    const asked = { model: model(`${upstream}/json`), prompt: ASK, output: ai.Output.object({ schema }), ...quiet };
    const answer = await ai.generateText(asked);
    assert.deepEqual(answer.output, { city: "Oslo", degrees: 7 });
    await live(asked, async (stream) => assert.deepEqual(await stream.output, { city: "Oslo", degrees: 7 }));
  });

  test(`vercel ${api}: an image`, UPSTREAMS, async (upstream) => {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image", image: `data:image/png;base64,${PIXEL}` },
    ];
    const messages = [{ role: "user", content }];
    const [answer, seen] = await watched(() =>
      ai.generateText({ model: model(`${upstream}/text`), messages, ...quiet }),
    );
    assert.equal(answer.text, TEXT);
    assert(JSON.stringify(seen[0].body).includes(PIXEL), "the image did not come to the upstream");
  });

  test(`vercel ${api}: errors, before and after a stream began`, UPSTREAMS, async (upstream) => {
    const caught = await ai.generateText({ model: model(`${upstream}/status-400`), prompt: ASK, ...quiet }).catch(
      (error) => error,
    );
    assert(ai.APICallError.isInstance(caught), String(caught));
    assert.equal(caught.statusCode, 400);
    for (const name of ["status-429", "torn", "sorry"]) {
      const errors = [];
      const asked = { model: model(`${upstream}/${name}`), prompt: ASK, ...quiet };
      const stream = ai.streamText({ ...asked, onError: ({ error }) => errors.push(error) });
      const text = (await gather(stream.textStream).catch(() => [])).join("");
      assert.equal(errors.length, 1, `${name}: ${text}`);
      if (name === "status-429") assert.equal(errors[0].statusCode, 429);
    }
  });
}

test("vercel: embeddings", async () => {
  const { embeddings, usage } = await ai.embedMany({
    model: openai.embedding("chat/vectors"),
    values: ["one", "two"],
    ...quiet,
  });
  assert.deepEqual(embeddings, [
    [0.25, -0.5, 0.75, 0],
    [0.25, -0.5, 0.75, 1],
  ]);
  assert.equal(usage.tokens, 5);
});

test("vercel: aborting closes the upstream's connection", async () => {
  const controller = new AbortController();
  const stream = ai.streamText({
    model: openai.chat("slow/slow"),
    prompt: ASK,
    abortSignal: controller.signal,
    onError: () => {},
    ...quiet,
  });
  for await (const piece of stream.textStream) {
    assert.equal(piece, "The sky");
    controller.abort();
  }
  await waitUntil(async () => (await openConnections()) === 0, "the upstream's connection is still open");
});
