#!/usr/bin/env bash
# Train the bundled ladder from scratch: recipes/ladder.sh DATA OUT [DEVICE]
# DATA holds corpora/*.jsonl.gz. Killed at any moment, the same command goes on.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/environment.sh"
environment dev
data=$(absolute "${1:?data directory}") out=$(absolute "${2:?output directory}") device=${3:-cpu}
run() { "$venv/bin/python" recipes/ladder.py "$@" --out "$out"; }
[ -e "$out/valid.npy" ] || run prepare --corpora "$data/corpora"
for rung in ladder-0.5M ladder-1M ladder-3M ladder-7M; do
  run train --rung "$rung" --device "$device"
  run export --rung "$rung"
done
