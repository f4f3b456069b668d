# SPDX-License-Identifier: Apache-2.0
"""Three balancers behind a router that spreads clients over them by their address."""

import concurrent.futures
import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import everything
from ballast import DIRECT
from clients import Client, ClientTls, Mode, Target
from everything import Case
from fleet import CONTENT, CONTROL_PORT, NODES, SERVICE, WAYS, Fleet, Visitor, page
from netns import Network
from wire import read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="these are the balancers' clients")

# More than all buffers on the way hold.
LARGE = 64 * 1024 * 1024
SMALL_BUFFER = 65536


@pytest.fixture(scope="module")
def whole_fleet(module_work: Path) -> Iterator[Fleet]:
    with Network() as network:
        fleet = Fleet(module_work, network)
        (fleet.root / "large").write_bytes(bytes(LARGE))
        with fleet.running():
            yield fleet


@pytest.fixture
def fleet(whole_fleet: Fleet) -> Fleet:
    """All nodes are in use, and no client has a place."""
    whole_fleet.router.forget()
    whole_fleet.router.hash_addresses()
    whole_fleet.router.use(list(NODES))
    return whole_fleet


class Visitors:
    """Sessions, all of them from their own addresses. The test says which numbers."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._threads = concurrent.futures.ThreadPoolExecutor(16)
        self.all: list[Visitor] = []

    def enter(self, numbers: range) -> list[Visitor]:
        def visit(number: int) -> Visitor:
            return Visitor(number, WAYS[number % len(WAYS)], self._fleet.context)

        new = list(self._threads.map(visit, numbers))
        self.all += new
        return new

    def all_work(self, visitors: list[Visitor]) -> None:
        for _ in self._threads.map(Visitor.works, visitors):
            pass

    def close(self) -> None:
        self._threads.shutdown()
        for each in self.all:
            each.close()


@pytest.fixture
def visitors(fleet: Fleet) -> Iterator[Visitors]:
    with contextlib.closing(Visitors(fleet)) as visitors:
        yield visitors


def _at(visitors: list[Visitor], *nodes: str) -> list[Visitor]:
    return [each for each in visitors if each.node in nodes]


def test_300_clients_have_their_data_from_the_node_of_their_session(
    visitors: Visitors,
) -> None:
    there = visitors.enter(range(300))
    visitors.all_work(there)
    shares = Counter(each.node for each in there)
    assert set(shares) == set(NODES) and min(shares.values()) > 50, shares
    # Each way of each kind worked at each node.
    assert len({(each.way, each.node) for each in there}) == len(WAYS) * len(NODES)


def _programs() -> list[tuple[Case, bool]]:
    def ways(
        client: type[Client], modes: tuple[Mode, ...], protected: bool
    ) -> list[tuple[Case, bool]]:
        return [
            (Case(client, mode, family), protected)
            for family, has in (("ipv4", client.modes_ipv4), ("ipv6", client.modes_ipv6))
            for mode in has
            if mode in modes
        ]

    return ways(clients.Curl, tuple(Mode), False) + ways(
        clients.Lftp, clients.Lftp.modes_tls, True
    )


@pytest.mark.parametrize(
    ("case", "protected"), _programs(), ids=lambda each: str(each).replace("True", "tls")
)
def test_real_clients_do_everything(
    case: Case, protected: bool, fleet: Fleet, work: Path
) -> None:
    tls = ClientTls(fleet.authority.certificate) if protected else None
    target = Target(SERVICE[case.family], CONTROL_PORT, tls=tls)
    data = everything.random_file(work / "data")
    everything.works(
        case, target, data, fleet.root, work, prefix=fleet.client.prefix, rest_in_feat=True
    )


def test_a_killed_node_takes_its_own_sessions_and_no_others(
    fleet: Fleet, visitors: Visitors
) -> None:
    there = visitors.enter(range(60))
    others, lost = _at(there, "n1", "n3"), _at(there, "n2")
    assert others and lost
    fleet.nodes["n2"].kill()
    fleet.router.use(["n1", "n3"])
    try:
        assert all(each.wire.at_end() for each in lost)
        visitors.all_work(others)
        # The same clients come again.
        again = visitors.enter(range(60))
        assert {each.node for each in again} == {"n1", "n3"}
        assert all(
            old.node == new.node for old, new in zip(there, again, strict=True) if old in others
        )
        visitors.all_work(again)
    finally:
        fleet.start("n2")


def test_a_node_that_is_added_takes_no_session_and_no_client_that_is_there(
    fleet: Fleet, visitors: Visitors
) -> None:
    fleet.router.use(["n1", "n2"])
    there = visitors.enter(range(60))
    assert {each.node for each in there} == {"n1", "n2"}
    fleet.router.use(["n1", "n2", "n3"])
    visitors.all_work(there)
    # Also with more sessions.
    again = visitors.enter(range(60))
    assert [each.node for each in again] == [each.node for each in there]
    # Some of those who come later are at the new node.
    later = visitors.enter(range(60, 120))
    assert {each.node for each in later} == set(NODES)
    visitors.all_work(later)
    visitors.all_work(there)


def test_a_drained_node_ends_idle_sessions_and_lets_transfers_finish(
    fleet: Fleet, visitors: Visitors
) -> None:
    there = visitors.enter(range(60))
    others, leaving = _at(there, "n1", "n2"), _at(there, "n3")
    busy, idle = leaving[0], leaving[1:]
    assert others and idle
    with busy.transfer("RETR large", SMALL_BUFFER) as data:
        assert data.recv(1) == b"\0"
        fleet.operate("n3", "drain", "--all", "--idle")
        for each in idle:
            assert each.wire.reply().code == 421
            assert each.wire.at_end()
        assert len(read_all(data)) == LARGE - 1
    assert busy.wire.reply().code == 226
    assert busy.wire.reply().code == 421
    assert busy.wire.at_end()
    assert fleet.operate("n3", "drain", "--all", "--idle", "--wait").endswith("is drained\n")
    fleet.router.use(["n1", "n2"])
    try:
        visitors.all_work(others)
        again = visitors.enter(range(60))
        assert {each.node for each in again} == {"n1", "n2"}
        assert all(
            old.node == new.node for old, new in zip(there, again, strict=True) if old in others
        )
    finally:
        fleet.operate("n3", "ready", "--all")


def test_the_commands_of_the_page_do_what_it_says(fleet: Fleet, visitors: Visitors) -> None:
    fleet.router.forget()
    fleet.router.obey_page("the router")
    there = visitors.enter(range(30))
    assert {each.node for each in there} == set(NODES)
    visitors.all_work(there)

    # Those who are at node 3 may stay, and others do not come.
    fleet.router.obey_page("the router while node 3 drains")
    visitors.all_work(there)
    assert [each.node for each in visitors.enter(range(30))] == [each.node for each in there]
    # A hundredth of the buckets is still its.
    assert len(_at(visitors.enter(range(30, 90)), "n3")) < 10

    fleet.router.obey_page("the router without node 3")
    assert _at(visitors.enter(range(30)), "n3") == []
    visitors.all_work(_at(there, "n1", "n2"))

    fleet.router.obey_page("the router with node 3")
    assert _at(visitors.enter(range(90, 150)), "n3")
    visitors.all_work(_at(there, "n1", "n2"))


@pytest.mark.skipif(
    not Path("/proc/net/ip_vs").exists(),
    reason="this kernel has no ip_vs, so LVS in front of balancers cannot be tried",
)
def test_lvs_brings_a_client_to_one_node(fleet: Fleet, visitors: Visitors) -> None:
    fleet.router.forget()
    fleet.run("router", "sh", "-e", said=page("the director", "not run here"))
    try:
        there = [each for each in visitors.enter(range(100)) if each.way.family == "ipv4"]
        assert {each.node for each in there} == set(NODES)
        visitors.all_work(there)
    finally:
        fleet.run("router", "sh", "-ec", "ipvsadm -C; nft flush ruleset; ip rule del fwmark 21")


# Where the network looks at ports, too


def test_data_connections_that_arrive_at_another_node_go_on_to_their_own(
    fleet: Fleet, visitors: Visitors
) -> None:
    fleet.wait_for_nodes()
    fleet.router.hash_ports()
    there = visitors.enter(range(60))

    def is_lost(visitor: Visitor) -> bool:
        try:
            return visitor.download() != CONTENT
        except (OSError, AssertionError):
            return True

    # Two of three data connections go to another node.
    assert any(is_lost(each) for each in there[:12])
    try:
        for node in NODES:
            fleet.run(node, "sh", "-e", said=fleet.operate(node, "nodes", "--rules"))
        visitors.all_work(there[12:])
        visitors.all_work(visitors.enter(range(60, 120)))
    finally:
        for node in NODES:
            for family in ("ip", "ip6"):
                fleet.run(node, "nft", "flush", "ruleset")
