#!/usr/bin/env bash
# Tests the page of `tiller serve` in a browser: against a mock server, or against a real one with
# TILLER_URL=http://127.0.0.1:8080; or, with PAGE_TEST, what this script names. Arguments go to it, or to test.mjs. Screenshots are written to $TILLER_PAGE_SHOTS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

package=playwright-core
version=1.65.1
sha512='hqPpz7blSMPxWVdoeE1yiBSzXsKiVOd2k+kjCvmUywD2GPO2Dd9HfcWnq9NN0GHbNZDFgZ9JfBFr+X5/BLo0qw=='
cache="${TILLER_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tiller}/page-test"

fail() {
    printf 'page test: %s\n' "$*" >&2
    exit 1
}

install_package() {
    local folder="$cache/$package-$version/node_modules/$package" tmp
    [[ ! -d "$folder" ]] || return 0
    mkdir -p "$cache"
    tmp="$(mktemp -d "$cache/.fetch-XXXXXX")"
    (cd "$tmp" && npm pack "$package@$version" --ignore-scripts --silent >/dev/null) ||
        fail "npm could not fetch $package $version"
    [[ "$(openssl dgst -sha512 -binary "$tmp"/*.tgz | base64 -w0)" == "$sha512" ]] ||
        fail "$package $version has another checksum than expected; nothing was kept"
    tar -xzf "$tmp"/*.tgz -C "$tmp"
    mkdir -p "$(dirname "$folder")"
    mv "$tmp/package" "$folder"
    rm -r "$tmp"
}

install_browser() {
    ! command -v chromium >/dev/null || return 0
    [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null || fail "chromium is missing: install the package 'chromium'"
    apt-get -qq update || true
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null
}

for program in node npm openssl; do
    command -v "$program" >/dev/null || fail "$program is missing"
done
install_package
install_browser
exec env PAGE_TEST_MODULES="$cache/$package-$version" CHROMIUM="${CHROMIUM:-$(command -v chromium)}" node "${PAGE_TEST:-test.mjs}" "$@"
