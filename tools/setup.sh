#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the missing packages of tools/packages.txt, and then those of the page. A bare Debian 12 is enough: root needs no
# sudo, and git and python are not needed. Quick and silent when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

list=tools/packages.txt
servers=.servers

packages() {
    local package unless
    while read -r package unless; do
        if [[ -z $unless ]] || ! command -v "${unless#\?}" >/dev/null; then echo "$package"; fi
    done < <(sed -E 's/#.*//; s/[[:space:]]+$//; /^$/d; /^[^ ]+\/ /d' "$list")
}
servers_with_packages() { sed -nE 's/#.*//; s/^([^ ]+)\/ +([^ ]+).*$/\1 \2/p' "$list"; }
server_names() { servers_with_packages | cut -d' ' -f1 | uniq; }
packages_of_server() { servers_with_packages | sed -n "s/^$1 //p"; }

missing_packages() {
    # A library may be listed for several architectures: only the status counts.
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null |
        awk 'NR == FNR { if ($2 == "installed") installed[$1] = 1; next }
             !($1 in installed) { print $1 }' - <(packages)
}

missing_servers() {
    local name
    for name in $(server_names); do
        # The stamp holds the package names: after a change of the list they are unpacked again.
        [[ "$(cat "$servers/$name/.unpacked" 2>/dev/null)" == "$(packages_of_server "$name")" ]] ||
            echo "$name"
    done
}

as_root() {
    if [[ "$(id -u)" -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        echo "setup: this needs root, and there is no sudo. As root, run: $0" >&2
        exit 1
    fi
}

apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)

# One line for each tenth of apt's work, from its own report: "dlstatus:1:12.5:text" during
# downloads, "pmstatus:name:12.5:text" during installation.
show_progress() {
    local kind percent tenth last=-1 last_kind=
    while IFS=: read -r kind _ percent _; do
        case $kind in
            dlstatus) kind=downloading ;;
            pmstatus) kind=installing ;;
            *) continue ;;
        esac
        tenth=$((${percent%%.*} / 10))
        if [[ $kind == "$last_kind" ]] && ((tenth <= last)); then continue; fi
        echo "setup: $kind $((tenth * 10)) %"
        last=$tenth last_kind=$kind
    done
}

install_packages() {
    local policy=/usr/sbin/policy-rc.d made_policy=no status=0 work open
    work=$(mktemp -d)
    # Debian's way to keep packages from starting services during installation.
    if [[ ! -e $policy ]]; then
        made_policy=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    # The report uses a named pipe. sudo passes no descriptor on, and apt makes the descriptor
    # non-blocking, which maintainer scripts do not expect of their output.
    mkfifo "$work/report"
    exec {open}<>"$work/report"  # neither end waits for the other
    show_progress <"$work/report" {open}>&- &
    # shellcheck disable=SC2016  # for the inner shell
    as_root sh -c 'report=$1 && shift && exec "$@" 3>"$report"' sh "$work/report" \
        "${apt[@]}" -o APT::Status-Fd=3 install --yes --no-install-recommends "$@" \
        </dev/null {open}>&- >"$work/log" 2>&1 || status=$?
    exec {open}>&-
    wait
    if [[ $status -ne 0 ]]; then cat "$work/log" >&2; fi
    rm -rf "$work"
    if [[ $made_policy == yes ]]; then as_root rm -f "$policy"; fi
    return "$status"
}

# >PACKAGE stands for what PACKAGE depends on.
behind() {
    if [[ $1 != \>* ]]; then echo "$1"; else apt-cache depends "${1#>}" | sed -n 's/^ *Depends: //p'; fi
}

unpack_server() {
    local name=$1 names work package
    mapfile -t names < <(packages_of_server "$name" | while read -r package; do behind "$package"; done)
    work=$(mktemp -d "$servers/.new.XXXXXX")
    mkdir "$work/packages" "$work/root"
    # apt's own user cannot write into this directory.
    (cd "$work/packages" && apt-get -qq -o APT::Sandbox::User=root download "${names[@]}")
    for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$work/root"; done
    packages_of_server "$name" >"$work/root/.unpacked"
    rm -rf "${servers:?}/$name"
    mv "$work/root" "$servers/$name"
    rm -rf "$work"
}

mapfile -t wanted < <(missing_packages)
mapfile -t unpacked < <(missing_servers)
if [[ ${#wanted[@]} -eq 0 && ${#unpacked[@]} -eq 0 ]]; then exec web/install.sh; fi

if ! command -v apt-get >/dev/null; then
    echo "setup: no apt-get here. Ballast is built on Debian 12 and needs: ${wanted[*]}" >&2
    exit 1
fi
echo "setup: reading the package lists"
as_root "${apt[@]}" update
if [[ ${#wanted[@]} -gt 0 ]]; then
    echo "setup: installing ${#wanted[@]} packages and what they need: ${wanted[*]}"
    install_packages "${wanted[@]}"
fi
if [[ ${#unpacked[@]} -gt 0 ]]; then
    mkdir -p "$servers"
    for name in "${unpacked[@]}"; do
        echo "setup: unpacking $name into $servers/$name"
        unpack_server "$name"
    done
fi
exec web/install.sh
