#!/usr/bin/env bash
# A study from start to end, as a dry run: recipes/study.sh OUT [HUMAN.jsonl]
# The bundled ladder writes texts, a study of how credible they are is designed, planned and served,
# 50 bots answer its pages over HTTP, and their answers are analysed. Every figure is simulated and
# says so. HUMAN.jsonl holds texts of people ("text" in each line), as the reference; without it the
# models are compared with each other alone. Takes some minutes; OUT/report/report.html is the result.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/environment.sh"
environment dev
out=$(absolute "${1:?output directory}") human=${2:+$(absolute "$2")}
hallmark=$venv/bin/hallmark
mkdir -p "$out"
cd "$out"

# 1. Texts: 80 of each of three sizes. The same command again goes on where it was.
"$hallmark" outputs build --out texts --model ladder-1M --model ladder-3M --model ladder-7M \
  --sampling k40 --train 0 --valid 0 --test 80 --seed 1

# 2. The study file, and what it can find.
people=()
if [ -n "$human" ]; then
  cp "$human" people.jsonl
  people=(--human people=people.jsonl)
fi
rm -f study.toml
"$hallmark" study new study.toml --condition 1M=texts/ladder-1M-k40.test.jsonl \
  --condition 3M=texts/ladder-3M-k40.test.jsonl --condition 7M=texts/ladder-7M-k40.test.jsonl \
  "${people[@]}"
sed -i.bak 's/^ratings_per_text = 6 /ratings_per_text = 10 /' study.toml # as one does in an editor
"$hallmark" study power study.toml --studies 200

# 3. Who reads what.
"$hallmark" study plan study.toml --out plan.json

# 4. Serve it on a free port, and let 50 bots answer.
rm -f study.db
"$hallmark" study serve study.toml --plan plan.json --port 0 --json --quiet >served.json &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 300); do
  [ -s served.json ] && break
  sleep 0.1
done
url=$("$venv/bin/python" -c 'import json; print(json.load(open("served.json"))["raters"])')
"$hallmark" study bots "$url" --study study.toml --plan plan.json --raters 50

# 5. Tables that name nobody, and the report.
kill "$server"
wait "$server" || true
"$hallmark" study export study.toml --plan plan.json --out tables
"$hallmark" study analyse tables/answers.csv --raters tables/raters.csv --study study.toml --out report
grep -q SIMULATED report/report.md
