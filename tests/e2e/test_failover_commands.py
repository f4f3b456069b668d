# SPDX-License-Identifier: Apache-2.0
"""A backend dies with a command or an upload in flight. What is safe to repeat is repeated; of
anything else the client hears that nobody knows, and goes on in its session."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import ballast
import operators
import servers
import waiting
from cluster import Cluster, File, fetch, serving
from midway import stored
from scripted import Answer, Conversation, ScriptedServer
from servers import ProFtpd, PyFtpd, Server, Vsftpd
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

KINDS = {kind.kind: kind for kind in servers.MATRIX}
CONTENT = bytes(range(256)) * 40
UNKNOWN = "may or may not"


def _die(conversation: Conversation, _: str) -> None:
    """Without an answer."""
    conversation.plain.shutdown(socket.SHUT_RDWR)


def _shut_down(_: Conversation, __: str) -> str:
    return "421 Shutting down."


@contextlib.contextmanager
def _scripted(
    work: Path, first: dict[str, Answer], second: dict[str, Answer]
) -> Iterator[tuple[Cluster, ScriptedServer, ScriptedServer]]:
    file = File(CONTENT)
    with serving("127.0.0.121", file, first) as one, serving("127.0.0.122", file, second) as two:
        with Cluster(work, [one, two]) as it:
            yield it, one, two


@pytest.mark.parametrize(
    "line",
    [
        "DELE file",
        "MKD new",
        "XMKD new",
        "RMD old",
        "RNTO new",
        "SITE CHMOD 644 file",
        "MFMT 20240101000000 file",
        "UNKNOWN thing",
    ],
)
@pytest.mark.parametrize("how", ["lost", "421"])
def test_the_outcome_of_a_command_that_changes_files_is_unknown(
    line: str, how: str, work: Path
) -> None:
    verb = line.split()[0]
    end = _die if how == "lost" else _shut_down
    known: dict[str, Answer] = {"RNFR": "350 To what?"}
    with (
        _scripted(work, {**known, verb: end}, {**known, verb: "250 Done."}) as (it, one, two),
        Wire(it.where()).log_in() as wire,
    ):
        if verb == "RNTO":
            wire.expect("RNFR old", 350)
        reply = wire.expect(line, 451)
        assert UNKNOWN in reply.text
        assert one.count(verb) == 1 and two.count(verb) == 0
        # An RNFR that was used up is not said again.
        assert two.count("RNFR") == 0
        wire.expect("PWD", 257)
        # It is the client's to decide.
        wire.expect(line, 250)
        assert wire.is_silent(0.1)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("PWD", '257 "/" is here, too.'),
        ("CWD a", "250 There, too."),
        ("CDUP", "250 Up, too."),
        ("SIZE file", "213 4711"),
        ("MDTM file", "213 20240506070809"),
        ("MLST file", "250-Too\r\n type=file; file\r\n250 End"),
        ("NOOP", "200 Here, too."),
        ("TYPE A", "200 Noted, too."),
        ("STRU F", "200 Noted, too."),
        ("OPTS UTF8 ON", "200 Noted, too."),
        ("HELP", "214 No help, either."),
        ("XMD5 file", "250 900150983CD24FB0D6963F7D28E17F72"),
        ("ALLO 4711", "202 Not needed, either."),
        ("SIZE none", "550 Not here, either."),
    ],
)
@pytest.mark.parametrize("how", ["lost", "421"])
def test_a_command_that_changes_no_file_is_repeated(
    line: str, answer: str, how: str, work: Path
) -> None:
    verb = line.split()[0]
    end = _die if how == "lost" else _shut_down
    # The journal is said again, and NOOP is asked by the balancer, too.
    with (
        _scripted(work, {}, {verb: answer}) as (it, one, two),
        Wire(it.where()).log_in() as wire,
    ):
        one.answers[verb] = end
        reply = wire.ask(line)
        assert reply.text.replace("\r", "").replace("\n", "\r\n") == answer
        assert wire.is_silent(0.1)
        (move,) = it.moves()
        assert move["backend"] == "alf2"
        assert two.commands[-1] == line


def _is_working(work: Path) -> bool:
    status, answer = operators.ask(work, "GET", "/v1/sessions")
    assert status == 200
    return [each["phase"] for each in answer["sessions"]] == ["working"]


@pytest.mark.parametrize("kind", KINDS)
def test_commands_in_flight_on_real_servers(kind: str, work: Path) -> None:
    root = work / "files"
    one = KINDS[kind](work, root, "127.0.0.123")
    (root / "file").write_bytes(CONTENT)
    with one, PyFtpd(work, root, "127.0.0.124") as two:
        with (
            Cluster(work, [one, two], settings=operators.settings(work)) as it,
            Wire(it.where()).log_in() as wire,
        ):
            one.pause()
            wire.send("DELE file", "SIZE file", "MKD new")
            waiting.until("the command is on its way", lambda: _is_working(work))
            one.kill()
            reply = wire.reply()
            assert reply.code == 451 and UNKNOWN in reply.text
            assert [wire.reply().code for _ in range(2)] == [213, 257]
            assert wire.is_silent(0.1)
        assert (root / "file").exists() and (root / "new").is_dir()


# Uploads


@pytest.mark.parametrize("kind", [Vsftpd, ProFtpd, PyFtpd])
@pytest.mark.parametrize("verb", ["STOR", "APPE"])
@pytest.mark.parametrize("how", ["PASV", "PORT"])
def test_an_upload_fails_at_once_and_is_gone_on_with_in_the_same_session(
    kind: type[Server], verb: str, how: str, work: Path
) -> None:
    content = os.urandom(8 << 20)
    root = work / "files"
    one, two = kind(work, root, "127.0.0.123"), PyFtpd(work, root, "127.0.0.124")
    with one, two, Cluster(work, [one, two]) as it, Wire(it.where()).log_in() as wire:
        if how == "PASV":
            data = wire.passive("PASV")
            wire.expect("STOR upload", 150, 125)
        else:
            with wire.listen("PORT") as listener:
                wire.expect("STOR upload", 150, 125)
                data, _ = listener.accept()
        with data:
            data.sendall(content[: 2 << 20])
            waiting.until("the server has some", lambda: stored(one, "upload") > 1 << 20)
            began = time.monotonic()
            one.kill()
            reply = wire.reply()
            assert reply.code == 426
            # There is a reason.
            assert len(reply.text) > len("426 Connection closed; transfer aborted."), reply
            assert time.monotonic() - began < 5
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                while True:
                    data.sendall(bytes(65536))
        has = int(wire.expect("SIZE upload", 213).text.split()[1])
        assert 0 < has <= 2 << 20
        with wire.passive() as data:
            if verb == "STOR":
                wire.expect(f"REST {has}", 350)
            wire.expect(f"{verb} upload", 150, 125)
            data.sendall(content[has:])
        assert wire.reply().code == 226
        assert (root / "upload").read_bytes() == content
        entries = it.wait_for_transfers(2)
        assert [entry["result"] for entry in entries] == ["failed", "whole"]
        assert [entry["backend"] for entry in entries] == ["alf1", "alf2"]


def test_an_upload_does_not_wait_for_another_backend_before_it_fails(work: Path) -> None:
    with PyFtpd(work, work / "files", "127.0.0.123") as server:
        with Cluster(work, [server], failover_timeout="1m") as it:
            with Wire(it.where()).log_in() as wire, wire.passive() as data:
                wire.expect("STOR upload", 150, 125)
                data.sendall(bytes(100_000))
                waiting.until("the server has some", lambda: stored(server, "upload") > 0)
                server.kill()
                assert wire.reply(10).code == 426
                server.start()
                wire.expect("SIZE upload", 213)


@pytest.mark.parametrize("line", ["STOR new", "APPE old", "STOU"])
def test_an_upload_that_a_dying_server_has_not_begun_is_not_repeated(
    line: str, work: Path
) -> None:
    verb = line.split()[0]
    with (
        _scripted(work, {verb: _die}, {verb: "553 Never."}) as (it, one, two),
        Wire(it.where()).log_in() as wire,
    ):
        with wire.passive():
            reply = wire.expect(line, 425, 426, 451)
        assert one.count(verb) == 1 and two.count(verb) == 0
        wire.expect("PWD", 257)
        assert wire.is_silent(0.1)


@pytest.mark.parametrize("how", ["EPSV", "PORT"])
def test_an_upload_that_was_only_prepared_goes_elsewhere(how: str, work: Path) -> None:
    root = work / "files"
    one, two = (PyFtpd(work, root, f"127.0.0.{number}") for number in (123, 124))
    with one, two, Cluster(work, [one, two]) as it, Wire(it.where()).log_in() as wire:
        with wire.passive() if how == "EPSV" else wire.listen(how) as prepared:
            one.kill()
            it.wait_for_moves(1)
            wire.expect("STOR new", 150, 125)
            with prepared if how == "EPSV" else prepared.accept()[0] as data:
                data.sendall(CONTENT)
            assert wire.reply().code == 226
        assert (root / "new").read_bytes() == CONTENT


def test_a_download_that_a_dying_server_has_not_begun_is_repeated(work: Path) -> None:
    with _scripted(work, {"RETR": _die}, {}) as (it, one, _), Wire(it.where()).log_in() as wire:
        content, end, reply = fetch(wire, "RETR")
        assert (content, end, reply.code) == (CONTENT, "end", 226)
        it.assert_whole("file", "alf1", "alf2")


def test_a_data_connection_that_a_dying_server_does_not_open(work: Path) -> None:
    """It is lost at EPSV, which the balancer says when the transfer begins."""
    with _scripted(work, {"EPSV": _die}, {}) as (it, one, _), Wire(it.where()).log_in() as wire:
        content, end, reply = fetch(wire, "RETR")
        assert (content, end, reply.code) == (CONTENT, "end", 226)


def test_abort_while_another_backend_is_looked_for(work: Path) -> None:
    go = threading.Event()
    first = File(bytes(1 << 20), breaks_after=100_000, may_break=go)
    with serving("127.0.0.121", first) as server:
        with Cluster(work, [server], failover_timeout="30s") as it:
            with Wire(it.where()).log_in() as wire, wire.passive() as data:
                mark = it.log_mark()
                server.answers["USER"] = "421 Not now."
                wire.expect("RETR file", 150)
                go.set()
                it.wait_for_log(
                    "the loss", lambda line: line["message"] == "backend lost", since=mark
                )
                wire.send("ABOR")
                assert [wire.reply(10).code, wire.reply(10).code] == [426, 226]
                with pytest.raises(ConnectionResetError):
                    read_all(data)
                server.answers["USER"] = "331 Password, please."
                wire.expect("PWD", 257)


def _unread(wire: Wire) -> int:
    """Bytes of the client that the balancer has not read yet."""
    here, there = wire.socket.getsockname()[1], wire.socket.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if [int(each.partition(":")[2], 16) for each in (local, remote)] == [there, here]:
            return int(queues.partition(":")[2], 16)
    raise AssertionError("there is no such connection")


def test_abort_while_another_backend_is_tried(work: Path) -> None:
    go, is_asked, may_answer, may_end = (threading.Event() for _ in range(4))

    def slow(_: Conversation, __: str) -> str:
        is_asked.set()
        assert may_answer.wait(waiting.PATIENCE)
        return f"213 {len(CONTENT)}"

    first = File(CONTENT, breaks_after=5_000, may_break=go)
    second = File(CONTENT, may_break=may_end)
    with (
        serving("127.0.0.121", first) as one,
        serving("127.0.0.122", second, {"SIZE": slow}) as two,
        Cluster(work, [one, two]) as it,
        Wire(it.where()).log_in() as wire,
        wire.passive() as data,
    ):
        wire.expect("RETR file", 150)
        go.set()
        assert is_asked.wait(waiting.PATIENCE)
        wire.send("ABOR")
        waiting.until("ABOR is heard", lambda: _unread(wire) == 0)
        may_answer.set()
        with pytest.raises(ConnectionResetError):
            read_all(data)
        may_end.set()
        assert [wire.reply(10).code, wire.reply(10).code] == [426, 226]
        wire.expect("PWD", 257)
