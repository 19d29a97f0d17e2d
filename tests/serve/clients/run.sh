#!/usr/bin/env bash
# Tests of `tiller serve` with real clients.
set -euo pipefail
shopt -s inherit_errexit
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"

usage() {
    cat <<'TEXT'
Usage: tests/serve/clients/run.sh [--all] [PYTEST ARGUMENTS]

  (nothing)   the openai package for Python, curl and bytes on sockets, on a tiny model; under a minute
  --all       also litellm, lm-evaluation-harness and the openai package for JavaScript, and models gemma3-270m and
              smollm2-135m

The program is build/tiller, or what TILLER names. The clients are installed once into tiller's cache folder, with the
versions and checksums of requirements.txt, requirements-all.txt and js/package-lock.json.
TILLER_FUZZ_REQUESTS and TILLER_FUZZ_SEED: how many malformed requests are sent (1000), and which.
TEXT
}

all=0
case "${1:-}" in
    --all) all=1 && shift ;;
    -h | --help) usage && exit 0 ;;
esac
export TILLER="${TILLER:-$root/build/tiller}"
[[ -x "$TILLER" ]] || { echo "run.sh: $TILLER is not there; build it with ./run build, or name it in TILLER" >&2 && exit 4; }
cache="${TILLER_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/tiller}/server-clients"
mkdir -p "$cache"

# python_for FILE: a Python that has the packages of that file; made once. What has the final name is whole.
python_for() {
    local file="$here/$1" folder
    folder="$cache/$(basename "$1" .txt)-$(cat "$file" <(python3 --version) | sha256sum | cut -c1-12)"
    if [[ ! -f "$folder/ready" ]]; then
        echo "Installing the packages of $1 into $folder" >&2
        rm -rf "$folder"
        python3 -m venv "$folder" >&2
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$file" >&2
        touch "$folder/ready"
    fi
    printf '%s\n' "$folder/bin/python"
}

tests=("$here"/test_openai.py "$here"/test_steering.py "$here"/test_numbers.py "$here"/test_same_bytes.py
    "$here"/test_bad_http.py "$here"/test_limits.py)
if [[ $all -eq 0 ]]; then
    python="$(python_for requirements.txt)"
else
    python="$(python_for requirements-all.txt)"
    tests+=("$here"/test_litellm.py "$here"/test_javascript.py "$here"/test_lm_eval.py)
    command -v node >/dev/null && command -v npm >/dev/null || { echo "run.sh: --all needs node and npm" >&2 && exit 4; }
    node_folder="$cache/js-$(cat "$here/js/package-lock.json" | sha256sum | cut -c1-12)"
    if [[ ! -f "$node_folder/ready" ]]; then
        rm -rf "$node_folder"
        mkdir -p "$node_folder"
        cp "$here/js/package.json" "$here/js/package-lock.json" "$node_folder"
        npm ci --prefix "$node_folder" --ignore-scripts --no-audit --no-fund --silent >&2
        touch "$node_folder/ready"
    fi
    cp "$here/js/client.mjs" "$node_folder"
    export TILLER_CLIENTS_NODE="$node_folder"
    for model in gemma3-270m smollm2-135m; do "$TILLER" models get "$model" >&2; done
fi
# No test reaches for anything but this machine: a proxy of the user's must not be asked.
export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost PYTHONDONTWRITEBYTECODE=1
exec "$python" -m pytest -q -p no:cacheprovider -W ignore::UserWarning:pydantic._internal._generate_schema --rootdir "$here" "${tests[@]}" "$@"
