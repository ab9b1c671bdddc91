#!/usr/bin/env python3
"""What goes wrong around a service: clients that hang up or never read, requests that are none, a
disk that is full, a model file that changes underneath.

    bench/service/faults.py -m stories260K.gguf
"""
import asyncio
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import time

from harness import KEY, Daemon, Report, arguments, complete, completion, percentile, request, tokens


async def metric(port, name):
    """The sum of a metric's values."""
    answer = await request(port, "GET", "/metrics", headers=[f"Authorization: Bearer {ADMIN}"])
    lines = re.findall(rf"^{name}(?:{{.*}})? ([0-9.e+-]+)$", answer.body.decode(), re.M)
    return sum(map(float, lines))


ADMIN = "the admin token of these scripts"


def raw_request(body, more=""):
    payload = json.dumps(body)
    return (f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{more}"
            f"Content-Length: {len(payload)}\r\n\r\n{payload}").encode()


async def bad_client(port, index, rng):
    """Asks for a long answer, then never reads it, or hangs up before its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw_request(completion(tokens(20, index), 400)))
        await writer.drain()
        if index % 2 == 0:
            await asyncio.sleep(rng.uniform(1, 4))  # not read
        else:
            await asyncio.wait_for(reader.read(rng.randrange(1, 2000)), 5)
            await asyncio.sleep(rng.uniform(0, 1))
    except (OSError, asyncio.TimeoutError):
        pass
    finally:
        writer.transport.abort()


async def connections(args, report):
    with Daemon(args, "--parallel", 16, "--kv-tokens", 16384,
                config={"admin_token": ADMIN}) as daemon:
        port = daemon.port
        rng = random.Random(4)
        reference = await complete(port, tokens(30, 3), 100)
        await asyncio.gather(*(bad_client(port, i, rng) for i in range(50)))
        await asyncio.sleep(1)
        before = daemon.memory_bytes()[2]
        good = [asyncio.create_task(complete(port, tokens(30, 3), 100)) for _ in range(args.connections // 2)]
        bad = [bad_client(port, i, rng) for i in range(args.connections // 2)]
        await asyncio.gather(*bad)
        answers = await asyncio.gather(*good)
        served = [a for a in answers if a.status == 200]
        report.note(f"{args.connections} connections, half of them bad; of the others "
                    f"{len(served)} were answered, {len(answers) - len(served)} refused")
        report.check("answers that differ from the one given alone",
                     sum(not a.whole or a.text != reference.text for a in served), 0)
        report.check("answers that are neither whole nor 429",
                     sum(a.status not in (200, 429) for a in answers), 0)
        await asyncio.sleep(1)
        after = daemon.memory_bytes()[2]
        report.check("memory grown", (after - before) / 1e6, 16, unit=" MB")
        for name in ("autoglm_sequences_running", "autoglm_requests_waiting",
                     "autoglm_connections"):
            report.note(f"{name} afterwards: {await metric(port, name):g}")
        await hang_up_at_once(report, daemon)


async def hang_up_at_once(report, daemon):
    """How long a sequence runs on after its client has gone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
    writer.write(raw_request(completion(tokens(20, 9), 400)))
    await reader.readuntil(b"data: ")
    writer.transport.abort()
    start = time.perf_counter()
    answer = await complete(daemon.port, tokens(20, 10), 1)
    report.check("next answer after a hang-up", (time.perf_counter() - start) * 1e3, 1000, unit=" ms")
    assert answer.whole


async def send(port, data, seconds=15.0, pause=0.0):
    """The answer's status to raw bytes: 0 where the connection was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        pieces = [data] if pause == 0 else [data[i:i + 1] for i in range(len(data))]
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if pause:
                await asyncio.sleep(pause)
        line = await asyncio.wait_for(reader.readline(), seconds)
        return int(line.split()[1]) if line else 0
    except (OSError, ConnectionError):
        return 0
    except asyncio.TimeoutError:
        return -1
    finally:
        writer.transport.abort()


async def malformed(args, report):
    with Daemon(args, config={"admin_token": ADMIN}) as daemon:
        port = daemon.port
        head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"

        def post(payload):
            return head.encode() + f"Content-Length: {len(payload)}\r\n\r\n".encode() + payload

        deep = b"[" * 200000 + b"]" * 200000
        cases = {
            "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00" * 20 + b"\r\n\r\n",
            "a request line without end": b"GET /" + b"a" * 200000,
            "fields without end": head.encode() + b"X: y\r\n" * 20000,
            "two lengths": (head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello").encode(),
            "a length below zero": (head + "Content-Length: -5\r\n\r\n").encode(),
            "100 MB announced": (head + "Content-Length: 104857600\r\n\r\n").encode(),
            "invalid UTF-8": post(b'{"prompt": "\xff\xfe\x80", "max_tokens": 1}'),
            "JSON 200,000 deep": post(deep),
            "JSON with deep strings": post(b'{"prompt": ' + deep + b"}"),
            "not JSON": post(b"hello"),
            "a null prompt": post(b'{"prompt": null}'),
            "a huge number": post(b'{"prompt": "a", "max_tokens": 1e400}'),
            "a zero in a path": b"GET /v1/models\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
            "a chunk of 2^64": (head + "Transfer-Encoding: chunked\r\n\r\n"
                                "FFFFFFFFFFFFFFFF1\r\nabc").encode(),
        }
        crashed = 0
        for name, data in cases.items():
            status = await send(port, data)
            crashed += not daemon.alive()
            report.check(f"{name} is refused (status {status})", int(400 <= status < 500 or
                                                                     status in (0, 501, 505)),
                         1, at_least=True)
        big = await send(port, head.encode() + b"Content-Length: 104857600\r\n\r\n" + b"x" * 10**8)
        report.check(f"a body of 100 MB is refused (status {big})", int(big in (413, 0)), 1,
                     at_least=True)
        rng = random.Random(2)
        valid = raw_request(completion("Once upon", 2))
        for _ in range(300):
            data = bytearray(valid)
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            await send(port, bytes(data[:rng.randrange(1, len(data) + 1)]), 0.05)
            crashed += not daemon.alive()
        report.check("crashes", crashed, 0)
        start = time.perf_counter()
        slow = await asyncio.gather(*(send(port, head.encode() + b"X-Slow: " + b"a" * 100, 60,
                                           pause=0.5) for _ in range(50)),
                                    prompt_while(port))
        report.check("slow senders still connected after a minute", sum(s == -1 for s in slow[:50]),
                     0)
        report.note(f"the last of 50 slow senders was given up after "
                    f"{time.perf_counter() - start:.0f} s")
        report.check("p99 of answers beside slow senders", percentile(slow[50], 99) * 1e3, 500,
                     unit=" ms")


async def prompt_while(port, seconds=10):
    took, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        answer = await complete(port, "Once upon", 5)
        assert answer.status == 200
        took.append(answer.seconds)
        await asyncio.sleep(0.05)
    return took


async def full_disk(args, report):
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder],
                                 capture_output=True)
        if mounted.returncode != 0:
            report.note("a full disk: passed over, as it needs the right to mount")
            return
        try:
            with Daemon(args, config={"state": {"folder": folder + "/state"}}) as daemon:
                saved, status = 0, 201
                while status == 201 and saved < 1000:
                    answer = await request(daemon.port, "POST", "/v1/sessions",
                                           {"name": f"s{saved}", "prompt": tokens(100, saved)})
                    status = answer.status
                    saved += status == 201
                report.check(f"a full disk is told (status {status}, after {saved} sessions)",
                             int(status == 507), 1, at_least=True)
                listed = await request(daemon.port, "GET", "/v1/sessions")
                n_listed = len(json.loads(listed.body)["data"])
                report.check("sessions saved and not listed, or the other way",
                             abs(n_listed - saved), 0)
                whole = [await request(daemon.port, "POST", f"/v1/sessions/s{i}/resume", {})
                         for i in range(saved)]
                report.check("of them, not resumed", sum(a.status != 200 for a in whole), 0)
                gone = await request(daemon.port, "DELETE", "/v1/sessions/s0")
                again = await request(daemon.port, "POST", "/v1/sessions",
                                      {"name": "again", "prompt": tokens(100, 5)})
                report.check(f"room again after a deletion ({gone.status}, {again.status})",
                             int(again.status == 201), 1, at_least=True)
        finally:
            subprocess.run(["umount", folder], check=True)


async def model_file(args, report):
    """The file is deleted, or cut to half, while an answer is written from it."""
    for what in ("deleted", "cut"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.gguf")
            shutil.copy(args.model, path)
            with Daemon(args, model=path) as daemon:
                running = asyncio.create_task(complete(daemon.port, "Once upon", 300))
                await asyncio.sleep(0.02)
                if what == "deleted":
                    os.unlink(path)
                else:
                    os.truncate(path, os.path.getsize(path) // 2)
                answer = await running
                later = await complete(daemon.port, "Once upon", 300)
                alive = daemon.alive() and (await request(daemon.port, "GET", "/health")).status
                report.note(f"file {what}: the answer under way "
                            f"{'was whole' if answer.whole and answer.usage else 'ended with an error'}, "
                            f"a later one got {later.status}")
                report.check(f"alive after the file was {what}", int(bool(alive)), 1, at_least=True)


async def main(args):
    report = Report(f"faults: {args.model}")
    for part in (connections, malformed, full_disk, model_file):
        if not args.only or args.only == part.__name__:
            report.note(f"-- {part.__name__}")
            await part(args, report)
    report.end()


if __name__ == "__main__":
    asyncio.run(main(arguments(__doc__.splitlines()[0], connections=1000, only="")))
