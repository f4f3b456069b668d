#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over src/: check_tidy.py BUILD [PART/PARTS] [FILE...]

A file that was clean is not looked at again until it, a header of the project that it includes,
its compile command, .clang-tidy or clang-tidy itself has changed.
"""

import hashlib
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from sources import ROOT

SRC = ROOT / "src"
TIDY = "clang-tidy-19"


@cache
def own_includes(path: Path) -> frozenset[Path]:
    names = re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(errors="replace"), re.MULTILINE)
    return frozenset(SRC / name for name in names if (SRC / name).exists())


def with_includes(path: Path) -> list[Path]:
    found, waiting = set(), {path}
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting |= own_includes(one) - found
    return sorted(found)


def key_of(path: Path, command: str, tidy: bytes) -> str:
    digest = hashlib.sha256(tidy + command.encode())
    for one in with_includes(path):
        digest.update(str(one).encode() + b"\0" + one.read_bytes() + b"\0")
    return digest.hexdigest()


def main() -> int:
    build = Path(sys.argv[1])
    arguments = sys.argv[2:]
    part, parts = 1, 1
    if arguments and "/" in arguments[0] and arguments[0][0].isdigit():
        part, parts = map(int, arguments.pop(0).split("/"))
    named = {Path(name).resolve() for name in arguments}

    commands = {Path(entry["file"]): entry["command"]
                for entry in json.loads((build / "compile_commands.json").read_text())}
    sources = sorted(path for path in commands if path.is_relative_to(SRC))
    if not sources:
        sys.exit(f"{build}/compile_commands.json names no file of src/")
    if named:
        sources = [path for path in sources if path in named]
    # Big files take longest. Dealt out by size, the parts end at about the same time.
    sources.sort(key=lambda path: (-path.stat().st_size, path))
    sources = sources[part - 1::parts]

    clean = build / "tidy"
    clean.mkdir(exist_ok=True)
    tidy = subprocess.run([TIDY, "--version"], stdout=subprocess.PIPE, check=True).stdout
    tidy += (ROOT / ".clang-tidy").read_bytes()
    failed = 0
    for path in sources:
        stamp = clean / key_of(path, commands[path], tidy)
        if stamp.exists():
            continue
        done = subprocess.run([TIDY, "--quiet", "-p", str(build), str(path)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            stamp.touch()
        else:
            failed += 1
            print(done.stdout.replace(f"{ROOT}/", ""), flush=True)
            # Clang also counts the warnings that it did not show: drop that line.
            print("\n".join(line for line in done.stderr.splitlines()
                            if not re.match(r"\d+ (warnings?|errors?)|Suppressed|Use -", line)),
                  flush=True)
    print(f"clang-tidy: {len(sources) - failed} of {len(sources)} files clean")
    return 1 if failed else 0


sys.exit(main())
