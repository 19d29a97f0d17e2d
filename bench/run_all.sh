#!/usr/bin/env bash
# All measurements that docs/performance.md quotes, one after another; the machine should be idle.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for model in "${@:-gemma3-270m}"; do
    build/tiller models get "$model"
    build/tiller bench -m "$model" --repeats 5
done
