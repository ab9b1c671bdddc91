#!/usr/bin/env python3
"""What holding an answer to a grammar costs, and what forced text saves, with a real model's passes.

    bench/grammar_overhead.py -m MODEL [--tokens 128] [--rounds 5] [--threads N]

Decodes freely, under a JSON Schema token by token (--no-jump-ahead: every token is a pass) and with
jump-ahead, taking turns; prints the median speeds and their ratio. Then the share of passes that
forced text saves in answers of the action grammar and of an object of ten fields. A model without
sense will do: what it writes is random, but valid. Standard library only.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Goes on for as long as it is measured.
MANY = {"type": "array", "minItems": 500, "items": {"type": "object", "properties": {
    "name": {"type": "string", "maxLength": 40}, "count": {"type": "integer", "minimum": 0, "maximum": 999},
    "kind": {"enum": ["red", "green", "blue"]}, "on": {"type": "boolean"},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 3}},
    "required": ["name", "count", "kind", "on", "tags"]}}
STRING = {"type": "string", "maxLength": 12}
TEN = {"name": STRING, "age": {"type": "integer", "minimum": 0, "maximum": 120}, "email": STRING,
       "is_admin": {"type": "boolean"}, "balance": {"type": "number", "minimum": 0, "maximum": 1000},
       "color": {"enum": ["red", "green", "blue"]}, "street_address": STRING,
       "postal_code": {"type": "string", "pattern": "^[0-9]{5}$"}, "country": {"enum": ["DE", "CN"]},
       "registered_at": {"type": "string", "format": "date"}}
TEN_FIELDS = {"type": "object", "properties": TEN, "required": list(TEN)}


def answer(args, *flags, seed=1):
    command = [str(args.program), "run", "-m", args.model, "--raw", "--json", "--seed", str(seed),
               "--temperature", "1", *flags, "Answer:"]
    if args.threads:
        command += ["--threads", str(args.threads)]
    out = subprocess.run(command, capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(f"grammar_overhead: {out.stderr.strip()}")
    return json.loads(out.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--program", default=ROOT / "build/release/apps/autoglm/autoglm")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--answers", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        many, ten = pathlib.Path(folder, "many.json"), pathlib.Path(folder, "ten.json")
        many.write_text(json.dumps(MANY))
        ten.write_text(json.dumps(TEN_FIELDS))
        limit = ("-n", str(args.tokens))
        ways = {"free": limit + ("--ignore-eos",),
                "schema": limit + ("--json-schema", str(many), "--no-jump-ahead"),
                "schema, jump-ahead": limit + ("--json-schema", str(many))}
        speeds = {way: [] for way in ways}
        for _ in range(args.rounds):
            for way, flags in ways.items():
                speeds[way].append(answer(args, *flags)["tok_s"])
        free = statistics.median(speeds["free"])
        for way, values in speeds.items():
            median = statistics.median(values)
            print(f"{way + ':':20} {median:7.2f} tok/s, {100 * median / free:6.1f} % of free "
                  f"({min(values):.2f}..{max(values):.2f})")
        for name, flags in (("actions", ("--grammar", "autoglm")), ("ten fields", ("--json-schema", str(ten)))):
            results = [answer(args, "-n", "400", *flags, seed=seed) for seed in range(args.answers)]
            n, jumped = (sum(r[key] for r in results) for key in ("n_tokens", "n_jumped_tokens"))
            print(f"{name}: {jumped} of {n} tokens took no pass of their own, {100 * jumped / n:.0f} %")


if __name__ == "__main__":
    main()
