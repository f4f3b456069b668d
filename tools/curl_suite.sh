#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of curl's suite that use its FTP server, directly and through Ballast. Lists those
# that fail only through Ballast. docs/interop.md says why.
#
#   tools/curl_suite.sh [DIRECTORY]
#
# The directory (build/curl-suite) takes 300 MiB. curl's source comes from apt, which needs `deb-src`.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export BALLAST=${BALLAST:-$root/build/ballast}

# runtests.pl calls this when a test server has started. Prints the port of the Ballast before it.
between() {
    local host=$1 server=$2 first=$3 file=ballast-$3
    stop_ballast "$file.pid"
    cat >"$file.toml" <<TOML
[log]
file = "$PWD/$file-$server.log"
level = "debug"
format = "json"
[limits]
failed_logins_per_address = 0
failed_logins_per_user = 0
[listener.ftp]
bind = ["$host:$first"]
passive_ports = "$((first + 1))-$((first + 19))"
pool = "curl"
greeting = "backend"
[pool.curl]
backend_data = "as-client"
data_ports = "$((first + 20))-$((first + 39))"
reply_line_bytes_max = "64KiB"
reply_bytes_max = "256KiB"
observe = { failures = 0 }
probe = { type = "none" }
[[pool.curl.backend]]
name = "test-server"
address = "$host:$server"
TOML
    setsid "$BALLAST" run -c "$file.toml" >"$file.out" 2>&1 </dev/null &
    echo $! >"$file.pid"
    # Wait for the survey: it is a separate session, and no test expects its commands.
    for _ in {1..100}; do
        ! grep -qs '"backend surveyed"' "$file-$server.log" || break
        sleep 0.1
    done
    echo "$first"
}

stop_ballast() {
    local file pid
    for file in "$@"; do
        [[ -f $file ]] || continue
        pid=$(cat "$file")
        rm "$file"
        ! kill "$pid" 2>/dev/null || tail --pid="$pid" -f /dev/null
    done
}

if [[ ${1:-} == between ]]; then
    between "${@:2}"
    exit
fi

work=${1:-$root/build/curl-suite}
mkdir -p "$work"
cd "$work"
if [[ ! -d curl/tests ]]; then
    apt-get -qq source --download-only curl
    mkdir -p curl
    tar -xzf curl_*.orig.tar.gz -C curl --strip-components=1
fi
cd curl
if [[ ! -f tests/libtest/built ]]; then
    ./configure -q --enable-debug --disable-shared --disable-dependency-tracking --disable-ldap \
        --disable-manual --without-ssl --without-libidn2 --without-libpsl --without-zlib \
        --without-brotli --without-zstd --without-nghttp2 --without-librtmp
    make -s -j2 -C lib libcurl.la
    make -s -j2 -C src curl
    make -s -j2 -C tests/server
    make -s -j2 -C tests/libtest
    touch tests/libtest/built
fi

cd tests
# runtests.pl reads Ballast's port instead of the test server's.
cat >between.pl <<'PERL'
my $read = \&main::pidfromfile;
no warnings "redefine";
*main::pidfromfile = sub {
    my $port = $read->(@_);
    my ($ipv6) = $_[0] =~ /\.ftp_(ipv6_)?server\.port$/ or return $port;
    my ($host, $first) = $ipv6 ? ("[::1]", 18940) : ("127.0.0.1", 18900);
    return $port ? 0 + `$ENV{"CURL_SUITE"} between '$host' $port $first` : 0;
};
PERL
export CURL_SUITE=$root/tools/curl_suite.sh
trap 'stop_ballast ballast-*.pid' EXIT

mapfile -t tests < <(for test in data/test[0-9]*; do
    ! sed -n '/<server>/,/<\/server>/p' "$test" | grep -qxE 'ftp(-ipv6)?' || echo "${test#data/test}"
done | sort -n)

suite() {
    local log=$1.log
    ./runtests.pl -a -n -am "${@:2}" "${tests[@]}" >"$log" 2>&1 || true
    sed -n 's/^PASS: \([0-9]*\) .*/\1/p' "$log" >"$1.passed"
    sed -n 's/^TESTFAIL: .*: \(.*\)/\1/p' "$log" | xargs -rn1 >"$1.failed"
    echo "$1: $(wc -l <"$1.passed") pass, $(wc -l <"$1.failed") fail"
}
suite direct
suite through -L ./between.pl
echo "fail through Ballast alone:"
grep -xFf direct.passed through.failed | while read -r number; do
    echo "$number $(sed -n '/<name>/{n;p;q}' "data/test$number")"
done
