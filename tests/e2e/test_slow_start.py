# SPDX-License-Identifier: Apache-2.0
"""A backend that has come up gets few sessions first, and its whole share in the end."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, TCP_PROBE, Ballast, Listener, Pool
from farm import Farm, Visit

pytestmark = pytest.mark.skipif(DIRECT, reason="nothing balances")

SESSIONS = 20


@pytest.fixture
def farm(work: Path) -> Iterator[Farm]:
    with Farm(work, ("alf1", "alf2"), network=5) as farm:
        yield farm


@contextlib.contextmanager
def _after_a_rise(farm: Farm, work: Path, slow_start: str) -> Iterator[Ballast]:
    """alf2 was down and has just come up."""
    settings = {"balance": "round-robin", "slow_start": slow_start}
    pool = Pool("alfresco", farm.backends(), settings, TCP_PROBE)
    with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
        farm["alf2"].kill()
        it.wait_for_state("alf2", "down")
        mark = it.log_mark()
        farm["alf2"].start()
        it.wait_for_state("alf2", "up", since=mark)
        yield it


def _visit(it: Ballast) -> None:
    for _ in range(SESSIONS):
        Visit(it.where()).leave()


def test_at_first_it_gets_few(farm: Farm, work: Path) -> None:
    with _after_a_rise(farm, work, "2m") as it:
        farm.mark()
        _visit(it)
        assert farm.logins()[1] <= SESSIONS / 5, farm.logins()


def test_without_it_the_share_is_whole_at_once(farm: Farm, work: Path) -> None:
    with _after_a_rise(farm, work, "0s") as it:
        farm.mark()
        _visit(it)
        assert abs(farm.logins()[1] - SESSIONS / 2) <= 1, farm.logins()


def test_in_the_end_it_has_its_share(farm: Farm, work: Path) -> None:
    with _after_a_rise(farm, work, "2s") as it:
        end = time.monotonic() + 2.2
        _visit(it)
        waiting.until("its time is over", lambda: time.monotonic() > end)
        farm.mark()
        _visit(it)
        assert abs(farm.logins()[1] - SESSIONS / 2) <= 1, farm.logins()
