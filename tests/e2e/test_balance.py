# SPDX-License-Identifier: Apache-2.0
"""The choice of a backend for a session."""

import contextlib
from pathlib import Path

import pytest

import ballast
from ballast import Backend, Ballast, Listener, Pool
from scripted import ScriptedServer
from servers import PyFtpd
from wire import Wire

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="nothing balances")

SESSIONS = 100


def _sessions_on(servers: list[ScriptedServer]) -> list[int]:
    return [server.count("PASS") for server in servers]


@pytest.mark.parametrize(
    "weights",
    [(1, 1), (3, 1), (1, 1, 1), (3, 2, 1), (5, 3, 2)],
    ids=lambda weights: "-".join(map(str, weights)),
)
def test_round_robin_follows_the_weights(weights: tuple[int, ...], work: Path) -> None:
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(ScriptedServer(f"127.0.0.{31 + number}"))
            for number in range(len(weights))
        ]
        backends = [
            Backend(f"alf{number}", server, {"weight": weight})
            for number, (server, weight) in enumerate(zip(servers, weights, strict=True), 1)
        ]
        pool = Pool("alfresco", backends, {"balance": "round-robin"})
        with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as balancer:
            for number in range(SESSIONS):
                address = ballast.LOOPBACK[number % 2]
                with Wire(balancer.where("ftp", address)).log_in() as wire:
                    wire.expect("QUIT", 221)
        for served, weight in zip(_sessions_on(servers), weights, strict=True):
            assert abs(served - SESSIONS * weight / sum(weights)) <= 1, _sessions_on(servers)


def test_sessions_at_once_are_spread_too(work: Path) -> None:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(ScriptedServer(f"127.0.0.{31 + n}")) for n in range(3)]
        backends = [Backend(f"alf{n}", server) for n, server in enumerate(servers, 1)]
        pool = Pool("alfresco", backends, {"balance": "round-robin"})
        with Ballast(work, [Listener("ftp", "alfresco")], [pool], settings={"workers": 2}) as it:
            # All sessions connect first. The choice comes later, across all workers.
            wires = [stack.enter_context(Wire(it.where())) for _ in range(SESSIONS)]
            for wire in wires:
                wire.greeting()
            for wire in wires:
                wire.send("USER tester")
            for wire in wires:
                assert wire.reply().code == 331
            counts = [server.count("USER") for server in servers]
            assert max(counts) - min(counts) <= 1, counts
            for wire in wires:
                wire.close()


def test_least_transfers_avoids_the_backend_with_slow_downloads(work: Path) -> None:
    root = work / "files"
    one, two = (PyFtpd(work, root, f"127.0.0.{address}") for address in (31, 32))
    pool = Pool(
        "alfresco",
        [Backend("alf1", one), Backend("alf2", two)],
        {"balance": "least-transfers"},
        ballast.TCP_PROBE,
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(one)
        stack.callback(two.kill)
        with (root / "big").open("wb") as big:
            big.truncate(256 * 1024 * 1024)
        it = stack.enter_context(Ballast(work, [Listener("ftp", "alfresco")], [pool]))
        it.wait_for_state("alf2", "down")

        def download(wire: Wire) -> None:
            data = stack.enter_context(wire.passive(receive_buffer=4096))
            wire.expect("RETR big", 150, 125)
            assert data.recv(1)

        # Four downloads without a reader, all on alf1, because there is no other.
        for _ in range(4):
            download(stack.enter_context(Wire(it.where()).log_in()))
        assert one.count("login tester") == 4

        mark = it.log_mark()
        two.start()
        it.wait_for_state("alf2", "up", since=mark)

        # Sessions without transfers count little: alf1 stays the busier one.
        idle = [stack.enter_context(Wire(it.where()).log_in()) for _ in range(20)]
        assert two.count("login tester") == 20
        assert one.count("login tester") == 4

        # With four transfers each, the backend with fewer sessions is less busy.
        for wire in idle[:4]:
            download(wire)
        for _ in range(5):
            stack.enter_context(Wire(it.where()).log_in())
        assert one.count("login tester") == 9
        assert two.count("login tester") == 20


def test_a_full_backend_gets_no_more_sessions(work: Path) -> None:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(ScriptedServer(f"127.0.0.{31 + n}")) for n in range(2)]
        backends = [
            Backend("small", servers[0], {"max_sessions": 3}),
            Backend("large", servers[1]),
        ]
        pool = Pool("alfresco", backends, {"balance": "round-robin"})
        it = stack.enter_context(Ballast(work, [Listener("ftp", "alfresco")], [pool]))
        wires = [stack.enter_context(Wire(it.where()).log_in()) for _ in range(10)]
        assert _sessions_on(servers) == [3, 7]
        # A seat that was given back is free again.
        for wire in wires:
            wire.expect("QUIT", 221)
            assert wire.at_end()
        for _ in range(10):
            stack.enter_context(Wire(it.where()).log_in())
        assert _sessions_on(servers) == [6, 14]


def test_when_all_are_full_the_client_hears_421(work: Path) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ScriptedServer("127.0.0.31"))
        pool = Pool("alfresco", [Backend("only", server, {"max_sessions": 2})])
        it = stack.enter_context(Ballast(work, [Listener("ftp", "alfresco")], [pool]))
        for _ in range(2):
            stack.enter_context(Wire(it.where()).log_in())
        with Wire(it.where()) as wire:
            wire.greeting()
            assert len(wire.expect("USER tester", 421).text) > len("421 ")


def test_a_backup_serves_only_when_nothing_else_can(work: Path) -> None:
    with contextlib.ExitStack() as stack:
        main = ScriptedServer("127.0.0.31")
        spare = stack.enter_context(ScriptedServer("127.0.0.32"))
        stack.callback(main.stop)
        main.start()
        backends = [Backend("main", main), Backend("spare", spare, {"backup": True})]
        pool = Pool("alfresco", backends)
        it = stack.enter_context(Ballast(work, [Listener("ftp", "alfresco")], [pool]))
        for _ in range(5):
            stack.enter_context(Wire(it.where()).log_in())
        assert _sessions_on([main, spare]) == [5, 0]
        main.stop()
        for _ in range(5):
            stack.enter_context(Wire(it.where()).log_in())
        assert _sessions_on([main, spare]) == [5, 5]
