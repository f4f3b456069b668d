#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the Debian packages of a release build, ballast and ballast-dbgsym, from packaging/debian/:
#
#   tools/package.sh [BUILD [OUTPUT]]    the folder of the build (build), and of the packages (BUILD/package)
#
# It compiles nothing. Equal sources give equal packages, byte for byte: the time in them is
# SOURCE_DATE_EPOCH or that of the last commit. DEBFULLNAME and DEBEMAIL name the maintainer, and
# BALLAST_REVISION the revision of the package (1).
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "package: $*" >&2
    exit 1
}

build=$(realpath "${1:-build}")
output=${2:-$build/package}
revision=${BALLAST_REVISION:-1}
# The one place that has the version.
version=$(sed -nE 's/^project\(ballast VERSION ([0-9.]+) .*/\1/p' CMakeLists.txt)
[[ $version ]] || fail "CMakeLists.txt has no version"
[[ $("$build/ballast" version) == "ballast $version"* ]] ||
    fail "$build/ballast is not version $version: ./run build makes it"

# Not the time of the build. An archive of a commit has the time of the commit at each file.
commit_time() { git log -1 --format=%ct 2>/dev/null || stat --format=%Y CMakeLists.txt; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(commit_time)}
export SOURCE_DATE_EPOCH BALLAST_BUILD=$build LC_ALL=C.UTF-8

rm -rf "$output"
mkdir -p "$output/source"
output=$(realpath "$output")
source=$output/source
cp -r --preserve=mode CHANGELOG.md README.md SECURITY.md docs examples packaging "$source"
cp -r --preserve=mode packaging/debian "$source"
# debhelper knows these by their names.
cp packaging/ballast.{service,socket,sysusers,logrotate} "$source/debian"

maintainer="${DEBFULLNAME:-Ballast maintainers} <${DEBEMAIL:-maintainers@ballast.invalid}>"
sed -i "s/^Maintainer: .*/Maintainer: $maintainer/" "$source/debian/control"
cat >"$source/debian/changelog" <<END
ballast ($version-$revision) bookworm; urgency=medium

  * Version $version of Ballast: changelog.gz says what is new.

 -- $maintainer  $(date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")
END
find "$source" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

cd "$source"
# tools/setup.sh has installed what it needs. Debian's own compiler is not among it.
dpkg-buildpackage --build=binary --no-check-builddeps --no-pre-clean --no-sign >"$output/log" 2>&1 ||
    { tail -n 30 "$output/log" >&2 && fail "dpkg-buildpackage failed, see $output/log"; }
rm -rf "$source"
printf 'package: %s\n' "$output"/*.deb
