#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes a bare Debian 12 and runs both commands of the README in it:
#
#   tools/bare.sh [--keep] [ARGUMENTS]    ARGUMENTS go to ./run test, as with ./run bare
#
# On a developer's machine, packages installed by hand hide gaps in tools/packages.txt. Here only
# debootstrap's minimal set is installed. The committed tree (HEAD) runs. Packages come from this
# machine's apt sources. Everything runs in its own mount and process namespace: when it ends, no
# process, mount or network namespace is left.
set -euo pipefail
cd "$(dirname "$0")/.."

gigabytes_needed=8
keep=no
if [[ ${1:-} == --keep ]]; then
    keep=yes
    shift
fi

fail() {
    echo "bare: $*" >&2
    exit 1
}

[[ $(id -u) -eq 0 ]] || fail "this needs root: debootstrap makes devices, and mounts are made"
command -v apt-get >/dev/null || fail "this needs Debian's apt-get"
mapfile -t sources < <(tools/mirror.sh)
mirror=$(printf '%s\n' "${sources[@]}" | sed -n 's/ bookworm main$//p' | head -n 1)
[[ -n $mirror ]] || fail "this machine's apt has no source of Debian 12 (bookworm main)"
if ! command -v debootstrap >/dev/null; then
    echo "bare: installing debootstrap"
    apt-get -qq install --yes --no-install-recommends debootstrap >/dev/null
fi

root=$(mktemp -d "${TMPDIR:-/var/tmp}/ballast-bare.XXXXXX")
free=$(df --output=avail -BG "$root" | tail -n 1 | tr -dc 0-9)
chmod 755 "$root"  # apt downloads as its own user
child=
clean_up() {
    # When the namespace's first process ends, all others and its mounts end too.
    if [[ -n $child ]]; then
        kill -KILL "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    if [[ $keep == yes ]]; then
        echo "bare: the system is left in $root"
    else
        rm -rf --one-file-system "$root"
    fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM
((free >= gigabytes_needed)) || fail "$root has $free GB of free disk, $gigabytes_needed are needed"

echo "bare: a minimal Debian 12 in $root"
log=$(debootstrap --variant=minbase bookworm "$root" "$mirror" 2>&1) ||
    { tail -n 20 <<<"$log" >&2 && fail "debootstrap failed"; }
printf 'deb %s\n' "${sources[@]}" >"$root/etc/apt/sources.list"
# Proxies and a wrong clock belong to this machine: pass its apt settings on.
apt-config dump | grep -E '^Acquire::(http|https|ftp|Check-[A-Za-z-]+)\b' \
    >"$root/etc/apt/apt.conf.d/00machine" || true
cp /etc/resolv.conf "$root/etc/resolv.conf"
# The same for npm.
if command -v npm >/dev/null; then
    for setting in registry https-proxy cafile; do
        value=$(npm config get "$setting")
        if [[ $value == null || $value == undefined ]]; then continue; fi
        if [[ $setting == cafile ]]; then
            cp "$value" "$root/etc/npm-cafile.pem"
            value=/etc/npm-cafile.pem
        fi
        echo "$setting=$value" >>"$root/root/.npmrc"
    done
fi

[[ -z $(git status --porcelain) ]] || echo "bare: uncommitted changes are not tested"
mkdir "$root/root/ballast"
git archive HEAD | tar -x -C "$root/root/ballast"

# The root must be a mount point, or no namespace could be made inside. Mounts are private to this
# process and end with it. Network namespaces end with their last process.
inside() {
    unshare --mount --pid --fork --kill-child bash -euc '
        root=$1 && shift
        mount --make-rprivate /
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount --rbind /sys "$root/sys"  # with the control groups: a test boots systemd
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/run"
        exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" CI="${CI:-}" \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            /bin/bash -euc "cd /root/ballast && \"\$@\"" bash "$@"
    ' bash "$root" "$@" </dev/null &
    child=$!
    local status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

for command in demo test; do
    arguments=()
    if [[ $command == test ]]; then arguments=("$@"); fi
    echo "bare: ./run $command ${arguments[*]}"
    SECONDS=0
    inside ./run "$command" "${arguments[@]}" || fail "./run $command failed on a bare Debian 12"
    echo "bare: ./run $command passed in $SECONDS s; disk in use: $(du -sh "$root" | cut -f1)"
done
