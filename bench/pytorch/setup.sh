#!/usr/bin/env bash
# A Python with what the PyTorch reference needs, in tiller's cache folder: outside the checkout, made once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
cache="${TILLER_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/tiller}"
folder="${1:-$cache/bench-python}"
if "$folder/bin/python" -c 'import gguf, torch, transformers' 2>/dev/null; then
    echo "$folder is there already"
    exit 0
fi
mkdir -p "$(dirname "$folder")"
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet -r requirements.txt
"$folder/bin/python" -c 'import gguf, torch, transformers'
echo "The Python is $folder/bin/python"
