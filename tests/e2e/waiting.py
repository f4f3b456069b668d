# SPDX-License-Identifier: Apache-2.0
"""Waits for a condition, with a deadline."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")

# Far longer than anything here needs; reached only if something hangs.
PATIENCE = 30.0
_POLL = 0.01


class TooLate(AssertionError):
    """The condition did not become true in time."""


def until(what: str, question: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Asks until the answer is true, and returns the answer."""
    deadline = time.monotonic() + seconds
    pause = Event()
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise TooLate(f"after {seconds:.0f} s still not: {what}")
        pause.wait(_POLL)
