#!/usr/bin/env python3
"""Classes and deadlines: an interactive stream beside a saturating batch load, and short realtime
tasks with deadlines of 300 and 150 ms at 0.7 of what the device can do.

    bench/service/qos.py -m q05-Q8_0.gguf
"""
import asyncio
import random
import time

from harness import Daemon, Report, arguments, complete, percentile, tokens


async def batch_load(port, n_streams, stop):
    """Keeps `n_streams` batch requests under way; the number of tokens they wrote."""
    written = 0

    async def one(index):
        nonlocal written
        i = 0
        while not stop.is_set():
            i += 1
            answer = await complete(port, tokens(200, 10000 * index + i), 40, priority="batch")
            written += len(answer.token_times)
            if answer.status != 200:
                await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(one(i)) for i in range(n_streams)]
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return written


async def interactive_gaps(args, port, with_batch):
    stop = asyncio.Event()
    load = None
    if with_batch:
        load = asyncio.create_task(batch_load(port, 12, stop))
        await asyncio.sleep(3)
    start = time.perf_counter()
    answer = await complete(port, tokens(32, 5), args.tokens, priority="interactive")
    seconds = time.perf_counter() - start
    stop.set()
    written = await load if load else 0
    return answer.gaps_ms(), written / seconds


async def realtime_tasks(port, rate, n_tasks):
    """Tasks at random times, `rate` a second; (how many kept their deadline, were refused, came)."""
    rng = random.Random(1)
    late, refused, took = 0, 0, []

    async def one(index):
        nonlocal late, refused
        deadline_ms = 300 if index % 2 == 0 else 150
        answer = await complete(port, tokens(8, 77000 + index), 2, deadline_ms=deadline_ms)
        took.append(answer.seconds * 1e3)
        if answer.status != 200:
            refused += 1
        elif answer.seconds * 1e3 > deadline_ms:
            late += 1

    tasks = []
    for i in range(n_tasks):
        tasks.append(asyncio.create_task(one(i)))
        await asyncio.sleep(rng.uniform(0.5, 1.5) / rate)
    await asyncio.gather(*tasks)
    return late, refused, took


async def main(args):
    report = Report(f"qos: {args.model}")
    with Daemon(args, "--parallel", 16, "--kv-tokens", 16384) as daemon:
        port = daemon.port
        await complete(port, tokens(300, 1), 20)
        alone, _ = await interactive_gaps(args, port, False)
        loaded, batch_rate = await interactive_gaps(args, port, True)
        report.note(f"gap alone: median {percentile(alone, 50):.1f} ms, p99 "
                    f"{percentile(alone, 99):.1f} ms; beside batch: median "
                    f"{percentile(loaded, 50):.1f} ms, p99 {percentile(loaded, 99):.1f} ms")
        report.note(f"batch wrote {batch_rate:.1f} tokens/s meanwhile")
        report.check("p99 of the gap beside batch", percentile(loaded, 99) / percentile(alone, 99),
                     1.6, unit=" x")
        await asyncio.sleep(1)

        took = [(await complete(port, tokens(8, 99000 + i), 2, priority="interactive")).seconds
                for i in range(20)]
        rate = 0.7 / percentile(took, 50)
        report.note(f"a short task takes {percentile(took, 50) * 1e3:.1f} ms; {rate:.1f} a second "
                    "are 0.7 of what can be done one after another")
        late, refused, took = await realtime_tasks(port, rate, args.tasks)
        report.note(f"{args.tasks} tasks: {late} late, {refused} refused; median "
                    f"{percentile(took, 50):.1f} ms, p99 {percentile(took, 99):.1f} ms")
        report.check("tasks in time", 100 * (args.tasks - late - refused) / args.tasks, 99,
                     at_least=True, unit=" %")
    report.end()


if __name__ == "__main__":
    asyncio.run(main(arguments(__doc__.splitlines()[0], tokens=300, tasks=500)))
