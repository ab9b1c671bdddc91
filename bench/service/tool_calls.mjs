// The same as tool_calls.py by OpenAI's client for JavaScript. Needs the package openai.
//
//   autoglm serve -m MODEL --chat-template FILE.jinja --ctx 8192 --port 8080 &
//   node tool_calls.mjs http://127.0.0.1:8080/v1
import OpenAI from "openai";

const tools = [{type: "function", function: {name: "tap", description: "Taps the screen.", parameters: {
  type: "object", properties: {x: {type: "integer", minimum: 0, maximum: 999},
                               how: {type: "string", enum: ["short", "long"]}},
  required: ["x", "how"]}}}];
const client = new OpenAI({baseURL: process.argv[2], apiKey: "none", maxRetries: 0});
const model = (await client.models.list()).data[0].id;
const extra = {chat_template_kwargs: {enable_thinking: false}};
let failed = false;

function check(what, ok) {
  console.log(`  ${ok ? "held    " : "NOT HELD"} ${what}`);
  failed ||= !ok;
}

function valid(text) {
  const {x, how, ...rest} = JSON.parse(text);
  return Object.keys(rest).length === 0 && Number.isInteger(x) && x >= 0 && x <= 999 &&
         ["short", "long"].includes(how);
}

for (const streamed of [false, true]) {
  const messages = [{role: "user", content: "Tap the button."}];
  for (let turn = 0; turn < 3; ++turn) {
    const request = {model, messages, tools, tool_choice: "required", parallel_tool_calls: false,
                     seed: turn, ...extra};
    const answer = streamed ? await client.chat.completions.stream(request).finalChatCompletion()
                            : await client.chat.completions.create(request);
    const {message, finish_reason} = answer.choices[0];
    const calls = message.tool_calls ?? [];
    const ok = calls.length === 1 && finish_reason === "tool_calls" &&
               valid(calls[0].function.arguments);
    check(`${streamed ? "streamed" : "whole"}, turn ${turn + 1}: ${calls[0]?.function.arguments}`, ok);
    if (!ok) break;
    messages.push(message, {role: "tool", tool_call_id: calls[0].id, content: "tapped"});
  }
}
process.exit(failed ? 1 : 0);
