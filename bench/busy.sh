#!/usr/bin/env bash
# What other programs cost: a head search alone, beside one busy loop, and two searches at once, in turn in one run.
# The machine should be idle otherwise. Ends with 0 also when targets are missed: it is a measurement.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'TEXT'
Usage: bench/busy.sh [MODEL]    (or ./run bench --busy [MODEL])

  MODEL   a known model's name or a GGUF file (default gemma3-270m)

TILLER_BUSY_ROUNDS: rounds of alone, beside a loop, two at once (default 5; medians count).
TEXT
}
case "${1:-}" in
    -h | --help) usage && exit 0 ;;
    -*) usage >&2 && exit 2 ;;
esac
model="${1:-gemma3-270m}" tiller="${TILLER:-build/tiller}" rounds="${TILLER_BUSY_ROUNDS:-5}"
[[ -x "$tiller" ]] || { echo "busy.sh: $tiller is not there; build it with ./run build" >&2 && exit 4; }

folder="$(mktemp -d)"
loop=""
stop_loop() { [[ -z "$loop" ]] || kill "$loop" 2>/dev/null || true; loop=""; }
trap 'stop_loop; rm -rf "$folder"' EXIT

# search NAME: one search of 4 prompts, whose time it prints.
search() {
    "$tiller" bench -m "$model" --json --quiet --part sweep --n-prompts 4 --repeats 1 >"$folder/$1.json"
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["sweep"]["seconds"])' "$folder/$1.json"
}
for ((i = 0; i < rounds; ++i)); do
    search alone >>"$folder/alone"
    while :; do :; done &
    loop=$!
    search beside >>"$folder/beside"
    stop_loop
    search first >>"$folder/first" &
    search second >>"$folder/second"
    wait
done
python3 - "$folder" "$rounds" <<'PYTHON'
import pathlib, statistics, sys

folder, rounds = pathlib.Path(sys.argv[1]), sys.argv[2]
read = lambda name: [float(line) for line in (folder / name).read_text().split()]
alone = statistics.median(read("alone"))
print(f"head search of 4 prompts alone: {alone:.2f} s (median of {rounds})")
both = [max(pair) for pair in zip(read("first"), read("second"))]
for what, times, target in (("beside one busy loop", read("beside"), 1.8), ("the slower of two at once", both, 2.3)):
    ratio = statistics.median(times) / alone
    print(f"{'PASS' if ratio <= target else 'FAIL'}  {what}: {ratio:.2f} times as long (target <= {target})")
PYTHON
