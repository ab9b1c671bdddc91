#!/usr/bin/env python3
"""Compare our block encoders with llama.cpp's: RMS errors on a Gaussian and two heavy-tailed matrices.

Needs llama-quantize on PATH, python3-numpy, and the codec, built from the repository root with
    c++ -std=c++20 -O3 -Isrc -Iinclude tools/quant_codec.cc $(ls src/quant/*.cc src/tensor/*.cc src/base/*.cc | grep -v _test) -o quant_codec
Then: tools/compare_encoders.py --codec ./quant_codec [--types q4_0,q4_k] [--rows 256]
Prints, for each type, ours / theirs without and with an importance matrix (weighted error then).
--fixture DIR instead writes tests/data/quant: blocks of random bits and the floats that llama.cpp
makes of them.
"""
import argparse
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np

# name: (ggml id, elements per block, bytes per block, offsets of binary16 scales in a block)
TYPES = {
    "f16": (1, 1, 2, []),
    "bf16": (30, 1, 2, []),
    "q4_0": (2, 32, 18, [0]),
    "q4_1": (3, 32, 20, [0, 2]),
    "q5_0": (6, 32, 22, [0]),
    "q5_1": (7, 32, 24, [0, 2]),
    "q8_0": (8, 32, 34, [0]),
    "q2_k": (10, 256, 84, [80, 82]),
    "q3_k": (11, 256, 110, [108]),
    "q4_k": (12, 256, 144, [0, 2]),
    "q5_k": (13, 256, 176, [0, 2]),
    "q6_k": (14, 256, 210, [208]),
    "iq4_nl": (20, 32, 18, [0]),
    "iq4_xs": (23, 256, 136, [0]),
    "mxfp4": (39, 32, 17, []),
}
DECODE_ONLY = ("iq4_nl", "iq4_xs")
F32 = 0
UINT32, FLOAT32, STRING, ARRAY = 4, 6, 8, 9
MODEL_KEYS = [
    ("general.architecture", STRING, "llama"),
    ("llama.block_count", UINT32, 3),
    ("llama.context_length", UINT32, 512),
    ("llama.embedding_length", UINT32, 256),
    ("llama.feed_forward_length", UINT32, 256),
    ("llama.attention.head_count", UINT32, 4),
    ("llama.attention.head_count_kv", UINT32, 4),
    ("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
]


def gguf_string(text):
    return struct.pack("<Q", len(text)) + text.encode()


def write_gguf(path, keys, tensors):
    """tensors: (name, shape with rows first, ggml type, bytes)."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for key, kind, value in keys:
        head += gguf_string(key) + struct.pack("<I", kind)
        if kind == ARRAY:
            head += struct.pack("<IQ", STRING, len(value)) + b"".join(map(gguf_string, value))
        else:
            head += gguf_string(value) if kind == STRING else struct.pack("<I" if kind == UINT32 else "<f", value)
    body = b""
    for name, shape, kind, data in tensors:
        head += gguf_string(name) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", d) for d in reversed(shape)) + struct.pack("<IQ", kind, len(body))
        body += data + b"\0" * (-len(data) % 32)
    with open(path, "wb") as f:
        f.write(head + b"\0" * (-len(head) % 32) + body)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, fmt):
        values = struct.unpack_from("<" + fmt, self.data, self.at)
        self.at += struct.calcsize("<" + fmt)
        return values[0]

    def string(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n:self.at].decode()

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            inner, n = self.take("I"), self.take("Q")
            return [self.value(inner) for _ in range(n)]
        return self.take("BbHhIif?.QqdX"[kind] if kind < 8 else {10: "Q", 11: "q", 12: "d"}[kind])


def read_gguf(path):
    """name -> (ggml type, bytes from the tensor's start to the file's end)."""
    with open(path, "rb") as f:
        reader = Reader(f.read())
    reader.at = 8
    n_tensors, n_keys = reader.take("Q"), reader.take("Q")
    for _ in range(n_keys):
        reader.string()
        reader.value(reader.take("I"))
    places = {}
    for _ in range(n_tensors):
        name = reader.string()
        for _ in range(reader.take("I")):
            reader.take("Q")
        places[name] = (reader.take("I"), reader.take("Q"))
    start = (reader.at + 31) // 32 * 32
    return {name: (kind, reader.data[start + offset:]) for name, (kind, offset) in places.items()}


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}")


def theirs(folder, source, name, options):
    """llama.cpp's blocks of every tensor."""
    out = os.path.join(folder, "theirs.gguf")
    if name == "mxfp4":
        run("llama-quantize", *options, "--tensor-type", "ffn_up=mxfp4", source, out, "Q8_0", "1")
    else:
        # Q3_K and its like are names of mixtures; --pure makes them uniform.
        label = {"q2_k": "Q2_K", "q3_k": "Q3_K_S", "q4_k": "Q4_K_S", "q5_k": "Q5_K_S"}.get(name, name.upper())
        run("llama-quantize", "--pure", *options, source, out, label, "1")
    return read_gguf(out)


def matrices(rows, cols):
    rng = np.random.default_rng(1)
    student = rng.standard_t(3, (rows, cols))
    return {
        "gaussian": 0.02 * rng.standard_normal((rows, cols)),
        "student3": 0.02 * student,
        "laplace^3": 0.02 * rng.laplace(size=(rows, cols)) ** 3,
    }


def compare(args, folder):
    data = {k: v.astype("<f4") for k, v in matrices(args.rows, args.cols).items()}
    names = {k: f"blk.{i}.ffn_up.weight" for i, k in enumerate(data)}
    importance = np.exp(np.random.default_rng(2).standard_normal(args.cols)).astype("<f4")
    source, imatrix = (os.path.join(folder, n) for n in ("source.gguf", "imatrix.gguf"))
    write_gguf(source, MODEL_KEYS, [(names[k], v.shape, F32, v.tobytes()) for k, v in data.items()])
    write_gguf(imatrix, [("general.type", STRING, "imatrix"), ("imatrix.datasets", ARRAY, ["random"]), ("imatrix.chunk_count", UINT32, 1),
                         ("imatrix.chunk_size", UINT32, 512)],
               [t for name in names.values() for t in (
                   (name + ".in_sum2", (1, args.cols), F32, importance.tobytes()),
                   (name + ".counts", (1, 1), F32, np.ones(1, "<f4").tobytes()))])
    x_file, w_file, block_file, y_file = (os.path.join(folder, n) for n in ("x", "w", "blocks", "y"))
    print("type     matrix      ours     llama.cpp ratio  | weighted: ours  llama.cpp ratio")
    for name in args.types.split(","):
        kind, block, size, _ = TYPES[name]
        plain = theirs(folder, source, name, [])
        weighted = theirs(folder, source, name, ["--imatrix", imatrix])
        for label, x in data.items():
            x.tofile(x_file)
            weights = np.broadcast_to(importance, x.shape)
            weights.astype("<f4").tofile(w_file)

            def error(blocks, w):
                with open(block_file, "wb") as f:
                    f.write(blocks)
                run(args.codec, "decode", name, block_file, y_file)
                y = np.fromfile(y_file, "<f4").reshape(x.shape).astype(float)
                return np.sqrt((w * (y - x) ** 2).sum() / (w * x.astype(float) ** 2).sum())

            def ours(*importance_file):
                run(args.codec, "encode", name, x_file, block_file, *importance_file)
                with open(block_file, "rb") as f:
                    return f.read()

            row = []
            for tensors, w, files in ((plain, 1.0, ()), (weighted, weights.astype(float), (w_file,))):
                their_kind, blocks = tensors[names[label]]
                assert their_kind == kind, (name, their_kind)
                their_error = error(blocks[:x.size // block * size], w)
                our_error = error(ours(*files), w)
                row += [our_error, their_error, our_error / their_error]
            print("%-8s %-10s %.6f  %.6f  %.4f |          %.6f  %.6f  %.4f" % (name, label, *row), flush=True)


def fixture(folder, target):
    """256 elements of each type: random bits with modest scales, as llama.cpp decodes them.

    It leaves tensors of one row as they are, hence the second row, which is dropped again.
    """
    rng = np.random.default_rng(3)
    os.makedirs(target, exist_ok=True)
    for name, (kind, block, size, scales) in TYPES.items():
        blocks = rng.integers(0, 256, (512 // block, size), dtype=np.uint8)
        for offset in scales:
            values = rng.standard_normal(len(blocks)).astype("<f2")
            blocks[:, offset:offset + 2] = values.view(np.uint8).reshape(-1, 2)
        if name == "mxfp4":
            blocks[:, 0] = rng.integers(100, 150, len(blocks))
        if block == 1:
            values = rng.standard_normal(512).astype("<f4")
            bits = values.astype("<f2").view(np.uint8) if name == "f16" else values.view(np.uint8).reshape(-1, 4)[:, 2:]
            blocks = np.ascontiguousarray(bits)
        source, out = (os.path.join(folder, n) for n in ("bits.gguf", "floats.gguf"))
        tensor = "blk.0.ffn_up.weight"
        write_gguf(source, MODEL_KEYS, [(tensor, (2, 256), kind, blocks.tobytes())])
        run("llama-quantize", "--allow-requantize", source, out, "F32", "1")
        their_kind, floats = read_gguf(out)[tensor]
        assert their_kind == F32
        with open(os.path.join(target, name + ".bin"), "wb") as f:
            f.write(blocks.tobytes()[:256 // block * size] + floats[:1024])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec")
    encoded = [name for name in TYPES if name not in DECODE_ONLY]
    parser.add_argument("--types", default=",".join(encoded))
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--cols", type=int, default=2048)
    parser.add_argument("--fixture", metavar="DIR")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.fixture:
            fixture(folder, args.fixture)
        elif args.codec:
            compare(args, folder)
        else:
            parser.error("--codec or --fixture is needed")


if __name__ == "__main__":
    main()
