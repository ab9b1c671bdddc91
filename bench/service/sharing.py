#!/usr/bin/env python3
"""Four apps through one service, against four engines each on its own (SPEC S4.4).

Each app asks the same requests one after another; all apps at the same time. On its own, each app
has a daemon that serves nobody else and, as an app on a phone ships its model, a file of its own;
then once more with all of them over one file.

    bench/service/sharing.py -m q05-Q8_0.gguf
"""
import asyncio
import contextlib
import statistics
import time

from harness import Daemon, Report, arguments, complete, copies, tokens

N_APPS = 4


async def app(port, index, args):
    """The seconds that each of its requests took."""
    took = []
    for i in range(args.requests):
        answer = await complete(port, tokens(args.prompt, 100 * index + i), args.tokens)
        assert answer.status == 200 and answer.whole, answer.body
        took.append(answer.seconds)
    return took


async def measure(daemons, args):
    """(tokens per second, mean latency, proportional bytes, resident bytes) of all apps together."""
    for daemon in daemons:
        await complete(daemon.port, tokens(16, 0), 2)
    start = time.perf_counter()
    took = await asyncio.gather(*(app(daemons[i % len(daemons)].port, i, args)
                                  for i in range(N_APPS)))
    seconds = time.perf_counter() - start
    memory = [daemon.memory_bytes() for daemon in daemons]
    return (N_APPS * args.requests * args.tokens / seconds,
            statistics.mean(t for one in took for t in one),
            sum(m[0] for m in memory), sum(m[1] for m in memory))


def compare(args, models, report):
    """`models`: the file of each app's own engine. The ratios of the shared engine to those."""
    figures = {}
    for name, files, parallel in (("on their own", models, 1), ("shared", models[:1], N_APPS)):
        with contextlib.ExitStack() as stack:
            daemons = [stack.enter_context(Daemon(args, "--parallel", parallel, "--kv-tokens",
                                                  2048 * parallel, model=file)) for file in files]
            figures[name] = asyncio.run(measure(daemons, args))
        rate, latency, pss, rss = figures[name]
        report.note(f"{name}: {rate:.1f} tokens/s, mean latency {latency:.2f} s, memory "
                    f"{pss / 1e6:.0f} MB by share, {rss / 1e6:.0f} MB resident")
    return [a / b for a, b in zip(figures["shared"], figures["on their own"])]


def main(args):
    report = Report(f"sharing: {args.model}")
    report.note("each app with its own file, as phones keep them:")
    with copies(args.model, N_APPS) as files:
        rate, latency, pss, _ = compare(args, files, report)
    report.check("tokens per second", rate, 2.0, at_least=True, unit=" x")
    report.check("mean latency", latency, 0.71, unit=" x")
    report.check("memory by share", pss, 0.35, unit=" x")
    report.note("all engines over one file, whose pages the system shares:")
    rate, latency, pss, rss = compare(args, [args.model] * N_APPS, report)
    report.note(f"{rate:.2f} x the tokens per second, {latency:.2f} x the latency, memory "
                f"{pss:.2f} x by share, {rss:.2f} x resident")
    report.end()


if __name__ == "__main__":
    main(arguments(__doc__.splitlines()[0], requests=5, prompt=64, tokens=48))
