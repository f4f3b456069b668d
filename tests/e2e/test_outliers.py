# SPDX-License-Identifier: Apache-2.0
"""A backend that passes its probe and fails sessions is not used for a while, unless too few would
be left."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import waiting
from ballast import DIRECT, TCP_PROBE, Backend, Ballast, Listener, Pool
from farm import Farm, Visit
from scripted import ScriptedServer

pytestmark = pytest.mark.skipif(DIRECT, reason="nobody observes")

# The backend accepts, so its probe passes. It runs once, at the start.
ONE_PROBE = {**TCP_PROBE, "interval": "1h", "rise": 1}
BAD = "554 Out of order."


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ("alf1", "alf2"), network=6) as farm:
        yield farm


@pytest.fixture
def bad() -> Iterator[ScriptedServer]:
    with ScriptedServer("127.0.6.99", greeting=BAD) as server:
        yield server


@contextlib.contextmanager
def _observed(
    backends: list[Backend], bad: ScriptedServer, work: Path, **observe: Any
) -> Iterator[Ballast]:
    settings = {"balance": "round-robin", "observe": {"failures": 3, **observe}}
    pool = Pool("alfresco", [Backend("bad", bad), *backends], settings, ONE_PROBE)
    with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
        waiting.until("it was probed and surveyed", lambda: len(bad.conversations) >= 2)
        yield it


def _visit(it: Ballast, times: int) -> None:
    """Each visit must succeed."""
    for _ in range(times):
        Visit(it.where()).leave()


def _ejections(it: Ballast) -> list[dict[str, Any]]:
    return [line for line in it.log_lines() if line["message"] == "backend ejected"]


def test_after_three_failures_it_is_ejected(
    farm: Farm, bad: ScriptedServer, work: Path
) -> None:
    with _observed([farm.backend("alf1")], bad, work) as it:
        before = len(bad.conversations)
        _visit(it, 20)
        assert len(bad.conversations) - before == 3
        (line,) = _ejections(it)
        assert (line["pool"], line["backend"]) == ("alfresco", "bad")
    assert farm.logins()[0] == 20


def test_it_is_not_ejected_where_too_few_would_be_left(
    farm: Farm, bad: ScriptedServer, work: Path
) -> None:
    with _observed([farm.backend("alf1")], bad, work, panic_threshold=100) as it:
        before = len(bad.conversations)
        _visit(it, 20)
        # Every second session tries the bad backend first.
        assert len(bad.conversations) - before >= 9
        assert not _ejections(it)
    assert farm.logins()[0] == 20


def test_the_threshold_counts_the_backends_of_the_pool(
    farm: Farm, bad: ScriptedServer, work: Path
) -> None:
    with ScriptedServer("127.0.6.98", greeting=BAD) as worse:
        backends = [farm.backend("alf1"), farm.backend("alf2"), Backend("worse", worse)]
        # Three of four must stay.
        with _observed(backends, bad, work, panic_threshold=75) as it:
            _visit(it, 30)
            assert len(_ejections(it)) == 1
    assert sum(farm.logins()) == 30


def test_a_limit_of_no_failures_ejects_nobody(farm: Farm, bad: ScriptedServer, work: Path) -> None:
    with _observed([farm.backend("alf1")], bad, work, failures=0) as it:
        _visit(it, 20)
        assert not _ejections(it)


def test_a_success_in_between_restarts_the_count(
    farm: Farm, bad: ScriptedServer, work: Path
) -> None:
    answered = 0

    def every_third_time(*_: object) -> str:
        nonlocal answered
        answered += 1
        return BAD if answered % 3 else "220 Well."

    bad.greeting = every_third_time
    with _observed([farm.backend("alf1")], bad, work) as it:
        _visit(it, 20)
        assert not _ejections(it)
        assert bad.count("PASS") >= 2


def test_after_its_time_it_is_tried_again(farm: Farm, bad: ScriptedServer, work: Path) -> None:
    with _observed([farm.backend("alf1")], bad, work, ejection_time="1s") as it:
        _visit(it, 10)
        assert _ejections(it)
        bad.greeting = "220 Mended."

        def serves() -> bool:
            _visit(it, 2)
            return bad.count("PASS") > 0

        waiting.until("it serves again", serves)
        # It has its share again.
        before = bad.count("PASS")
        _visit(it, 10)
        assert bad.count("PASS") - before >= 4
