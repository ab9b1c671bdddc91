#!/usr/bin/env python3
"""Writes tests/data/sampling/golden.json: distributions computed by Hugging Face transformers'
logits processors, applied in the order of src/sampling/samplers.inc.

    python3 tools/make_sampling_golden.py > tests/data/sampling/golden.json

Needs torch and transformers (made with 5.12). Logits are float32; transformers computes in float64,
so that the stored probabilities are the truth to nine digits.
"""
import json
import sys

import numpy as np
import torch
from transformers.generation import logits_process as hf

VOCAB_SIZE = 48
HISTORY = [5, 5, 17, 3, 5, 40, 17]

CASES = [
    {},
    {"temperature": 0.6},
    {"temperature": 1.7},
    {"top_k": 1},
    {"top_k": 7},
    {"top_p": 0.3},
    {"top_p": 0.9},
    {"top_p": 0.99},
    {"min_p": 0.05},
    {"min_p": 0.5},
    {"typical_p": 0.2},
    {"typical_p": 0.9},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.7},
    {"logit_bias": [[2, 3.5], [9, -4.25], [17, 1.0]]},
    {"top_k": 20, "top_p": 0.8, "temperature": 0.7},
    {"top_k": 30, "typical_p": 0.95, "top_p": 0.9, "min_p": 0.02, "temperature": 1.2},
    {"logit_bias": [[5, 2.0]], "repetition_penalty": 1.1, "top_k": 12, "min_p": 0.1,
     "temperature": 0.5},
]


def make_logits():
    rng = np.random.default_rng(20240607)
    rows = {
        "plain": rng.normal(0, 2, VOCAB_SIZE),
        "peaked": rng.normal(3, 6, VOCAB_SIZE),
        "flat": rng.normal(-1, 0.3, VOCAB_SIZE),
        "masked": rng.normal(0, 2, VOCAB_SIZE),
    }
    rows["masked"][::3] = -np.inf
    return {name: row.astype(np.float32) for name, row in rows.items()}


def processors(case):
    chain = []
    if "logit_bias" in case:
        chain.append(hf.SequenceBiasLogitsProcessor([[[i], b] for i, b in case["logit_bias"]]))
    if "repetition_penalty" in case:
        chain.append(hf.RepetitionPenaltyLogitsProcessor(case["repetition_penalty"]))
    if "top_k" in case:
        chain.append(hf.TopKLogitsWarper(case["top_k"]))
    if "typical_p" in case:
        chain.append(hf.TypicalLogitsWarper(case["typical_p"]))
    if "top_p" in case:
        chain.append(hf.TopPLogitsWarper(case["top_p"]))
    if "min_p" in case:
        chain.append(hf.MinPLogitsWarper(case["min_p"]))
    if "temperature" in case:
        chain.append(hf.TemperatureLogitsWarper(case["temperature"]))
    return chain


def expect(case, row):
    history = torch.tensor([HISTORY])
    scores = torch.tensor(row, dtype=torch.float64)[None]
    for processor in processors(case):
        scores = processor(history, scores)
    probabilities = torch.softmax(scores, -1)[0]
    return [[i, float(f"{p:.9g}")] for i, p in enumerate(probabilities.tolist()) if p > 0]


def main():
    rows = make_logits()
    # JSON has no -infinity: null stands for it.
    logits = {name: [None if np.isinf(v) else float(f"{v:.9g}") for v in row]
              for name, row in rows.items()}
    cases = [{"params": case, "logits": name, "probabilities": expect(case, row)}
             for case in CASES for name, row in rows.items()]
    lines = ",\n".join(json.dumps(case) for case in cases)
    sys.stdout.write('{"history": %s,\n"logits": {\n%s},\n"cases": [\n%s]}\n' % (
        json.dumps(HISTORY),
        ",\n".join(f"{json.dumps(n)}: {json.dumps(v)}" for n, v in logits.items()), lines))


if __name__ == "__main__":
    main()
