#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the unit tests of the page: test.sh NODE FOLDER
set -euo pipefail
exec "$1" --test "$2"/*.test.mjs
