#!/usr/bin/env bash
# All measurements that docs/performance.md quotes, one after another, and a table with targets. The machine should be
# idle; a whole run takes under half an hour on two cores. Ends with 0 also when targets are missed: it is a measurement.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'TEXT'
Usage: bench/run_all.sh [--out DIR] [--threads N] [--quick] [--no-demo] [MODEL ...]
       bench/run_all.sh --busy [MODEL]   what other programs cost (bench/busy.sh)

  MODEL      a known model's name, or NAME=PATH; without one: smollm2-135m gemma3-270m qwen2.5-coder-1.5b
  --out      where the results go as JSON (default build/bench)
  --threads  of tiller and of PyTorch (default 2)
  --quick    tiny counts, to try the scripts; the figures mean nothing
  --no-demo  leave out the default comparison (about twelve minutes)

The reference needs PyTorch: TILLER_BENCH_PYTHON names a Python that has bench/pytorch/requirements.txt, or
bench/pytorch/setup.sh makes one in tiller's cache. Without it its rows say so.
TEXT
}

if [[ "${1:-}" == --busy ]]; then exec bench/busy.sh "${@:2}"; fi

out=build/bench threads=2 demo=1 quick=0 models=()
while [[ $# -gt 0 ]]; do
    case "$1" in
        --out) out="${2:?--out needs a folder}" && shift ;;
        --threads) threads="${2:?--threads needs a number}" && shift ;;
        --quick) quick=1 ;;
        --no-demo) demo=0 ;;
        -h | --help) usage && exit 0 ;;
        -*) usage >&2 && exit 2 ;;
        *) models+=("$1") ;;
    esac
    shift
done
[[ ${#models[@]} -gt 0 ]] || models=(smollm2-135m gemma3-270m qwen2.5-coder-1.5b)
tiller="${TILLER:-build/tiller}"
[[ -x "$tiller" ]] || { echo "run_all.sh: $tiller is not there; build it with ./run build" >&2 && exit 4; }

cache="${TILLER_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/tiller}"
python="${TILLER_BENCH_PYTHON:-$cache/bench-python/bin/python}"
get_python="run bench/pytorch/setup.sh, or name a Python that has torch, transformers and gguf in TILLER_BENCH_PYTHON"
have_torch=0
if "$python" -c 'import gguf, torch, transformers' 2>/dev/null; then have_torch=1; fi

rm -rf "$out/parts"
mkdir -p "$out/parts"
status=0

# measure NAME COMMAND...: keeps the JSON that the command prints as parts/NAME.json, or why there is none.
measure() {
    local name="$1" file="$out/parts/$1.json" code=0
    shift
    printf '%s  %s\n' "$(date +%H:%M:%S)" "$name" >&2
    "$@" >"$file.new" 2>"$out/parts/$name.log" || code=$?
    if [[ $code -eq 0 ]]; then
        mv "$file.new" "$file"
    else
        rm -f "$file.new"
        [[ $code -ne 130 ]] || exit 130
        tail -n 3 "$out/parts/$name.log" >&2
        skip "$name" "failed with exit code $code, see $out/parts/$name.log"
        status=4
    fi
}
skip() { python3 -c 'import json, sys; print(json.dumps({"not_measured": sys.argv[1]}))' "$2" >"$out/parts/$1.json"; }

n_prompts=25 repeats=3 items=100 forwards=24 large_forwards=20 alone=4 row_counts=(64 256)
[[ $quick -eq 0 ]] || n_prompts=2 repeats=1 items=2 forwards=2 large_forwards=2 alone=1 row_counts=(4 8)
rows=()
for n in "${row_counts[@]}"; do rows+=(--generate-rows "$n"); done

for entry in "${models[@]}"; do
    model="${entry%%=*}" file="${entry#*=}"
    if [[ "$entry" != *=* ]]; then
        if ! "$tiller" models get "$model" >&2; then
            for part in prompts sweep memory generation settings torch-f32 torch-bf16; do
                skip "$model.$part" "the model is not here (tiller models get $model)"
            done
            continue
        fi
        file="$("$tiller" models path "$model")"
    fi
    [[ -f "$file" ]] || { echo "run_all.sh: $file is not there; give a GGUF file as NAME=PATH" >&2 && exit 3; }
    large=0
    if [[ $(stat -Lc %s "$file") -gt 600000000 ]]; then large=1; fi
    bench=("$tiller" bench -m "$file" --json --threads "$threads" --n-prompts "$n_prompts")
    once=("${bench[@]}" --repeats "$repeats")
    if [[ $large -eq 1 ]]; then once=("${bench[@]}" --repeats 1); fi
    # The search and its reference next to each other, so that they meet the same machine.
    measure "$model.sweep" "${once[@]}" --part sweep
    if [[ $have_torch -eq 1 ]]; then
        "${bench[@]}" --prompts "$out/parts/$model.prompts" >/dev/null
        torch=("$python" bench/pytorch/reference.py --model "$file" --prompts "$out/parts/$model.prompts" --threads "$threads")
        if [[ $large -eq 1 ]]; then
            measure "$model.torch-f32" "${torch[@]}" --forwards "$large_forwards"
        else
            measure "$model.torch-f32" "${torch[@]}" --forwards "$forwards"
            measure "$model.torch-bf16" "${torch[@]}" --dtype bfloat16 --batch 16 --forwards $((forwards / 2))
        fi
    else
        skip "$model.torch-f32" "no PyTorch ($get_python)"
        skip "$model.torch-bf16" "no PyTorch ($get_python)"
    fi
    measure "$model.memory" "${bench[@]}" --part memory
    [[ $large -eq 0 ]] || continue
    measure "$model.generation" "${once[@]}" --part generation "${rows[@]}"
    measure "$model.settings" "${bench[@]}" --part settings --items "$items" --alone "$alone"
done

if [[ $demo -eq 1 ]]; then
    folder="$(mktemp -d)"
    trap 'rm -rf "$folder"' EXIT
    plan=()
    [[ $quick -eq 0 ]] || plan=(--task present-past --n-test 2 --n-valid 1)
    timed_demo() {
        local begin end
        begin="$(date +%s.%N)"
        "$tiller" compare --out "$folder/demo" --quiet --json --threads "$threads" "${plan[@]}" >"$folder/summary.json" || return
        end="$(date +%s.%N)"
        python3 -c 'import json, sys; print(json.dumps({"seconds": float(sys.argv[2]) - float(sys.argv[1])}))' "$begin" "$end"
    }
    measure demo timed_demo
else
    skip demo "left out (--no-demo)"
fi

python3 bench/tables.py targets "$out" --threads "$threads"
[[ $quick -eq 0 ]] || echo "--quick: the figures above mean nothing."
exit "$status"
