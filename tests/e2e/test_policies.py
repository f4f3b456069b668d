# SPDX-License-Identifier: Apache-2.0
"""Each policy, with real servers: its choice, and that no backend gets too many sessions."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ballast
import clients
import waiting
from ballast import DIRECT, TCP_PROBE, Ballast, Listener, Place, Pool
from clients import Mode, Target
from farm import Farm, Visit, at_once, who
from gate import Gate
from servers import ACCOUNTS, Account

pytestmark = pytest.mark.skipif(DIRECT, reason="nothing balances")

POLICIES = (
    "round-robin",
    "least-transfers",
    "least-sessions",
    "least-bandwidth",
    "fastest",
    "random",
    "source-hash",
    "user-hash",
    "first",
)
USERS = [Account(f"user{number}", "s3cret") for number in range(24)]
# Each is a separate client.
SOURCES = [f"127.0.{30 + number % 3}.{10 + number}" for number in range(24)]


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    accounts = [*ACCOUNTS, *USERS]
    with Farm(module_work, ("alf1", "alf2", "alf3"), accounts=accounts) as farm:
        yield farm


@contextlib.contextmanager
def _balanced(
    farm: Farm,
    work: Path,
    policy: str,
    each: dict[str, dict[str, Any]] | None = None,
    *,
    probe: dict[str, Any] = ballast.NO_PROBE,
    common: dict[str, Any] | None = None,
    **settings: Any,
) -> Iterator[Ballast]:
    backends = farm.backends(each, **(common or {}))
    pool = Pool("alfresco", backends, {"balance": policy, **settings}, probe)
    listener = Listener("ftp", "alfresco")
    with Ballast(work, [listener], [pool], settings={"workers": 2}) as it:
        yield it


def _weights(*weights: int) -> dict[str, dict[str, Any]]:
    return {f"alf{number}": {"weight": weight} for number, weight in enumerate(weights, 1)}


@pytest.mark.parametrize("weights", [(1, 1, 1), (3, 2, 1), (5, 1, 1)], ids=str)
def test_round_robin_follows_the_weights(
    weights: tuple[int, int, int], farm: Farm, work: Path
) -> None:
    sessions = 30
    with _balanced(farm, work, "round-robin", _weights(*weights)) as it:
        for _ in range(sessions):
            Visit(it.where()).leave()
    for served, weight in zip(farm.logins(), weights, strict=True):
        assert abs(served - sessions * weight / sum(weights)) <= 1, farm.logins()


@pytest.mark.parametrize("weights", [(1, 1, 1), (3, 2, 1)], ids=str)
def test_least_sessions_counts_open_sessions(
    weights: tuple[int, int, int], farm: Farm, work: Path
) -> None:
    with _balanced(farm, work, "least-sessions", _weights(*weights)) as it:
        visits = [Visit(it.where()) for _ in range(18)]
        for there, weight in zip(farm.logins(), weights, strict=True):
            assert abs(there - 18 * weight / sum(weights)) <= 1, farm.logins()
        # All sessions of one backend end: it gets the next ones, until it is as busy as the others.
        gone = [visit for visit in visits if visit.who() == "alf2"]
        for visit in gone:
            visit.leave()
        farm.mark()
        again = [Visit(it.where()) for _ in gone]
        assert farm.logins()[1] >= len(gone) - 1, farm.logins()
        for visit in {*visits, *again} - {*gone}:
            visit.close()


def test_first_fills_one_after_the_other(farm: Farm, work: Path) -> None:
    with _balanced(farm, work, "first", common={"max_sessions": 3}) as it:
        visits = [Visit(it.where()) for _ in range(7)]
        assert [visit.who() for visit in visits] == ["alf1"] * 3 + ["alf2"] * 3 + ["alf3"]
        # The first backend with room gets the next session.
        visits.pop(4).leave()
        visits.pop(1).leave()
        visits += [Visit(it.where()), Visit(it.where()), Visit(it.where())]
        assert [visit.who() for visit in visits[-3:]] == ["alf1", "alf2", "alf3"]
        for visit in visits:
            visit.close()


def test_source_hash_sends_an_address_to_one_backend(farm: Farm, work: Path) -> None:
    with _balanced(farm, work, "source-hash", hash_load_percent=0) as it:
        homes = {source: who(it.where(), source=source) for source in SOURCES}
        assert set(homes.values()) == set(farm.servers)
        # Other users, in another order.
        for user, source in zip(USERS, reversed(SOURCES), strict=True):
            assert who(it.where(), user, source=source) == homes[source]


def test_user_hash_sends_a_user_to_one_backend(farm: Farm, work: Path) -> None:
    with _balanced(farm, work, "user-hash", hash_load_percent=0) as it:
        homes = {user: who(it.where(), user) for user in USERS}
        assert set(homes.values()) == set(farm.servers)
        # Other addresses, in another order.
        for user, source in zip(reversed(USERS), SOURCES, strict=True):
            assert who(it.where(), user, source=source) == homes[user]


@pytest.mark.parametrize("policy", ["source-hash", "user-hash"])
def test_only_the_clients_of_a_dead_backend_move(policy: str, farm: Farm, work: Path) -> None:
    with _balanced(farm, work, policy, probe=TCP_PROBE, hash_load_percent=0) as it:

        def homes() -> dict[str, str]:
            return {
                source: who(it.where(), user, source=source)
                for user, source in zip(USERS, SOURCES, strict=True)
            }

        before = homes()
        farm["alf2"].kill()
        it.wait_for_state("alf2", "down")
        meanwhile = homes()
        assert set(meanwhile.values()) == {"alf1", "alf3"}
        for source, home in before.items():
            if home != "alf2":
                assert meanwhile[source] == home
        mark = it.log_mark()
        farm["alf2"].start()
        it.wait_for_state("alf2", "up", since=mark)
        assert homes() == before


@pytest.mark.parametrize("policy", ["source-hash", "user-hash"])
def test_a_hash_loads_no_backend_beyond_its_bound(policy: str, farm: Farm, work: Path) -> None:
    with _balanced(farm, work, policy, hash_load_percent=150) as it:
        # One client with many sessions: without a bound all would go to one backend.
        visits = [Visit(it.where()) for _ in range(30)]
        # One and a half times its share, plus the session that is being chosen.
        assert 30 / 3 * 1.2 <= max(farm.logins()) <= 30 / 3 * 1.5 + 1, farm.logins()
        for visit in visits:
            visit.close()


def test_least_bandwidth_avoids_backends_with_traffic(farm: Farm, work: Path) -> None:
    with _balanced(farm, work, "least-bandwidth") as it:
        for server in farm.servers.values():
            with (server.root / "big").open("wb") as big:
                big.truncate(64 * 1024 * 1024)
        local = work / "local"
        curl = clients.Curl(Target(*it.where()), Mode.EPSV, work, rate=8 * 1024 * 1024)
        download = curl.start(curl.download_command("big", local))
        try:
            waiting.until("bytes flow", lambda: local.exists() and local.stat().st_size > 1 << 20)
            busy = next(name for name in farm.servers if farm.who_logged_in(name))
            farm.mark()
            for _ in range(12):
                Visit(it.where()).leave()
            assert download.poll() is None, "it has ended too early"
        finally:
            download.kill()
            download.communicate()
        assert sum(farm.logins()) == 12
        assert not farm.who_logged_in(busy), farm.logins()


def test_fastest_prefers_the_backend_that_answers_sooner(farm: Farm, work: Path) -> None:
    slow = farm["alf1"]
    with Gate("127.0.1.99", (slow.address, slow.port)) as gate:
        gate.control.delay = 0.2
        backends = farm.backends()
        backends[0].where = Place(gate.address, gate.port)
        pool = Pool("alfresco", backends, {"balance": "fastest"})
        with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
            for _ in range(30):
                Visit(it.where()).leave()
    # It is still tried sometimes, so that an improvement is noticed.
    assert farm.logins()[0] <= 30 / 5, farm.logins()


@pytest.mark.parametrize("policy", POLICIES)
def test_max_sessions_is_never_exceeded(policy: str, farm: Farm, work: Path) -> None:
    rush, seats = 30, 4

    def enter(number: int) -> Visit:
        return Visit(it.where(), USERS[number % 7], source=SOURCES[number % 5])

    with _balanced(farm, work, policy, common={"max_sessions": seats}) as it:
        for _ in range(2):
            farm.mark()
            inside, refused = at_once(rush, enter)
            # All places are taken exactly once, under every policy.
            assert farm.most_at_once() == [seats] * 3
            assert len(inside) == 3 * seats
            assert len(refused) == rush - 3 * seats
            assert all(text.startswith("421 ") for text in refused), Counter(refused)
            for visit in inside:
                visit.leave()
            farm.wait_until_empty()


def test_max_sessions_is_never_exceeded_while_sessions_come_and_go(
    farm: Farm, work: Path
) -> None:
    def visit_often(number: int) -> Visit:
        for _ in range(6):
            Visit(it.where(), USERS[number]).leave()
        return Visit(it.where(), USERS[number])

    common = {"max_sessions": 2}
    queue = {"length": 100, "timeout": "30s"}
    with _balanced(farm, work, "round-robin", common=common, queue=queue) as it:
        # As many as there are places.
        inside, refused = at_once(6, visit_often)
        assert not refused
        assert max(farm.most_at_once()) <= 2, farm.most_at_once()
        for visit in inside:
            visit.leave()
