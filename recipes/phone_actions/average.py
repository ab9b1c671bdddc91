#!/usr/bin/env python3
"""Writes a model whose weights lie between those of two models of one shape.

    python3 recipes/phone_actions/average.py A B PART OUT     folders; PART of B, the rest of A

What a later stage learned is kept, and less of what came before it is lost. Source: Wortsman et al.
2022, "Robust fine-tuning of zero-shot models".
"""
import array
import pathlib
import shutil
import struct
import sys

LENGTH_BYTES = 8


def read(folder):
    """(the header with its length, the weights) of model.safetensors, which holds float32 alone."""
    data = (pathlib.Path(folder) / "model.safetensors").read_bytes()
    end = LENGTH_BYTES + struct.unpack("<Q", data[:LENGTH_BYTES])[0]
    return data[:end], array.array("f", data[end:])


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__.split("\n\n")[1].strip())
    first, second, part, out = sys.argv[1], sys.argv[2], float(sys.argv[3]), pathlib.Path(sys.argv[4])
    header, a = read(first)
    other, b = read(second)
    if header != other:
        sys.exit("%s and %s are of different shapes" % (first, second))
    out.mkdir(parents=True, exist_ok=True)
    for file in pathlib.Path(second).iterdir():
        if file.suffix in (".json", ".jinja"):
            shutil.copy(file, out)
    mean = array.array("f", (x * (1 - part) + y * part for x, y in zip(a, b)))
    (out / "model.safetensors").write_bytes(header + mean.tobytes())


if __name__ == "__main__":
    main()
