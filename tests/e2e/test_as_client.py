# SPDX-License-Identifier: Apache-2.0
"""`backend_data = "as-client"`: a server hears the client's own commands, and the client hears the
server's own replies."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, Backend, Ballast, HasEndpoint, Listener, Pool
from certificates import Authority, for_loopback
from ports import free_ports
from scripted import Conversation, ScriptedServer
from servers import InetutilsFtpd, ProFtpd, PureFtpd, PyFtpd, Server, ServerTls, Vsftpd
from tls import client_context
from wire import TlsWire, Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="what is done directly is the other half")

CONTENT = b"0123456789" * 100_000


def _ballast(work: Path, server: HasEndpoint, **listener: object) -> Ballast:
    data_ports = free_ports(10)
    settings = {"backend_data": "as-client", "data_ports": f"{data_ports}-{data_ports + 9}"}
    pool = Pool("files", [Backend("only", server)], settings)
    return Ballast(work, [Listener("ftp", "files", settings=listener)], [pool])


@pytest.fixture(params=[Vsftpd, ProFtpd, PureFtpd, PyFtpd, InetutilsFtpd], ids=lambda of: of.kind)
def server(request: pytest.FixtureRequest, work: Path) -> Iterator[Server]:
    with request.param(work, work / "files", "127.0.0.84") as server:
        (server.root / "file").write_bytes(CONTENT)
        yield server


def _drain(data: socket.socket) -> bytes:
    got = b""
    try:
        while more := data.recv(65536):
            got += more
    except ConnectionResetError:
        got += b"reset"
    return got


def _dialog(where: tuple[str, int]) -> list[str]:
    """A server's replies, without its ports."""
    said: list[str] = []
    with Wire(where).log_in() as wire:

        def ask(command: str) -> None:
            said.append(f"{command}: {wire.ask(command)}")

        for command in ("REST 0", "REST x", "ABOR", "XFOO"):
            ask(command)
        with wire.listen("PORT"):
            ask("RETR nosuch")
        for verb in ("PASV", "EPSV"):
            with wire.passive(verb) as data:
                ask("XFOO")
                ask("REST 999990")
                ask("RETR file")
                said.append(_drain(data).decode())
                said.append(str(wire.reply()))
        ask("PWD")
    return said


def test_the_dialog_is_the_same_with_and_without_ballast(server: Server, work: Path) -> None:
    direct = _dialog((server.address, server.port))
    with _ballast(work, server) as ballast:
        through = _dialog(ballast.where())
    # Pure-FTPd reports the duration of the transfer.
    digits = re.compile(r"[0-9.]+ (?:seconds|[MK]?bytes)")
    assert [digits.sub("#", each) for each in through] == [digits.sub("#", each) for each in direct]


def test_nobody_connects_to_a_client_whose_transfer_is_refused(server: Server, work: Path) -> None:
    with _ballast(work, server) as ballast, Wire(ballast.where()).log_in() as wire:
        for verb in ("PORT", "EPRT"):
            with wire.listen(verb) as listener:
                wire.expect("RETR nosuch", 550)
                listener.setblocking(False)
                with pytest.raises(BlockingIOError):
                    listener.accept()


def test_an_abort_is_answered_by_the_server(server: Server, work: Path) -> None:
    with _ballast(work, server) as ballast, Wire(ballast.where()).log_in() as wire:
        (server.root / "large").write_bytes(CONTENT * 20)
        for _ in range(3):
            with wire.passive("PASV", receive_buffer=4096):
                wire.expect("RETR large", 150, 125)
                wire.send("ABOR", "NOOP")
                said = [wire.reply()]
                while not re.match("2.. (NOOP|Zzz|I successfully)", str(said[-1])):
                    said.append(wire.reply())
        *own, _ = map(str, said)
        assert own, said
        # These texts are Ballast's own.
        assert "426 Connection closed; transfer aborted." not in own
        assert "226 ABOR successful." not in own
        wire.expect("PWD", 257)


def test_a_server_has_its_data_connection_before_the_command(work: Path) -> None:
    """pyftpdlib waits 30 s for it, then says 421 and ends the session."""
    with (
        PyFtpd(work, work / "files", "127.0.0.84") as server,
        _ballast(work, server) as ballast,
        Wire(ballast.where()).log_in() as wire,
    ):
        (server.root / "file").write_bytes(CONTENT)
        for number, verb in enumerate(("PASV", "EPSV"), 1):
            where = wire.passive_address(verb)
            waiting.until("it is accepted", lambda: server.count("data tester") == number)
            with socket.create_connection(where, waiting.PATIENCE) as data:
                wire.expect("RETR file", 150, 125)
                assert _drain(data) == CONTENT
                assert wire.reply().code == 226


@pytest.mark.parametrize("kind", [Vsftpd, ProFtpd, PureFtpd, PyFtpd], ids=lambda of: of.kind)
def test_a_connection_that_is_there_early_is_protected(kind: type[Server], work: Path) -> None:
    """pyftpdlib begins TLS as soon as the connection is there, so it must hear PROT before."""
    front, behind = Authority(work, "Authority of the front"), Authority(work, "Authority behind")
    address = "127.0.0.84"
    listener = for_loopback(front, "ftp.example.com")
    tls = ServerTls(for_loopback(behind, "backend.example.com", address), required="data")
    data_ports = free_ports(10)
    settings = {"backend_data": "as-client", "data_ports": f"{data_ports}-{data_ports + 9}"}
    with kind(work, work / "files", address, tls=tls) as server:
        pool_tls = {"mode": "explicit", "ca": behind.certificate}
        pool = Pool("files", [Backend("only", server)], settings, tls=pool_tls)
        table = {"certificate": listener.certificate, "key": listener.key}
        with (
            Ballast(work, [Listener("ftp", "files", tls=table)], [pool]) as ballast,
            TlsWire(ballast.where(), client_context(front.certificate)).log_in_protected() as wire,
        ):
            for number in range(3):
                wire.upload(f"file-{number}", CONTENT)
                assert wire.download(f"file-{number}") == CONTENT
                assert (server.root / f"file-{number}").read_bytes() == CONTENT


def test_a_port_that_is_asked_for_again_shifts_no_reply(server: Server, work: Path) -> None:
    """pyftpdlib says 226 if it finds a data connection closed."""
    with _ballast(work, server) as ballast, Wire(ballast.where()).log_in() as wire:
        for verb in ("PASV", "EPSV", "PASV", "ABOR", "PASV", "PORT", "PASV"):
            if verb == "ABOR":
                wire.expect("ABOR", 225, 226)
            elif verb == "PORT":
                wire.listen("PORT").close()
            else:
                wire.passive_address(verb)
            wire.expect("PWD", 257)
        with wire.passive("EPSV") as data:
            wire.expect("RETR file", 150, 125)
            assert _drain(data) == CONTENT
            assert wire.reply().code == 226


def test_a_server_may_accept_right_behind_its_227(work: Path) -> None:
    """Like the test servers of curl and CPython, and ftp-srv: they read nothing until then."""

    def passive(conversation: Conversation, _line: str) -> None:
        conversation.say(conversation.open_passive())
        conversation.accepted = conversation.data()

    def retrieve(conversation: Conversation, _line: str) -> str:
        conversation.say("150 Here.")
        assert conversation.accepted is not None
        conversation.accepted.sendall(b"content")
        conversation.accepted.close()
        return "226 Done."

    answers = {"EPSV": passive, "RETR": retrieve, "REST": "350 At your word."}
    with (
        ScriptedServer("127.0.0.85", answers) as server,
        _ballast(work, server) as ballast,
        Wire(ballast.where()).log_in() as wire,
    ):
        where = wire.passive_address("EPSV")
        wire.expect("PWD", 257)
        wire.expect("REST 0", 350)
        with socket.create_connection(where, waiting.PATIENCE) as data:
            wire.expect("RETR file", 150)
            assert _drain(data) == b"content"
        assert wire.reply().code == 226
        # The survey has a session of its own.
        of_survey = ("FEAT", "SYST", "NOOP", "QUIT")
        own = [line for line in server.commands if not line.startswith(of_survey)]
        assert own[-5:] == ["TYPE I", "EPSV", "PWD", "REST 0", "RETR file"]


def test_clients_are_greeted_by_the_server(server: Server, work: Path) -> None:
    with Wire((server.address, server.port)) as wire:
        direct = str(wire.greeting())

    def greeting() -> str:
        with Wire(ballast.where()) as wire:
            return str(wire.greeting())

    with _ballast(work, server, greeting="backend") as ballast:
        # The survey may end a moment after the start.
        ballast.wait_for_log("the survey", lambda line: line["message"] == "backend surveyed")
        waiting.until("the greeting is known", lambda: greeting() != "220 FTP server ready.")
        # Pure-FTPd's greeting has the time and the number of users.
        numbers = re.compile(r"\d+")
        assert numbers.sub("#", greeting()) == numbers.sub("#", direct)
        server.kill()
        assert numbers.sub("#", greeting()) == numbers.sub("#", direct)
