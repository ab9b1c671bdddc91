#!/usr/bin/env bash
# Makes models/phone-actions.gguf from nothing: in eight stages, each on new sentences, then int8.
# Five stages learn whole answers, three the choices that the grammar leaves. Three hours on one
# core. Needs the programs autoglm and autoglm-compress of build/release (the latter with
# cmake -DAUTOGLM_BUILD_TRAINING=ON). A stage that was interrupted goes on from its checkpoint.
#
#   recipes/phone_actions/train.sh [FOLDER]     FOLDER: for data and stages (build/phone_actions)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
recipe=recipes/phone_actions
out=${1:-build/phone_actions}
compress=build/release/apps/autoglm-compress/autoglm-compress
autoglm=build/release/apps/autoglm/autoglm
mkdir -p "$out"
# The first stages read the sentence once, which is faster; what they learn holds.
once=$out/once.jinja
printf '<|user|>{{ messages[-1].content }}<|assistant|>' > "$once"

# stage N SENTENCES STEPS RATE FINAL WARMUP OPTION...: the learning rate falls from RATE to FINAL of it.
stage() {
  local n=$1 sentences=$2 steps=$3 rate=$4 final=$5 warmup=$6
  shift 6
  [ -f "$out/stage$n/model.gguf" ] && return
  [ -f "$out/data$n/train.jsonl" ] ||
    python3 $recipe/generate.py --out "$out/data$n" --train "$sentences" --valid 1000 --seed "$n"
  $compress train --data "$out/data$n/train.jsonl" --valid "$out/data$n/valid.jsonl" "$@" \
    --out "$out/stage$n" --steps "$steps" --batch-tokens 1024 --lr "$rate" --final-lr "$final" \
    --warmup "$warmup" --valid-every 500 --checkpoint-every 500 --threads 1 --seed "$n" \
    --metadata autoglm.task=phone_actions --metadata general.name=phone-actions
}

stage 1 120000 2500 3e-3 0.7 100 --config $recipe/model.json --vocab-size 2560 --chat-template "$once"
stage 2 250000 9000 3e-3 0.5 60 --init "$out/stage1"
stage 3 400000 7000 2.2e-3 0.6 60 --init "$out/stage2"
stage 4 400000 7500 2.2e-3 0.02 60 --init "$out/stage3"
stage 5 200000 4600 2.2e-3 0.01 60 --init "$out/stage4"
choices=(--grammar phone_actions --chat-template $recipe/chat_template.jinja)
stage 6 150000 4400 2e-3 0.02 50 --init "$out/stage5" "${choices[@]}"
stage 7 900000 46000 2e-3 0.01 50 --init "$out/stage6" "${choices[@]}"
stage 8 170000 10000 1.2e-3 0.01 50 --init "$out/stage7" "${choices[@]}"
python3 $recipe/average.py "$out/stage7" "$out/stage8" 0.7 "$out/model"
$autoglm quantize "$out/model" models/phone-actions.gguf --type q8_0 \
  --set autoglm.task=phone_actions --set general.name=phone-actions
