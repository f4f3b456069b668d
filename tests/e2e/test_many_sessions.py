# SPDX-License-Identifier: Apache-2.0
"""Operators look at very many sessions, and nobody waits for it.

BALLAST_SESSIONS=9000 makes as many, and prints how long NOOP took before, while and after operators
looked (pytest -s).
"""

import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import operators
import waiting
from ballast import DIRECT, Ballast, Listener, Pool
from farm import Farm
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

SESSIONS = int(os.environ.get("BALLAST_SESSIONS", "300"))
# Of each phase.
LOOKS = 5


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    # As many servers as are needed for their descriptors.
    with Farm(module_work, [f"f{i}" for i in range(1, 5)]) as farm:
        yield farm


class Probe:
    """Says NOOP again and again, and notes how long each answer takes."""

    def __init__(self, client: Wire) -> None:
        self._client = client
        self._ended = threading.Event()
        self.taken: list[float] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            self._client.expect("NOOP", 200)
            self.taken.append(time.monotonic() - began)

    def __enter__(self) -> "Probe":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def wait_for(self, count: int) -> None:
        waiting.until(f"{count} answers", lambda: len(self.taken) >= count)


def _worst_of_hundred(taken: list[float]) -> float:
    return sorted(taken)[len(taken) * 99 // 100] * 1000


def test_lists_of_many_sessions_are_whole_and_delay_nobody(work: Path, farm: Farm) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    settings = operators.settings(work) | {
        "limits": {"sessions_per_address": 0, "login_rate": 0, "login_rate_per_address": 0}
    }
    pool = Pool("files", farm.backends())
    listener = Listener("ftp", "files", settings={"idle_timeout": "1h"})
    with Ballast(work, [listener], [pool], settings=settings) as it:
        clients = [Wire(it.where()).log_in() for _ in range(SESSIONS)]
        asker = Wire(it.where()).log_in()

        def look(target: str) -> list[dict[str, object]]:
            found: list[dict[str, object]] = []
            after = ""
            while True:
                status, answer = operators.ask(work, "GET", target + after)
                assert status == 200, answer
                found += answer["sessions"]
                if "next" not in answer:
                    return found
                after = f"&after={answer['next']}"

        with Probe(asker) as before:
            before.wait_for(300)
        with Probe(asker) as during:
            for _ in range(LOOKS):
                assert len(look("/v1/sessions?limit=1000")) == SESSIONS + 1
                assert len(look("/v1/sessions?backend=f1&phase=idle&fields=id")) > SESSIONS / 8
                assert not look("/v1/sessions?user=nobody")
            during.wait_for(300)
        with Probe(asker) as after:
            after.wait_for(300)
        # Even on a slow machine: they do not wait for a whole list.
        assert _worst_of_hundred(during.taken) < 1000
        for name, probe in (("before", before), ("during", during), ("after", after)):
            print(f"{SESSIONS} sessions, {name}: NOOP p99 {_worst_of_hundred(probe.taken):.2f} ms")
        asker.close()
        for client in clients:
            client.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
