#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The sources of Debian 12 that this machine's apt has, a line "URL SUITE COMPONENT" each. debootstrap
# takes the URL of "bookworm main".
set -euo pipefail

[[ $(apt-get indextargets) ]] || apt-get -qq update
# shellcheck disable=SC2016  # for apt
apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    grep -E ' bookworm(-updates|-security)? ' | sort -u ||
    { echo "mirror: this machine's apt has no source of Debian 12 (bookworm main)" >&2 && exit 1; }
