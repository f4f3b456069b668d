#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the packages of the committed tree (HEAD) twice, from nothing: in folders with names of
# different lengths, one after the other, without a cache. Their bytes must be equal.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d "${TMPDIR:-/var/tmp}/ballast-twice.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Others may commit meanwhile. The archives do not know the time of the commit.
commit=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit")
export SOURCE_DATE_EPOCH CCACHE_DISABLE=1
[[ -z $(git status --porcelain) ]] || echo "twice: uncommitted changes are not built"

build() {
    mkdir -p "$1"
    git archive "$commit" | tar -x -C "$1"
    (cd "$1" && cmake --preset release >/dev/null && cmake --build build --target ballast >build.log &&
        tools/package.sh)
}

echo "twice: two builds of $commit from nothing"
for folder in "$work/one" "$work/another/with-a-longer-name"; do build "$folder"; done

packages() { (cd "$1/build/package" && sha256sum ./*.deb); }
packages "$work/one"
diff <(packages "$work/one") <(packages "$work/another/with-a-longer-name") || {
    trap - EXIT
    echo "twice: the packages differ; both builds are left in $work" >&2
    exit 1
}
echo "twice: equal bytes"
