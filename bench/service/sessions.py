#!/usr/bin/env python3
"""Conversations that sleep on flash: what resuming costs against computing again, and that a daemon
killed at any moment loses none that it had acknowledged.

    bench/service/sessions.py -m q05-Q8_0.gguf            the cost, of 2,000 tokens
    bench/service/sessions.py -m stories260K.gguf --kills 200 --tokens 0
"""
import asyncio
import contextlib
import os
import random
import statistics
import tempfile
import time

from harness import Daemon, Report, arguments, complete, percentile, request, tokens


async def save(port, name, prompt):
    return await request(port, "POST", "/v1/sessions", {"name": name, "prompt": prompt})


async def resume(port, name):
    return await request(port, "POST", f"/v1/sessions/{name}/resume", {})


async def measure_cost(args, report, config):
    prefill, saved, resumed, first = [], [], [], []
    for rep in range(args.reps):
        prompt = tokens(args.tokens, rep + 1)
        with Daemon(args, "--ctx", args.tokens + 100, "--kv-tokens", 2 * args.tokens,
                    config=config) as daemon:
            await complete(daemon.port, tokens(32, 0), 2)
            prefill.append((await complete(daemon.port, prompt, 1)).ttft * 1e3)
            answer = await save(daemon.port, "long", prompt)
            assert answer.status == 201, answer.body
            saved.append(answer.seconds * 1e3)
        with Daemon(args, "--ctx", args.tokens + 100, "--kv-tokens", 2 * args.tokens,
                    config=config) as daemon:
            await complete(daemon.port, tokens(32, 0), 2)
            answer = await resume(daemon.port, "long")
            assert answer.status == 200, answer.body
            resumed.append(answer.seconds * 1e3)
            first.append((await complete(daemon.port, prompt, 1)).ttft * 1e3)
    median = statistics.median
    report.note(f"{args.tokens} tokens: computed in {median(prefill):.0f} ms, saved in "
                f"{median(saved):.0f} ms; after a restart resumed in {median(resumed):.1f} ms, then "
                f"the first token after {median(first):.1f} ms")
    report.check("resuming against computing", 100 * median(resumed) / median(prefill), 5,
                 unit=" %")
    report.note(f"with the first token: {100 * (median(resumed) + median(first)) / median(prefill):.1f} %")


async def load_until_killed(daemon, acknowledged, rng):
    """Saves sessions from several clients, replaces and deletes some; kills the daemon meanwhile."""

    async def client(index):
        for i in range(10**6):
            name = f"s{index}-{rng.randrange(3)}"
            seed = rng.randrange(10**9)
            pending = acknowledged.setdefault(name, {"sure": None, "maybe": set()})
            if rng.random() < 0.15:
                pending["maybe"].add(None)
                answer = await request(daemon.port, "DELETE", f"/v1/sessions/{name}")
                if answer.status == 200:
                    pending.update(sure=None, maybe=set())
            else:
                pending["maybe"].add(seed)
                answer = await save(daemon.port, name, tokens(100, seed))
                if answer.status == 201:
                    pending.update(sure=seed, maybe=set())

    async def streams():
        while True:
            await complete(daemon.port, tokens(30, rng.randrange(10**9)), 50)

    clients = [asyncio.create_task(client(i)) for i in range(3)]
    clients += [asyncio.create_task(streams()) for _ in range(2)]
    await asyncio.sleep(rng.uniform(0.02, 0.4))
    daemon.kill()
    for result in await asyncio.gather(*clients, return_exceptions=True):
        if not isinstance(result, (OSError, EOFError, asyncio.IncompleteReadError)):
            raise result


async def check_sessions(port, acknowledged):
    """(lost, wrong): sessions that should be there and are not, or are not what was saved."""
    lost, wrong = 0, 0
    for name, state in acknowledged.items():
        answer = await resume(port, name)
        allowed = {state["sure"], *state["maybe"]}
        if answer.status == 404:
            lost += None not in allowed
            continue
        if answer.status != 200:
            wrong += 1
            continue
        # Whose pages are they? The prompt that finds them computed.
        found = []
        for seed in allowed - {None}:
            check = await complete(port, tokens(100, seed), 1)
            cached = check.usage["prompt_tokens_details"]["cached_tokens"]
            if cached >= 96:
                found.append(seed)
        wrong += not found
        state.update(sure=found[0] if found else None, maybe=set(found[1:]))
    return lost, wrong


async def kill_rounds(args, report, config):
    rng = random.Random(args.seed)
    acknowledged, lost, wrong, n_saved, n_torn, starts = {}, 0, 0, 0, 0, []
    for round_index in range(args.kills):
        start = time.perf_counter()
        daemon = Daemon(args, "--kv-tokens", 4096, config=config).start()
        starts.append(time.perf_counter() - start)
        n_torn += daemon.output().count("is discarded")
        with contextlib.closing(daemon.log):
            if round_index > 0:
                more = await check_sessions(daemon.port, acknowledged)
                lost, wrong = lost + more[0], wrong + more[1]
            await load_until_killed(daemon, acknowledged, rng)
        n_saved += sum(state["sure"] is not None for state in acknowledged.values())
    with Daemon(args, "--kv-tokens", 4096, config=config) as daemon:
        more = await check_sessions(daemon.port, acknowledged)
        lost, wrong = lost + more[0], wrong + more[1]
        n_torn += daemon.output().count("is discarded")
    left = [f for _, _, files in os.walk(config["state"]["folder"]) for f in files if ".tmp-" in f]
    report.note(f"{args.kills} kills; {n_saved} acknowledged sessions looked for afterwards; "
                f"median start {percentile(starts, 50) * 1e3:.0f} ms; {n_torn} torn files found at "
                "a start and discarded")
    report.check("acknowledged sessions lost", lost, 0)
    report.check("sessions corrupt", wrong, 0)
    report.check("half files left behind", len(left), 0)


async def main(args):
    report = Report(f"sessions: {args.model}")
    with tempfile.TemporaryDirectory() as folder:
        key = os.path.join(folder, "key")
        with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(os.urandom(32))
        for name, more in (("plain", {}), ("encrypted", {"key_file": key})):
            config = {"state": {"folder": os.path.join(folder, name), **more}}
            if args.tokens > 0:
                report.note(name)
                await measure_cost(args, report, config)
        if args.kills > 0:
            await kill_rounds(args, report, {"state": {"folder": os.path.join(folder, "kills")}})
    report.end()


if __name__ == "__main__":
    asyncio.run(main(arguments(__doc__.splitlines()[0], reps=3, tokens=2000, kills=0, seed=1)))
