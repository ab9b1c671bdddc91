"""What the proof scripts share: a daemon to measure, an HTTP client, figures. Standard library only."""
import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


KEY = "the key of these scripts"


def arguments(description, **defaults):
    """The options that every script has, and those of `defaults` (name: value)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("-m", "--model", required=True, help="a GGUF file")
    parser.add_argument("--program", default=ROOT / "build/release/apps/autoglm/autoglm")
    for name, value in defaults.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    return parser.parse_args()


@contextlib.contextmanager
def copies(path, n):
    """`n` files with the content of `path`, beside it, as apps that each bring their own."""
    with tempfile.TemporaryDirectory(dir=pathlib.Path(path).parent) as folder:
        paths = [pathlib.Path(folder) / f"copy{i}.gguf" for i in range(n)]
        for copy in paths:
            shutil.copyfile(path, copy)
        yield paths


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """`autoglm serve` on a port of its own; use it with `with`. `config`: its configuration file's
    content. Its rate limits are out of the way unless the configuration has some."""

    def __init__(self, args, *flags, config=None, model=None, port=None):
        self.port = port or free_port()
        config = {"limits": {"requests_per_minute": 1e9},
                  "apps": [{"name": "load", "key": KEY, "rate_per_s": 1e6, "burst": 1e6}],
                  **(config or {})}
        self.config = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(config, self.config)
        self.config.flush()
        self.command = [str(args.program), "serve", "-m", str(model or args.model),
                        "--port", str(self.port), "--config", self.config.name, *map(str, flags)]
        self.process = None

    def start(self):
        self.log = tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            time.sleep(0.02)
        raise SystemExit("the daemon did not start:\n" + self.output())

    def output(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        return self.process.wait(60)

    def alive(self):
        return self.process.poll() is None

    def memory_bytes(self):
        """(proportional, resident, own): shared pages count by share, whole, and not at all."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
        own = kib["Private_Dirty"] + kib["Private_Clean"]
        return kib["Pss"] * 1024, kib["Rss"] * 1024, own * 1024

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.alive():
            self.kill(signal.SIGTERM)


class Answer:
    """What came back: status, headers, body, and for streams when each token came (seconds)."""

    def __init__(self):
        self.status = 0
        self.headers = {}
        self.body = b""
        self.start = time.perf_counter()
        self.end = self.start
        self.token_times = []
        self.text = ""
        self.finish_reason = None
        self.usage = None
        self.whole = False

    @property
    def seconds(self):
        return self.end - self.start

    @property
    def ttft(self):
        return self.token_times[0] - self.start if self.token_times else float("nan")

    def gaps_ms(self):
        return [(b - a) * 1e3 for a, b in zip(self.token_times, self.token_times[1:])]

    def add_event(self, data):
        if data == b"[DONE]":
            self.whole = True
            return
        event = json.loads(data)
        if event.get("usage"):
            self.usage = event["usage"]
        for choice in event.get("choices", []):
            self.token_times.append(time.perf_counter())
            self.text += choice.get("text") or choice.get("delta", {}).get("content") or ""
            self.finish_reason = choice.get("finish_reason") or self.finish_reason


async def request(port, method, path, body=None, headers=(), stream=False, on_token=None):
    """One request over a connection of its own. Raises OSError or EOFError where it is cut off."""
    answer = Answer()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
    try:
        payload = b"" if body is None else json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close",
                f"Authorization: Bearer {KEY}", f"Content-Length: {len(payload)}", "Content-Type: application/json", *headers]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + payload)
        await writer.drain()
        answer.status = int((await reader.readuntil(b"\r\n")).split()[1])
        while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
            name, value = line.decode().split(":", 1)
            answer.headers[name.lower()] = value.strip()
        buffer = b""
        async for piece in body_pieces(reader, answer.headers):
            if not (stream and answer.status == 200):
                answer.body += piece
                continue
            buffer += piece
            while b"\n\n" in buffer:
                event, buffer = buffer.split(b"\n\n", 1)
                if event.startswith(b"data: "):
                    answer.add_event(event[6:])
                    if on_token is not None:
                        on_token(answer)
    finally:
        answer.end = time.perf_counter()
        writer.close()
    return answer


async def body_pieces(reader, headers):
    if headers.get("transfer-encoding") == "chunked":
        while (size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)) > 0:
            yield await reader.readexactly(size)
            await reader.readexactly(2)
    elif "content-length" in headers:
        yield await reader.readexactly(int(headers["content-length"]))
    else:
        while piece := await reader.read(1 << 16):
            yield piece


def completion(prompt, n, **more):
    """A body that writes exactly `n` tokens after `prompt` (a text, or token ids), always the same;
    each token is an event of its own."""
    return {"prompt": prompt, "max_tokens": n, "temperature": 0, "ignore_eos": True, "stream": True,
            "stream_options": {"include_usage": True}, "logprobs": 0, **more}


async def complete(port, prompt, n, priority=None, deadline_ms=None, on_token=None, **more):
    headers = []
    if priority:
        headers.append(f"X-Priority: {priority}")
    if deadline_ms:
        headers.append(f"X-Deadline-Ms: {deadline_ms}")
    return await request(port, "POST", "/v1/completions", completion(prompt, n, **more), headers,
                         stream=True, on_token=on_token)


def tokens(n, seed, vocabulary=400):
    """`n` token ids that no other seed begins with; ids that every vocabulary has."""
    rng = random.Random(seed)
    return [rng.randrange(10, vocabulary) for _ in range(n)]


def percentile(values, p):
    values = sorted(values)
    if not values:
        return float("nan")
    return values[min(len(values) - 1, int(len(values) * p / 100))]


class Report:
    """Prints a line for each figure, and ends the program with 1 where one is not held."""

    def __init__(self, title):
        print(title)
        self.held = True

    def note(self, text):
        print("  " + text, flush=True)

    def check(self, what, value, bound, at_least=False, unit=""):
        ok = value >= bound if at_least else value <= bound
        self.held &= ok
        sign = ">=" if at_least else "<="
        print(f"  {'held    ' if ok else 'NOT HELD'} {what}: {value:.4g}{unit} ({sign} {bound}{unit})",
              flush=True)

    def end(self):
        sys.exit(0 if self.held else 1)
