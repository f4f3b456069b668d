# SPDX-License-Identifier: Apache-2.0
"""Each limit is reached in turn: the client gets a reply, the event is counted, other sessions
notice nothing, and afterwards there is room again."""

import contextlib
import ftplib
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import waiting
from ballast import DIRECT, TCP_PROBE, Backend, Ballast, Listener, Pool
from servers import TESTER, PyFtpd
from wire import SECONDS, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the limits are the balancer's")

# More than the buffers of all sockets on the way.
CONTENT = b"content" * 3_000_000


@pytest.fixture(scope="module")
def server(module_work: Path) -> Iterator[PyFtpd]:
    with PyFtpd(module_work, module_work / "files", "127.0.0.175") as server:
        (server.root / "file").write_bytes(CONTENT)
        yield server


class Limited:
    def __init__(self, ballast: Ballast) -> None:
        self.ballast = ballast
        self.where = ballast.where()

    def knock(self, source: str | None = None, address: str = "127.0.0.1") -> "Wire":
        return Wire((address, self.where[1]), source=source)

    def log_in(self, source: str | None = None) -> Wire:
        return self.knock(source).log_in()

    def refused(self, why: str, source: str | None = None) -> None:
        """A new session gets this reply, and its connection ends."""
        with self.knock(source) as wire:
            reply = wire.reply()
            assert reply.code == 421 and why in reply.text, reply
            assert wire.at_end()

    def admits_again(self, source: str | None = None) -> None:
        def admitted() -> bool:
            with self.knock(source) as wire:
                return wire.reply().code == 220

        waiting.until("there is room again", admitted)

    def counted(self, counter: str) -> int:
        return self.ballast.counters()[counter]


@contextmanager
def limited(
    work: Path,
    server: PyFtpd,
    limits: Mapping[str, Any],
    *,
    listener: Mapping[str, Any] | None = None,
    passive_ports: int = 10,
    prefix: Sequence[str] = (),
) -> Iterator[Limited]:
    ballast = Ballast(
        work,
        [Listener("ftp", "files", settings=listener or {})],
        [Pool("files", [Backend("only", server)])],
        settings={"limits": limits, "workers": 2},
        passive_ports=passive_ports,
        prefix=prefix,
    )
    with ballast:
        yield Limited(ballast)


@pytest.mark.parametrize(
    ("limits", "listener", "counter", "why"),
    [
        ({"sessions": 3}, {}, "limit_sessions", "too many sessions"),
        ({}, {"max_sessions": 3}, "limit_sessions", "too many sessions"),
        (
            {"sessions_per_address": 3},
            {},
            "limit_sessions_per_address",
            "too many sessions from your address",
        ),
    ],
    ids=["all", "listener", "address"],
)
def test_sessions(
    limits: Mapping[str, Any],
    listener: Mapping[str, Any],
    counter: str,
    why: str,
    work: Path,
    server: PyFtpd,
) -> None:
    with limited(work, server, limits, listener=listener) as it, ExitStack() as stack:
        wires = [stack.enter_context(it.log_in()) for _ in range(3)]
        it.refused(why)
        it.refused(why)
        assert it.counted(counter) == 2
        if counter == "limit_sessions_per_address":
            with it.log_in("127.0.0.9"):
                pass
        for wire in wires:
            wire.expect("NOOP", 200)
        wires[0].expect("QUIT", 221)
        it.admits_again()


def test_an_ipv6_network_of_64_bits_is_one_address(work: Path, server: PyFtpd) -> None:
    with limited(work, server, {"sessions_per_address": 1}) as it:
        with it.knock(address="::1") as first:
            first.greeting()
            with it.knock(address="::1") as second:
                assert second.reply().code == 421
            it.log_in().close()


def test_sessions_of_a_user(work: Path, server: PyFtpd) -> None:
    with limited(work, server, {"sessions_per_user": 1}) as it:
        with it.log_in() as first:
            with it.knock() as second:
                second.greeting()
                second.expect(f"USER {TESTER.name}", 331)
                reply = second.expect(f"PASS {TESTER.password}", 530)
                assert "too many sessions" in reply.text
            first.expect("NOOP", 200)
            assert it.counted("limit_sessions_per_user") == 1
            # The second session on the backend has ended as well.
            waiting.until("it has left", lambda: server.heard()[-1] == f"left {TESTER.name}")
            first.expect("QUIT", 221)
        waiting.until("he may come again", lambda: _logs_in(it))


def _logs_in(it: Limited) -> bool:
    with it.knock() as wire:
        wire.greeting()
        if wire.ask(f"USER {TESTER.name}").code != 331:
            return False
        return wire.ask(f"PASS {TESTER.password}").code == 230


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("session_rate", "too many new sessions at once"),
        ("session_rate_per_address", "too many new sessions at once from your address"),
    ],
)
def test_new_sessions_a_second(limit: str, why: str, work: Path, server: PyFtpd) -> None:
    with limited(work, server, {limit: 2}) as it:
        with it.log_in() as wire:
            replies = []
            for _ in range(30):
                with it.knock() as other:
                    replies.append(other.reply())
            refused = [reply for reply in replies if reply.code == 421]
            assert refused and all(why in reply.text for reply in refused)
            assert it.counted(f"limit_{limit}") == len(refused)
            wire.expect("NOOP", 200)
        if limit == "session_rate_per_address":
            it.log_in("127.0.0.9").close()
        it.admits_again()


def _fail(it: Limited, user: str, source: str | None = None) -> int:
    with it.knock(source) as wire:
        wire.greeting()
        reply = wire.ask(f"USER {user}")
        if reply.code != 331:
            return reply.code
        return wire.ask("PASS wrong").code


def test_an_address_that_fails_to_log_in_is_banned(work: Path, server: PyFtpd) -> None:
    limits = {"failed_logins_per_address": 3, "ban_time": "2s"}
    with limited(work, server, limits) as it:
        with it.log_in() as inside:
            for user in ("one", "two", "three"):
                assert _fail(it, user) == 530
            it.refused("too many failed logins")
            # Existing sessions stay, and other addresses are not affected.
            inside.expect("NOOP", 200)
            it.log_in("127.0.0.9").close()
            counters = it.ballast.counters()
            assert counters["bans_begun"] == 1 and counters["refused_by_ban"] == 1
        it.ballast.wait_for_log("the ban", lambda line: line["message"] == "banned for failed logins")
        it.admits_again()


def test_a_user_who_fails_to_log_in_is_banned_at_his_address(work: Path, server: PyFtpd) -> None:
    limits = {"failed_logins_per_user": 2, "ban_time": "60s"}
    with limited(work, server, limits) as it:
        assert _fail(it, TESTER.name) == 530
        assert _fail(it, TESTER.name) == 530
        before = server.count(f"login {TESTER.name}")
        # Even with the right password, so that an attacker cannot recognise it.
        assert not _logs_in(it)
        assert server.count(f"login {TESTER.name}") == before
        # Other users at this address, and this user elsewhere, are not banned.
        assert _fail(it, "somebody") == 530
        it.log_in("127.0.0.9").close()
        assert it.counted("refused_by_ban") >= 1


def test_a_success_between_failures_does_not_reset_the_count(work: Path, server: PyFtpd) -> None:
    """Otherwise an attacker with one valid account could guess without limit."""
    with limited(work, server, {"failed_logins_per_address": 3, "ban_time": "60s"}) as it:
        for user in ("one", "two", "three"):
            it.log_in().close()
            assert _fail(it, user) == 530
        it.refused("too many failed logins")


def test_transfers(work: Path, server: PyFtpd) -> None:
    with limited(work, server, {"transfers": 1}) as it:
        with it.log_in() as first, it.log_in() as second, first.passive() as data:
            first.expect("RETR file", 125, 150)
            with second.passive() as other:
                reply = second.expect("RETR file", 425)
                assert "too many transfers" in reply.text
                with contextlib.suppress(ConnectionResetError):
                    assert read_all(other) == b""
            assert it.counted("limit_transfers") == 1
            assert read_all(data) == CONTENT
            assert first.reply().code == 226
            with second.passive() as other:
                second.expect("RETR file", 125, 150)
                assert read_all(other) == CONTENT
            assert second.reply().code == 226


def test_memory(work: Path, server: PyFtpd) -> None:
    """The process needs more than that at its start."""
    with limited(work, server, {"memory": "1MiB"}) as it:
        it.refused("short of memory")
        assert it.counted("limit_memory") >= 1


def test_commands_a_second(work: Path, server: PyFtpd) -> None:
    rate, count = 20, 60
    with limited(work, server, {}, listener={"command_rate": rate}) as it:
        with it.log_in() as hasty, it.log_in() as other:
            began = time.monotonic()
            hasty.send(*["NOOP"] * count)
            other.expect("NOOP", 200)
            for _ in range(count):
                assert hasty.reply().code == 200
            # One second's commands may be available at the beginning.
            assert time.monotonic() - began >= (count - rate) / rate * 0.95
        assert it.counted("commands_delayed") > 0


def test_pipelined_bytes(work: Path, server: PyFtpd) -> None:
    """Commands during a transfer wait for its end. Beyond the limit they wait on the client's side."""
    count = 500
    with limited(work, server, {}, listener={"command_bytes_max": "512B", "pipelined_bytes_max": "1KiB"}) as it:
        with it.log_in() as wire:
            with wire.passive() as data:
                wire.expect("RETR file", 125, 150)
                wire.send(*["NOOP"] * count)
                waiting.until("it is held back", lambda: it.counted("limit_pipelined_bytes"))
                assert read_all(data) == CONTENT
            codes = [wire.reply().code for _ in range(count + 1)]
            assert codes == [226] + [200] * count


def test_out_of_descriptors(work: Path, server: PyFtpd) -> None:
    """The reserve tells clients, existing sessions continue, and there is room when some have left."""
    with limited(
        work, server, {"sessions": 5000}, prefix=("prlimit", "--nofile=96:96")
    ) as it, ExitStack() as stack:
        inside = stack.enter_context(it.log_in())
        knocking = []
        refused = None
        while refused is None:
            assert len(knocking) < 200
            wire = stack.enter_context(it.knock())
            reply = wire.reply()
            if reply.code == 421:
                refused = reply
            else:
                knocking.append(wire)
        assert "Try again later" in refused.text
        assert it.counted("accepts_refused") >= 1
        inside.expect("NOOP", 200)
        inside.expect("PWD", 257)
        # No descriptor is left: the transfer gets 425, and the session lives.
        for wire in knocking[:10]:
            wire.close()

        def moves() -> bool:
            if inside.ask("EPSV").code != 229:
                return False
            with inside.passive() as data:
                if inside.ask("RETR file").code not in (125, 150):
                    return False
                assert read_all(data) == CONTENT
            return inside.reply().code == 226

        waiting.until("files move again", moves)
        it.admits_again()


def test_probes_go_on_when_sessions_have_all_descriptors(work: Path, server: PyFtpd) -> None:
    pool = Pool("pool", [Backend("only", server)], probe=TCP_PROBE)
    settings = {"limits": {"sessions": 5000}}
    prefix = ("prlimit", "--nofile=96:96")
    ballast = Ballast(work, [Listener("ftp", "pool")], [pool], settings=settings, prefix=prefix)
    with ballast, ExitStack() as stack:
        ballast.wait_for_state("only", "up")
        mark = ballast.log_mark()
        for _ in range(200):
            wire = stack.enter_context(Wire(ballast.where()))
            if wire.reply().code == 421:
                break
        else:
            raise AssertionError("there are descriptors without end")
        passed = ballast.counters()["probes_passed"]
        waiting.until(
            "probes pass", lambda: ballast.counters()["probes_passed"] >= passed + 2
        )
        said = [line["message"] for line in ballast.log_lines()[mark:]]
        assert "backend down" not in said


def test_strays_at_a_passive_port(work: Path, server: PyFtpd) -> None:
    with limited(work, server, {"passive_stray_rate": 5}, passive_ports=2) as it:
        with it.log_in() as wire:
            where = wire.passive_address("EPSV")
            for _ in range(30):
                with contextlib.suppress(ConnectionResetError):
                    stray = socket.create_connection(
                        where, SECONDS, source_address=("127.0.0.66", 0)
                    )
                    with stray:
                        assert stray.recv(1) == b""
            counters = it.ballast.counters()
            assert counters["passive_ports_spared"] == 1
            assert counters["data_connections_stray"] == 30
            # The other port is used while it is free, and transfers work.
            with wire.passive() as data:
                assert data.getpeername()[1] != where[1]
                wire.expect("RETR file", 125, 150)
                assert read_all(data) == CONTENT
            assert wire.reply().code == 226


def test_connections_a_second_to_a_passive_port(work: Path, server: PyFtpd) -> None:
    with limited(work, server, {"passive_accept_rate": 10}, passive_ports=1) as it:
        with it.log_in() as wire, ExitStack() as stack:
            where = wire.passive_address("EPSV")
            for _ in range(30):
                # The reset may come before the connect has returned.
                with contextlib.suppress(ConnectionResetError):
                    stack.enter_context(
                        socket.create_connection(where, SECONDS, source_address=("127.0.0.66", 0))
                    )
            # The real client waits for its turn.
            with socket.create_connection(where, SECONDS) as data:
                wire.expect("RETR file", 125, 150)
                assert read_all(data) == CONTENT
            assert wire.reply().code == 226
        assert it.counted("passive_accepts_delayed") > 0


def test_arguments_by_pattern(work: Path, server: PyFtpd) -> None:
    listener = {
        "allow_arguments": ["RETR *.txt", "RETR file"],
        "deny_arguments": ["STOR *.exe", "SITE CHMOD *"],
    }
    with limited(work, server, {}, listener=listener) as it:
        client = ftplib.FTP(timeout=waiting.PATIENCE)
        client.connect(*it.where)
        client.login(TESTER.name, TESTER.password)
        with contextlib.closing(client):
            for refused in ("RETR secret", "STOR virus.EXE", "STOR a/b.exe", "SITE chmod 777 file"):
                with pytest.raises(ftplib.error_perm, match="^550"):
                    client.sendcmd(refused)
            with client.transfercmd("RETR file") as data:
                assert read_all(data) == CONTENT
            client.voidresp()
            client.quit()
        assert it.counted("commands_refused") == 4
        it.ballast.wait_for_log("the refusal", lambda line: line["message"] == "command refused")
