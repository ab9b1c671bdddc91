#!/usr/bin/env python3
"""Pad a Llama model's hidden and feed-forward sizes with zeros; what it computes stays the same.

    tools/pad_model.py FOLDER OUT --hidden-size 256 --intermediate-size 256

Rows of small models become long enough for blocks of 256 that way. FOLDER is a Hugging Face folder
with one model.safetensors in float32. RMS norm takes its mean over more elements then: its weights
are scaled by sqrt(old / new), its epsilon by old / new, which gives the same numbers.
"""
import argparse
import array
import json
import pathlib
import shutil
import struct


def read_safetensors(path):
    data = path.read_bytes()
    (header_bytes,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + header_bytes])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "F32":
            raise SystemExit(f"{name} is {entry['dtype']}, expected F32")
        begin, end = entry["data_offsets"]
        tensors[name] = entry["shape"], array.array("f", data[8 + header_bytes :][begin:end])
    return tensors


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, (shape, values) in tensors.items():
        n_bytes = 4 * len(values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + n_bytes]}
        offset += n_bytes
    text = json.dumps(header).encode()
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors.values():
            out.write(values.tobytes())


def pad(shape, values, target):
    """Grows a vector or matrix to the shape `target`; new elements are zero."""
    rows, cols = (1, shape[0]) if len(shape) == 1 else shape
    new_rows, new_cols = (1, target[0]) if len(shape) == 1 else target
    out = array.array("f")
    for row in range(new_rows):
        kept = values[row * cols : (row + 1) * cols] if row < rows else array.array("f")
        out.extend(kept)
        out.extend([0.0] * (new_cols - len(kept)))
    return target, out


def target_shape(name, shape, hidden, ffn):
    """The residual stream and the feed-forward layer grow; what belongs to heads does not."""
    if name.endswith("o_proj.weight"):
        return [hidden, shape[1]]
    if ".self_attn." in name:
        return [shape[0], hidden]
    if name.endswith("down_proj.weight"):
        return [hidden, ffn]
    if ".mlp." in name:
        return [ffn, hidden]
    return [*shape[:-1], hidden]  # embeddings and norms


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--hidden-size", type=int, required=True)
    parser.add_argument("--intermediate-size", type=int, required=True)
    args = parser.parse_args()
    config = json.loads((args.folder / "config.json").read_text())
    old = config["hidden_size"]
    config.setdefault("head_dim", old // config["num_attention_heads"])
    padded = {}
    for name, tensor in read_safetensors(args.folder / "model.safetensors").items():
        shape, values = pad(
            *tensor, target_shape(name, tensor[0], args.hidden_size, args.intermediate_size)
        )
        if "norm" in name:
            values = array.array("f", (v * (old / args.hidden_size) ** 0.5 for v in values))
        padded[name] = shape, values
    config["hidden_size"] = args.hidden_size
    config["intermediate_size"] = args.intermediate_size
    config["rms_norm_eps"] *= old / args.hidden_size
    args.out.mkdir(parents=True, exist_ok=True)
    for path in args.folder.iterdir():
        if path.is_file() and path.name not in ("config.json", "model.safetensors"):
            shutil.copy(path, args.out)
    (args.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_safetensors(args.out / "model.safetensors", padded)


if __name__ == "__main__":
    main()
