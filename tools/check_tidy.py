#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over src/: check_tidy.py BUILD [PART/PARTS] [FILE...]

Most of clang-tidy's time goes into the headers of the system, which it walks through anew for each
file. So several files are looked at as one. If anything is found there, or if names of the files
clash, each half is looked at alone, down to single files: what is reported is found in one file.

A file that was clean is not looked at again until it, a header of the project that it includes,
its compile command, .clang-tidy or clang-tidy itself has changed.
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from compiled import commands_of, key_of, options_of
from sources import ROOT

TIDY = "clang-tidy-19"
FILES_AT_ONCE = 12


def groups(paths: list[Path], commands: dict[Path, str]) -> Iterable[list[Path]]:
    """Files with the same options. Those of one room are dealt out, because their names clash most."""
    alike = defaultdict(list)
    for path in sorted(paths):
        alike[options_of(commands[path])].append(path)
    for each in alike.values():
        count = -(-len(each) // FILES_AT_ONCE)
        for first in range(count):
            yield each[first::count]


def tidy(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    configuration = f"--config-file={ROOT / '.clang-tidy'}"
    return subprocess.run([TIDY, "--quiet", configuration, *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def are_clean(group: list[Path], options: Iterable[str]) -> bool:
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as whole:
        for path in group:
            whole.write(f'#include "{path}"  // NOLINT(bugprone-suspicious-include)\n')
        whole.flush()
        # Names of one file may shadow those of another.
        return tidy([whole.name, "--", *options, "-Wno-shadow"]).returncode == 0


def is_clean(path: Path, build: Path) -> bool:
    done = tidy(["-p", str(build), str(path)])
    if done.returncode != 0:
        print(done.stdout.replace(f"{ROOT}/", ""), flush=True)
        # Clang also counts the warnings that it did not show: drop that line.
        print("\n".join(line for line in done.stderr.splitlines()
                        if not re.match(r"\d+ (warnings?|errors?)|Suppressed|Use -", line)),
              flush=True)
    return done.returncode == 0


def clean_of(group: list[Path], commands: dict[Path, str], build: Path) -> list[Path]:
    """The files in which nothing is found. Prints what is found in the others."""
    if len(group) == 1:
        return group if is_clean(group[0], build) else []
    if are_clean(group, options_of(commands[group[0]])):
        return group
    return clean_of(group[::2], commands, build) + clean_of(group[1::2], commands, build)


def main() -> int:
    build = Path(sys.argv[1])
    arguments = sys.argv[2:]
    part, parts = 1, 1
    if arguments and "/" in arguments[0] and arguments[0][0].isdigit():
        part, parts = map(int, arguments.pop(0).split("/"))
    named = {Path(name).resolve() for name in arguments}

    commands = commands_of(build)
    sources = sorted(commands)
    if named:
        sources = [path for path in sources if path in named]
    # Big files take longest. Dealt out by size, the parts end at about the same time.
    sources.sort(key=lambda path: (-path.stat().st_size, path))
    sources = sources[part - 1::parts]

    clean = build / "tidy"
    clean.mkdir(exist_ok=True)
    version = subprocess.run([TIDY, "--version"], stdout=subprocess.PIPE, check=True).stdout
    version += (ROOT / ".clang-tidy").read_bytes()
    stamps = {path: clean / key_of(path, commands[path], version) for path in sources}
    changed = [path for path in sources if not stamps[path].exists()]
    failed = len(changed)
    for group in groups(changed, commands):
        for path in clean_of(group, commands, build):
            stamps[path].touch()
            failed -= 1
    print(f"clang-tidy: {len(sources) - failed} of {len(sources)} files clean")
    return 1 if failed else 0


sys.exit(main())
