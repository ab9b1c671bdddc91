#!/usr/bin/env node
// OpenAI's own client for JavaScript, unchanged, against a running service. Needs npm's openai.
//
//   npm install openai
//   autoglm serve -m MODEL --chat-template chat.jinja --port 8080 &
//   node bench/service/openai_clients.mjs http://127.0.0.1:8080/v1 [KEY]
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

// As found from where the script is run, not from where it lies.
const require = createRequire(pathToFileURL(path.join(process.cwd(), "x")));
const { default: OpenAI, BadRequestError, NotFoundError, APIUserAbortError } = await import(
  pathToFileURL(require.resolve("openai"))
);

const [baseURL, apiKey = "none"] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
let held = true;

function check(what, ok) {
  console.log(`  ${ok ? "held    " : "NOT HELD"} ${what}`);
  held &&= Boolean(ok);
}

async function error(promise) {
  try {
    await promise;
  } catch (e) {
    return e;
  }
}

const model = (await client.models.list()).data[0].id;
const messages = [{ role: "user", content: "Tell me of Lily." }];
const options = { model, messages, max_tokens: 12, temperature: 0 };
const whole = await client.chat.completions.create(options);
check("chat", whole.choices[0].finish_reason === "length" && whole.usage.completion_tokens === 12);

let text = "";
let usage = null;
const streamOptions = { stream: true, stream_options: { include_usage: true } };
for await (const piece of await client.chat.completions.create({ ...options, ...streamOptions })) {
  text += piece.choices[0]?.delta?.content ?? "";
  usage = piece.usage ?? usage;
}
check("chat as a stream", text === whole.choices[0].message.content && usage.completion_tokens === 12);

const final = await client.chat.completions.stream(options).finalChatCompletion();
check("the stream helper", final.choices[0].message.content === whole.choices[0].message.content);

const plain = await client.completions.create({ model, prompt: "Once upon a time", max_tokens: 8 });
check("completion", plain.usage.completion_tokens > 0);

const input = "Tell me of Lily.";
const response = await client.responses.create({ model, input, max_output_tokens: 8 });
check("response", typeof response.output_text === "string");
const kinds = [];
for await (const event of await client.responses.create({ model, input, max_output_tokens: 8, stream: true })) {
  kinds.push(event.type);
}
check("response as a stream", kinds[0] === "response.created" && kinds.includes("response.output_text.delta"));

const vectors = await client.embeddings.create({ model, input: ["one", "two"] });
const length = vectors.data[0].embedding.reduce((sum, x) => sum + x * x, 0);
check("embeddings", vectors.data.length === 2 && Math.abs(length - 1) < 1e-3);

const bad = await error(client.chat.completions.create({ ...options, temperature: 99 }));
check("a wrong value names its field", bad instanceof BadRequestError && bad.param === "temperature");
const missing = await error(client.chat.completions.create({ ...options, model: "no such model" }));
check("a model that is not there", missing instanceof NotFoundError);

const controller = new AbortController();
const aborted = await error(
  (async () => {
    const long = { model, prompt: "Once upon a time", max_tokens: 400, stream: true };
    const stream = await client.completions.create(long, { signal: controller.signal });
    for await (const _ of stream) controller.abort();
  })(),
);
check("an abort", aborted === undefined || aborted instanceof APIUserAbortError);
check("in order after an abort", (await client.models.list()).data.length > 0);
process.exit(held ? 0 : 1);
