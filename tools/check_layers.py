#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every include in src/ keeps to src/layers.txt, and to what its room says in USES."""

import re
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from sources import ROOT, cpp_files

SRC = ROOT / "src"
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


@dataclass
class Rule:
    rooms: list[str]
    patterns: list[str]
    text: str
    never: bool = False      # else: only these rooms
    sources_only: bool = False

    def forbids(self, room: str, path: Path, header: str) -> bool:
        if not any(fnmatch(header, pattern) for pattern in self.patterns):
            return False
        if self.never:
            return room in self.rooms
        return room not in self.rooms or (self.sources_only and path.suffix != ".cpp")


@dataclass
class Layers:
    rooms: dict[str, list[str]] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)


def read_layers(path: Path) -> Layers:
    layers = Layers()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        kind, _, names = line.partition(":")[0].partition(" ")
        right = line.partition(":")[2].split()
        if kind == "room":
            unknown = [room for room in right if room not in layers.rooms]
            if unknown:
                sys.exit(f"{path}:{number}: {names} uses {', '.join(unknown)}, which is not above it")
            layers.rooms[names] = right
        elif kind in ("only", "never"):
            sources_only = names.startswith(".cpp of ")
            rooms = names.removeprefix(".cpp of ").split()
            patterns = [pattern.strip("<>") for pattern in right]
            layers.rules.append(Rule(rooms, patterns, line, kind == "never", sources_only))
        else:
            sys.exit(f"{path}:{number}: a line begins with room, only or never")
    return layers


def declared_uses(cmake: Path) -> dict[str, int] | None:
    """The rooms behind USES and their lines; None where no ballast_room is defined."""
    text = re.sub(r"#.*", "", cmake.read_text())
    call = re.search(r"ballast_room\s*\(([^)]*)\)", text)
    if call is None:
        return None
    uses = re.search(r"\bUSES\b([^)]*?)(?=\bLIBRARIES\b|\bSOURCES\b|\))", call.group(0), re.DOTALL)
    if uses is None:
        return {}
    start = call.start() + uses.start(1)
    return {
        word.group(0): text.count("\n", 0, start + word.start()) + 1
        for word in re.finditer(r"[\w-]+", uses.group(1))
    }


def check_room(room: str, layers: Layers, report) -> None:
    allowed = layers.rooms[room]
    cmake = SRC / room / "CMakeLists.txt"
    if not cmake.exists():
        report(SRC / room, 1, "the room has no CMakeLists.txt (one with ballast_room)")
        return
    uses = declared_uses(cmake)
    included = set()
    for path in cpp_files(SRC / room):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            if match is None:
                continue
            own, outside = match.groups()
            for rule in layers.rules:
                if rule.forbids(room, path, own or outside):
                    report(path, number, f"{own or outside} may not be included here "
                                         f"(src/layers.txt: {rule.text})")
            if own is None:
                if (SRC / outside).exists():
                    report(path, number, f'<{outside}> is the project\'s own (use "{outside}")')
                continue
            other = own.partition("/")[0]
            if not (SRC / own).exists():
                report(path, number, f'"{own}" is not in src/ (the path from src/, or <...>)')
            elif other != room:
                included.add(other)
                if other not in allowed:
                    report(path, number, f"{room} may not use {other} "
                                         f"(it may use: {' '.join(allowed) or 'no other room'})")
                elif uses is not None and other not in uses:
                    report(path, number, f"{room} uses {other} without saying so "
                                         f"(add it to USES in src/{room}/CMakeLists.txt)")
    for other, number in (uses or {}).items():
        if other not in layers.rooms:
            report(cmake, number, f"there is no room {other} (src/layers.txt lists them)")
        elif other not in included:
            report(cmake, number, f"no file of {room} includes a header of {other} (take it out of USES)")


def main() -> int:
    layers = read_layers(SRC / "layers.txt")
    problems = 0

    def report(path: Path, number: int, what: str) -> None:
        nonlocal problems
        problems += 1
        print(f"{path.relative_to(ROOT)}:{number}: {what}")

    for folder in sorted(path for path in SRC.iterdir() if path.is_dir()):
        if folder.name in layers.rooms:
            check_room(folder.name, layers, report)
        else:
            report(folder, 1, f"src/layers.txt has no room {folder.name} (add it where it belongs)")
    for folder in sorted((ROOT / "tests" / "unit").iterdir()):
        if folder.is_dir() and folder.name not in {*layers.rooms, "support", "__pycache__"}:
            report(folder, 1, "tests/unit mirrors src, which has no such room (or use support/)")
    return 1 if problems else 0


sys.exit(main())
