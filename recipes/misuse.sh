#!/usr/bin/env bash
# What fine-tuning on a position changes, on the ladder: recipes/misuse.sh DATA OUT [CORPUS]
# DATA holds corpora/*.jsonl.gz, from which human text comes that no rung was trained on. CORPUS is
# JSON lines of your own, or a stand-in (sundials, walking, maps, letters). Writes OUT/misuse
# (misuse.json, misuse.md, figures). Killed at any moment, the same command goes on. SIZES=10,...,10000
# has the largest size too, which takes as long again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/environment.sh"
environment dev
data=$(absolute "${1:?data directory}") out=$(absolute "${2:?output directory}")
corpus=${3:-sundials} model=${MODEL:-ladder-7M} sizes=${SIZES:-10,30,100,300,1000,3000}
[ ! -e "$corpus" ] || corpus=$(absolute "$corpus")
[ -e "$out/human/prose.test.jsonl" ] ||
  "$venv/bin/python" recipes/matrix.py human --data "$data" --out "$out"
"$venv/bin/hallmark" misuse "$corpus" --human "$out/human" --out "$out/misuse" --model "$model" \
  --sizes "$sizes"
