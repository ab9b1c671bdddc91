#!/usr/bin/env python3
"""How many whole actions `autoglm run` gets right, by language and action.

    python3 recipes/phone_actions/score.py [-m MODEL] [--wrong FILE] SENTENCES.jsonl...

Each sentence is one call of the program with one thread, as its users make it; an answer counts
where it is the expected text, byte for byte. The time is that of the answer, without loading.
"""
import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def is_chinese(text):
    return any("\u4e00" <= c <= "\u9fff" for c in text)


def ask(program, model, prompt, raw):
    """The answer's JSON object of `autoglm run`."""
    command = [program, "run", "--json", "--threads", "1", "-n", "200", "-p", prompt]
    command += ["-m", model] if model else []
    command += ["--grammar", raw] if raw else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit("%s\n%s" % (" ".join(command), done.stderr))
    return json.loads(done.stdout)


def percent(right, n):
    return "%5.1f %% of %d" % (100 * right / max(n, 1), n)


def score(options, path):
    examples = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    examples = examples[:options.limit or None]
    counts, times, wrong = collections.defaultdict(lambda: [0, 0]), [], []
    for example in examples:
        answer = ask(options.program, options.model, example["prompt"], options.grammar)
        times.append(answer["total_ms"])
        right = answer["text"] == example["answer"]
        action = example["answer"].split('"')[1]
        language = "Chinese" if is_chinese(example["prompt"]) else "English"
        for key in ("all", language, action):
            counts[key][0] += right
            counts[key][1] += 1
        if not right:
            wrong.append(dict(example, got=answer["text"]))
    print("%s: %s, median %.1f ms, slowest %.1f ms" % (
        path.name, percent(*counts.pop("all")), statistics.median(times), max(times)))
    for key in sorted(counts, key=lambda k: (k not in ("English", "Chinese"), k)):
        print("  %-16s %s" % (key, percent(*counts[key])))
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("sentences", nargs="+", type=pathlib.Path, metavar="SENTENCES.jsonl")
    parser.add_argument("-m", "--model", help="default: the bundled model")
    parser.add_argument("--program", default=str(ROOT / "build/release/apps/autoglm/autoglm"))
    parser.add_argument("--grammar", help="hold answers to this one instead")
    parser.add_argument("--limit", type=int, help="only the first N sentences of each file")
    parser.add_argument("--wrong", type=pathlib.Path, help="write what went wrong to this file")
    options = parser.parse_args()
    wrong = [example for path in options.sentences for example in score(options, path)]
    if options.wrong:
        lines = [json.dumps(example, ensure_ascii=False) + "\n" for example in wrong]
        options.wrong.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
