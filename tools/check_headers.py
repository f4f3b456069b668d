#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each header of src/ compiles alone: check_headers.py BUILD [FILE...]

Most of the time goes into the headers of the system. So some headers that many others include are
precompiled. Each header is given only one that it includes anyway, so nothing that it lacks is
hidden.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from compiled import SRC, commands_of, key_of, options_of, with_includes
from sources import cpp_files

COMPILER = "clang++-19"
PRECOMPILED_MAX = 24


def helpers(headers: list[Path]) -> dict[Path, Path]:
    """The precompiled header for each that has one. How many a header includes stands for the time
    that it takes."""
    found: dict[Path, Path] = {}
    if not headers:
        return found

    def spares(helper: Path, header: Path) -> int:
        if helper == header or helper not in with_includes(header):
            return 0
        already = len(with_includes(found[header])) if header in found else 0
        return max(0, len(with_includes(helper)) - already)

    for _ in range(PRECOMPILED_MAX):
        best = max(headers, key=lambda helper: sum(spares(helper, each) for each in headers))
        found |= {each: best for each in headers if spares(best, each) > 0}
    return found


def options_without_precompiled(build: Path) -> list[str]:
    """Of all rooms together: they differ in what they define."""
    all_options = [options_of(command) for command in commands_of(build).values()]
    defined = sorted({word for options in all_options for word in options if word.startswith("-D")})
    others = [word for word in min(all_options, key=len) if not word.startswith("-D")]
    if "-include-pch" in others:
        sys.exit("no file of src/ is compiled without precompiled headers: their options hide what is missing")
    return defined + others


def compiles(header: Path, arguments: list[str]) -> bool:
    text = f'#include "{header}"\n'
    return subprocess.run([COMPILER, *arguments, "-"], input=text, text=True, check=False).returncode == 0


def main() -> int:
    build = Path(sys.argv[1])
    named = {Path(name).resolve() for name in sys.argv[2:]}
    options = options_without_precompiled(build)
    headers = [path for path in cpp_files(SRC) if path.suffix == ".h"]
    version = subprocess.run([COMPILER, "--version"], stdout=subprocess.PIPE, check=True).stdout
    clean = build / "headers"
    clean.mkdir(exist_ok=True)
    stamps = {path: clean / key_of(path, " ".join(options), version) for path in headers}
    changed = [path for path in headers if not stamps[path].exists()]
    if named:
        changed = [path for path in headers if path in named]
    helper_of = helpers(changed)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        precompiled: dict[Path, list[str]] = {}
        for helper in sorted(set(helper_of.values())):
            into = f"{folder}/{len(precompiled)}.pch"
            if compiles(helper, [*options, "-Wno-pragma-once-outside-header", "-x", "c++-header", "-o", into]):
                precompiled[helper] = ["-include-pch", into]
        for header in changed:
            with_helper = precompiled.get(helper_of.get(header, header), [])
            if compiles(header, [*options, *with_helper, "-fsyntax-only", "-x", "c++"]):
                stamps[header].touch()
            else:
                failed.append(header)
    for header in failed:
        print(f"does not compile alone: {header.relative_to(SRC)}")
    print(f"headers: {len(headers) - len(failed)} of {len(headers)} compile alone")
    return 1 if failed else 0


sys.exit(main())
