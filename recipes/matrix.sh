#!/usr/bin/env bash
# Who is told from whom, on the ladder's own outputs and on GPT-2's: recipes/matrix.sh DATA OUT
# DATA holds corpora/, gpt2-outputs/ and tokenizer-gpt2/. Writes OUT/ladder and OUT/gpt2 (matrix.json,
# matrix.md, figures). Killed at any moment, the same command goes on.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/environment.sh"
environment dev
data=$(absolute "${1:?data directory}") out=$(absolute "${2:?output directory}")
PATH=$venv/bin:$PATH
export OMP_NUM_THREADS=1 # two processes at once, one for each core

ladder=(--model ladder-7M --model ladder-3M --model ladder-1M --model ladder-0.5M)
build() { # the same command twice: two workers share the shards of one folder
  hallmark outputs build --max-tokens 600 --slots 60 --shard 120 --quiet "$@" &
  hallmark outputs build --max-tokens 600 --slots 60 --shard 120 --quiet "$@"
  wait $!
}
text() { python recipes/matrix.py "$1" --data "$data" --out "$out"; }

[ -e "$out/human/prose.test.jsonl" ] || text human
build --out "$out/outputs" "${ladder[@]}" --sampling pure,k40,nucleus0.9,r1.2 \
  --train 240 --valid 80 --test 300

# One more generator: the 1M rung fine-tuned on film reviews. It is tested on, never trained on.
tuned=$out/ladder-1M-reviews
if [ ! -e "$tuned" ]; then
  [ -e "$out/tune.jsonl" ] || text tune
  [ -e "$out/tune-data/manifest.json" ] ||
    hallmark train prepare "$out/tune.jsonl" --out "$out/tune-data" --tokenizer ladder-1M --valid 0.1
  hallmark train finetune "$out/tune-data" --out "$out/tune-run" --model ladder-1M --steps 100 \
    --sequence-length 256 --lr 0.001 --warmup 0.05 --valid-every 50
  rm -rf "$tuned.part"
  cp -r "$out/tune-run/model" "$tuned.part" && mv "$tuned.part" "$tuned"
fi
build --out "$out/tuned-outputs" --model "$tuned" --sampling pure,k40 --train 0 --valid 0 --test 300

# Two processes fill one cache, and a third makes the table of what is there. An encoder costs ten
# times as much as the others, so it has five rows.
table() {
  hallmark matrix "$out/outputs" "$out/tuned-outputs" --human "$out/human" --out "$out/ladder" \
    --scorer ladder-1M --encoder ladder-1M --epochs 2 --encoder-rows \
    "*-7M pure,*-7M k40,*-7M mixed,*-0.5M pure,*-0.5M k40" --detectors "$@"
}
table encoder &
table tfidf,features
wait $!
table tfidf,zero-shot,features,encoder

# GPT-2's own texts and WebText, split by window; never in one table with the ladder's.
if [ ! -e "$out/real-outputs/manifest.json" ]; then
  text real
  hallmark outputs import "$out/real" --out "$out/real-outputs"
fi
hallmark matrix "$out/real-outputs" --human "$out/real-human" --out "$out/gpt2" \
  --tokenizer "$data/tokenizer-gpt2" --detectors tfidf,zero-shot,features \
  --lengths 16,32,64,128,256,512
