# SPDX-License-Identifier: Apache-2.0
"""The project's own files, found without git: what is unpacked from an archive can be checked too."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def is_made(path: Path) -> bool:
    """Whether a folder is made by a build or a test run, not written."""
    return path.name.startswith("build") or path.name in (".git", ".servers", ".cache", "__pycache__")


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
