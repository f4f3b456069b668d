#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every source file names its licence in its first line, or in its second below a #!."""

import sys

from sources import ROOT, files

COMMENTS = {
    ".h": "//", ".cpp": "//", ".py": "#", ".sh": "#", ".cmake": "#", ".toml": "#",
    "CMakeLists.txt": "#", "layers.txt": "#", "packages.txt": "#", "run": "#",
    ".clang-format": "#", ".clang-tidy": "#", ".ts": "//", ".tsx": "//", ".mjs": "//", ".css": "/*",
}

failed = False
for path in files():
    comment = COMMENTS.get(path.suffix) or COMMENTS.get(path.name)
    # Files of a fuzzer's corpus are input, whatever their names, and imports are what the program
    # writes.
    is_written = path.suffix == ".toml" and path.is_relative_to(ROOT / "tests" / "unit" / "migrate")
    if comment is None or is_written or path.is_relative_to(ROOT / "fuzz" / "corpus"):
        continue
    wanted = f"{comment} SPDX-License-Identifier: Apache-2.0"
    if comment == "/*":
        wanted += " */"
    head = path.read_text(errors="replace").split("\n", 2)[:2]
    line = 1 if head[0].startswith("#!") else 0
    if len(head) <= line or head[line] != wanted:
        print(f"{path.relative_to(ROOT)}:{line + 1}: no licence (the line would be: {wanted})")
        failed = True
sys.exit(failed)
