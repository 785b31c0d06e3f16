#!/usr/bin/env bash
# Fine-tune the largest bundled rung on a small corpus: recipes/finetune.sh OUT [CORPUS]
# By default on this repository's own Python, so that a model of prose turns to code. Writes OUT/run
# (model, log, figure) and samples from before and after. Minutes on two cores; killed at any moment,
# the same command goes on.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/environment.sh"
environment dev
out=$(absolute "${1:?output directory}") corpus=${2:+$(absolute "$2")}
hallmark=$venv/bin/hallmark
mkdir -p "$out"
if [ -z "$corpus" ]; then
  corpus=$out/own-code.jsonl
  [ -e "$corpus" ] || "$venv/bin/python" - >"$corpus" <<'PYTHON'
import json
from pathlib import Path

folders = ("src", "tests", "recipes", "benchmarks")
for path in sorted(p for folder in folders for p in Path(folder).rglob("*.py")):
    text = path.read_text(encoding="utf-8")
    if text.strip():
        print(json.dumps({"text": text}))
PYTHON
fi
model=ladder-7M
[ -e "$out/data/manifest.json" ] ||
  "$hallmark" train prepare "$corpus" --out "$out/data" --tokenizer $model --valid 0.1
"$hallmark" train finetune "$out/data" --out "$out/run" --model $model \
  --steps 200 --batch-size 8 --micro-batch 8 --sequence-length 512 --lr 0.001 --warmup 0.05 \
  --valid-every 20 --valid-rows 0 --save-every 50
"$hallmark" train plot "$out/run" --out "$out/run/curves.svg"
for one in $model "$out/run/model"; do
  echo "--- $one"
  "$hallmark" generate "def read(" --model "$one" --top-k 40 --seed 1 --max-tokens 120 --quiet
done
