#!/usr/bin/env bash
# What serving costs, against unsteered clients, one client at a time and llama.cpp's server; or a soak. The machine should be
# idle. Ends with 0 also when targets are missed: it is a measurement.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
    cat <<'TEXT'
Usage: bench/serve/run.sh [--out DIR] [--threads N] [--model NAME] [--rounds N] [--quick] [--no-llama] [--plain-llama]
       bench/serve/run.sh --soak MINUTES [--out DIR] [--threads N] [--model NAME] [--clients N]

  --out          where the results go as JSON (default build/bench-serve)
  --threads      of each server (default 2)
  --model        a known model's name or a GGUF file (default gemma3-270m)
  --rounds       turns of each side, an even number; medians count (default 6)
  --quick        tiny counts, to try the scripts; the figures mean nothing
  --no-llama     without llama.cpp's server, which is built once otherwise (ten minutes on two cores)
  --plain-llama  llama.cpp's server as it ships, without tiller's patches of the engine
  --clients      of a soak (default 24)
  --soak         clients that come, cancel and vanish at random for so many minutes; memory and answers are watched

The program is build/tiller, or what TILLER names. Needs Python alone.
TEXT
}

out=build/bench-serve more=() llama=(bench/serve/llama_server.sh) with_llama=1 soak=""
while [[ $# -gt 0 ]]; do
    case "$1" in
        --out) out="${2:?--out needs a folder}" && shift ;;
        --threads | --model | --rounds | --clients) more+=("$1" "${2:?$1 needs a value}") && shift ;;
        --quick) more+=(--rounds 1 --tokens 4 --alone 1) ;;
        --no-llama) with_llama=0 ;;
        --plain-llama) llama+=(--plain) ;;
        --soak) soak="${2:?--soak needs minutes}" && shift ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done
export TILLER="${TILLER:-build/tiller}" PYTHONDONTWRITEBYTECODE=1
[[ -x "$TILLER" ]] || { echo "run.sh: $TILLER is not there; build it with ./run build" >&2 && exit 4; }
if [[ -n "$soak" ]]; then exec python3 bench/serve/soak.py --minutes "$soak" --out "$out" "${more[@]}"; fi
if [[ $with_llama -eq 1 ]]; then more+=(--llama "$("${llama[@]}")"); fi
exec python3 bench/serve/measure.py --out "$out" "${more[@]}"
