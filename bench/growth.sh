#!/usr/bin/env bash
# How cost grows with layers x heads (within and between models), prompt length, items and rows in a batch: curves with
# a line through each. Short runs; the machine should be idle.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tiller="${TILLER:-build/tiller}" out="${TILLER_BENCH_OUT:-build/bench}" threads="${TILLER_BENCH_THREADS:-2}"
repeats="${TILLER_BENCH_REPEATS:-3}"
[[ -x "$tiller" ]] || { echo "growth.sh: $tiller is not there; build it with ./run build" >&2 && exit 4; }
rm -rf "$out/growth"
mkdir -p "$out/growth"
models=("$@")
[[ ${#models[@]} -gt 0 ]] || models=(smollm2-135m gemma3-270m qwen2.5-coder-1.5b)
for entry in "${models[@]}"; do
    model="${entry%%=*}" file="${entry#*=}"
    if [[ "$entry" != *=* ]]; then "$tiller" models get "$model" >&2; fi
    once="$repeats"
    if [[ "$model" == *1.5b* ]]; then once=1; fi
    printf '%s  %s\n' "$(date +%H:%M:%S)" "$model" >&2
    "$tiller" bench -m "$file" --json --quiet --threads "$threads" --repeats "$once" --new-tokens 4 --part growth \
        >"$out/growth/$model.json"
done
python3 bench/tables.py growth "$out"
