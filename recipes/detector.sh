#!/usr/bin/env bash
# Make and measure the bundled detector: recipes/detector.sh DATA LADDER OUT
# DATA holds corpora/, gpt2-outputs/ and tokenizer-gpt2/; LADDER is what recipes/ladder.sh
# made; the bundled rungs must be in the package. Each step leaves its files in OUT.
set -euo pipefail
data=${1:?data directory} ladder=${2:?ladder directory} out=${3:?output directory}
here=$(cd "$(dirname "$0")" && pwd)
for step in background read fit cross measure verdicts; do
  python "$here/detector.py" "$step" --data "$data" --ladder "$ladder" --out "$out"
done
