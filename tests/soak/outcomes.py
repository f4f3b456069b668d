# SPDX-License-Identifier: Apache-2.0
"""What became of each transfer, and what must never happen."""

import re
import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Outcomes:
    """Any thread may add to it."""

    done: Counter[str] = field(default_factory=Counter)
    whole: int = 0
    failed: int = 0
    killed: int = 0
    bytes: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    # Each of them fails the run.
    violations: list[str] = field(default_factory=list)
    # The size that a killed client's upload would have had, by the name of the file.
    killed_uploads: dict[str, int] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def took_for_whole(self, what: str, size: int) -> None:
        with self._guard:
            self.done[what] += 1
            self.whole += 1
            self.bytes += size

    def saw_failure(self, what: str, cause: str) -> None:
        with self._guard:
            self.done[what] += 1
            self.failed += 1
            self.causes[cause] += 1

    def was_killed(self, what: str) -> None:
        with self._guard:
            self.done[what] += 1
            self.killed += 1

    def violated(self, what: str) -> None:
        with self._guard:
            self.violations.append(what)
        print(f"soak: VIOLATION: {what}", flush=True)

    @property
    def transfers(self) -> int:
        return self.whole + self.failed + self.killed


def cause_of(dialog: str) -> str:
    """The reply with which it failed, else the client's own last words, without numbers that differ
    from one to the next."""
    replies = re.findall(r"(?:^|[<-] ?|: )([45]\d\d[ -][^\n]*)", dialog, re.MULTILINE)
    lines = [line for line in dialog.splitlines() if line.strip()]
    last = replies[-1] if replies else (lines or ["it said nothing"])[-1]
    code, text = (last[:4], last[4:]) if replies else ("", last)
    text = re.sub(r"[\w./-]*\d[\w./:-]*", "N", text)
    return (code + text).strip()[:90]
