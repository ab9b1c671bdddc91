#!/usr/bin/env python3
"""OpenAI's own client, unchanged, against a running service: chat, streams, completions, responses,
embeddings, errors, an abort. Needs the package openai.

    autoglm serve -m MODEL --chat-template chat.jinja --port 8080 &
    bench/service/openai_clients.py http://127.0.0.1:8080/v1 [KEY]
"""
import asyncio
import sys

import openai


def check(what, ok):
    print(f"  {'held    ' if ok else 'NOT HELD'} {what}", flush=True)
    return ok


def raises(kind, function):
    try:
        function()
    except kind as error:
        return error
    return None


def synchronous(client, model):
    messages = [{"role": "user", "content": "Tell me of Lily."}]
    whole = client.chat.completions.create(model=model, messages=messages, max_tokens=12,
                                           temperature=0)
    yield check("chat", whole.choices[0].message.role == "assistant" and
                whole.choices[0].finish_reason == "length" and whole.usage.completion_tokens == 12)
    pieces = list(client.chat.completions.create(
        model=model, messages=messages, max_tokens=12, temperature=0, stream=True,
        stream_options={"include_usage": True}))
    text = "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
    yield check("chat as a stream", text == whole.choices[0].message.content and
                pieces[-1].usage.completion_tokens == 12)
    many = client.chat.completions.create(model=model, messages=messages, max_tokens=4, n=3, seed=5,
                                          logprobs=True, top_logprobs=2)
    yield check("n, seed, logprobs", len(many.choices) == 3 and
                len(many.choices[0].logprobs.content[0].top_logprobs) == 2)
    plain = client.completions.create(model=model, prompt="Once upon a time", max_tokens=20,
                                      temperature=0)
    yield check("completion", plain.usage.prompt_tokens > 0 and len(plain.choices[0].text) > 0)
    word = plain.choices[0].text.split()[2]
    stopped = client.completions.create(model=model, prompt="Once upon a time", max_tokens=20,
                                        temperature=0, stop=[word])
    yield check("stop", stopped.choices[0].finish_reason == "stop" and
                word not in stopped.choices[0].text)
    response = client.responses.create(model=model, input="Tell me of Lily.", max_output_tokens=8)
    yield check("response", response.status in ("completed", "incomplete") and
                isinstance(response.output_text, str))
    kinds = [event.type for event in client.responses.create(
        model=model, input="Tell me of Lily.", max_output_tokens=8, stream=True)]
    yield check("response as a stream", kinds[0] == "response.created" and
                "response.output_text.delta" in kinds and
                kinds[-1] in ("response.completed", "response.incomplete"))
    vectors = client.embeddings.create(model=model, input=["one", "two"])
    length = sum(x * x for x in vectors.data[0].embedding)
    yield check("embeddings", len(vectors.data) == 2 and abs(length - 1) < 1e-3)
    yield check("models", model in [m.id for m in client.models.list().data])


def errors(client, model):
    messages = [{"role": "user", "content": "x"}]
    bad = raises(openai.BadRequestError, lambda: client.chat.completions.create(
        model=model, messages=messages, temperature=99))
    yield check("a wrong value names its field", bad is not None and bad.param == "temperature")
    yield check("a model that is not there", raises(
        openai.NotFoundError, lambda: client.chat.completions.create(
            model="no such model", messages=messages)) is not None)
    long = raises(openai.BadRequestError, lambda: client.completions.create(
        model=model, prompt="word " * 100000, max_tokens=1))
    yield check("a prompt that is too long", long is not None and
                long.code == "context_length_exceeded")


async def abort(base_url, key, model):
    client = openai.AsyncOpenAI(base_url=base_url, api_key=key)
    stream = await client.completions.create(model=model, prompt="Once upon a time", max_tokens=400,
                                             stream=True)
    async for _ in stream:
        break
    await stream.close()
    after = await client.completions.create(model=model, prompt="Once", max_tokens=2)
    return check("a stream that is given up leaves the service in order",
                 after.usage.completion_tokens == 2)


def main():
    base_url, key = sys.argv[1], (sys.argv[2:] or ["none"])[0]
    client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
    print(f"openai {openai.__version__} for Python")
    model = client.models.list().data[0].id
    held = all([*synchronous(client, model), *errors(client, model),
                asyncio.run(abort(base_url, key, model))])
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
