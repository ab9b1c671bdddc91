#!/usr/bin/env python3
"""Four apps through one service, against four engines each on its own (SPEC S4.4).

Each app asks the same requests one after another; all apps at the same time. On its own, each app
has a daemon that serves nobody else.

    bench/service/sharing.py -m q05-Q8_0.gguf
"""
import asyncio
import contextlib
import statistics
import time

from harness import Daemon, Report, arguments, complete, tokens

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


def main(args):
    report = Report(f"sharing: {args.model}")
    figures = {}
    for name, n_daemons, parallel in (("on their own", N_APPS, 1), ("shared", 1, N_APPS)):
        with contextlib.ExitStack() as stack:
            daemons = [stack.enter_context(Daemon(args, "--parallel", parallel, "--kv-tokens",
                                                  2048 * parallel)) for _ in range(n_daemons)]
            figures[name] = asyncio.run(measure(daemons, args))
        rate, latency, pss, rss = figures[name]
        report.note(f"{name}: {rate:.1f} tokens/s, mean latency {latency:.2f} s, memory "
                    f"{pss / 1e6:.0f} MB by share, {rss / 1e6:.0f} MB resident")
    own, shared = figures["on their own"], figures["shared"]
    report.check("tokens per second", shared[0] / own[0], 2.0, at_least=True, unit=" x")
    report.check("mean latency", shared[1] / own[1], 0.71, unit=" x")
    report.check("memory by share", shared[2] / own[2], 0.35, unit=" x")
    report.note(f"memory resident: {shared[3] / own[3]:.3f} x")
    report.end()


if __name__ == "__main__":
    main(arguments(__doc__.splitlines()[0], requests=3, prompt=64, tokens=48))
