#!/usr/bin/env bash
# Tests the HTML report of a comparison in a browser: copying, saving, unfolding, names, contrast, narrow windows.
# Usage: run.sh PROGRAM, the tiller that makes the report, on a tiny model.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
program="$(realpath "${1:?the tiller program}")"
tmp="$(mktemp -d)"
trap 'rm -rf "$tmp"' EXIT

python3 - "$here/../serve/clients" "$tmp" <<'MAKE'
import json
import pathlib
import sys
sys.path.insert(0, sys.argv[1])
import tiny
folder = pathlib.Path(sys.argv[2])
(folder / "tiny.gguf").write_bytes(tiny.tiny_model())
words = "cat dog red sun hot cold film in".split()
pairs = [(x, y) for x in words for y in words if x != y]
(folder / "last-word.json").write_text(json.dumps([{"input": f"{x} {y}", "output": y} for x, y in pairs[:48]]))
(folder / "warm.json").write_text(json.dumps({"family": "behavioural", "items": [
    {"input": f"the {x} was cold in {y}", "output": f"the {x} is hot, a red sun in {y}"} for x, y in pairs[:40]]}))
MAKE
(cd "$tmp" && "$program" compare -m tiny.gguf -t last-word.json -t warm.json --n-test 15 --n-valid 10 --n-mean 5 \
    --n-patch 3 -o run >log 2>&1) || { cat "$tmp/log" >&2 && exit 1; }
PAGE_TEST="$here/test.mjs" TILLER_REPORT="$tmp/run/report.html" "$here/../serve/page/run.sh"
