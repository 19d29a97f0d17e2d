#!/usr/bin/env bash
# The C++ reference of include/tiller, by doxygen: make_reference.sh FOLDER writes FOLDER/html. A warning is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ $# -eq 1 ]] || { echo "usage: make_reference.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
TILLER_REFERENCE="$(realpath "$1")"
export TILLER_REFERENCE
doxygen docs/Doxyfile
echo "C++ reference: $TILLER_REFERENCE/html/index.html"
