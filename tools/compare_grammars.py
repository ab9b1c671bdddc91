#!/usr/bin/env python3
"""Grammars and JSON Schemas, with texts that match and texts that do not, through autoglm and llama.cpp.

  tools/compare_grammars.py [--autoglm CMD] [--server CMD] [--validator CMD] [-m MODEL.gguf]

A grammar goes to llama.cpp's test-gbnf-validator; a schema first to its llama-server, which gives back
the grammar that it makes of it and needs any model for that. Prints every text of which the two
think differently, or of which autoglm thinks otherwise than the cases say
(tests/data/grammar/peer_cases.json). Exit status: 0 autoglm is right about all, also where there is no
llama.cpp; 1 it is not.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
CASES = ROOT / "tests/data/grammar/peer_cases.json"


class Peer:
    """llama.cpp's two programs; files are named relative to the current folder."""

    def __init__(self, args):
        self.validator = shlex.split(args.validator)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        shutil.copy(args.model, "model.gguf")
        command = [*shlex.split(args.server), "-m", "model.gguf", "--port", str(self.port), "-c", "256"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health").close()
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        sys.exit("compare_grammars: llama-server does not start")

    def grammar_of(self, schema):
        """None where the schema is refused."""
        body = json.dumps({"prompt": "x", "n_predict": 1, "json_schema": schema}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/completion", data=body,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)["generation_settings"]["grammar"]
        except urllib.error.HTTPError:
            return None

    def verdicts(self, grammar, texts):
        """True or False for each text; None where the grammar is refused."""
        if grammar is None:
            return [None] * len(texts)
        pathlib.Path("grammar.gbnf").write_text(grammar)
        found = []
        for text in texts:
            pathlib.Path("input.txt").write_text(text, newline="")
            out = subprocess.run([*self.validator, "grammar.gbnf", "input.txt"], text=True,
                                 capture_output=True, errors="replace")
            said = out.stdout + out.stderr
            found.append(True if "is valid" in said else False if "is invalid" in said else None)
        return found


def own_verdicts(autoglm, option, grammar, texts):
    pathlib.Path("own").write_text(grammar)
    files = []
    for i, text in enumerate(texts):
        files.append(f"own.{i}.txt")
        pathlib.Path(files[-1]).write_text(text, newline="")
    out = subprocess.run([*autoglm, "grammar", "check", *option, "own", *files, "--json"], text=True,
                         capture_output=True)
    if not out.stdout:
        return [None] * len(texts)
    return [file["valid"] for file in json.loads(out.stdout)["files"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--autoglm", default=str(ROOT / "build/release/apps/autoglm/autoglm"))
    parser.add_argument("--server", default="llama-server")
    parser.add_argument("--validator", default="test-gbnf-validator")
    parser.add_argument("-m", "--model",
                        default=str(ROOT.parent / "shared/data/models/stories260K.gguf"))
    args = parser.parse_args()
    cases = json.loads(CASES.read_text())
    has_peer = all(shutil.which(shlex.split(c)[0]) for c in (args.server, args.validator))
    has_peer = has_peer and os.path.exists(args.model)
    if not has_peer:
        print("no llama.cpp, or no model for it: only autoglm is checked")
    args.model = os.path.abspath(args.model)
    words = {True: "accepts", False: "rejects", None: "refuses the grammar"}
    n = {"texts": 0, "wrong": 0, "peer wrong": 0, "differ": 0}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        os.chdir(folder)
        peer = Peer(args) if has_peer else None
        if peer is not None:
            stack.callback(peer.process.wait)
            stack.callback(peer.process.terminate)
        for case in cases:
            texts = [*case["valid"], *case["invalid"]]
            is_schema = "schema" in case
            grammar = json.dumps(case["schema"]) if is_schema else "\n".join(case["grammar"])
            own = own_verdicts(shlex.split(args.autoglm), ["--json-schema"] if is_schema else [],
                               grammar, texts)
            theirs = [None] * len(texts)
            if peer is not None:
                their_grammar = peer.grammar_of(case["schema"]) if is_schema else grammar
                theirs = peer.verdicts(their_grammar, texts)
            for i, text in enumerate(texts):
                right = i < len(case["valid"])
                wrong = (own[i] is True) != right  # to refuse a grammar is to accept nothing
                differs = peer is not None and (theirs[i] is True) != (own[i] is True)
                n["texts"] += 1
                n["wrong"] += wrong
                n["peer wrong"] += peer is not None and (theirs[i] is True) != right
                n["differ"] += differs
                if wrong or differs:
                    print(f"{case['name']}: {json.dumps(text, ensure_ascii=False)} is "
                          f"{'valid' if right else 'invalid'}; autoglm {words[own[i]]}"
                          + (f", llama.cpp {words[theirs[i]]}" if peer is not None else ""))
        print(f"{len(cases)} grammars and schemas, {n['texts']} texts; autoglm is wrong about {n['wrong']}"
              + (f", llama.cpp about {n['peer wrong']}; they differ in {n['differ']}"
                 if peer is not None else ""))
    return 1 if n["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
