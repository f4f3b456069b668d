# SPDX-License-Identifier: Apache-2.0
"""Replies that take long, are long, or never end: outside transfers and during transfers."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from ballast import DIRECT, Backend, Ballast, Listener, Pool
from scripted import Answer, Conversation, ScriptedServer
from servers import TESTER, ProFtpd, PureFtpd, PyFtpd, Server, Vsftpd
from wire import Closed, Reply, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="what Ballast adds is tried")

MIB = 1024 * 1024
# More than all buffers on the way hold.
BIG = 24 * MIB
SOME = 700
MANY = 100_000


class Field:
    """Servers with the same files: a listing of `some` has 70 KB, one of `many` 7 MB."""

    def __init__(self, work: Path) -> None:
        root = servers.open_to_all(work / "files")
        for name, count in (("some", SOME), ("many", MANY)):
            directory = servers.open_to_all(root / name)
            ending = "-of-a-name-that-is-somewhat-longer" if name == "some" else ".txt"
            for number in range(count):
                file = directory / f"{name}-{number:06}{ending}"
                os.close(os.open(file, os.O_CREAT | os.O_WRONLY))
        (root / "big").touch()
        os.truncate(root / "big", BIG)
        self.servers: dict[str, Server] = {
            kind.kind: kind(work, root, f"127.0.0.{151 + number}")
            for number, kind in enumerate((Vsftpd, ProFtpd, PureFtpd, PyFtpd))
        }
        pools = [Pool(name, [Backend("only", server)]) for name, server in self.servers.items()]
        listeners = [Listener(pool.name, pool.name) for pool in pools]
        self.ballast = Ballast(work, listeners, pools, settings={"workers": 1})

    def log_in(self, kind: str) -> Wire:
        return Wire(self.ballast.where(kind)).log_in()


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with contextlib.ExitStack() as stack:
        for server in field.servers.values():
            stack.enter_context(server)
        stack.enter_context(field.ballast)
        yield field


def _is_whole(reply: Reply, name: str, count: int) -> bool:
    """Whether the reply is a STAT listing with each file once."""
    assert reply.code in (211, 212, 213), reply.text[:200]
    names = {word for word in reply.text.split() if word.startswith(f"{name}-")}
    return len(names) == count and reply.text.count(f"{name}-") == count


# ProFTPD 1.3.8 needs more than a minute for that many files, and Pure-FTPd 1.0.50 stops at its
# limit of 10000 files.
LISTED = [
    ("vsftpd", "some", SOME),
    ("proftpd", "some", SOME),
    ("pure-ftpd", "some", SOME),
    ("pyftpdlib", "some", SOME),
    ("vsftpd", "many", MANY),
    ("pyftpdlib", "many", MANY),
]
# During a transfer Pure-FTPd 1.0.50 accepts only ABOR.
LISTED_DURING = [case for case in LISTED if case[0] != "pure-ftpd"]
# vsftpd 3.0.3 reads nothing during a transfer, and ProFTPD nothing while its data does not move.
AT_ONCE = ("pyftpdlib",)


@pytest.mark.parametrize(("kind", "name", "count"), LISTED)
def test_stat_of_a_large_directory(kind: str, name: str, count: int, field: Field) -> None:
    with field.log_in(kind) as wire:
        before = field.ballast.resident_bytes()
        wire.send(f"STAT {name}", "NOOP")
        assert _is_whole(wire.reply(), name, count)
        assert wire.reply().code == 200
        wire.expect("PWD", 257)
        field.ballast.assert_grown_less(4 * MIB, since=before)


@pytest.mark.parametrize(("kind", "name", "count"), LISTED_DURING)
def test_stat_of_a_large_directory_while_data_move(
    kind: str, name: str, count: int, field: Field
) -> None:
    with field.log_in(kind) as wire:
        before = field.ballast.resident_bytes()
        with wire.passive() as data:
            wire.expect("RETR big", 150, 125)
            assert data.recv(1)
            wire.send(f"STAT {name}")
            if kind in AT_ONCE:
                assert _is_whole(wire.reply(), name, count)
            assert len(read_all(data)) == BIG - 1
        replies = [wire.reply() for _ in range(1 if kind in AT_ONCE else 2)]
        ends = [reply for reply in replies if reply.code == 226]
        assert len(ends) == 1
        assert all(_is_whole(reply, name, count) for reply in replies if reply not in ends)
        wire.expect("PWD", 257)
        field.ballast.assert_grown_less(4 * MIB, since=before)


@pytest.mark.parametrize(
    ("kind", "name", "count"), [("pyftpdlib", "many", MANY), ("vsftpd", "some", SOME)]
)
def test_abor_while_a_long_reply_is_passed_on(
    kind: str, name: str, count: int, field: Field
) -> None:
    """ABOR's replies come after the reply to the earlier STAT."""
    with field.log_in(kind) as wire:
        with wire.passive() as data:
            wire.expect("RETR big", 150, 125)
            assert data.recv(1)
            wire.send(f"STAT {name}")
            wire.send("ABOR")
            replies = [wire.reply()]
            while replies[-1].code != 226:
                replies.append(wire.reply())
        codes = [reply.code for reply in replies]
        assert codes in ([213, 426, 226], [450, 426, 226]), codes
        assert codes[0] == 450 or _is_whole(replies[0], name, count)
        wire.expect("PWD", 257)


@contextlib.contextmanager
def _world(work: Path, answers: dict[str, Answer], **settings: object) -> Iterator[Ballast]:
    """A scripted backend, and a good one on the same thread, which must still answer at the end."""
    with (
        ScriptedServer("127.0.0.155", answers) as scripted,
        ScriptedServer("127.0.0.156") as good,
    ):
        pools = [
            Pool("scripted", [Backend("scripted", scripted)], settings),
            Pool("good", [Backend("good", good)]),
        ]
        listeners = [Listener("scripted", "scripted"), Listener("good", "good")]
        with (
            Ballast(work, listeners, pools, settings={"workers": 1}) as ballast,
            Wire(ballast.where("good")).log_in() as other,
        ):
            yield ballast
            other.expect("PWD", 257)


def _pause(seconds: float) -> None:
    """A slow server, not a test that waits."""
    threading.Event().wait(seconds)


def _late(seconds: float, reply: str) -> Answer:
    def answer(_: Conversation, __: str) -> str:
        _pause(seconds)
        return reply

    return answer


def test_a_line_now_and_then_is_in_time(work: Path) -> None:
    def answer(conversation: Conversation, _: str) -> str:
        conversation.say("200-Working")
        for part in range(6):
            _pause(0.4)
            conversation.say(f" {part}")
        return "200 Done."

    settings = {"reply_timeout": "1s", "long_reply_timeout": "1s"}
    with (
        _world(work, {"SITE": answer}, **settings) as ballast,
        Wire(ballast.where("scripted")).log_in() as wire,
    ):
        wire.send("SITE REINDEX")
        # Each line arrives when the server sends it.
        assert wire.line() == b"200-Working"
        assert wire.line() == b" 0"
        lines = [wire.line() for _ in range(6)]
        assert lines == [b" 1", b" 2", b" 3", b" 4", b" 5", b"200 Done."]
        wire.expect("PWD", 257)


@pytest.mark.parametrize("verb", ["XSHA1", "RNTO", "DELE", "RMD", "SITE", "STAT", "XOTHER"])
def test_verbs_that_take_long_have_their_own_time(verb: str, work: Path) -> None:
    answers = {verb: _late(1, "250 Done."), "CWD": _late(1, "250 Done.")}
    with (
        _world(work, answers, reply_timeout="300ms", long_reply_timeout="20s") as ballast,
        Wire(ballast.where("scripted")).log_in() as wire,
    ):
        wire.expect(f"{verb} a", 250)
        wire.expect("CWD a", 421)


def test_a_log_in_that_takes_long_is_late(work: Path) -> None:
    answers = {"PASS": _late(2, "230 Welcome.")}
    with (
        _world(work, answers, reply_timeout="300ms") as ballast,
        Wire(ballast.where("scripted")) as wire,
    ):
        wire.greeting()
        wire.expect(f"USER {TESTER.name}", 331)
        assert wire.ask(f"PASS {TESTER.password}").code in (421, 530)


def _endless(conversation: Conversation, _: str) -> None:
    with contextlib.suppress(OSError):
        conversation.say("213-Status")
        while True:
            conversation.connection.sendall(b" one more line\r\n" * 100)


def test_a_reply_without_end_is_cut(work: Path) -> None:
    with (
        _world(work, {"STAT": _endless}, reply_time_max="1s") as ballast,
        Wire(ballast.where("scripted")).log_in() as wire,
    ):
        wire.send("STAT /")
        last = b""
        with contextlib.suppress(Closed):
            while True:
                last = wire.line()
        assert last == b"421 The connection to the server was lost."
        assert ballast.counters()["limit_reply_bytes"] == 1


def test_a_client_that_does_not_read_costs_no_memory(work: Path) -> None:
    with (
        _world(work, {"STAT": _endless}) as ballast,
        Wire(ballast.where("scripted")).log_in() as wire,
    ):
        before = ballast.resident_bytes()
        wire.send("STAT /")
        assert wire.line() == b"213-Status"
        with Wire(ballast.where("good")).log_in() as other:
            for _ in range(100):
                other.expect("PWD", 257)
        ballast.assert_grown_less(4 * MIB, since=before)
