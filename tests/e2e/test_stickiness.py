# SPDX-License-Identifier: Apache-2.0
"""Clients return to the backend that they had, for a limited time; and clients that cannot return.

The policy is always `first`, which would choose alf1: a client on another backend sticks to it.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import waiting
from ballast import DIRECT, TCP_PROBE, Backend, Ballast, Listener, Pool
from farm import Farm, Visit, refusal, who
from scripted import ScriptedServer
from servers import ACCOUNTS, TESTER, Account

pytestmark = pytest.mark.skipif(DIRECT, reason="nothing sticks")

ANNA = Account("anna", "s3cret-Anna")
BERND = Account("bernd", "s3cret-Bernd")
# Two in a network of 24 bits, one in another.
NEAR, NEXT, FAR = "127.0.41.7", "127.0.41.200", "127.0.42.7"


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    accounts = [*ACCOUNTS, ANNA, BERND]
    with Farm(module_work, ("alf1", "alf2", "alf3"), accounts=accounts, network=2) as farm:
        yield farm


@contextlib.contextmanager
def _sticky(farm: Farm, work: Path, **stick: Any) -> Iterator[Ballast]:
    """alf1 has room for one session."""
    backends = farm.backends({"alf1": {"max_sessions": 1}})
    pool = Pool("alfresco", backends, {"balance": "first", "stick": stick}, TCP_PROBE)
    with Ballast(work, [Listener("ftp", "alfresco")], [pool], settings={"workers": 2}) as it:
        yield it


def _settle_on_alf2(it: Ballast, account: Account, source: str) -> None:
    """The client's first visit, while another client has the only seat of alf1."""
    other = Visit(it.where(), ACCOUNTS[1], source="127.0.99.99")
    assert other.who() == "alf1"
    assert who(it.where(), account, source=source) == "alf2"
    other.leave()


def test_without_stickiness_nobody_comes_back(farm: Farm, work: Path) -> None:
    with _sticky(farm, work, by="none") as it:
        _settle_on_alf2(it, TESTER, NEAR)
        assert who(it.where(), source=NEAR) == "alf1"


def test_an_address_comes_back(farm: Farm, work: Path) -> None:
    with _sticky(farm, work, by="network") as it:
        _settle_on_alf2(it, TESTER, NEAR)
        for account in (TESTER, ANNA, BERND):
            assert who(it.where(), account, source=NEAR) == "alf2"
        # Every address is a separate network.
        assert who(it.where(), source=NEXT) == "alf1"
        assert who(it.where(), source=NEAR) == "alf2"


def test_a_network_comes_back(farm: Farm, work: Path) -> None:
    with _sticky(farm, work, by="network", ipv4_prefix=24) as it:
        _settle_on_alf2(it, TESTER, NEAR)
        assert who(it.where(), source=NEXT) == "alf2"
        assert who(it.where(), source=FAR) == "alf1"
        assert who(it.where(), source=NEAR) == "alf2"


def test_a_user_comes_back(farm: Farm, work: Path) -> None:
    with _sticky(farm, work, by="user") as it:
        _settle_on_alf2(it, ANNA, NEAR)
        for source in (NEAR, NEXT, FAR):
            assert who(it.where(), ANNA, source=source) == "alf2"
        assert who(it.where(), BERND, source=NEAR) == "alf1"


def test_after_the_timeout_the_policy_chooses_again(farm: Farm, work: Path) -> None:
    seconds = 1.5
    with _sticky(farm, work, by="network", timeout="1500ms") as it:
        _settle_on_alf2(it, TESTER, NEAR)
        # The start and the end of each visit restart the time.
        stays = Visit(it.where(), source=NEAR)
        assert stays.who() == "alf2"
        _let_pass(seconds)
        stays.leave()
        assert who(it.where(), source=NEAR) == "alf2"
        _let_pass(seconds)
        assert who(it.where(), source=NEAR) == "alf1"


def _let_pass(seconds: float) -> None:
    """Waits for the time itself."""
    end = time.monotonic() + seconds
    waiting.until("the timeout is over", lambda: time.monotonic() > end)


def test_when_the_backend_is_down_another_is_chosen_and_kept(farm: Farm, work: Path) -> None:
    with _sticky(farm, work, by="user", otherwise="choose") as it:
        _settle_on_alf2(it, ANNA, NEAR)
        # alf1 is full, so the next choice is alf3.
        other = Visit(it.where(), BERND)
        farm["alf2"].kill()
        it.wait_for_state("alf2", "down")
        assert who(it.where(), ANNA) == "alf3"
        other.leave()
        mark = it.log_mark()
        farm["alf2"].start()
        it.wait_for_state("alf2", "up", since=mark)
        # The client sticks to its new backend, not to alf2, and is not chosen again.
        assert who(it.where(), ANNA) == "alf3"


def test_when_the_backend_is_down_the_client_is_refused(farm: Farm, work: Path) -> None:
    with _sticky(farm, work, by="user", otherwise="refuse") as it:
        _settle_on_alf2(it, ANNA, NEAR)
        farm["alf2"].kill()
        it.wait_for_state("alf2", "down")
        assert refusal(it.where(), ANNA).startswith("421 ")
        # Other clients are not affected.
        assert who(it.where(), BERND) == "alf1"
        mark = it.log_mark()
        farm["alf2"].start()
        it.wait_for_state("alf2", "up", since=mark)
        assert who(it.where(), ANNA) == "alf2"


def test_a_backend_that_lets_nobody_in_keeps_nobody(farm: Farm, work: Path) -> None:
    with ScriptedServer("127.0.2.99", greeting="554 Out of order.") as bad:
        pool = Pool(
            "alfresco",
            [Backend("bad", bad, {"max_sessions": 10}), farm.backend("alf1")],
            {"balance": "first", "stick": {"by": "user", "otherwise": "refuse"}},
            {**TCP_PROBE, "interval": "1h", "rise": 1},
        )
        with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
            assert who(it.where(), ANNA) == "alf1"
            bad.greeting = "220 Mended."
            assert who(it.where(), ANNA) == "alf1"


@pytest.mark.parametrize("otherwise", ["choose", "refuse"])
def test_when_the_backend_is_full(otherwise: str, farm: Farm, work: Path) -> None:
    with _sticky(farm, work, by="user", otherwise=otherwise) as it:
        stays = Visit(it.where(), ANNA)
        assert stays.who() == "alf1"
        if otherwise == "refuse":
            assert refusal(it.where(), ANNA).startswith("421 ")
            stays.leave()
            assert who(it.where(), ANNA) == "alf1"
        else:
            assert who(it.where(), ANNA) == "alf2"
            stays.leave()
