# SPDX-License-Identifier: Apache-2.0
"""A backend dies under sessions that have logged in. Their clients notice nothing but a pause."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import ballast
import operators
import servers
import waiting
from cluster import Cluster, File, fetch, serving
from ports import free_ports
from scripted import Answer, Conversation, ScriptedServer
from servers import TESTER, PyFtpd, Server
from wire import Closed, Wire, read_all

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

KINDS = {kind.kind: kind for kind in servers.MATRIX}
CONTENT = bytes(range(256)) * 400


@contextlib.contextmanager
def _real(
    work: Path, kind: type[Server] = PyFtpd, **named: Any
) -> Iterator[tuple[Cluster, Server]]:
    """The balancer, and the server that its sessions are on. There is a second one."""
    root = work / "files"
    one, two = kind(work, root, "127.0.0.111"), PyFtpd(work, root, "127.0.0.112")
    (root / "file").write_bytes(CONTENT)
    (root / "a").mkdir(mode=0o777)
    (root / "a" / "old").write_text("x")
    (root / "a").chmod(0o777)
    with one, two, Cluster(work, [one, two], **named) as it:
        yield it, one


@contextlib.contextmanager
def _scripted(
    work: Path,
    first: Mapping[str, Answer] | None = None,
    second: Mapping[str, Answer] | None = None,
    **named: Any,
) -> Iterator[tuple[Cluster, ScriptedServer, ScriptedServer]]:
    file = File(CONTENT)
    with serving("127.0.0.113", file, first) as one, serving("127.0.0.114", file, second) as two:
        with Cluster(work, [one, two], **named) as it:
            yield it, one, two


def _lose(it: Cluster, server: Server | ScriptedServer, moves: int = 1) -> None:
    """Kills it, and waits until the sessions are elsewhere."""
    server.stop()
    it.wait_for_moves(moves)


@pytest.mark.parametrize("kind", KINDS)
def test_an_idle_session_outlives_its_server(work: Path, kind: str) -> None:
    with _real(work, KINDS[kind]) as (it, server), Wire(it.where()).log_in() as wire:
        wire.expect("CWD a", 250)
        assert "/a" in wire.expect("PWD", 257).text
        wire.expect("RNFR old", 350)
        _lose(it, server)
        wire.expect("RNTO new", 250)
        assert "/a" in wire.expect("PWD", 257).text
        assert wire.is_silent(0.1)
        assert (server.root / "a" / "new").exists()
        (move,) = it.moves()
        assert (move["from"], move["backend"], move["cause"]) == ("alf1", "alf2", "lost")


@pytest.mark.parametrize("how", ["PASV", "EPSV", "PORT", "EPRT"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_prepared_transfer_outlives_its_server(work: Path, kind: str, how: str) -> None:
    """An offset, and the data connection."""
    with _real(work, KINDS[kind]) as (it, server), Wire(it.where()).log_in() as wire:
        with wire.passive(how) if "V" in how else wire.listen(how) as prepared:
            wire.expect("REST 1000", 350)
            _lose(it, server)
            wire.expect("RETR file", 150, 125)
            data = prepared if "V" in how else prepared.accept()[0]
            with data:
                assert read_all(data) == CONTENT[1000:]
            assert wire.reply().code == 226
        # The offset was for one transfer.
        assert fetch(wire, "RETR")[0] == CONTENT


@pytest.mark.parametrize("behind", ["pasv", "port", "eprt", "as-client"])
@pytest.mark.parametrize("how", ["PASV", "EPRT"])
def test_a_prepared_transfer_outlives_its_server_whatever_is_behind(
    work: Path, how: str, behind: str
) -> None:
    first = free_ports(10)
    data = {"backend_data": behind, "data_ports": f"{first}-{first + 9}"}
    with _real(work, **data) as (it, server), Wire(it.where()).log_in() as wire:
        with wire.passive(how) if "V" in how else wire.listen(how) as prepared:
            _lose(it, server)
            wire.expect("RETR file", 150, 125)
            with prepared if "V" in how else prepared.accept()[0] as connection:
                assert read_all(connection) == CONTENT
            assert wire.reply().code == 226
        wire.expect("REST 1000", 350)
        assert fetch(wire, "RETR")[0] == CONTENT[1000:]


@pytest.mark.parametrize("behind", ["pasv", "port", "eprt", "as-client"])
@pytest.mark.parametrize("how", ["PASV", "PORT"])
def test_a_download_goes_on_whatever_is_behind(work: Path, how: str, behind: str) -> None:
    first = free_ports(10)
    data = {"backend_data": behind, "data_ports": f"{first}-{first + 9}"}
    with _real(work, **data) as (it, server), Wire(it.where()).log_in() as wire:
        content = CONTENT * 240
        (server.root / "big").write_bytes(content)
        # With `as-client` nobody else asks.
        wire.expect("SIZE big", 213)
        wire.expect("MDTM big", 213)
        with wire.passive(how) if "V" in how else wire.listen(how) as prepared:
            wire.expect("RETR big", 150, 125)
            with prepared if "V" in how else prepared.accept()[0] as connection:
                received = connection.recv(100_000, socket.MSG_WAITALL)
                server.kill()
                received += read_all(connection)
            assert wire.reply().code == 226
        assert received == content
        it.assert_whole("big", "alf1", "alf2")


def test_what_the_session_has_said_is_said_again(work: Path) -> None:
    known: dict[str, Answer] = {"OPTS": "200 Noted.", "CWD": "250 There."}
    here: dict[str, Answer] = {**known, "PWD": '257 "/a/b"', "RNFR": "350 To what?"}
    with _scripted(work, here, here) as (it, one, two), Wire(it.where()).log_in() as wire:
        wire.expect("TYPE A", 200)
        wire.expect("OPTS UTF8 ON", 200)
        wire.expect("CWD a", 250)
        wire.expect("CWD b", 250)
        wire.expect("PWD", 257)
        wire.expect("REST 77", 350)
        wire.expect("RNFR old", 350)
        before = len(two.commands)
        _lose(it, one)
        said = two.commands[before:]
        # The user, the password, and everything that is still in force.
        assert said[:2] == [f"USER {TESTER.name}", f"PASS {TESTER.password}"]
        assert {"TYPE A", "OPTS UTF8 ON", "CWD /a/b", "PWD", "RNFR old"} <= set(said), said
        assert "TYPE I" not in said
        # RFC 959 4.1.3: nothing may come between it and RNTO.
        assert said[-1] == "RNFR old"
        assert wire.is_silent(0.1)


def test_a_session_does_not_go_on_in_another_directory(work: Path) -> None:
    here: dict[str, Answer] = {"CWD": "250 There.", "PWD": '257 "/a"'}
    elsewhere: dict[str, Answer] = {"CWD": "250 There.", "PWD": '257 "/b"'}
    with _scripted(work, here, elsewhere) as (it, one, _), Wire(it.where()).log_in() as wire:
        wire.expect("CWD a", 250)
        wire.expect("PWD", 257)
        one.stop()
        assert wire.reply().code == 421
        assert wire.at_end()


# Log-ins that cannot be repeated


def test_a_session_that_needed_acct_ends(work: Path) -> None:
    asks: dict[str, Answer] = {"PASS": "332 Account, please.", "ACCT": "230 Welcome."}
    with _scripted(work, asks, asks) as (it, one, _), Wire(it.where()) as wire:
        wire.greeting()
        wire.expect(f"USER {TESTER.name}", 331)
        wire.expect(f"PASS {TESTER.password}", 332)
        wire.expect("ACCT books", 230)
        one.stop()
        reply = wire.reply()
        assert reply.code == 421 and "lost" in reply.text
        assert wire.at_end()
        line = it.wait_for_log("why", lambda line: line["message"] == "session not moved")
        assert "ACCT" in line["reason"]


def test_a_session_with_a_password_for_one_time_ends(work: Path) -> None:
    refuses: dict[str, Answer] = {"PASS": "530 That was used before."}
    with _scripted(work, second=refuses) as (it, one, two), Wire(it.where()).log_in() as wire:
        one.stop()
        reply = wire.reply()
        assert reply.code == 421 and "lost" in reply.text
        assert wire.at_end()
        # It was tried once, because more often may lock the account.
        assert two.count("PASS") == 1
        line = it.wait_for_log("why", lambda line: line["message"] == "session not moved")
        assert "530" in line["reason"] and TESTER.password not in str(line)


def test_a_session_that_something_unknown_has_changed_ends(work: Path) -> None:
    known: dict[str, Answer] = {"SMNT": "250 Mounted."}
    with _scripted(work, known, known) as (it, one, two), Wire(it.where()).log_in() as wire:
        wire.expect("SMNT /other", 250)
        one.stop()
        assert wire.reply().code == 421
        assert wire.at_end()
        assert two.count("PASS") == 0


def test_a_session_that_has_not_logged_in_ends(work: Path) -> None:
    with _scripted(work) as (it, one, two), Wire(it.where()) as wire:
        wire.greeting()
        wire.expect(f"USER {TESTER.name}", 331)
        one.stop()
        assert wire.reply().code == 421
        assert wire.at_end()
        assert two.count("PASS") == 0


@pytest.mark.parametrize("failover", ["off", "session", "transfer"])
def test_the_setting(failover: str, work: Path) -> None:
    with _real(work, failover=failover) as (it, server), Wire(it.where()).log_in() as wire:
        server.kill()
        if failover == "off":
            assert wire.reply().code == 421
            assert wire.at_end()
            assert not it.moves()
        else:
            wire.expect("PWD", 257)


def test_with_session_a_download_fails_and_the_session_goes_on(work: Path) -> None:
    with _real(work, failover="session") as (it, server), Wire(it.where()).log_in() as wire:
        big = server.root / "big"
        big.write_bytes(bytes(64 << 20))
        _, end, reply = fetch(wire, "RETR", "big", at=1 << 20, then=server.kill)
        # As without failover.
        assert end == "reset" and reply.code in (426, 451)
        wire.expect("PWD", 257)


# The moment


@pytest.mark.parametrize("kind", KINDS)
def test_commands_that_are_on_their_way_are_answered(work: Path, kind: str) -> None:
    with _real(work, KINDS[kind]) as (it, server), Wire(it.where()).log_in() as wire:
        wire.expect("CWD a", 250)
        server.pause()
        # In one segment: the first reaches the server, the others wait.
        wire.send("PWD", "NOOP", "SIZE old", "TYPE A", "PWD", "CDUP", "PWD")
        server.kill()
        replies = [wire.reply() for _ in range(7)]
        assert [each.code for each in replies] == [257, 200, 213, 200, 257, 250, 257]
        assert "/a" in replies[0].text and "/a" in replies[4].text
        assert "/a" not in replies[6].text
        assert wire.is_silent(0.1)


def test_a_client_that_says_quit_does_not_wait_for_a_backend(work: Path) -> None:
    with ScriptedServer("127.0.0.113") as server:
        with Cluster(work, [server], failover_timeout="30s") as it:
            with Wire(it.where()).log_in() as wire:
                mark = it.log_mark()
                server.stop()
                it.wait_for_log(
                    "the loss", lambda line: line["message"] == "backend lost", since=mark
                )
                wire.send("QUIT")
                assert wire.reply(5).code == 221
                assert wire.at_end()


def test_a_client_that_leaves_is_not_waited_for(work: Path) -> None:
    with ScriptedServer("127.0.0.113") as server, Cluster(work, [server]) as it:
        wire = Wire(it.where()).log_in()
        mark = it.log_mark()
        server.stop()
        it.wait_for_log("the loss", lambda line: line["message"] == "backend lost", since=mark)
        wire.close()
        line = it.wait_for_log(
            "the end", lambda line: line["message"] == "session ended", since=mark
        )
        assert "left" in line["reason"], line


def test_a_command_waits_for_failover_timeout_and_no_longer(work: Path) -> None:
    with ScriptedServer("127.0.0.113") as server:
        with Cluster(work, [server], failover_timeout="1s") as it:
            with Wire(it.where()).log_in() as wire:
                server.stop()
                wire.send("PWD")
                reply = wire.reply()
                assert reply.code == 421 and "lost" in reply.text
                assert wire.at_end()


def test_the_only_backend_may_come_back(work: Path) -> None:
    with PyFtpd(work, work / "files", "127.0.0.113") as server:
        (server.root / "a").mkdir()
        with Cluster(work, [server]) as it, Wire(it.where()).log_in() as wire:
            wire.expect("CWD a", 250)
            server.kill()
            wire.send("PWD")
            server.start()
            reply = wire.reply()
            assert reply.code == 257 and "/a" in reply.text
            # Again, and this time the client says nothing meanwhile.
            server.kill()
            server.start()
            it.wait_for_moves(2)
            assert "/a" in wire.expect("PWD", 257).text


def test_a_command_that_kills_every_server_is_given_up(work: Path) -> None:
    def die(conversation: Conversation, _: str) -> None:
        conversation.plain.shutdown(socket.SHUT_RDWR)

    # They come back at once, like servers with a process for each session.
    poison: dict[str, Answer] = {"SIZE": die}
    with _scripted(work, poison, poison) as (it, one, two), Wire(it.where()).log_in() as wire:
        before = one.count("SIZE") + two.count("SIZE")
        reply = wire.expect("SIZE file", 451)
        assert "several times" in reply.text
        assert one.count("SIZE") + two.count("SIZE") - before == 3
        wire.expect("PWD", 257)
        assert wire.is_silent(0.1)


def _as_client() -> dict[str, str]:
    first = free_ports(10)
    return {"backend_data": "as-client", "data_ports": f"{first}-{first + 9}"}


@pytest.mark.parametrize(
    ("line", "pool"),
    [("REST 5", dict), ("REST 5", _as_client), ("EPSV", _as_client), ("PASV", _as_client)],
    ids=["rest", "rest-as-client", "epsv-as-client", "pasv-as-client"],
)
def test_what_prepares_a_transfer_is_given_up_as_well(
    line: str, pool: Callable[[], dict[str, str]], work: Path
) -> None:
    def die(conversation: Conversation, _: str) -> None:
        conversation.plain.shutdown(socket.SHUT_RDWR)

    verb = line.split()[0]
    # Otherwise Ballast need not ask about REST.
    features = "211-Features:\r\n EPSV\r\n SIZE\r\n MDTM\r\n211 End"
    poison: dict[str, Answer] = {"FEAT": features, verb: die}
    with (
        _scripted(work, poison, poison, **pool()) as (it, one, two),
        Wire(it.where()).log_in() as wire,
    ):
        assert "several times" in wire.expect(line, 451).text
        assert one.count(verb) + two.count(verb) == 3
        wire.expect("PWD", 257)
        assert wire.is_silent(0.1)


def test_a_server_that_shuts_down_at_abor_is_left(work: Path) -> None:
    first: dict[str, Answer] = {"ABOR": "421 Shutting down."}
    with (
        _scripted(work, first, **_as_client()) as (it, _, _),
        Wire(it.where()).log_in() as wire,
    ):
        assert wire.ask("ABOR").code == 226
        assert it.wait_for_moves(1)[0]["cause"] == "lost"
        wire.expect("PWD", 257)
        assert wire.is_silent(0.1)


def test_a_client_that_loses_backends_all_the_time_is_given_up(work: Path) -> None:
    def die(conversation: Conversation, _: str) -> None:
        conversation.plain.shutdown(socket.SHUT_RDWR)

    poison: dict[str, Answer] = {"SIZE": die}
    with _scripted(work, poison, poison) as (it, _, _), Wire(it.where()).log_in() as wire:
        codes = []
        with pytest.raises(Closed):
            while len(codes) < 20:
                codes.append(wire.ask("SIZE file").code)
        assert codes[:-1] == [451] * (len(codes) - 1) and codes[-1] == 421


def test_replies_that_a_dying_server_has_begun_are_not_mixed(work: Path) -> None:
    """The client has half of a reply: only the end of the session is clear."""

    def half(conversation: Conversation, _: str) -> None:
        conversation.say("211-Status of everything:")
        conversation.say(" One line.")
        conversation.server.heard("HALF")
        assert go.wait(30)
        conversation.plain.shutdown(socket.SHUT_RDWR)

    go = threading.Event()
    # A verb whose lines are passed on at once.
    with _scripted(work, {"XMD5": half}) as (it, one, _), Wire(it.where()).log_in() as wire:
        wire.send("XMD5 file")
        one.wait_for("HALF")
        lines = [wire.line(), wire.line()]
        go.set()
        assert lines[0].startswith(b"211-")
        with pytest.raises(Closed):
            while True:
                assert not wire.line().startswith(b"211 ")


# Stickiness


def test_a_user_sticks_to_the_new_backend(work: Path) -> None:
    stick = {"by": "user"}
    with _scripted(work, stick=stick) as (it, one, two), Wire(it.where()).log_in() as wire:
        _lose(it, one)
        wire.expect("PWD", 257)
        one.start()
        before = two.count("PASS")
        with Wire(it.where()).log_in():
            assert two.count("PASS") == before + 1


def test_a_user_who_may_not_leave_his_backend_does_not(work: Path) -> None:
    stick = {"by": "user", "otherwise": "refuse"}
    with _scripted(work, stick=stick, failover_timeout="1s") as (it, one, two):
        with Wire(it.where()).log_in() as wire:
            one.stop()
            wire.send("PWD")
            assert wire.reply().code == 421
            assert two.count("PASS") == 0


def _logged_in(it: Cluster) -> list[str]:
    """The four sessions, when the log has them."""
    ids = [line["session"] for line in it.log_lines() if line["message"] == "logged in"]
    return ids if len(ids) == 4 else []


def test_max_sessions_holds(work: Path) -> None:
    settings = operators.settings(work)
    with _scripted(work, max_sessions=2, failover_timeout="1s", settings=settings) as (it, one, _):
        with contextlib.ExitStack() as clients:
            wires = [clients.enter_context(Wire(it.where()).log_in()) for _ in range(4)]
            ids = waiting.until("4 lines of log-ins", lambda: _logged_in(it))
            _lose(it, one, 2)
            assert operators.sessions(work)["alfresco/alf2"] == 2
            moved = [move["session"] for move in it.moves()]
            assert len(set(moved)) == 2
            inside = [wire for wire, id_ in zip(wires, ids, strict=True) if id_ in moved]
            outside = [wire for wire in wires if wire not in inside]
            # Whoever waits is told nothing, and gets the place of one that leaves.
            assert all(wire.is_silent(0.1) for wire in outside)
            inside[0].expect("QUIT", 221)
            (third,) = {move["session"] for move in it.wait_for_moves(3)} - set(moved)
            wires[ids.index(third)].expect("PWD", 257)
            inside[1].expect("PWD", 257)
            # But whoever wants something does not wait for ever.
            (last,) = [wire for wire in outside if wire is not wires[ids.index(third)]]
            last.send("PWD")
            assert last.reply(10).code == 421
            assert operators.sessions(work)["alfresco/alf2"] == 2


# On purpose


def test_drain_moves_idle_sessions(work: Path) -> None:
    with _real(work, settings=operators.settings(work)) as (it, server):
        with contextlib.ExitStack() as clients:
            wires = [clients.enter_context(Wire(it.where()).log_in()) for _ in range(5)]
            for wire in wires:
                wire.expect("CWD a", 250)
            operators.operate(work, "drain", "alfresco/alf1", "--wait")
            assert operators.sessions(work) == {"alfresco/alf1": 0, "alfresco/alf2": 5}
            for wire in wires:
                assert "/a" in wire.expect("PWD", 257).text
                assert wire.is_silent(0.02)
            assert {line["cause"] for line in it.moves()} == {"drained"}
            assert isinstance(server, PyFtpd) and server.count(f"left {TESTER.name}") == 5


def test_sessions_move_to_a_server_that_has_fewer(work: Path) -> None:
    """As after a server has come up again. They keep their state."""
    settings = operators.settings(work)
    with _real(work, settings=settings, balance="least-sessions", rebalance="1000/s") as (it, _):
        operators.operate(work, "drain", "alfresco/alf2")
        with contextlib.ExitStack() as opened:
            wires = [opened.enter_context(Wire(it.where()).log_in()) for _ in range(6)]
            for wire in wires:
                wire.expect("CWD a", 250)
            assert operators.sessions(work) == {"alfresco/alf1": 6, "alfresco/alf2": 0}
            operators.operate(work, "ready", "alfresco/alf2")
            # Not one by one: 4 and 2 are close enough.
            moves = it.wait_for_moves(2)
            assert {each["cause"] for each in moves} == {"rebalanced"}
            for wire in wires:
                assert "/a" in wire.expect("PWD", 257).text
                assert wire.is_silent(0.02)
            assert operators.sessions(work) == {"alfresco/alf1": 4, "alfresco/alf2": 2}
            assert len(it.moves()) == 2


@pytest.mark.parametrize("move", [True, False])
def test_drain_move_moves_a_download_at_once(move: bool, work: Path) -> None:
    with _real(work, settings=operators.settings(work)) as (it, server):
        big = server.root / "big"
        content = CONTENT * 1000
        big.write_bytes(content)
        with Wire(it.where()).log_in() as wire:
            options = ["--move"] if move else []

            def drain() -> None:
                operators.operate(work, "drain", "alfresco/alf1", *options)
                if move:
                    operators.wait_for_sessions(it, work, "alfresco/alf1", 0)
                else:
                    assert operators.sessions(work)["alfresco/alf1"] == 1

            received, end, reply = fetch(wire, "RETR", "big", at=1 << 20, then=drain)
            assert (end, reply.code) == ("end", 226)
            assert received == content
            it.assert_whole("big", *(["alf1", "alf2"] if move else ["alf1"]))
            operators.wait_for_sessions(it, work, "alfresco/alf1", 0)
            wire.expect("PWD", 257)


def test_a_backend_that_is_drained_and_has_no_substitute_keeps_its_sessions(work: Path) -> None:
    with ScriptedServer("127.0.0.113") as server:
        with Cluster(work, [server], settings=operators.settings(work)) as it:
            with Wire(it.where()).log_in() as wire:
                mark = it.log_mark()
                operators.operate(work, "drain", "alfresco/alf1")
                it.wait_for_log(
                    "the try", lambda line: line["message"] == "session not moved", since=mark
                )
                wire.expect("PWD", 257)


def test_disable_moves_sessions_and_downloads(work: Path) -> None:
    with _real(work, settings=operators.settings(work)) as (it, server):
        content = CONTENT * 1000
        (server.root / "big").write_bytes(content)
        with Wire(it.where()).log_in() as wire, Wire(it.where()).log_in() as idle:
            received, end, reply = fetch(
                wire,
                *("RETR", "big"),
                at=1 << 20,
                then=lambda: operators.operate(work, "disable", "alfresco/alf1") and None,
            )
            assert (end, reply.code) == ("end", 226)
            assert received == content
            it.assert_whole("big", "alf1", "alf2")
            idle.expect("PWD", 257)
            assert operators.sessions(work)["alfresco/alf1"] == 0
