# SPDX-License-Identifier: Apache-2.0
"""Finds the project's files without git, so that an unpacked archive can be checked too."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def is_made(path: Path) -> bool:
    """Whether a build or a test run made this folder."""
    return path.name.startswith("build") or path.name in (".git", ".servers", ".cache", "__pycache__", "node_modules")


def files(folder: Path = ROOT):
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            if not is_made(path):
                yield from files(path)
        else:
            yield path


def cpp_files(folder: Path = ROOT):
    return [path for path in files(folder) if path.suffix in (".h", ".cpp")]
