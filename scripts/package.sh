#!/usr/bin/env bash
# Packages for other machines: ./run package [tarball] [deb] [oci]; the first two unless named. Builds into build-package, writes into dist/, and tries each in
# a root that has nothing of this machine (a Debian made by debootstrap, as root; else an empty environment).
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build="$PWD/build-package" out="$PWD/dist"
wanted=("$@")
[[ ${#wanted[@]} -gt 0 ]] || wanted=(tarball deb)

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "package: $*"
    exit 1
}

configure_and_build() {
    cmake -G Ninja -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DTILLER_VARIANTS=ON -DTILLER_TESTS=OFF \
        -DCMAKE_INSTALL_PREFIX=/usr ${TILLER_ENGINE_BUNDLE:+-DTILLER_ENGINE_BUNDLE="$TILLER_ENGINE_BUNDLE"} >&2
    cmake --build "$build" --target all >&2
    version="$(sed -n 's/^CMAKE_PROJECT_VERSION:[A-Z]*=//p' "$build/CMakeCache.txt")"
}

# Libraries that every system of the same or a later glibc has; all others go into the tarball.
of_the_system() { [[ "$1" =~ ^(linux-vdso|ld-linux|libc|libm|libdl|librt|libpthread|libresolv)[.-] ]]; }

# The program with all it needs below one folder that can lie anywhere.
tarball() {
    local name="tiller-$version-linux-x86_64" stage library file package
    stage="$(mktemp -d)"
    DESTDIR="$stage/root" cmake --install "$build" --component runtime --strip >/dev/null
    mv "$stage/root/usr" "$stage/$name"
    local libraries
    libraries="$(dirname "$(find "$stage/$name" -name 'libllama.so')")"
    # Links of the libraries' other names are kept, their debug symbols are not.
    ldd "$stage/$name/bin/tiller" | awk '$2 == "=>" && $3 ~ /^\// {print $1, $3}' | while read -r library file; do
        if of_the_system "$library" || [[ "$file" == "$stage"/* ]]; then continue; fi
        cp -L "$file" "$libraries/$library"
        # By name: with /lib a link to /usr/lib, dpkg may know the file by the other path.
        package="$(dpkg -S "*/$(basename "$(realpath "$file")")" 2>/dev/null | head -1 | cut -d: -f1)" || true
        [[ -n "$package" ]] || fail "no package owns $file, so its licence is not known"
        if [[ -n "$package" && -f "/usr/share/doc/$package/copyright" ]]; then
            cp "/usr/share/doc/$package/copyright" "$stage/$name/share/licenses/tiller/COPYRIGHT.$package"
        fi
    done
    # Libraries of ours and of others find each other in their own folder.
    for file in "$libraries"/*.so*; do
        [[ -L "$file" ]] || patchelf --set-rpath "\$ORIGIN" "$file"
    done
    mkdir -p "$out"
    tar -C "$stage" --owner=0 --group=0 --sort=name -czf "$out/$name.tar.gz" "$name"
    rm -rf "$stage"
    say "$out/$name.tar.gz: $(du -h "$out/$name.tar.gz" | cut -f1)"
}

deb() {
    mkdir -p "$out"
    (cd "$build" && cpack -G DEB -B "$out" >&2)
    rm -rf "$out/_CPack_Packages"
    say "$(ls -l "$out"/tiller_*.deb)"
    if command -v lintian >/dev/null; then
        lintian --fail-on error --allow-root "$out"/tiller_*.deb >&2 || fail "lintian finds errors in the .deb"
    else
        say "lintian is not installed: the .deb was not checked"
    fi
}

# A Debian 12 of its own, with what its base system has and no more, in $work/root; made once for all packages.
clean_root() {
    local root="$work/root" mirror
    [[ ! -f "$root/ready" ]] || return 0
    [[ $EUID -eq 0 ]] && command -v debootstrap >/dev/null || return 1
    mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | head -1)"
    [[ -n "$mirror" ]] || return 1
    say "Making a Debian 12 to try the packages in (a minute or two)"
    if ! debootstrap --variant=minbase bookworm "$root" "${mirror%/}" >"$work/debootstrap.log" 2>&1; then
        tail -3 "$work/debootstrap.log" >&2
        return 1
    fi
    tar -C "$root" -cf "$work/base.tar" .
    # The same sources of packages as this machine's.
    rm -f "$root/etc/apt/sources.list"
    cp -r /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/trusted.gpg.d "$root/etc/apt/"
    [[ ! -f /etc/apt/sources.list ]] || cp /etc/apt/sources.list "$root/etc/apt/"
    cp /etc/resolv.conf "$root/etc/"
    mount -t proc proc "$root/proc" || return 1
    cp "$work/tiny.gguf" "$root/tmp/"
    touch "$root/ready"
}

# What is done in each root; $1: the program, $2: a model.
trial='
set -e
cd /tmp
"$1" --version
"$1" models
"$1" doctor -m "$2" --fast --quiet
"$1" compare -m "$2" -t present-past --folds 2 --n-test 6 --n-valid 4 --n-mean 5 --n-patch 3 --n-pairs 5 --shots 2 -o /tmp/tiller-run --quiet | tail -4
test -s /tmp/tiller-run/report.html
rm -rf /tmp/tiller-run
'

try_it() {
    local what="$1" program=/usr/bin/tiller
    if clean_root; then
        if [[ "$what" == deb ]]; then
            cp "$out"/tiller_*.deb "$work/root/tmp/"
            chroot "$work/root" bash -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
                apt-get -qq install -y --no-install-recommends /tmp/tiller_*.deb >/dev/null'
        else
            mkdir -p "$work/root/opt"
            tar -C "$work/root/opt" -xzf "$out/tiller-$version-linux-x86_64.tar.gz"
            program="/opt/tiller-$version-linux-x86_64/bin/tiller"
        fi
        chroot "$work/root" env -i PATH=/usr/bin:/bin HOME=/tmp bash -c "$trial" trial "$program" /tmp/tiny.gguf >&2 ||
            fail "the $what does not work in a Debian of its own"
        say "$what: works in a Debian 12 of its own"
    elif [[ "$what" == tarball ]]; then
        tar -C "$work" -xzf "$out/tiller-$version-linux-x86_64.tar.gz"
        env -i PATH=/usr/bin:/bin HOME="$work" bash -c "$trial" trial \
            "$work/tiller-$version-linux-x86_64/bin/tiller" "$work/tiny.gguf" >&2 || fail "the tarball does not work"
        say "tarball: works unpacked, in an empty environment (no debootstrap, or not root)"
    else
        say "deb: not tried (needs root and debootstrap)"
    fi
}

# An image for containers: the clean Debian with the .deb, made by buildah without a daemon. Sources of packages of this
# machine are bound in while it is made and are not in it.
oci() {
    local container image="$out/tiller-$version.oci.tar"
    command -v buildah >/dev/null || fail "an image needs the package buildah"
    [[ -f "$out/tiller_${version}_amd64.deb" ]] || deb
    clean_root || fail "an image needs root and debootstrap"
    export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
    local tool=(buildah --root "$work/store" --runroot "$work/state") apt=()
    local name
    for name in sources.list sources.list.d apt.conf.d; do
        if [[ -e "/etc/apt/$name" ]]; then apt+=(--volume "/etc/apt/$name:/etc/apt/$name:ro"); fi
    done
    container="$("${tool[@]}" from scratch)"
    "${tool[@]}" add -q "$container" "$work/base.tar" / >/dev/null
    "${tool[@]}" run "${apt[@]}" --volume "$out:/packages:ro" "$container" -- bash -c 'apt-get -qq update &&
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends /packages/tiller_*.deb >/dev/null &&
        apt-get clean && rm -rf /var/lib/apt/lists/*' >&2
    "${tool[@]}" config --entrypoint '["/usr/bin/tiller"]' --workingdir /work --env TILLER_CACHE_DIR=/work/.cache \
        --label org.opencontainers.image.title=tiller --label "org.opencontainers.image.version=$version" "$container"
    rm -f "$image"
    "${tool[@]}" commit -q "$container" "oci-archive:$image:tiller:$version" >/dev/null
    say "$image: $(du -h "$image" | cut -f1)"
}

# What is done in a container of the image.
try_oci() {
    local container tool=(buildah --root "$work/store" --runroot "$work/state")
    container="$("${tool[@]}" from -q "oci-archive:$out/tiller-$version.oci.tar")"
    "${tool[@]}" run --volume "$work/tiny.gguf:/tmp/tiny.gguf:ro" "$container" -- \
        env -i PATH=/usr/bin:/bin HOME=/tmp bash -c "$trial" trial /usr/bin/tiller /tmp/tiny.gguf >&2 ||
        fail "the image does not work"
    say "oci: works in a container of its own"
}

work="$(mktemp -d)"
leave() {
    if mountpoint -q "$work/root/proc"; then umount "$work/root/proc"; fi
    rm -rf --one-file-system "$work"
}
trap leave EXIT
python3 - "$work/tiny.gguf" <<'TINY'
import sys
sys.path.insert(0, "tests/serve/clients")
import tiny
open(sys.argv[1], "wb").write(tiny.tiny_model())
TINY
configure_and_build
for what in "${wanted[@]}"; do
    case "$what" in
        tarball | deb)
            "$what"
            try_it "$what"
            ;;
        oci)
            oci
            try_oci
            ;;
        *) fail "there are tarball, deb and oci, not '$what'" ;;
    esac
done
