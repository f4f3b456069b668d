# SPDX-License-Identifier: Apache-2.0
"""`data = "direct"`: clients and real servers connect to each other, past Ballast."""

import ftplib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import operators
import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool
from clients import Client, Curl, Lftp, Mode, Target, Tnftp
from operators import operate
from ports import free_ports
from servers import Passive, ProFtpd, PureFtpd, PyFtpd, Server, Vsftpd
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="without a balancer all data is direct")

CONTENT = b"0123456789" * 100_000
# More than all buffers on the way hold.
LARGE_BYTES = 64 * 1024 * 1024
SERVER = "127.0.0.84"
OTHER_SERVER = "127.0.0.85"
# Not the address that the servers see on their control connections, which is Ballast's.
CLIENT = "127.0.0.7"
OWN_WORDS = "426 Connection closed; transfer aborted"


def _make_large(server: Server) -> None:
    """Of zeros that take no room on the disk."""
    with (server.root / "large").open("wb") as file:
        file.truncate(LARGE_BYTES)



class FreeVsftpd(Vsftpd):
    """Allows data connections with other addresses than that of its control connection. So do
    the next three."""

    def _command(self) -> list[str | Path]:
        command = super()._command()
        with (self.work / "vsftpd.conf").open("a") as configuration:
            configuration.write("port_promiscuous=YES\npasv_promiscuous=YES\n")
        return command


class FreeProFtpd(ProFtpd):
    def _command(self) -> list[str | Path]:
        command = super()._command()
        with (self.work / "proftpd.conf").open("a") as configuration:
            configuration.write("AllowForeignAddress on\n")
        return command


class FreePureFtpd(PureFtpd):
    def _command(self) -> list[str | Path]:
        # FXP for users.
        return [*super()._command(), "-W"]


class FreePyFtpd(PyFtpd):
    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "PYFTPD_FOREIGN": "1"}


KINDS = (FreeVsftpd, FreeProFtpd, FreePureFtpd, FreePyFtpd)


@pytest.fixture(params=KINDS, ids=lambda of: of.kind)
def server(request: pytest.FixtureRequest, work: Path) -> Iterator[Server]:
    with request.param(work, work / "files", SERVER) as server:
        (server.root / "file").write_bytes(CONTENT)
        _make_large(server)
        yield server


def _ballast(work: Path, *backends: Backend, **pool: object) -> Ballast:
    direct = {"data": "direct", **pool}
    return Ballast(
        work,
        [Listener("ftp", "files")],
        [Pool("files", list(backends), direct)],
        settings=operators.settings(work),
        passive_ports=0,
    )


def _transfers(ballast: Ballast, count: int) -> list[dict[str, Any]]:
    """The transfer log, once it has so many lines."""
    waiting.until("the transfers are logged", lambda: len(ballast.transfers()) >= count)
    return ballast.transfers()


def _open(wire: Wire, verb: str) -> tuple[socket.socket | None, socket.socket | None]:
    """A passive connection, or a listener."""
    return (wire.passive(verb), None) if verb == "PASV" else (None, wire.listen(verb))


def _data_of(passive: socket.socket | None, listener: socket.socket | None) -> socket.socket:
    if passive is not None:
        return passive
    assert listener is not None
    data, peer = listener.accept()
    listener.close()
    assert peer[0] == SERVER
    data.settimeout(waiting.PATIENCE)
    return data


def _download(wire: Wire, command: str, verb: str = "PASV") -> bytes:
    ends = _open(wire, verb)
    wire.expect(command, 150, 125)
    with _data_of(*ends) as data:
        content = read_all(data)
    assert wire.reply().code == 226
    return content


def _upload(wire: Wire, command: str, content: bytes, verb: str = "PASV") -> None:
    ends = _open(wire, verb)
    wire.expect(command, 150, 125)
    with _data_of(*ends) as data:
        data.sendall(content)
    assert wire.reply().code == 226


@pytest.mark.parametrize("verb", ["PASV", "PORT", "EPRT"])
def test_transfers_bypass_ballast(server: Server, verb: str, work: Path) -> None:
    with (
        _ballast(work, Backend("only", server)) as ballast,
        Wire(ballast.where(), source=CLIENT).log_in() as wire,
    ):
        if verb == "PASV":
            assert wire.passive_address("PASV")[0] == SERVER
        assert _download(wire, "RETR file", verb) == CONTENT
        assert b"file" in _download(wire, "LIST", verb)
        assert b"file" in _download(wire, "NLST", verb)
        _upload(wire, "STOR new", CONTENT, verb)
        assert (server.root / "new").read_bytes() == CONTENT
        _upload(wire, "APPE new", b"more", verb)
        assert (server.root / "new").read_bytes() == CONTENT + b"more"
        wire.expect("REST 999990", 350)
        assert _download(wire, "RETR file", verb) == CONTENT[-10:]
        assert _download(wire, "RETR file", verb) == CONTENT
        said = _transfers(ballast, 7)
        assert [each["verb"] for each in said[:4]] == ["RETR", "LIST", "NLST", "STOR"]
        assert {(each["bytes"], each["result"]) for each in said} == {(0, "whole")}
        assert {each["direction"] for each in said} == {"download", "upload"}


def test_a_refused_transfer_has_the_servers_words(server: Server, work: Path) -> None:
    with (
        _ballast(work, Backend("only", server)) as ballast,
        Wire(ballast.where(), source=CLIENT).log_in() as wire,
    ):
        for verb in ("PASV", "PORT"):
            passive, listener = _open(wire, verb)
            wire.expect("RETR nosuch", 550)
            for end in (passive, listener):
                if end is not None:
                    end.close()
            wire.expect("PWD", 257)
        assert [each["result"] for each in _transfers(ballast, 2)] == ["refused"] * 2


def test_a_foreign_address_in_PORT_is_refused(server: Server, work: Path) -> None:
    with (
        _ballast(work, Backend("only", server)) as ballast,
        Wire(ballast.where(), source=CLIENT).log_in() as wire,
    ):
        wire.expect("PORT 127,0,0,9,200,1", 501)
        wire.expect("EPRT |1|127.0.0.9|51201|", 501)
        wire.expect("PORT 127,0,0,7,0,25", 501)


def test_the_configured_address_replaces_a_wrong_one(work: Path) -> None:
    first = free_ports(5)
    passive = Passive(range(first, first + 5), "192.0.2.99")
    with FreePyFtpd(work, work / "files", SERVER, passive=passive) as server:
        (server.root / "file").write_bytes(CONTENT)
        backend = Backend("only", server, {"data_address": SERVER})
        with (
            _ballast(work, backend) as ballast,
            Wire(ballast.where(), source=CLIENT).log_in() as wire,
        ):
            assert wire.passive_address("PASV")[0] == SERVER
            assert _download(wire, "RETR file") == CONTENT


class DirectCurl(Curl):
    """curl takes its server's address in place of the one in a 227, unless told otherwise."""

    def _common(self) -> list[str]:
        return [*super()._common(), "--no-ftp-skip-pasv-ip"]


# lftp believes no 227 with an address of 127.0.0.0/8 but 127.0.0.1. tnftp ends the session at one
# with another address than its server's.
MODES: dict[type[Client], tuple[Mode, ...]] = {
    DirectCurl: (Mode.PASV, Mode.EPSV, Mode.PORT, Mode.EPRT),
    Lftp: (Mode.PORT,),
    Tnftp: (Mode.PORT, Mode.EPRT),
}


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, mode) for kind, modes in MODES.items() for mode in modes],
    ids=lambda each: each.value if isinstance(each, Mode) else each.name,
)
def test_real_clients(server: Server, kind: type[Client], mode: Mode, work: Path) -> None:
    """With EPSV they fall back to PASV."""
    _use(kind, mode, server, work)


def test_lftp_in_passive_mode(work: Path) -> None:
    with FreePyFtpd(work, work / "files", "127.0.0.1") as server:
        (server.root / "file").write_bytes(CONTENT)
        _make_large(server)
        _use(Lftp, Mode.PASV, server, work)


def _use(kind: type[Client], mode: Mode, server: Server, work: Path) -> None:
    with _ballast(work, Backend("only", server)) as ballast:
        address, port = ballast.where()
        client = kind(Target(address, port), mode, work)
        (work / "local").write_bytes(CONTENT)
        client.upload(work / "local", "new")
        assert (server.root / "new").read_bytes() == CONTENT
        client.download("file", work / "got")
        assert (work / "got").read_bytes() == CONTENT
        assert "large" in client.listing()
        (work / "got").write_bytes(CONTENT[:1000])
        client.resume_download("file", work / "got")
        assert (work / "got").read_bytes() == CONTENT
        assert {each["result"] for each in _transfers(ballast, 4)} == {"whole"}


def test_ftplib_that_trusts_the_reply_to_PASV(server: Server, work: Path) -> None:
    with (
        _ballast(work, Backend("only", server)) as ballast,
        ftplib.FTP(timeout=waiting.PATIENCE, source_address=(CLIENT, 0)) as ftp,
    ):
        ftp.trust_server_pasv_ipv4_address = True
        ftp.connect(*ballast.where())
        ftp.login(server.accounts[0].name, server.accounts[0].password)
        parts: list[bytes] = []
        ftp.retrbinary("RETR file", parts.append, rest=10)
        assert b"".join(parts) == CONTENT[10:]
        assert "large" in ftp.nlst()


def test_an_abort_ends_the_transfer_and_stays_in_step(server: Server, work: Path) -> None:
    with (
        _ballast(work, Backend("only", server)) as ballast,
        Wire(ballast.where(), source=CLIENT).log_in() as wire,
    ):
        for _ in range(2):
            with wire.passive("PASV", receive_buffer=4096):
                wire.expect("RETR large", 150, 125)
                wire.send("ABOR")
            # The data connection is closed by now, as most clients do. vsftpd hears ABOR only then.
            wire.send("SITE IN STEP")
            said = [wire.reply()]
            while said[-1].code // 100 != 5:
                said.append(wire.reply())
            # Pure-FTPd reports the duration of the transfer as a 150.
            assert {each.code for each in said[:-1]} <= {150, 225, 226, 426}, said
            assert len(said) >= 2
            assert not any(OWN_WORDS + "." == each.text for each in said)
            wire.expect("PWD", 257)
        assert [each["result"] for each in _transfers(ballast, 2)] == ["aborted"] * 2


def test_STAT_is_answered_during_a_transfer(work: Path) -> None:
    """Other servers wait until the client takes the data, or longer."""
    with FreePyFtpd(work, work / "files", SERVER) as server:
        _make_large(server)
        with (
            _ballast(work, Backend("only", server)) as ballast,
            Wire(ballast.where(), source=CLIENT).log_in() as wire,
            wire.passive("PASV", receive_buffer=4096) as data,
        ):
            wire.expect("RETR large", 150, 125)
            wire.expect("STAT", 211, 213)
            assert len(read_all(data)) == LARGE_BYTES
            assert wire.reply().code == 226
            wire.expect("PWD", 257)


def test_a_client_that_leaves_ends_its_session(server: Server, work: Path) -> None:
    with (
        _ballast(work, Backend("only", server)) as ballast,
        Wire(ballast.where(), source=CLIENT).log_in() as wire,
        wire.passive("PASV", receive_buffer=4096),
    ):
        wire.expect("RETR large", 150, 125)
        wire.close()
        ended = ballast.wait_for_log("the end", lambda line: line["message"] == "session ended")
        assert ended["reason"] == "the client was lost in a transfer"


def _two(work: Path) -> tuple[FreePyFtpd, FreePyFtpd]:
    servers = (
        FreePyFtpd(work, work / "files-1", SERVER),
        FreePyFtpd(work, work / "files-2", OTHER_SERVER),
    )
    for server in servers:
        _make_large(server)
    return servers


def _backends(*servers: Server) -> list[Backend]:
    return [
        Backend(f"f{number}", server, {"max_sessions": 10})
        for number, server in enumerate(servers, 1)
    ]


def test_a_session_outlives_a_server_killed_in_a_transfer(work: Path) -> None:
    first, second = _two(work)
    with (
        first,
        second,
        _ballast(work, *_backends(first, second), balance="first", failover="session") as ballast,
        Wire(ballast.where(), source=CLIENT).log_in() as wire,
    ):
        with wire.passive("PASV", receive_buffer=4096) as data:
            assert data.getpeername()[0] == SERVER
            wire.expect("RETR large", 150, 125)
            first.kill()
            assert wire.reply().text.startswith(f"{OWN_WORDS}: ")
        wire.expect("PWD", 257)
        with wire.passive("PASV") as data:
            assert data.getpeername()[0] == OTHER_SERVER
            wire.expect("RETR large", 150, 125)
            assert len(read_all(data)) == LARGE_BYTES
            assert wire.reply().code == 226


def test_a_drained_backend_keeps_its_transfers(work: Path) -> None:
    first, second = _two(work)
    with (
        first,
        second,
        _ballast(work, *_backends(first, second), balance="first", failover="session") as ballast,
        Wire(ballast.where(), source=CLIENT).log_in() as wire,
    ):
        with wire.passive("PASV", receive_buffer=4096) as data:
            wire.expect("RETR large", 150, 125)
            operate(work, "drain", "files/f1")
            assert "RETR" in operate(work, "transfers").stdout
            assert len(read_all(data)) == LARGE_BYTES
            assert wire.reply().code == 226
        moved = ballast.wait_for_log("the move", lambda line: line["message"] == "session moved")
        assert moved["cause"] == "drained"
        with wire.passive("PASV") as data:
            assert data.getpeername()[0] == OTHER_SERVER


def _session_id(work: Path) -> str:
    _, answer = operators.ask(work, "GET", "/v1/sessions")
    (session,) = answer["sessions"]
    return str(session["id"])


def test_an_operator_ends_a_transfer(work: Path) -> None:
    with FreePyFtpd(work, work / "files", SERVER) as server:
        _make_large(server)
        with (
            _ballast(work, Backend("only", server)) as ballast,
            Wire(ballast.where(), source=CLIENT).log_in() as wire,
            wire.passive("PASV", receive_buffer=4096),
        ):
            wire.expect("RETR large", 150, 125)
            operate(work, "kill", _session_id(work), "--transfer")
            assert wire.reply().text == f"{OWN_WORDS}: the administrator ended the transfer."
            wire.expect("PWD", 257)
            (said,) = _transfers(ballast, 1)
            assert (said["result"], said["bytes"]) == ("failed", 0)


def test_a_disabled_backend_loses_its_transfers(work: Path) -> None:
    first, second = _two(work)
    with (
        first,
        second,
        _ballast(
            work, *_backends(first, second), balance="first", failover="session"
        ) as ballast,
        Wire(ballast.where(), source=CLIENT).log_in() as wire,
        wire.passive("PASV", receive_buffer=4096),
    ):
        wire.expect("RETR large", 150, 125)
        operate(work, "disable", "files/f1")
        assert wire.reply().text == f"{OWN_WORDS}: the server is taken out of service."
        wire.expect("PWD", 257)
        assert wire.passive_address("PASV")[0] == OTHER_SERVER


def test_an_operator_ends_a_session_in_a_transfer(server: Server, work: Path) -> None:
    with (
        _ballast(work, Backend("only", server)) as ballast,
        Wire(ballast.where(), source=CLIENT).log_in() as wire,
        wire.passive("PASV", receive_buffer=4096),
    ):
        wire.expect("RETR large", 150, 125)
        operate(work, "kill", _session_id(work))
        assert wire.reply().text == f"{OWN_WORDS}: the administrator ended the transfer."
        assert wire.reply().code == 421
        assert wire.at_end()
