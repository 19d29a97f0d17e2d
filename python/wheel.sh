#!/usr/bin/env bash
# Makes wheels that other machines can install, and tries them: ./run wheel.
set -euo pipefail
shopt -s inherit_errexit
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/.." && pwd)"
limit_mb=15

usage() {
    cat <<'TEXT'
Usage: python/wheel.sh [--debian SUITE] [FOLDER]

Writes tiller_steering-*.whl into FOLDER (default: dist). A wheel has kernels for several x86-64 processors, of which the best is
taken when the engine starts, and brings the libraries that other systems may lack (auditwheel). Each wheel is installed in a new
virtual environment, and a text is generated there with a model that the tests make.

PYTHON names the Python, python3 by default. Several, separated by blanks, share one build of the engine and the libraries:
  PYTHON="python3.10 python3.11 python3.12 python3.13" ./run wheel
makes three wheels, because the one of 3.12 is for all later versions, and tries it with 3.12 and 3.13.
--debian SUITE also tries the last wheel in a new Debian of that suite (trixie, sid), with that suite's Python. Needs root and
debootstrap.
TEXT
}

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "wheel: $*"
    exit 1
}

suite=""
while [[ $# -gt 0 ]]; do
    case "$1" in
        -h | --help) usage && exit 0 ;;
        --debian)
            [[ $# -ge 2 ]] || fail "--debian needs a suite: trixie"
            suite="$2"
            shift 2
            ;;
        -*) fail "there is no option $1" ;;
        *) break ;;
    esac
done
out="$(realpath -m "${1:-$root/dist}")"
tmp="$(mktemp -d)"
trap 'rm -rf --one-file-system "$tmp"' EXIT
mkdir -p "$out"
read -ra pythons <<<"${PYTHON:-python3}"

# The tag of the wheel that a Python installs: pyproject.toml's py-api is cp312.
tag_of() { "$1" -c 'import sys; print("cp3%d" % min(sys.version_info[1], 12))'; }

# The tools that repair and check wheels, below $tmp/tools.
install_tools() {
    "$1" -m venv "$tmp/tools"
    "$tmp/tools/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
        -r "$here/wheel-requirements.txt"
}

# The licences of the libraries that auditwheel copied from this system, as its packages have them.
add_licences() {
    local folder="$1" file name package target
    target="$(echo "$folder"/*.dist-info)/licenses"
    for file in "$folder"/tiller_steering.libs/*; do
        name="$(basename "$file")"
        # auditwheel has put 8 digits of a checksum into the name: libzip-0a1b2c3d.so.5.5.
        name="$(sed -E 's/-[0-9a-f]{8}(\.so)/\1/' <<<"$name")"
        case "$name" in libggml* | libllama*) continue ;; esac # licenses/llama.cpp
        package="$(dpkg -S "*/$name" 2>/dev/null | head -1 | cut -d: -f1)" || true
        [[ -n "$package" && -f "/usr/share/doc/$package/copyright" ]] ||
            fail "no installed package owns $name, so its licence is not known"
        cp "/usr/share/doc/$package/copyright" "$target/COPYRIGHT.$package"
    done
}

# make_wheel PYTHON TAG: writes $tmp/TAG/*.whl.
make_wheel() {
    local python="$1" tag="$2" wheel size engine
    say "Building the wheel of $tag in build-wheels"
    # All wheels share this folder: another Python has other settings, but only the bindings are compiled again.
    rm -f "$root/build-wheels/CMakeCache.txt"
    # Downloads are huggingface_hub's there: a TLS library of the wheel's would not know where a system has its certificates.
    "$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$tmp/raw-$tag" \
        --config-settings=build-dir="$root/build-wheels" --config-settings=cmake.define.TILLER_VARIANTS=ON \
        --config-settings=cmake.define.TILLER_HUB=OFF "$root" >&2
    # Where the kernels find the engine's library: they name no folder but their own.
    engine="$(sed -n 's|^llama_DIR:PATH=\(.*\)/cmake/llama$|\1|p' "$root/build-wheels/CMakeCache.txt")"
    [[ -f "$engine/libllama.so" ]] || fail "the engine's libraries are not in '$engine'"
    LD_LIBRARY_PATH="$engine" PATH="$tmp/tools/bin:$PATH" auditwheel repair --strip --wheel-dir "$tmp/repaired-$tag" "$tmp/raw-$tag"/*.whl >&2
    "$tmp/tools/bin/python" -m wheel unpack --dest "$tmp/unpacked-$tag" "$tmp/repaired-$tag"/*.whl >/dev/null
    add_licences "$(echo "$tmp/unpacked-$tag"/*)"
    mkdir "$tmp/$tag"
    "$tmp/tools/bin/python" -m wheel pack --dest-dir "$tmp/$tag" "$tmp/unpacked-$tag"/* >/dev/null
    wheel="$(echo "$tmp/$tag"/*.whl)"
    if [[ "$wheel" == *-abi3-* ]]; then "$tmp/tools/bin/abi3audit" --strict --summary "$wheel" >&2; fi
    size="$(stat -c %s "$wheel")"
    [[ "$size" -le $((limit_mb * 1000000)) ]] || fail "$(basename "$wheel") has $size bytes, more than $limit_mb MB"
}

# What is done with an installed wheel: python try.py FOLDER-OF-TINY.
cat >"$tmp/try.py" <<'TRY'
import pathlib
import re
import subprocess
import sys

import tiller

folder = pathlib.Path(sys.argv[1])
lm = tiller.load(folder / "tiny.gguf")
v = lm.extract("icv", pairs=[("the cat is cold", "the cat is hot"), ("a red dog", "a red sun"), ("in", "the film")])
texts = lm.generate("the", steer=[None, v], max_tokens=8)
assert [len(text.tokens) for text in texts] == [8, 8], texts
# The kernels of one processor, from the wheel; and no OpenMP runtime, which torch may bring another one of.
mapped = set(re.findall(r"/\S+\.so\S*", pathlib.Path("/proc/self/maps").read_text()))
kernels = [file for file in mapped if "libggml-cpu" in file]
assert len(kernels) == 1 and "/tiller_steering.libs/" in kernels[0], kernels
assert not [file for file in mapped if re.search(r"lib(gomp|iomp|omp)[-.5]", file)], mapped
program = pathlib.Path(sys.executable).with_name("tiller")
version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
assert pathlib.Path(kernels[0]).name in version, version
subprocess.run([program, "models"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([program, "doctor", "-m", folder / "tiny.gguf", "--fast", "--quiet"], check=True, stdout=subprocess.DEVNULL)
print(f"Python {sys.version.split()[0]}: {pathlib.Path(tiller.__file__).parent}, {pathlib.Path(kernels[0]).name}")
TRY

# try_wheel PYTHON WHEEL: installs it in a virtual environment and uses it, outside of the source folder.
try_wheel() {
    local python="$1" wheel="$2" place
    place="$(mktemp -d -p "$tmp")"
    "$python" -m venv "$place/venv"
    "$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$wheel" >&2
    (cd "$place" && "$place/venv/bin/python" -I "$tmp/try.py" "$tmp") || fail "$(basename "$wheel") does not work with $python"
}

# try_in_debian SUITE WHEEL: with that Debian's own Python. NumPy is fetched outside, so the root needs no network.
try_in_debian() {
    local suite="$1" wheel="$2" debian="$tmp/debian" mirror version
    [[ $EUID -eq 0 ]] && command -v debootstrap >/dev/null || fail "--debian needs root and debootstrap"
    mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | head -1)"
    [[ -n "$mirror" ]] || fail "apt names no Debian mirror"
    say "Making a Debian $suite to try the wheel in (a minute or two)"
    debootstrap --variant=minbase --include=python3-venv "$suite" "$debian" "${mirror%/}" >"$tmp/debootstrap.log" 2>&1 ||
        fail "debootstrap: $(tail -1 "$tmp/debootstrap.log")"
    version="$(chroot "$debian" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    mkdir "$debian/wheels"
    cp "$wheel" "$tmp/try.py" "$tmp/tiny.gguf" "$debian/wheels/"
    "$tmp/tools/bin/python" -m pip download --quiet --disable-pip-version-check --only-binary=:all: --python-version "$version" \
        --dest "$debian/wheels" numpy >&2
    # The processor's features, and the process's own memory map.
    mount -t proc proc "$debian/proc" || fail "/proc cannot be mounted in $debian"
    if chroot "$debian" env -i PATH=/usr/bin:/bin HOME=/root LANG=C.UTF-8 bash -c 'set -e; python3 -m venv /venv
            /venv/bin/pip install --quiet --no-index --find-links /wheels tiller-steering && cd /tmp && /venv/bin/python -I /wheels/try.py /wheels' >&2; then
        umount "$debian/proc"
        say "Debian $suite: works with its Python $version"
    else
        umount "$debian/proc"
        fail "$(basename "$wheel") does not work in Debian $suite"
    fi
}

PYTHONPATH="$root/tests/serve/clients" "${pythons[0]}" -c \
    'import sys, tiny; open(sys.argv[1], "wb").write(tiny.tiny_model())' "$tmp/tiny.gguf"
install_tools "${pythons[0]}"
for python in "${pythons[@]}"; do
    tag="$(tag_of "$python")"
    [[ -d "$tmp/$tag" ]] || make_wheel "$python" "$tag"
    wheel="$(echo "$tmp/$tag"/*.whl)"
    try_wheel "$python" "$wheel"
    cp "$wheel" "$out"
done
if [[ -n "$suite" ]]; then try_in_debian "$suite" "$wheel"; fi
ls -l "$out"/*.whl
