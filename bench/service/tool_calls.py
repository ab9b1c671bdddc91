#!/usr/bin/env python3
"""OpenAI's own client, unchanged, in a loop of tool calls: asks, gets a call, gives its result, asks
again; streamed and not, by chat completions and by responses. Needs the package openai.

    autoglm serve -m MODEL --chat-template FILE.jinja --ctx 8192 --port 8080 &
    bench/service/tool_calls.py http://127.0.0.1:8080/v1
"""
import json
import sys

import openai

TOOLS = [{"type": "function", "function": {
    "name": "tap", "description": "Taps the screen.", "parameters": {
        "type": "object", "properties": {
            "x": {"type": "integer", "minimum": 0, "maximum": 999},
            "how": {"type": "string", "enum": ["short", "long"]}},
        "required": ["x", "how"]}}}]
# No thinking: a model without sense may never stop.
EXTRA = {"chat_template_kwargs": {"enable_thinking": False}}
failures = []


def check(what, ok):
    print(f"  {'held    ' if ok else 'NOT HELD'} {what}", flush=True)
    if not ok:
        failures.append(what)


def valid(arguments):
    value = json.loads(arguments)
    return (set(value) == {"x", "how"} and isinstance(value["x"], int) and
            0 <= value["x"] <= 999 and value["how"] in ("short", "long"))


def streamed(client, **request):
    """The message that the pieces of a stream make."""
    calls, content, finish = {}, "", None
    for chunk in client.chat.completions.create(stream=True, **request):
        if not chunk.choices:
            continue
        choice = chunk.choices[0]
        content += choice.delta.content or ""
        for part in choice.delta.tool_calls or []:
            call = calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
            call["id"] += part.id or ""
            call["name"] += part.function.name or ""
            call["arguments"] += part.function.arguments or ""
        finish = choice.finish_reason or finish
    return list(calls.values()), finish


def whole(client, **request):
    choice = client.chat.completions.create(**request).choices[0]
    return [{"id": c.id, "name": c.function.name, "arguments": c.function.arguments}
            for c in choice.message.tool_calls or []], choice.finish_reason


def loop(client, model, name, ask):
    messages = [{"role": "user", "content": "Tap the button."}]
    for turn in range(3):
        request = {"model": model, "messages": messages, "tools": TOOLS, "seed": turn,
                   "tool_choice": "required", "parallel_tool_calls": False, "temperature": 1,
                   "extra_body": EXTRA}
        calls, finish = ask(client, **request)
        ok = len(calls) == 1 and finish == "tool_calls" and valid(calls[0]["arguments"])
        check(f"{name}, turn {turn + 1}: {calls}", ok)
        if not ok:
            return
        call = calls[0]
        messages.append({"role": "assistant", "content": None, "tool_calls": [
            {"id": call["id"], "type": "function",
             "function": {"name": call["name"], "arguments": call["arguments"]}}]})
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": "tapped"})
    answer = client.chat.completions.create(model=model, messages=messages, tools=TOOLS,
                                            tool_choice="none", max_tokens=8, extra_body=EXTRA)
    check(f"{name}: an answer in words follows", not answer.choices[0].message.tool_calls)


def responses(client, model):
    tools = [{"type": "function", **TOOLS[0]["function"]}]
    common = {"model": model, "tools": tools, "tool_choice": "required", "extra_body": EXTRA,
              "parallel_tool_calls": False}
    first = client.responses.create(input="Tap.", **common)
    call = [item for item in first.output if item.type == "function_call"][0]
    check(f"responses: {call.arguments}", valid(call.arguments))
    result = [{"type": "function_call_output", "call_id": call.call_id, "output": "tapped"}]
    arguments, completed = "", None
    for event in client.responses.create(input=result, previous_response_id=first.id, stream=True,
                                         **common):
        if event.type == "response.function_call_arguments.delta":
            arguments += event.delta
        if event.type == "response.completed":
            completed = event.response
    check(f"responses, streamed: {arguments}", completed is not None and valid(arguments))


client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
model = client.models.list().data[0].id
loop(client, model, "whole", whole)
loop(client, model, "streamed", streamed)
responses(client, model)
form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {
    "type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}}}
answer = client.chat.completions.create(model=model, response_format=form, extra_body=EXTRA,
                                        messages=[{"role": "user", "content": "Well?"}])
check("response_format", isinstance(json.loads(answer.choices[0].message.content)["ok"], bool))
sys.exit(1 if failures else 0)
