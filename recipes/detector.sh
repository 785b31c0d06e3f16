#!/usr/bin/env bash
# Make and measure the bundled detector: recipes/detector.sh DATA LADDER OUT
# DATA holds corpora/, gpt2-outputs/ and tokenizer-gpt2/; LADDER is what recipes/ladder.sh
# made; the bundled rungs must be in the package. Each step leaves its files in OUT.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/environment.sh"
environment dev
data=$(absolute "${1:?data directory}") ladder=$(absolute "${2:?ladder directory}")
out=$(absolute "${3:?output directory}")
for step in background discriminator read fit cross measure verdicts; do
  "$venv/bin/python" recipes/detector.py "$step" --data "$data" --ladder "$ladder" --out "$out"
done
