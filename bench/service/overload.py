#!/usr/bin/env python3
"""Five times more than can be done: what is admitted is served as fast as ever, the rest is refused
at once.

    bench/service/overload.py -m q05-Q8_0.gguf
"""
import asyncio
import time

from harness import Daemon, Report, arguments, complete, percentile, tokens


async def closed_loop(port, n_clients, seconds, args):
    """Requests per second that are done with `n_clients` always waiting: the capacity."""
    done = 0
    end = time.perf_counter() + seconds

    async def client(index):
        nonlocal done
        i = 0
        while time.perf_counter() < end:
            i += 1
            answer = await complete(port, tokens(args.prompt, 1000 * index + i), args.tokens)
            done += answer.status == 200 and time.perf_counter() < end

    await asyncio.gather(*(client(i) for i in range(n_clients)))
    return done / seconds


async def open_loop(port, rate, seconds, args):
    """`rate` requests per second whatever becomes of them: [(arrival, answer)]."""
    answers = []
    start = time.perf_counter()

    async def one(index):
        arrival = time.perf_counter() - start
        answers.append((arrival, await complete(port, tokens(args.prompt, 10**6 + index),
                                                args.tokens)))

    tasks = []
    for i in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + i / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one(i)))
    await asyncio.gather(*tasks)
    return answers


async def main(args):
    report = Report(f"overload: {args.model}")
    with Daemon(args, "--parallel", args.parallel, "--kv-tokens", 16384,
                config={"limits": {}}) as daemon:
        port = daemon.port
        await closed_loop(port, args.parallel, 2, args)
        capacity = await closed_loop(port, args.parallel, args.seconds, args)
        report.note(f"capacity {capacity:.2f} requests/s")
        answers = await open_loop(port, 5 * capacity, args.seconds, args)
    admitted = [(t, a) for t, a in answers if a.status == 200]
    refused = [a for _, a in answers if a.status == 429]
    # What was done within the time in which requests came.
    done = sum(a.whole and t + a.seconds <= args.seconds for t, a in admitted)
    report.note(f"{len(answers)} requests: {len(admitted)} admitted, {len(refused)} refused (429), "
                f"{len(answers) - len(admitted) - len(refused)} other")
    report.check("goodput", 100 * done / args.seconds / capacity, 90, at_least=True,
                 unit=" % of capacity")
    halves = [[a.seconds for t, a in admitted if (t >= args.seconds / 2) == late]
              for late in (False, True)]
    report.note(f"p99 of admitted: first half {percentile(halves[0], 99):.2f} s, second half "
                f"{percentile(halves[1], 99):.2f} s")
    report.check("p99 of the second half against the first", percentile(halves[1], 99) /
                 percentile(halves[0], 99), 1.5, unit=" x")
    report.check("p99 until a refusal", percentile([a.seconds * 1e3 for a in refused], 99), 50,
                 unit=" ms")
    report.check("refusals without Retry-After",
                 sum("retry-after" not in a.headers for a in refused), 0)
    report.check("answers that are neither", len(answers) - len(admitted) - len(refused), 0)
    report.end()


if __name__ == "__main__":
    asyncio.run(main(arguments(__doc__.splitlines()[0], seconds=30.0, parallel=8, prompt=32,
                               tokens=24)))
