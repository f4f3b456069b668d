# SPDX-License-Identifier: Apache-2.0
"""What the compiler is told of the files in src/, and what they include there."""

import hashlib
import json
import re
import shlex
import sys
from functools import cache
from pathlib import Path

from sources import ROOT

SRC = ROOT / "src"


def commands_of(build: Path) -> dict[Path, str]:
    """Of each file that is compiled, by its path."""
    commands = {Path(entry["file"]): entry["command"]
                for entry in json.loads((build / "compile_commands.json").read_text())}
    commands = {path: command for path, command in commands.items() if path.is_relative_to(SRC)}
    if not commands:
        sys.exit(f"{build}/compile_commands.json names no file of src/")
    return commands


def options_of(command: str) -> tuple[str, ...]:
    """The compiler's options without the names of the files."""
    words = shlex.split(command)
    return tuple(words[1:words.index("-o")])


@cache
def own_includes(path: Path) -> frozenset[Path]:
    names = re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(errors="replace"), re.MULTILINE)
    return frozenset(SRC / name for name in names if (SRC / name).exists())


@cache
def with_includes(path: Path) -> frozenset[Path]:
    """The file, and what it includes of the project's."""
    found, waiting = set(), {path}
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting |= own_includes(one) - found
    return frozenset(found)


def key_of(path: Path, command: str, tool: bytes) -> str:
    """Changes when the file must be looked at again."""
    digest = hashlib.sha256(tool + command.encode())
    for one in sorted(with_includes(path)):
        digest.update(str(one).encode() + b"\0" + one.read_bytes() + b"\0")
    return digest.hexdigest()
