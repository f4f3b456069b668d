# SPDX-License-Identifier: Apache-2.0
"""Backends that lie, flood, trickle and die at the worst moment: the replies that the client gets,
and that nobody else is affected."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Pool
from scripted import Answer, Conversation, ScriptedServer
from servers import TESTER
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the backend alone shows nothing")

MIB = 1024 * 1024


class World:
    """A hostile backend and a good one, each behind its own listener."""

    def __init__(self, ballast: Ballast, hostile: ScriptedServer) -> None:
        self.ballast = ballast
        self.hostile = hostile

    def log_in(self, listener: str = "hostile") -> Wire:
        return Wire(self.ballast.where(listener)).log_in()


@contextlib.contextmanager
def _world(
    work: Path,
    answers: dict[str, Answer] | None = None,
    *,
    greeting: Any = "220 Hello.",
    **settings: Any,
) -> Iterator[World]:
    with (
        ScriptedServer("127.0.0.141", answers, greeting=greeting) as hostile,
        ScriptedServer("127.0.0.142") as good,
    ):
        pools = [
            Pool("hostile", [Backend("hostile", hostile)], settings),
            Pool("good", [Backend("good", good)]),
        ]
        listeners = [Listener("hostile", "hostile"), Listener("good", "good")]
        with Ballast(work, listeners, pools, settings={"workers": 1}) as ballast:
            # Another client's session, on the same thread.
            with Wire(ballast.where("good")).log_in() as other:
                yield World(ballast, hostile)
                other.expect("PWD", 257)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _wait_for_unasked_words(world: World) -> None:
    """A reply that came after the next command would look like its answer to any client."""
    world.ballast.wait_for_log(
        "endless unexpected replies",
        lambda line: line["message"] == "backend sent an unexpected reply",
    )


def _expect_a_reset(data: socket.socket) -> None:
    with pytest.raises(ConnectionResetError):
        read_all(data)


@pytest.mark.parametrize(
    "reply",
    [
        "227 Here (127,0,0,141,0,0)",
        "227 Here (127,0,0,141,273,112)",
        "227 Here (127,0,0,141,-1,5)",
        "227 Here",
        "229 Here (|||0|)",
        "229 Here (|||70000|)",
        "229 Here (|||99999999999999999999|)",
    ],
)
def test_ports_that_are_none(reply: str, work: Path) -> None:
    with _world(work, {"EPSV": reply}) as world, world.log_in() as wire:
        wire.passive_address()
        wire.expect("RETR a", 425)
        wire.expect("PWD", 257)
        assert world.hostile.count("RETR") == 0


def _floods(begin: bytes, piece: bytes) -> Answer:
    """Sends without end until the other side closes."""

    def flood(conversation: Conversation, _: str) -> None:
        with contextlib.suppress(OSError):
            conversation.connection.sendall(begin)
            while True:
                conversation.connection.sendall(piece * 100)

    return flood


@pytest.mark.parametrize(
    "answer",
    [
        _floods(b"250-Endless\r\n", b"250-and so on\r\n"),
        _floods(b"250 ", b"x" * 1000),
        _floods(b"", b"\0" * 1000),
    ],
    ids=["lines", "line", "zeros"],
)
def test_a_reply_without_end_ends_the_session_alone(answer: Answer, work: Path) -> None:
    with _world(work, {"CWD": answer}) as world, world.log_in() as wire:
        before = world.ballast.resident_bytes()
        wire.expect("CWD x", 421)
        assert wire.at_end()
        world.ballast.assert_grown_less(8 * MIB, since=before)
        assert world.ballast.counters()["limit_reply_bytes"] == 1


def test_words_without_end_end_the_session_alone(work: Path) -> None:
    """`_world` checks afterwards that its session on the same worker still gets replies."""
    answer = _floods(b"250 Changed.\r\n", b"250 And another thing.\r\n")
    with _world(work, {"CWD": answer}) as world, world.log_in() as wire:
        wire.expect("CWD x", 250)
        assert wire.reply().code == 421
        assert wire.at_end()
        assert world.ballast.counters()["limit_replies_unasked"] == 1
        # One log line is enough, however much the backend sends.
        said = [line["message"] for line in world.ballast.log_lines()]
        assert said.count("backend sent an unexpected reply") == 1


def test_a_welcome_behind_the_greeting_is_not_the_answer_to_user(work: Path) -> None:
    """From the server, or from an attacker who can inject a packet."""
    greeting = '220 Hello.\r\n230 Welcome.\r\n257 "/other"'
    with _world(work, greeting=greeting) as world, Wire(world.ballast.where("hostile")) as wire:
        wire.greeting()
        wire.expect(f"USER {TESTER.name}", 331)
        wire.expect(f"PASS {TESTER.password}", 230)
        assert wire.expect("PWD", 257).text.startswith('257 "/"')


def test_a_reply_of_ten_megabytes_at_log_in(work: Path) -> None:
    huge = "331 " + "x" * (10 * MIB)
    with _world(work, {"USER": huge}) as world, Wire(world.ballast.where("hostile")) as wire:
        wire.greeting()
        wire.expect(f"USER {TESTER.name}", 421)


def test_words_before_any_command_are_not_taken_for_an_answer(work: Path) -> None:
    def says_more(conversation: Conversation, _: str) -> str:
        conversation.say("230 Welcome.")
        return "250 And this."

    with (
        _world(work, {"PASS": says_more}) as world,
        Wire(world.ballast.where("hostile")) as wire,
    ):
        wire.greeting()
        wire.expect(f"USER {TESTER.name}", 331)
        wire.expect(f"PASS {TESTER.password}", 230)
        _wait_for_unasked_words(world)
        for _ in range(3):
            assert wire.expect("PWD", 257).text.startswith('257 "/"')


def test_two_replies_to_one_command_do_not_shift_the_others(work: Path) -> None:
    def says_twice(conversation: Conversation, _: str) -> str:
        conversation.say("250 Once.")
        return "250 Twice."

    with _world(work, {"CWD": says_twice}) as world, world.log_in() as wire:
        wire.expect("CWD x", 250)
        _wait_for_unasked_words(world)
        assert wire.expect("PWD", 257).text.startswith('257 "/"')


@pytest.mark.parametrize("verb", ["USER", "PASS"])
def test_a_reset_in_the_log_in(verb: str, work: Path) -> None:
    def resets(conversation: Conversation, _: str) -> None:
        _reset(conversation.plain)

    with _world(work, {verb: resets}) as world, Wire(world.ballast.where("hostile")) as wire:
        wire.greeting()
        wire.send(f"USER {TESTER.name}", f"PASS {TESTER.password}")
        codes = [wire.reply().code]
        while codes[-1] != 421:
            codes.append(wire.reply().code)
        assert codes in ([421], [331, 421])


def test_a_reset_between_150_and_the_data(work: Path) -> None:
    def resets(conversation: Conversation, _: str) -> None:
        conversation.say("150 Here it comes.")
        _reset(conversation.data())
        _reset(conversation.plain)

    with _world(work, {"RETR": resets}) as world, world.log_in() as wire:
        data = wire.passive()
        wire.expect("RETR a", 150)
        _expect_a_reset(data)
        assert wire.reply().code in (421, 426)


def test_a_reset_in_the_middle_of_the_data(work: Path) -> None:
    def resets(conversation: Conversation, _: str) -> str:
        conversation.say("150 Here it comes.")
        data = conversation.data()
        data.sendall(b"x" * 1000)
        _reset(data)
        return "226 All of it."

    with _world(work, {"RETR": resets}) as world, world.log_in() as wire:
        data = wire.passive()
        wire.expect("RETR a", 150)
        _expect_a_reset(data)
        assert wire.reply().code in (426, 451)
        wire.expect("PWD", 257)


def test_a_data_connection_that_is_never_taken(work: Path) -> None:
    """It stays in the backlog, and the backend says nothing more."""

    def is_silent(conversation: Conversation, _: str) -> None:
        conversation.say("150 Here it comes.")

    quick = {"reply_timeout": "500ms", "final_reply_timeout": "500ms"}
    settings = {"data_stall_timeout": "500ms"}
    with ScriptedServer("127.0.0.141", {"RETR": is_silent}) as server:
        pool = Pool("hostile", [Backend("hostile", server)], quick)
        listener = Listener("hostile", "hostile", settings=settings)
        with Ballast(work, [listener], [pool]) as ballast:
            with Wire(ballast.where()).log_in() as wire:
                data = wire.passive()
                wire.expect("RETR a", 150)
                _expect_a_reset(data)
                assert wire.reply().code in (421, 426)


def test_a_greeting_that_trickles(work: Path) -> None:
    def trickles(conversation: Conversation, _: str) -> None:
        with contextlib.suppress(OSError):
            for byte in b"220-" + b"x" * 100:
                conversation.plain.sendall(bytes([byte]))
                # The other side's patience sets the pace.
                conversation.plain.settimeout(0.1)
                with contextlib.suppress(TimeoutError):
                    if not conversation.plain.recv(1):
                        return

    with _world(work, greeting=trickles, greeting_timeout="500ms") as world:
        with Wire(world.ballast.where("hostile")) as wire:
            wire.greeting()
            wire.expect(f"USER {TESTER.name}", 421)


def test_control_that_ends_while_the_data_go_on(work: Path) -> None:
    """Nobody can confirm any more that the file is whole."""

    def leaves(conversation: Conversation, _: str) -> None:
        conversation.say("150 Here it comes.")
        data = conversation.data()
        conversation.plain.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            data.sendall(b"x" * 100_000)
            data.close()

    with _world(work, {"RETR": leaves}) as world, world.log_in() as wire:
        data = wire.passive()
        wire.expect("RETR a", 150)
        _expect_a_reset(data)
        assert wire.reply().code in (421, 426, 451)


def test_a_good_transfer_passes_the_same_tests(work: Path) -> None:
    """Shows that the tests above can tell the difference."""

    def sends(conversation: Conversation, _: str) -> str:
        conversation.say("150 Here it comes.")
        data = conversation.data()
        data.sendall(b"x" * 1000)
        data.close()
        return "226 All of it."

    with _world(work, {"RETR": sends}) as world, world.log_in() as wire:
        data = wire.passive()
        wire.expect("RETR a", 150)
        assert read_all(data) == b"x" * 1000
        assert wire.reply().code == 226
