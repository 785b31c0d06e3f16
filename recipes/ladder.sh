#!/usr/bin/env bash
# Train the bundled ladder from scratch: recipes/ladder.sh DATA OUT [DEVICE]
# DATA holds corpora/*.jsonl.gz. Killed at any moment, the same command goes on.
set -euo pipefail
data=${1:?data directory} out=${2:?output directory} device=${3:-cpu}
here=$(cd "$(dirname "$0")" && pwd)
run() { python "$here/ladder.py" "$@" --out "$out"; }
[ -e "$out/valid.npy" ] || run prepare --corpora "$data/corpora"
for rung in ladder-0.5M ladder-1M ladder-3M ladder-7M; do
  run train --rung "$rung" --device "$device"
  run export --rung "$rung"
done
