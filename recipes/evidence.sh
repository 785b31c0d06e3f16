#!/usr/bin/env bash
# The benchmark of evidence: recipes/evidence.sh DATA OUT
# DATA holds gpt2-outputs/. Writes OUT/tables.md; texts that OUT/scores.jsonl holds are not read again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/environment.sh"
environment dev
data=$(absolute "${1:?data directory}") out=$(absolute "${2:?output directory}")
"$venv/bin/python" recipes/evidence.py --data "$data" --out "$out"
