# SPDX-License-Identifier: Apache-2.0
"""When each backend was in trouble, and which backends a download could have gone on with."""

import time
from collections.abc import Iterable

# A backend needs this long after its trouble until its probes have raised it again.
RECOVERY_SECONDS = 8.0


class Troubles:
    def __init__(self) -> None:
        # Of each backend: when a trouble began and ended, by the clock of the logs. The last one
        # may not have ended.
        self._spans: dict[str, list[list[float]]] = {}

    def begin(self, backend: str) -> None:
        self._spans.setdefault(backend, []).append([time.time()])

    def end(self, backend: str) -> None:
        """The oldest that goes on."""
        next(each for each in self._spans[backend] if len(each) == 1).append(time.time())

    def was_well(self, backend: str, since: float, until: float) -> bool:
        """All the time."""
        return all(
            begins > until or (ends and ends[0] + RECOVERY_SECONDS < since)
            for begins, *ends in self._spans.get(backend, [])
        )

    def well(self, backends: Iterable[str], since: float, until: float) -> list[str]:
        return [each for each in backends if self.was_well(each, since, until)]
