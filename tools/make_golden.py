#!/usr/bin/env python3
"""Write the models of tests/golden: tiny, random, in Hugging Face form, with their logits.

    python3 tools/make_golden.py [--out tests/golden] [--only NAME ...]

Needs torch, transformers (5.x), safetensors and numpy. Each model gets a folder OUT/NAME with
config.json, model.safetensors (one or several) and

    tokens.npy   int32   [n_seqs, n_tokens]
    logits.npy   float32 [n_seqs, n_tokens, vocab_size]   one pass per sequence, float32 on the CPU
    greedy.npy   int32   [n_seqs, 16]                     what greedy decoding appends

For each model a row of a table is printed. "rounding" is the relative L2 difference between the
float32 and a float64 run: what a correct engine cannot be expected to beat. "gap" is the smallest
distance between the best and the second logit over the greedy steps: how sure the greedy tokens
are. "effect" is the relative L2 change of the logits when the named feature is taken away and the
weights are kept: what an engine that lacks the feature would be off by. A model that is too
sensitive, or not sensitive enough, is refused.
"""
import argparse
import contextlib
import copy
import json
import pathlib
import re
import shutil

import numpy as np
import torch
import transformers as tf

N_SEQS, N_TOKENS, N_GREEDY = 2, 32, 16

# The epsilon is far above the usual 1e-5, so that the wrong one shows.
SIZES = dict(vocab_size=80, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-3,
             max_position_embeddings=128, pad_token_id=0, bos_token_id=1, eos_token_id=2)


def rope(theta=10000.0, kind="default", **rest):
    return dict(rope_parameters=dict(rope_theta=theta, rope_type=kind, **rest))


class Variant:
    """One model: a family of transformers classes, what differs from SIZES, and features, each with
    the config that lacks it (or a pattern of weights to make neutral)."""

    def __init__(self, family, name, config, without, dtype="float32", tied=False,
                 old_config=False, shard=None):
        self.family, self.name, self.config, self.without = family, name, config, without
        self.dtype, self.tied, self.old_config, self.shard = dtype, tied, old_config, shard


BF16, F16 = dict(dtype="bfloat16"), dict(dtype="float16")
TIED, OLD = dict(tied=True), dict(old_config=True)


def llama_variants():
    plain, wide = rope(), dict(head_dim=16)
    llama3 = rope(5e5, "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=32)
    yarn = dict(kind="yarn", factor=4.0, original_max_position_embeddings=32)
    no_window = {"window": dict(sliding_window=None)}
    yield Variant("Llama", "llama", plain, {"theta": rope(500.0)}, **OLD)
    yield Variant("Llama", "llama-tied-sharded", {**wide, **rope(5000.0)}, {"theta": plain},
                  shard="16KB", **BF16, **TIED)
    yield Variant("Llama", "llama3-rope", {**wide, **llama3}, {"scaling": rope(5e5)}, **BF16, **OLD)
    yield Variant("Llama", "llama-linear", rope(kind="linear", factor=4.0), {"scaling": plain},
                  **BF16, **OLD)
    yield Variant("Llama", "llama-yarn", {**wide, **rope(**yarn)},
                  {"scaling": plain, "attention factor": rope(**yarn, attention_factor=1.0)},
                  **BF16)
    yield Variant("Mistral", "mistral", dict(sliding_window=None, **rope(1e6)), {"theta": plain},
                  **F16)
    yield Variant("Mistral", "mistral-window", dict(sliding_window=10, **plain), no_window, **OLD)
    yield Variant("SmolLM3", "smollm3", dict(num_hidden_layers=4, intermediate_size=32,
                                             no_rope_layer_interval=4, **rope(2e6)),
                  {"layer without rope": dict(no_rope_layers=[1] * 4)}, **BF16, **TIED)
    yield Variant("SmolLM3", "smollm3-list", dict(num_hidden_layers=3, no_rope_layers=[1, 0, 1],
                                                  **rope(2e6)),
                  {"layer without rope": dict(no_rope_layers=[1] * 3)}, **F16, **OLD)


def qwen_variants():
    yarn = rope(1e6, "yarn", factor=4.0, original_max_position_embeddings=32)
    yield Variant("Qwen2", "qwen2", rope(1e6), {"bias": "bias"}, **TIED)
    yield Variant("Qwen2", "qwen2-untied", dict(num_attention_heads=2, num_key_value_heads=1,
                                                **rope(1e6)), {"bias": "bias"}, **BF16, **OLD)
    yield Variant("Qwen3", "qwen3", dict(head_dim=16, **rope(1e6)), {"q and k norms": "(q|k)_norm"},
                  **BF16, **TIED)
    yield Variant("Qwen3", "qwen3-yarn", dict(head_dim=16, num_key_value_heads=1, **yarn),
                  {"scaling": rope(1e6)}, **BF16, **OLD)


def glm_variants():
    glm = dict(head_dim=16, rms_norm_eps=1.5625e-7)
    half, full = rope(partial_rotary_factor=0.5), rope(partial_rotary_factor=1.0)
    bias, no_bias = dict(attention_bias=True), dict(attention_bias=False)
    post_norms = {"post norms": "post_(self_attn|mlp)_layernorm"}
    yield Variant("Glm", "glm", {**glm, **bias, **half}, {"bias": "bias", "partial rotary": full},
                  **BF16, **OLD)
    yield Variant("Glm", "glm-edge", {**glm, **no_bias, **full}, {"full rotary": half}, **BF16,
                  **TIED)
    yield Variant("Glm4", "glm4", {**glm, **bias, **half},
                  {"bias": "bias", "partial rotary": full, **post_norms}, **BF16)
    yield Variant("Glm4", "glm4-nobias", {**glm, **no_bias, **half}, post_norms, **BF16, **TIED,
                  **OLD)


def phi3_variants():
    # The lists of a longrope model: one number per rotated pair.
    short, long = [1.0, 1.1, 1.3, 1.7], [1.5, 2.5, 4.0, 6.0]

    def longrope(short=short, long=long, **rest):
        return rope(kind="longrope", short_factor=short, long_factor=long, **rest)

    def lengths(original):
        return dict(max_position_embeddings=256, original_max_position_embeddings=original)

    yield Variant("Phi3", "phi3", rope(), {"theta": rope(500.0)})
    yield Variant("Phi3", "phi3-window", dict(sliding_window=10, **rope()),
                  {"window": dict(sliding_window=None)}, **BF16, **TIED, **OLD)
    yield Variant("Phi3", "phi3-longrope-short", {**lengths(64), **longrope()},
                  {"short factors": longrope(short=long),
                   "attention factor": longrope(attention_factor=1.0)}, **BF16, **OLD)
    yield Variant("Phi3", "phi3-longrope-long", {**lengths(16), **longrope()},
                  {"long factors": longrope(long=short)}, **BF16)
    yield Variant("Phi3", "phi3-partial", rope(partial_rotary_factor=0.5),
                  {"partial rotary": rope(partial_rotary_factor=1.0)}, **BF16)


def gemma_variants():
    gemma2 = dict(head_dim=16, query_pre_attn_scalar=16, sliding_window=10,
                  attn_logit_softcapping=2.0, final_logit_softcapping=3.0, **rope())
    without = {"window": dict(sliding_window=128),
               "attention softcap": dict(attn_logit_softcapping=None),
               "final softcap": dict(final_logit_softcapping=None),
               "post norms": "post_\\w+_layernorm"}
    scale = {"scale": dict(query_pre_attn_scalar=16)}
    yield Variant("Gemma2", "gemma2", gemma2, without, **TIED)
    yield Variant("Gemma2", "gemma2-scale", dict(gemma2, query_pre_attn_scalar=6),
                  {**without, **scale}, **BF16, **TIED, **OLD)

    def bases(sliding, full, kind="default", **rest):
        return dict(rope_parameters=dict(
            sliding_attention=dict(rope_type="default", rope_theta=sliding),
            full_attention=dict(rope_type=kind, rope_theta=full, **rest)))

    def layers(n, **rest):
        return dict(num_hidden_layers=n, layer_types=["sliding_attention"] * (n - 1)
                    + ["full_attention"], head_dim=16, sliding_window=10, **rest)

    yield Variant("Gemma3", "gemma3", {**layers(3, query_pre_attn_scalar=16), **bases(1e4, 1e6)},
                  {"window": dict(sliding_window=128), "two rope bases": bases(1e4, 1e4),
                   "q and k norms": "(q|k)_norm",
                   "full layer": dict(layer_types=["sliding_attention"] * 3)}, **BF16, **TIED)
    yield Variant("Gemma3", "gemma3-linear",
                  {**layers(6, query_pre_attn_scalar=6, intermediate_size=32),
                   **bases(1e4, 1e6, "linear", factor=8.0)},
                  {"scaling": bases(1e4, 1e6), **scale}, **BF16, **TIED, **OLD)


def variants():
    for group in (llama_variants, qwen_variants, glm_variants, phi3_variants, gemma_variants):
        yield from group()


def make_config(variant, **changes):
    text = "TextConfig" if variant.family == "Gemma3" else "Config"
    values = {**SIZES, "tie_word_embeddings": variant.tied, **variant.config, **changes}
    config = getattr(tf, variant.family + text)(**values)
    config._attn_implementation = "eager"
    return config


def make_model(variant, config):
    return getattr(tf, variant.family + "ForCausalLM")(config).eval()


def fill(model, variant, seed):
    """Matrices of gain near 1 (0.2 times the root of 32), norms and biases far enough from neutral
    to be missed. All values are ones that the stored type holds exactly."""
    generator = torch.Generator().manual_seed(seed)
    neutral = 0.0 if variant.family.startswith("Gemma") else 1.0  # weight minus one
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                p.normal_(0, 0.2, generator=generator)
            elif "norm" in name:
                p.normal_(neutral, 0.25, generator=generator)
            else:
                p.normal_(0, 0.5, generator=generator)
            p.copy_(p.to(getattr(torch, variant.dtype)))


@contextlib.contextmanager
def everything_in_float64():
    """Some layers ask for float32 by name (norms, rotary tables, softmax): give them float64."""
    to, as_float, softmax = torch.Tensor.to, torch.Tensor.float, torch.nn.functional.softmax
    swap = lambda x: torch.float64 if x is torch.float32 else x
    swap_all = lambda k: {name: swap(value) for name, value in k.items()}
    torch.Tensor.to = lambda self, *a, **k: to(self, *map(swap, a), **swap_all(k))
    torch.Tensor.float = lambda self: to(self, torch.float64)
    torch.nn.functional.softmax = lambda *a, **k: softmax(*a, **swap_all(k))
    try:
        yield
    finally:
        torch.Tensor.to, torch.Tensor.float, torch.nn.functional.softmax = to, as_float, softmax


def run(model, tokens):
    with torch.no_grad():
        return torch.stack([model(row[None], use_cache=False).logits[0] for row in tokens])


def relative(a, b):
    a, b = a.double(), b.double()
    return float((a - b).norm() / b.norm())


def greedy(model, tokens):
    """The continuation, and the smallest gap between the first and the second choice."""
    gap, seq = float("inf"), tokens
    for _ in range(N_GREEDY):
        last = run(model, seq)[:, -1]
        top = last.topk(2).values
        gap = min(gap, float((top[:, 0] - top[:, 1]).min()))
        seq = torch.cat([seq, last.argmax(-1, keepdim=True)], 1)
    return seq[:, tokens.shape[1]:], gap


def effects(variant, weights, tokens, logits):
    """For each feature: the change of the logits without it."""
    out = {}
    for feature, change in variant.without.items():
        state = dict(weights)
        if isinstance(change, str):
            neutral = 0.0 if change == "bias" or variant.family.startswith("Gemma") else 1.0
            hit = [n for n in state if re.search(change, n)]
            assert hit, (variant.name, feature)
            state.update({n: torch.full_like(state[n], neutral) for n in hit})
            change = {}
        model = make_model(variant, make_config(variant, **change))
        model.load_state_dict(state)
        out[feature] = relative(run(model, tokens), logits)
    return out


def to_old_config(path):
    """Rewrites config.json as transformers 4 did: rope_theta, rope_scaling, not rope_parameters."""
    config = json.loads(path.read_text())
    params = config.pop("rope_parameters")
    spelling = "type"  # the oldest; the others never had it
    if "full_attention" in params:  # Gemma 3
        config["rope_local_base_freq"] = params["sliding_attention"]["rope_theta"]
        params, spelling = dict(params["full_attention"]), "rope_type"
        config["sliding_window_pattern"] = config.pop("layer_types").index("full_attention") + 1
    config["rope_theta"] = params.pop("rope_theta")
    if "partial_rotary_factor" in params:
        config["partial_rotary_factor"] = params.pop("partial_rotary_factor")
    kind = params.pop("rope_type")
    if kind == "llama3":
        spelling = "rope_type"
    if kind == "longrope":
        params.pop("original_max_position_embeddings", None)
    config["rope_scaling"] = None if kind == "default" else {spelling: kind, **params}
    config.pop("_sliding_window_pattern", None)
    config["torch_dtype"] = config.pop("dtype", "float32")
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def write(variant, folder, seed):
    """Writes one model; returns its row of the table, None when a greedy token is not sure."""
    model = make_model(variant, make_config(variant))
    stored = getattr(torch, variant.dtype)
    fill(model, variant, seed)
    if folder.exists():
        shutil.rmtree(folder)
    # A copy is saved: casting a model also casts its rotary frequencies, which must stay float32.
    shards = {"max_shard_size": variant.shard} if variant.shard else {}
    copy.deepcopy(model).to(stored).save_pretrained(folder, **shards)
    (folder / "generation_config.json").unlink(missing_ok=True)
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(3, SIZES["vocab_size"], (N_SEQS, N_TOKENS), generator=generator)
    logits = run(model, tokens)
    continuation, gap = greedy(model, tokens)
    if gap < 5e-3:
        return None
    weights = {n: p.clone() for n, p in model.state_dict().items()}
    change = effects(variant, weights, tokens, logits)
    if variant.old_config:
        to_old_config(folder / "config.json")
    again = tf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32,
                                                    attn_implementation="eager").eval()
    assert torch.equal(run(again, tokens), logits), f"{folder} does not give the model back"
    with everything_in_float64():
        rounding = relative(logits, run(model.double(), tokens))
    assert rounding < 2e-6 and min(change.values()) > 1e-2, (variant.name, rounding, change)
    np.save(folder / "tokens.npy", tokens.numpy().astype("<i4"))
    np.save(folder / "logits.npy", logits.numpy().astype("<f4"))
    np.save(folder / "greedy.npy", continuation.numpy().astype("<i4"))
    for file in folder.iterdir():
        file.chmod(0o644)
    size = sum(f.stat().st_size for f in folder.iterdir())
    shown = ", ".join(f"{k} {v:.2f}" for k, v in change.items())
    kind = variant.dtype + ", tied" * variant.tied + ", old config" * variant.old_config
    kind += f", {len(list(folder.glob('*.safetensors')))} files" if variant.shard else ""
    return (f"| {variant.name} | {variant.family}ForCausalLM | {kind} | {size // 1024} | {seed} "
            f"| {rounding:.1e} | {gap:.3f} | {shown} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("tests/golden"))
    parser.add_argument("--only", nargs="*", help="names of models; all by default")
    args = parser.parse_args()
    tf.logging.set_verbosity_error()
    tf.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    print("| model | class | stored as | KiB | seed | rounding | gap | effect |")
    print("|---" * 8 + "|")
    for variant in variants():
        if args.only and variant.name not in args.only:
            continue
        for seed in range(1, 50):
            row = write(variant, args.out / variant.name, seed)
            if row:
                print(row, flush=True)
                break


if __name__ == "__main__":
    main()
