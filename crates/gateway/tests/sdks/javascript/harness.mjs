// Cases: what they have in common, and how they are told to the test that runs them.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const GATEWAY = process.env.ULTRAAI_GATEWAY;
const TOLD = process.env.ULTRAAI_TOLD;
const ONLY = process.env.ULTRAAI_SDKS_ONLY ?? "";
const FOLDER = process.env.ULTRAAI_PACKAGES;

/** The upstreams, by the names that the gateway's settings give them. */
export const UPSTREAMS = ["chat", "responses", "anthropic", "gemini"];

export const TEXT = "The sky is blue.";
export const ASK = "What colour is the sky?";
export const USER = [{ role: "user", content: ASK }];

/** A picture of one point. */
export const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

export const WEATHER = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

export const CITIES = [{ city: "Oslo" }, { city: "Lima" }];

/** A package from the folder where they are installed, which is not above this file. */
export async function load(name) {
  const found = createRequire(pathToFileURL(join(FOLDER, "package.json"))).resolve(name);
  return import(pathToFileURL(found).href);
}

const cases = [];

/** A case, or one on each of some upstreams, whose name it is given. */
export function test(name, on, run) {
  if (typeof on === "function") {
    cases.push([name, on]);
  } else {
    cases.push(...on.map((upstream) => [`${name} (on ${upstream})`, () => run(upstream)]));
  }
}

async function told(path) {
  return (await fetch(TOLD + path)).json();
}

/** What comes to the upstream while `act` runs, with what it returns. */
export async function watched(act) {
  const before = (await told("/requests")).length;
  const value = await act();
  return [value, (await told("/requests")).slice(before)];
}

/** Connections to the slow upstream. */
export const openConnections = () => told("/open");

export async function waitUntil(holds, what) {
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    assert(Date.now() < end, `${what} after 20 seconds`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The error that `call` rejects with, which must be of exactly this class. */
export async function raises(kind, call) {
  let given;
  try {
    given = await call();
  } catch (error) {
    assert.equal(error.constructor, kind, `${error.constructor.name} and not ${kind.name}: ${error.message}`);
    return error;
  }
  assert.fail(`no ${kind.name}, but ${JSON.stringify(given)}`);
}

export async function gather(stream) {
  const all = [];
  for await (const piece of stream) all.push(piece);
  return all;
}

function tell(what) {
  process.stdout.write(JSON.stringify(what) + "\n");
}

export async function run() {
  for (const [name, act] of cases.filter(([name]) => name.includes(ONLY))) {
    try {
      await act();
      tell({ case: name });
    } catch (error) {
      tell({ case: name, wrong: String(error?.stack ?? error) });
    }
  }
  tell({ ended: true });
}
