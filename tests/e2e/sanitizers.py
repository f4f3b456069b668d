# SPDX-License-Identifier: Apache-2.0
"""Reports of the sanitizers, if the program under test was built with one."""

import os
from pathlib import Path

# "address" (with undefined behaviour), "thread", or empty.
SANITIZER = os.environ.get("BALLAST_SANITIZER", "")

# A sanitizer keeps freed memory for a while, and remembers who used which memory.
KEPT_MEBIBYTES = 32
EXTRA_BYTES = 3 * KEPT_MEBIBYTES * 2**20 if SANITIZER else 0


def report_into(directory: Path) -> None:
    """Each process writes its report into a file of this directory. So reports of processes that
    nobody waits for are found as well."""
    # Ballast itself decides about core dumps.
    common = f"log_path={directory}/report:exitcode=99:disable_coredump=0"
    os.environ["ASAN_OPTIONS"] = (
        f"{common}:detect_leaks=1:detect_stack_use_after_return=1"
        f":quarantine_size_mb={KEPT_MEBIBYTES}"
    )
    os.environ["UBSAN_OPTIONS"] = f"{common}:print_stacktrace=1"
    os.environ["TSAN_OPTIONS"] = common


def take_reports(directory: Path) -> str:
    """The reports since the last call."""
    texts = []
    for path in sorted(directory.iterdir()):
        texts.append(f"--- {path.name}\n{path.read_text(errors='replace')}")
        path.rename(directory.parent / path.name)
    return "\n".join(texts)
