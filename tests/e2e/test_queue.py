# SPDX-License-Identifier: Apache-2.0
"""Clients that wait for a place, first come first served, and clients that wait without success."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import clients
import waiting
from ballast import DIRECT, TCP_PROBE, Ballast, Listener, Pool
from clients import Mode, Target
from farm import WHO, Farm, Visit
from servers import TESTER
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="nobody waits")

# Waiting clients must hear nothing for this long.
SILENCE = 0.3


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ("alf1", "alf2"), network=3) as farm:
        yield farm


@contextlib.contextmanager
def _queued(
    farm: Farm, work: Path, length: int, timeout: str = "25s", *, workers: int = 2, **more: Any
) -> Iterator[Ballast]:
    """Only alf1, with one place."""
    settings = {"queue": {"length": length, "timeout": timeout}, **more}
    pool = Pool("alfresco", [farm.backend("alf1", max_sessions=1)], settings)
    with Ballast(work, [Listener("ftp", "alfresco")], [pool], settings={"workers": workers}) as it:
        yield it


def _queued_so_far(it: Ballast) -> int:
    return it.counters()["sessions_queued"]


def _waits(it: Ballast) -> Wire:
    """A client that has said USER and has to wait."""
    before = _queued_so_far(it)
    wire = Wire(it.where())
    wire.greeting()
    wire.send(f"USER {TESTER.name}")
    waiting.until("it waits", lambda: _queued_so_far(it) == before + 1)
    return wire


def _enter(wire: Wire) -> None:
    """The client's turn has come."""
    assert wire.reply().code == 331
    wire.expect(f"PASS {TESTER.password}", 230)


def _leave(wire: Wire) -> None:
    wire.expect("QUIT", 221)
    assert wire.at_end()


@pytest.mark.parametrize("workers", [1, 3])
def test_first_come_first_served(workers: int, farm: Farm, work: Path) -> None:
    with _queued(farm, work, 3, workers=workers) as it:
        sits = Wire(it.where()).log_in()
        queue = [_waits(it) for _ in range(3)]
        while queue:
            _leave(sits)
            sits = queue.pop(0)
            _enter(sits)
            for each in queue:
                assert each.is_silent(SILENCE / 3)
        _leave(sits)
    assert farm.most_at_once()[0] == 1


def test_a_real_client_waits_and_gets_its_file(farm: Farm, work: Path) -> None:
    with _queued(farm, work, 3) as it:
        sits = Visit(it.where())
        curl = clients.Curl(Target(*it.where()), Mode.EPSV, work)
        waits = curl.start(curl.download_command(WHO, work / "local"))
        waiting.until("it waits", lambda: _queued_so_far(it) == 1)
        assert waits.poll() is None
        sits.leave()
        said, _ = waits.communicate(timeout=waiting.PATIENCE)
        assert waits.returncode == 0, said
        assert (work / "local").read_text() == "alf1\n"


def test_a_client_that_leaves_frees_its_place(farm: Farm, work: Path) -> None:
    with _queued(farm, work, 2) as it:
        sits = Wire(it.where()).log_in()
        one, two = _waits(it), _waits(it)
        with Wire(it.where()) as late:
            late.greeting()
            late.expect(f"USER {TESTER.name}", 421)
        one.close()

        def waits_now() -> Wire | None:
            wire = Wire(it.where())
            wire.greeting()
            wire.send(f"USER {TESTER.name}")
            if wire.is_silent(SILENCE):
                return wire
            wire.close()
            return None

        three = waiting.until("the place is free", waits_now)
        assert three is not None
        _leave(sits)
        # A client that has left does not hold up the others.
        _enter(two)
        assert three.is_silent(SILENCE)
        _leave(two)
        _enter(three)
        _leave(three)
    assert farm.logins()[0] == 3


def test_at_the_end_of_the_timeout_it_is_421(farm: Farm, work: Path) -> None:
    with _queued(farm, work, 2, "1s") as it:
        sits = Wire(it.where()).log_in()
        with Wire(it.where()) as wire:
            wire.greeting()
            began = time.monotonic()
            reply = wire.expect(f"USER {TESTER.name}", 421)
            assert 0.9 < time.monotonic() - began < 10
            assert len(reply.text) > len("421 ")
            assert wire.at_end()
        # Its place in the queue is free, and the seated session is not affected.
        sits.expect("NOOP", 200)
        waits = _waits(it)
        _leave(sits)
        _enter(waits)
        _leave(waits)


def test_beyond_the_length_it_is_421_at_once(farm: Farm, work: Path) -> None:
    with _queued(farm, work, 2) as it:
        sits = Wire(it.where()).log_in()
        queue = [_waits(it), _waits(it)]
        for _ in range(3):
            with Wire(it.where()) as wire:
                wire.greeting()
                began = time.monotonic()
                wire.expect(f"USER {TESTER.name}", 421)
                assert time.monotonic() - began < 5
        for each in (sits, *queue):
            if each is not sits:
                _enter(each)
            _leave(each)


def test_a_refused_password_gives_the_place_to_the_next(farm: Farm, work: Path) -> None:
    with _queued(farm, work, 2) as it:
        sits = Wire(it.where()).log_in()
        one, two = _waits(it), _waits(it)
        _leave(sits)
        assert one.reply().code == 331
        one.expect("PASS wrong", 530)
        one.close()
        _enter(two)
        _leave(two)


def test_a_waiting_client_takes_the_first_place_on_any_backend(farm: Farm, work: Path) -> None:
    pool = Pool(
        "alfresco",
        farm.backends(max_sessions=1),
        {"balance": "first", "queue": {"length": 5, "timeout": "25s"}},
    )
    with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
        one, two = Visit(it.where()), Visit(it.where())
        assert (one.who(), two.who()) == ("alf1", "alf2")
        waits = _waits(it)
        two.leave()
        _enter(waits)
        assert farm.logins() == [1, 2]
        one.leave()


def test_a_backend_that_comes_back_serves_waiting_clients(farm: Farm, work: Path) -> None:
    settings = {"balance": "first", "queue": {"length": 5, "timeout": "25s"}}
    pool = Pool("alfresco", farm.backends(max_sessions=1), settings, TCP_PROBE)
    with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
        farm["alf2"].kill()
        it.wait_for_state("alf2", "down")
        sits = Visit(it.where())
        waits = _waits(it)
        farm["alf2"].start()
        _enter(waits)
        assert farm.logins() == [1, 1]
        sits.leave()


@pytest.mark.parametrize("workers", [1, 3])
def test_a_rush_is_served_one_by_one(workers: int, farm: Farm, work: Path) -> None:
    rush = 16

    def visit(_: int) -> str:
        with contextlib.closing(Visit(it.where())) as visit:
            name = visit.who()
            visit.leave()
        return name

    with _queued(farm, work, rush, workers=workers) as it:
        with ThreadPoolExecutor(rush) as threads:
            assert list(threads.map(visit, range(rush))) == ["alf1"] * rush
    farm.wait_until_empty()
    assert farm.logins()[0] == rush
    assert farm.most_at_once()[0] == 1
