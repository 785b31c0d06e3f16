#!/usr/bin/env bash
# Memorisation and bias of the ladder: recipes/probes.sh DATA OUT [RUNG...]
# DATA holds corpora/*.jsonl.gz. Writes OUT/memorisation-RUNG.json and OUT/bias-RUNG.json with .md
# beside each; minutes on two cores. What is there is not made again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/environment.sh"
environment dev
data=$(absolute "${1:?data directory}") out=$(absolute "${2:?output directory}")
shift 2
mkdir -p "$out"
[ -e "$out/held.jsonl" ] || "$venv/bin/python" recipes/probes.py --data "$data" --out "$out"
cd "$out"
for rung in "${@:-ladder-7M}"; do
  [ -e "memorisation-$rung.json" ] ||
    "$venv/bin/hallmark" probe memorisation --training seen.jsonl --held-out held.jsonl \
      --out "memorisation-$rung.json" --model "$rung"
  [ -e "bias-$rung.json" ] || "$venv/bin/hallmark" probe bias --out "bias-$rung.json" --model "$rung"
done
