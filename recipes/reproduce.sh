#!/usr/bin/env bash
# A whole release of the ladder with human text and text it was trained on: recipes/reproduce.sh DATA OUT
# DATA holds corpora/*.jsonl.gz. SCALE=small|medium|full, medium where it is not set. Writes OUT/run with
# the report and a signed folder for each rung. Killed at any moment, the same command goes on.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/environment.sh"
environment dev
data=$(absolute "${1:?data directory}") out=$(absolute "${2:?output directory}")
mkdir -p "$out"
[ -e "$out/human/prose.test.jsonl" ] ||
  "$venv/bin/python" recipes/matrix.py human --data "$data" --out "$out"
[ -e "$out/held.jsonl" ] || "$venv/bin/python" recipes/probes.py --data "$data" --out "$out"
cd "$out"
"$venv/bin/hallmark" reproduce --out run --scale "${SCALE:-medium}" --human human --training seen.jsonl
