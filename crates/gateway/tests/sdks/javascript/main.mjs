// Runs every case.

import { run } from "./harness.mjs";

import "./openai.mjs";
import "./anthropic.mjs";
import "./vercel.mjs";

await run();
// Connections that are kept alive would keep the process.
process.exit(0);
