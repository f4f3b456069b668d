# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true, with a deadline."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")

# Far beyond what anything here needs; reached only where something hangs.
PATIENCE = 30.0
_POLL = 0.01


class TooLate(AssertionError):
    """What was waited for did not happen in time."""


def until(what: str, question: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + seconds
    pause = Event()
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise TooLate(f"after {seconds:.0f} s still not: {what}")
        pause.wait(_POLL)
