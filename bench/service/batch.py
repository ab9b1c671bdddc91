#!/usr/bin/env python3
"""Continuous batching, and prompts that begin alike.

Eight streams at a time against one, in tokens per second; then the time to the first token of a
second prompt that shares 1,000 tokens with the first. Medians of --reps runs, the two kinds in turn.

    bench/service/batch.py -m q05-Q8_0.gguf
"""
import asyncio
import statistics

from harness import Daemon, Report, arguments, complete, tokens


async def rate(port, n_streams, n_tokens, seed):
    """Tokens per second of n_streams answers that are written at the same time, prompts aside."""
    answers = await asyncio.gather(*(complete(port, tokens(16, seed + i), n_tokens, logprobs=None)
                                     for i in range(n_streams)))
    return sum((answer.usage["completion_tokens"] - 1) /
               (answer.token_times[-1] - answer.token_times[0]) for answer in answers)


async def first_token_ms(port, prompt):
    return (await complete(port, prompt, 2)).ttft * 1e3


async def main(args):
    report = Report(f"batch: {args.model}")
    with Daemon(args, "--parallel", 8, "--kv-tokens", 16384) as daemon:
        await complete(daemon.port, tokens(64, 0), 8)
        one, eight, first, second = [], [], [], []
        for rep in range(args.reps):
            seed = 1000 * (rep + 1)
            one.append(await rate(daemon.port, 1, args.tokens, seed))
            eight.append(await rate(daemon.port, 8, args.tokens, seed + 100))
            shared = tokens(args.prefix, seed + 200)
            first.append(await first_token_ms(daemon.port, shared + tokens(8, seed + 201)))
            second.append(await first_token_ms(daemon.port, shared + tokens(8, seed + 202)))
    report.note(f"1 stream {statistics.median(one):.1f} tokens/s, "
                f"8 streams {statistics.median(eight):.1f} tokens/s")
    report.check("8 streams against 1", statistics.median(eight) / statistics.median(one), 4.5,
                 at_least=True, unit=" x")
    report.note(f"first token of the first prompt after {statistics.median(first):.1f} ms, "
                f"of the second after {statistics.median(second):.1f} ms")
    report.check("second prompt's first token", 100 * statistics.median(second) /
                 statistics.median(first), 8, unit=" %")
    report.end()


if __name__ == "__main__":
    asyncio.run(main(arguments(__doc__.splitlines()[0], reps=3, tokens=64, prefix=1000)))
