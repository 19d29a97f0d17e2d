#!/usr/bin/env bash
# Installs the Python package into an environment in tiller's cache folder and tests it there: ./run python-test.
set -euo pipefail
shopt -s inherit_errexit
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"

usage() {
    cat <<'TEXT'
Usage: python/tests/run.sh [--wheel FILE] [PYTEST ARGUMENTS]

Builds the package (minutes the first time), installs it with what the tests need into tiller's cache folder, and tests the
installed module against the installed program, on a tiny model and, where it was fetched, on gemma3-270m.
--wheel FILE tests that wheel, made by ./run wheel, instead of building one.
PYTHON names another Python than python3, from 3.10 on. With 3.10 the notebook and the types are not tested.
TEXT
}

wheel=""
case "${1:-}" in
    -h | --help) usage && exit 0 ;;
    --wheel)
        [[ -f "${2:-}" ]] || { echo "run.sh: --wheel needs a file: dist/tiller_steering-*.whl" >&2 && exit 4; }
        wheel="$(realpath "$2")"
        shift 2
        ;;
esac
python="${PYTHON:-python3}"
minor="$("$python" -c 'import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else 0)')"
[[ "$minor" -ge 10 ]] || { echo "run.sh: $python is older than Python 3.10; name another in PYTHON" >&2 && exit 4; }
requirements="$here/requirements.txt"
[[ "$minor" -ge 11 ]] || requirements="$here/requirements-3.10.txt"
cache="${TILLER_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/tiller}/python-test"
folder="$cache/$(cat "$requirements" <("$python" --version) | sha256sum | cut -c1-12)"
# What has the final name is whole.
if [[ ! -f "$folder/ready" ]]; then
    echo "Installing what the tests need into $folder" >&2
    rm -rf "$folder"
    mkdir -p "$cache"
    "$python" -m venv "$folder" >&2
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$requirements" >&2
    touch "$folder/ready"
fi
if [[ -n "$wheel" ]]; then
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "$wheel" >&2
else
    echo "Building and installing the package; its build folder is $root/build-wheel" >&2
    # The pinned build tools are in the environment already.
    PATH="$folder/bin:$PATH" "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps \
        --force-reinstall "$root" >&2
fi
export PYTHONDONTWRITEBYTECODE=1
cd "$cache" # no source folder on the module path
exec "$folder/bin/python" -m pytest -q -p no:cacheprovider --rootdir "$here" "$here" "$@"
