#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that clang-format would change no C++ file. `--fix` formats them."""

import subprocess
import sys

from sources import cpp_files

fix = "--fix" in sys.argv[1:]
command = ["clang-format-19", *(["-i"] if fix else ["--dry-run", "-Werror"])]
status = subprocess.run([*command, *map(str, cpp_files())]).returncode
if status != 0:
    print("/usr/bin/python3 tools/check_format.py --fix makes it right")
sys.exit(status)
