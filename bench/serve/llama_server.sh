#!/usr/bin/env bash
# Builds llama.cpp's own server from the engine's source, into tiller's cache folder, and prints its path.
# The same commit, patches, compiler flags and options as tiller's engine (cmake/engine.cmake), so that the benchmark
# compares servers and not kernels. Some ten minutes on two cores; a second call finds it built.
#
#   bench/serve/llama_server.sh            with tiller's patches of the engine
#   bench/serve/llama_server.sh --plain    as llama.cpp ships it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

kind=patched
case "${1:-}" in
    --plain) kind=plain ;;
    "") ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac

cache="${TILLER_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/tiller}"
value() { sed -n "s/^set($1 \([^)]*\)).*/\1/p" cmake/engine.cmake; }
package="$(value TILLER_ENGINE_PACKAGE)" version="$(value TILLER_ENGINE_PACKAGE_VERSION)"
commit="$(value TILLER_ENGINE_COMMIT)"
tarball="$cache/npm/$package-$version.tgz"
[[ -f "$tarball" ]] || { echo "llama_server.sh: $tarball is not there; ./run build fetches it" >&2 && exit 4; }
echo "$(value TILLER_ENGINE_PACKAGE_SHA256)  $tarball" | sha256sum --check --quiet >&2

patches=()
if [[ $kind == patched ]]; then
    read -ra names <<<"$(value TILLER_ENGINE_PATCHES)"
    patches=("${names[@]/#/cmake/engine/}")
fi
key="$(cat cmake/engine/amx_tile_config.h "${patches[@]}" "${BASH_SOURCE[0]}" | sha256sum | cut -c1-8)"
folder="$cache/llama-server/$kind-${commit:0:8}-$key"
server="$folder/build/bin/llama-server"
if [[ ! -f "$folder/built" ]]; then
    if [[ ! -f "$folder/source/.unpacked" ]]; then
        rm -rf "$folder"
        mkdir -p "$folder"
        tar -xzf "$tarball" -C "$folder" package/llama/gitRelease.bundle
        git -c advice.detachedHead=false clone --quiet "$folder/package/llama/gitRelease.bundle" "$folder/source" >&2
        rm -rf "$folder/package"
        found="$(git -C "$folder/source" rev-parse HEAD)"
        [[ "$found" == "$commit" ]] || { echo "llama_server.sh: the source is at $found, expected $commit" >&2 && exit 4; }
        for patch in "${patches[@]}"; do git -C "$folder/source" apply "$PWD/$patch"; done
        touch "$folder/source/.unpacked"
    fi
    flags="-include $PWD/cmake/engine/amx_tile_config.h"
    if echo | "${CXX:-c++}" -mno-avx512fp16 -xc++ -E - >/dev/null 2>&1; then flags+=" -mno-avx512fp16"; fi
    cmake -S "$folder/source" -B "$folder/build" -G Ninja -Wno-dev "-DCMAKE_C_FLAGS=$flags" "-DCMAKE_CXX_FLAGS=$flags" \
        -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DLLAMA_BUILD_IS_DEV=OFF -DLLAMA_BUILD_COMMON=ON \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_SERVER=ON \
        -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF \
        -DLLAMA_ALL_WARNINGS=OFF -DGGML_CCACHE=OFF -DGGML_OPENMP=OFF -DGGML_NATIVE=ON --log-level=WARNING >&2
    cmake --build "$folder/build" --target llama-server --parallel "$(getconf _NPROCESSORS_ONLN)" >&2
    "$server" --version >/dev/null 2>&1
    touch "$folder/built"
fi
printf '%s\n' "$server"
