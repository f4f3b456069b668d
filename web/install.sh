#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the npm packages of web/package-lock.json, unless they are there. None may run a script.
set -euo pipefail
cd "$(dirname "$0")"

installed=node_modules/.package-lock.json
if [[ $installed -nt package-lock.json && $installed -nt package.json ]]; then exit 0; fi
echo "page: installing the npm packages of web/package-lock.json"
npm ci --ignore-scripts --prefer-offline --no-audit --no-fund >/dev/null || {
    echo "page: npm ci has failed. Without the network, make the packages with ./run setup before" >&2
    exit 1
}
touch "$installed"
