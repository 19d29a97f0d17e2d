#!/usr/bin/env bash
# What cuts of the graph cost here and over one and two servers on loopback: bench/rpc.sh [MODEL] [OPTIONS of tiller bench].
# Needs a build with -DTILLER_RPC=ON; BUILD names its folder (build-rpc). The servers share this machine's processors with the
# program, so times say little about a network: bytes and ratios within one column do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build="${BUILD:-build-rpc}" model="${1:-gemma3-270m}"
shift $(($# > 0 ? 1 : 0))
[[ -x "$build/ggml-rpc-server" ]] || {
    echo "rpc.sh: no $build/ggml-rpc-server; ./run rpc builds it" >&2
    exit 1
}
servers=()
trap '[[ ${#servers[@]} -eq 0 ]] || kill "${servers[@]}" 2>/dev/null' EXIT
for port in 50152 50153; do
    "$build/ggml-rpc-server" -p "$port" >/dev/null 2>&1 &
    servers+=($!)
done
sleep 1
for list in "" 127.0.0.1:50152 127.0.0.1:50152,127.0.0.1:50153; do
    echo "== ${list:-without servers}"
    "$build/tiller" bench -m "$model" --part cuts --generate-rows 4 --quiet ${list:+--rpc "$list"} "$@"
done
