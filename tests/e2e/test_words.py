# SPDX-License-Identifier: Apache-2.0
"""The dialog on the control connection, with a scripted backend."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Pool
from scripted import Answer, Conversation, ScriptedServer
from wire import Closed, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the backend alone shows nothing")


@contextlib.contextmanager
def _session(
    work: Path, answers: dict[str, Answer], **listener: str
) -> Iterator[tuple[Wire, ScriptedServer, Ballast]]:
    """A client that has logged in on a backend with these answers."""
    with ScriptedServer("127.0.0.81", answers) as server:
        pool = Pool("pool", [Backend("only", server)])
        with Ballast(work, [Listener("ftp", "pool", settings=listener)], [pool]) as it:
            with Wire(it.where()).log_in() as wire:
                yield wire, server, it


@pytest.mark.parametrize(
    "text",
    [
        "214-Help\r\n 227 Entering Passive Mode (1,2,3,4,5,6)\r\n229 no\r\n421 no\r\n214 End",
        "214-\r\n\r\n214-still\r\n214 End",
        "214-First\r\n\t214 not yet\r\n214  Last",
        "214 ",
        "214 caf\xe9 \x80",
    ],
)
def test_replies_of_any_shape_pass_unchanged(text: str, work: Path) -> None:
    with _session(work, {"HELP": text}) as (wire, _, _):
        wire.send("HELP")
        said = b""
        while said.count(b"\n") < text.count("\n") + 1:
            said += wire.socket.recv(4096)
        assert said == text.encode("latin-1") + b"\r\n"
        wire.expect("PWD", 257)


def test_bytes_that_are_not_ascii_pass_both_ways(work: Path) -> None:
    with _session(work, {"CWD": "250 Gone.", "MKD": '257 "caf\xe9" made.'}) as (wire, server, _):
        wire.send_bytes(b"CWD caf\xe9 \xe2\x98\x83\r\n")
        assert wire.reply().code == 250
        # RFC 2640 3.1 and RFC 854: 255 is doubled on the wire.
        wire.send_bytes(b"CWD \xff\xff\r\n")
        assert wire.reply().code == 250
        heard = [line.encode("latin-1") for line in server.commands if line.startswith("CWD")]
        assert heard[0] == b"CWD caf\xe9 \xe2\x98\x83"
        assert heard[1] in (b"CWD \xff", b"CWD \xff\xff")


def test_421_out_of_the_blue_reaches_the_client(work: Path) -> None:
    with _session(work, {}) as (wire, server, it):
        conversation = next(each for each in server.conversations if each.user == "tester")
        conversation.say("421 Going down for maintenance.")
        conversation.connection.shutdown(socket.SHUT_RDWR)
        assert wire.reply().text == "421 Going down for maintenance."
        assert wire.at_end()


def test_an_unknown_verb_that_moves_data_is_a_transfer(work: Path) -> None:
    def send(conversation: Conversation, _: str) -> str:
        conversation.say("150 Unheard of.")
        with conversation.data() as data:
            data.sendall(b"as yet")
        return "226 Done."

    with _session(work, {"XLST": send}) as (wire, server, _):
        with wire.passive() as data:
            wire.expect("XLST here", 150)
            assert read_all(data) == b"as yet"
        assert wire.reply().code == 226
        # Without a data address it is an ordinary command.
        assert "XLST here" in server.commands


def test_an_unknown_verb_with_a_plain_answer_is_a_command(work: Path) -> None:
    with _session(work, {"XTRA": "200 Fine."}) as (wire, _, _):
        wire.expect("XTRA", 200)
        wire.passive_address("EPSV")
        wire.expect("XTRA", 200)


def test_a_226_before_the_last_byte_waits_for_it(work: Path) -> None:
    # More than the kernel buffers for a client that does not read.
    content = bytes(range(256)) * 128 * 1024

    def send(conversation: Conversation, _: str) -> None:
        conversation.say("150 Here.")
        with conversation.data() as data:
            data.sendall(content[:1000])
            conversation.say("226 Done, I believe.")
            data.sendall(content[1000:])

    with _session(work, {"RETR": send}) as (wire, _, _):
        with wire.passive(receive_buffer=4096) as data:
            wire.expect("RETR file", 150)
            assert wire.is_silent(0.3), "226 before the client had all"
            assert read_all(data) == content
        assert wire.reply().text == "226 Done, I believe."


def test_a_226_at_once_does_not_overtake_our_connection_to_an_active_client(work: Path) -> None:
    def send(conversation: Conversation, _: str) -> str:
        with conversation.data() as data:
            data.sendall(b"tiny")
        return "150 Here.\r\n226 Done."

    with _session(work, {"RETR": send}) as (wire, _, _):
        for verb in ("PORT", "EPRT") * 5:
            with wire.listen(verb) as listener:
                wire.expect("RETR file", 150)
                assert wire.reply().code == 226
                # The connection is there already.
                listener.settimeout(0)
                data, _ = listener.accept()
                with data:
                    data.settimeout(10)
                    assert read_all(data) == b"tiny"


def test_without_epsv_pasv_is_used_and_its_address_is_not_believed(work: Path) -> None:
    def pasv(conversation: Conversation, _: str) -> str:
        port = int(conversation.open_passive().rsplit("|", 2)[1])
        return f"227 Entering Passive Mode (192,0,2,99,{port >> 8},{port & 255})."

    def listing(conversation: Conversation, _: str) -> str:
        conversation.say("150 Here.")
        with conversation.data() as data:
            data.sendall(b"listing")
        return "226 Done."

    answers: dict[str, Answer] = {
        "FEAT": "502 No.", "EPSV": "500 What?", "PASV": pasv, "LIST": listing
    }
    with _session(work, answers) as (wire, server, _):
        for verb in ("PASV", "EPSV", "PASV", "EPSV"):
            with wire.passive(verb) as data:
                wire.expect("LIST", 150)
                assert read_all(data) == b"listing"
            assert wire.reply().code == 226
        # Ballast remembers the refusal.
        assert server.count("EPSV") == 1
        assert server.count("PASV") == 4


def test_rest_is_sent_last_and_its_refusal_refuses_the_transfer(work: Path) -> None:
    refused: list[str] = []

    def rest(_: Conversation, line: str) -> str:
        refused.append(line)
        return "350 So be it." if len(refused) == 1 else "501 Not any more."

    def retrieve(conversation: Conversation, _: str) -> str:
        conversation.say("150 Here.")
        with conversation.data() as data:
            data.sendall(b"rest of it")
        return "226 Done."

    with _session(work, {"REST": rest, "RETR": retrieve}) as (wire, server, _):
        for expected in (150, 501):
            data = wire.passive()
            with data:
                wire.expect("REST 100", 350)
                wire.expect("RETR file", expected)
                if expected == 150:
                    assert read_all(data) == b"rest of it"
                    assert wire.reply().code == 226
        verbs = [line.split()[0] for line in server.commands]
        mine = [verb for verb in verbs if verb in ("EPSV", "REST", "RETR")]
        assert mine[-5:] == ["EPSV", "REST", "RETR", "EPSV", "REST"]


def test_nothing_comes_between_rnfr_and_rnto(work: Path) -> None:
    with _session(work, {"RNFR": "350 And?", "RNTO": "250 Renamed."}) as (wire, server, _):
        wire.expect("RNFR a b", 350)
        wire.expect("RNTO c d", 250)
        commands = server.commands
        at = commands.index("RNFR a b")
        assert commands[at + 1] == "RNTO c d"


def test_a_backend_that_ends_in_mid_reply_ends_the_session_with_421(work: Path) -> None:
    def half(conversation: Conversation, _: str) -> None:
        conversation.connection.sendall(b"250-This is the beg")
        conversation.connection.shutdown(socket.SHUT_RDWR)

    with _session(work, {"CWD": half}) as (wire, _, _):
        wire.expect("CWD x", 421)
        assert wire.at_end()


def test_an_idle_session_ends_with_421(work: Path) -> None:
    with _session(work, {}, idle_timeout="500ms") as (wire, server, _):
        assert wire.reply().code == 421
        assert wire.at_end()


def test_a_client_that_does_not_log_in_is_disconnected(work: Path) -> None:
    with ScriptedServer("127.0.0.81") as server:
        pool = Pool("pool", [Backend("only", server)])
        quick = {"login_timeout": "500ms"}
        with Ballast(work, [Listener("ftp", "pool", settings=quick)], [pool]) as it:
            with Wire(it.where()) as wire:
                wire.greeting()
                assert wire.reply().code == 421
                with pytest.raises(Closed):
                    wire.reply()
