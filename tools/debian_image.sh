#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes a Debian 12 that systemd can boot, for the tests of the package:
#
#   tools/debian_image.sh PROGRAM IMAGE
#
# It has systemd and what the package may meet, and the libraries that PROGRAM needs. It is made again
# only when that list has changed. Packages come from this machine's apt sources.
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1
image=$2
packages=(systemd systemd-sysv dbus apparmor logrotate)

fail() {
    echo "image: $*" >&2
    exit 1
}

# apt's names of the packages with these libraries.
libraries() {
    local path
    for path in $(ldd "$program" | sed -nE 's/.* => (\S+) .*/\1/p'); do
        # Where /lib is a link, dpkg knows the file by one of two names.
        dpkg-query --search "$path" "/usr$path" 2>/dev/null || true
    done | sed -E 's/:.*//' | sort -u
}

mapfile -t needed < <(libraries)
list=$(printf '%s\n' "${packages[@]}" "${needed[@]}")
if [[ -d $image && "$(cat "$image.packages" 2>/dev/null)" == "$list" ]]; then exit 0; fi

mirror=$(tools/mirror.sh | sed -n 's/ bookworm main$//p' | head -n 1)
[[ $mirror ]] || fail "this machine's apt has no source of Debian 12 (bookworm main)"
# A half-made one has another name.
new=$image.new
rm -rf --one-file-system "$image" "$new"
log=$(debootstrap --variant=minbase --include="$(paste -sd, <<<"$list")" bookworm "$new" "$mirror" 2>&1) ||
    { tail -n 20 <<<"$log" >&2 && fail "debootstrap failed"; }
rm -rf "$new"/var/cache/apt/archives/*.deb "$new"/var/lib/apt/lists/*
# The machine's own, when it boots.
rm -f "$new/etc/machine-id" "$new/etc/resolv.conf"
mv "$new" "$image"
echo "$list" >"$image.packages"
