# SPDX-License-Identifier: Apache-2.0
"""A peer dies in the middle of a file under TLS. Ballast sends a close_notify for whole files only.
Without a close_notify an upload is whole only if the listener allows it."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import clients
import servers
import waiting
from ballast import DIRECT, Backend, Ballast, HasEndpoint, Listener, Pool
from certificates import Authority, for_loopback
from clients import Client, ClientTls, Mode, Target
from midway import RATE, SIZE, Midway, end_of, server_knows, size_of, stored, when_under_way
from scripted import Conversation, ScriptedServer
from servers import ProFtpd, Server, ServerTls
from tls import TlsStream, Truncated, client_context, server_context
from wire import TlsWire, read_all, reset

pytestmark = pytest.mark.skipif(DIRECT, reason="servers alone do end truncated files cleanly")

VERSIONS = ("1.2", "1.3")
SCRIPTED = "127.0.0.155"
KINDS = [kind.kind for kind in servers.MATRIX]


class Field(Midway):
    """All servers with TLS, each behind a strict and a lax listener; pyftpdlib also in clear."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        self.front = Authority(work, "Authority of the front")
        self.behind = Authority(work, "Authority behind")
        identity = for_loopback(self.front, "ftp.example.com")
        self.table = {"certificate": identity.certificate, "key": identity.key}
        for number, kind in enumerate(servers.MATRIX):
            address = f"127.0.0.{151 + number}"
            tls = ServerTls(
                for_loopback(self.behind, f"{kind.kind}.example.com", address),
                required="data",
                strict=True,
            )
            self.servers[kind.kind] = kind(work, work / f"files-{kind.kind}", address, tls=tls)
        self.servers["plain"] = servers.PyFtpd(work, work / "files-plain", "127.0.0.156")
        pools = []
        for name, server in self.servers.items():
            tls = None if name == "plain" else self.pool_tls()
            pools.append(Pool(name, [Backend("only", server)], tls=tls))
        listeners = [
            Listener(
                f"{pool.name}-{'strict' if strict else 'lax'}",
                pool.name,
                tls={**self.table, "strict_close": strict},
            )
            for pool in pools
            for strict in (True, False)
        ]
        self.ballast = Ballast(work, listeners, pools)

    def pool_tls(self) -> dict[str, Any]:
        return {"mode": "explicit", "ca": self.behind.certificate}

    def wire(self, listener: str, version: str = "") -> TlsWire:
        context = client_context(self.front.certificate, version=version)
        return TlsWire(self.ballast.where(listener), context).log_in_protected()


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with field.running():
        yield field


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, field: Field) -> Iterator[Server]:
    with field.to_be_killed(request.param) as server:
        yield server


# Ways in which a client can end an upload.

HALF = b"the first half of it" * 1000


def _fin(data: TlsStream) -> None:
    data.sendall(HALF)
    data.shutdown(socket.SHUT_WR)


def _cut_record(data: TlsStream) -> None:
    data.sendall(HALF)
    record = data.encrypt(b"the second half" * 100)
    data.plain.sendall(record[: len(record) // 2])
    data.shutdown(socket.SHUT_WR)


def _cut_header(data: TlsStream) -> None:
    data.sendall(HALF)
    data.plain.sendall(data.encrypt(b"the second half")[:3])
    data.shutdown(socket.SHUT_WR)


def _altered_record(data: TlsStream) -> None:
    data.sendall(HALF)
    record = bytearray(data.encrypt(b"the second half"))
    record[-1] ^= 1
    data.plain.sendall(record)
    data.shutdown(socket.SHUT_WR)


def _reset(data: TlsStream) -> None:
    data.sendall(HALF)
    reset(data.plain)


def _upload(wire: TlsWire, name: str, end: Callable[[TlsStream], None]) -> int:
    """The code of the last reply."""
    with wire.passive() as plain:
        wire.expect(f"STOR {name}", 150, 125)
        with wire.protected(plain) as data:
            end(data)
            with contextlib.suppress(OSError, Truncated):
                read_all(data)
            return wire.reply().code


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("backend", ["plain", *KINDS])
def test_under_strict_close_a_bare_fin_does_not_end_an_upload(
    backend: str, version: str, field: Field, work: Path
) -> None:
    with field.wire(f"{backend}-strict", version) as wire:
        assert _upload(wire, work.name, _fin) == 426
        # ProFTPD 1.3.8 sometimes crashes on ABOR in a TLS upload.
        if backend != ProFtpd.kind:
            wire.expect("NOOP", 200)
    with field.wire(f"{backend}-strict", version) as wire:
        # With close_notify it is whole.
        wire.upload(f"{work.name}-2", HALF)
    assert field.logged(work.name)["result"] == "failed"
    server_knows(field.servers[backend], work.name)
    assert (field.servers[backend].root / f"{work.name}-2").read_bytes() == HALF


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("backend", ["plain", *KINDS])
def test_without_strict_close_a_bare_fin_is_believed_and_counted(
    backend: str, version: str, field: Field, work: Path
) -> None:
    before = field.ballast.counters()["data_ends_without_close_notify"]
    with field.wire(f"{backend}-lax", version) as wire:
        # vsftpd is strict: the balancer sent it a close_notify.
        assert _upload(wire, work.name, _fin) == 226
    assert (field.servers[backend].root / work.name).read_bytes() == HALF
    assert field.logged(work.name)["result"] == "whole"
    assert field.ballast.counters()["data_ends_without_close_notify"] == before + 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("end", [_cut_record, _cut_header, _altered_record, _reset])
@pytest.mark.parametrize("listener", ["plain-strict", "plain-lax", "pyftpdlib-lax", "vsftpd-lax"])
def test_a_record_that_is_cut_or_altered_is_never_an_end(
    listener: str, end: Callable[[TlsStream], None], version: str, field: Field, work: Path
) -> None:
    with field.wire(listener, version) as wire:
        assert _upload(wire, work.name, end) in (426, 451)
        wire.expect("NOOP", 200)
    assert field.logged(work.name)["result"] == "failed"
    server_knows(field.servers[listener.split("-")[0]], work.name)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upload_is_answered_with_close_notify(version: str, field: Field, work: Path) -> None:
    with field.wire("plain-strict", version) as wire:
        with wire.passive() as plain:
            wire.expect(f"STOR {work.name}", 150, 125)
            with wire.protected(plain) as data:
                data.sendall(HALF)
                data.end()
                # Raises if it ends in any other way.
                assert read_all(data) == b""
        assert wire.reply().code == 226


# Servers that die.


def test_a_killed_backend_gives_no_close_notify(server: Server, field: Field, work: Path) -> None:
    name = work.name
    os.link(server.root / "big", server.root / name)
    with field.wire(f"{server.kind}-lax") as wire:
        with wire.passive() as plain:
            wire.expect(f"RETR {name}", 150, 125)
            with wire.protected(plain) as data:
                received = len(data.recv(65536))
                server.kill()
                with pytest.raises((Truncated, ConnectionResetError)):
                    while part := data.recv(1 << 20):
                        received += len(part)
                assert received < SIZE, "it was not in the middle"
        assert wire.reply().code in (421, 426, 451)
    assert field.logged(name)["result"] == "failed"


@pytest.mark.parametrize("client", [clients.Curl, clients.Lftp, clients.Ftplib])
def test_real_clients_notice_a_killed_backend(
    client: type[Client], server: Server, field: Field, work: Path
) -> None:
    name = work.name
    os.link(server.root / "big", server.root / name)
    local = work / "local"
    it = client(_target(field, server), Mode.EPSV, work, rate=RATE)
    process = it.start(it.download_command(name, local))
    when_under_way(process, lambda: size_of(local))
    server.kill()
    status, said = end_of(process)
    assert status != 0, said
    assert size_of(local) < SIZE, "it was not in the middle"
    assert field.logged(name)["result"] == "failed"


def _target(field: Field, server: Server) -> Target:
    tls = ClientTls(field.front.certificate)
    return Target(*field.ballast.where(f"{server.kind}-lax"), tls=tls)


@pytest.mark.parametrize("client", [clients.Curl, clients.Lftp, clients.Ftplib])
def test_a_client_killed_in_an_upload(
    client: type[Client], server: Server, field: Field, work: Path
) -> None:
    name = work.name
    it = client(_target(field, server), Mode.EPSV, work, rate=RATE)
    process = it.start(it.upload_command(field.data, name))
    when_under_way(process, lambda: stored(server, name))
    process.kill()
    process.communicate(timeout=clients.RUN_SECONDS)
    assert field.logged(name)["result"] in ("failed", "aborted")
    server_knows(server, name)


def test_a_client_that_aborts(server: Server, field: Field, work: Path) -> None:
    name = work.name
    os.link(server.root / "big", server.root / name)
    with field.wire(f"{server.kind}-lax") as wire:
        with wire.passive() as plain:
            wire.expect(f"RETR {name}", 150, 125)
            with wire.protected(plain) as data:
                data.recv(65536)
                wire.send("ABOR")
                with pytest.raises((Truncated, ConnectionResetError)):
                    while data.recv(1 << 20):
                        pass
        assert [wire.reply().code, wire.reply().code] == [426, 226]
        (server.root / f"{name}-small").write_bytes(HALF)
        assert wire.download(f"{name}-small") == HALF


# Things that no real server does on demand.


@contextlib.contextmanager
def _behind(field: Field, work: Path, where: HasEndpoint) -> Iterator[Ballast]:
    pools = [Pool("pool", [Backend("only", where)], tls=field.pool_tls())]
    with Ballast(work, [Listener("ftp", "pool", tls=field.table)], pools) as it:
        yield it


def _broken_ends(field: Field) -> dict[str, Callable[[TlsStream], None]]:
    def clean(data: TlsStream) -> None:
        data.sendall(HALF)
        data.end()

    return {"clean": clean, "fin": _fin, "cut": _cut_record, "altered": _altered_record}


@pytest.mark.parametrize(
    ("end", "last_word"),
    [
        ("cut", "226 Sent."),
        ("altered", "226 Sent."),
        ("fin", "426 Gone."),
        ("fin", None),
        # TLS says that it is whole; the server does not.
        ("clean", "451 Disk error."),
        ("clean", None),
    ],
    ids=str,
)
def test_a_download_that_ends_badly_gets_no_close_notify(
    end: str, last_word: str | None, field: Field, work: Path
) -> None:
    def send(conversation: Conversation, _: str) -> str | None:
        conversation.say("150 Here it comes.")
        with conversation.protected_data() as data:
            _broken_ends(field)[end](data)
            with contextlib.suppress(OSError, Truncated):
                read_all(data)
        if last_word is None:
            conversation.plain.shutdown(socket.SHUT_RDWR)
        return last_word

    context = server_context(for_loopback(field.behind, "scripted.example.com", SCRIPTED))
    client = client_context(field.front.certificate)
    with (
        ScriptedServer(SCRIPTED, {"RETR": send}, tls=context) as server,
        _behind(field, work, server) as it,
        TlsWire(it.where(), client).log_in_protected() as wire,
    ):
        with wire.passive() as plain:
            wire.expect("RETR file", 150)
            with wire.protected(plain) as data, pytest.raises((Truncated, ConnectionResetError)):
                read_all(data)
        assert wire.reply().code in (421, 426, 451)
        entry = it.wait_for_transfer(lambda each: each["file"].endswith("file"))
        assert entry["result"] == "failed"


@pytest.mark.parametrize("end", ["clean", "fin"])
def test_a_download_that_the_server_calls_whole_is_whole(
    end: str, field: Field, work: Path
) -> None:
    """Many servers send no close_notify; their 226 counts."""

    def send(conversation: Conversation, _: str) -> str:
        conversation.say("150 Here it comes.")
        with conversation.protected_data() as data:
            _broken_ends(field)[end](data)
            with contextlib.suppress(OSError, Truncated):
                read_all(data)
        return "226 Sent."

    context = server_context(for_loopback(field.behind, "scripted.example.com", SCRIPTED))
    client = client_context(field.front.certificate)
    with (
        ScriptedServer(SCRIPTED, {"RETR": send}, tls=context) as server,
        _behind(field, work, server) as it,
        TlsWire(it.where(), client).log_in_protected() as wire,
    ):
        assert wire.download("file") == HALF
        ends = it.counters()["data_ends_without_close_notify"]
        assert ends == (1 if end == "fin" else 0)


@pytest.mark.parametrize("close_notify", [True, False])
def test_a_client_that_closes_when_it_has_every_byte_gets_its_226(
    close_notify: bool, field: Field, work: Path
) -> None:
    """curl knows the size, and does not wait for the end. Its kernel answers our close_notify with
    a reset."""
    client_closed = threading.Event()

    def send(conversation: Conversation, _: str) -> str:
        conversation.say("150 Here it comes.")
        with conversation.protected_data() as data:
            data.sendall(HALF)
            assert client_closed.wait(waiting.PATIENCE)
            data.end()
        return "226 Sent."

    context = server_context(for_loopback(field.behind, "scripted.example.com", SCRIPTED))
    client = client_context(field.front.certificate)
    with (
        ScriptedServer(SCRIPTED, {"RETR": send}, tls=context) as server,
        _behind(field, work, server) as it,
        TlsWire(it.where(), client).log_in_protected() as wire,
    ):
        for _ in range(20):
            client_closed.clear()
            with wire.passive() as plain:
                wire.expect("RETR file", 150)
                data = wire.protected(plain)
                received = b""
                while len(received) < len(HALF):
                    received += data.recv(65536)
                if close_notify:
                    data.end()
            client_closed.set()
            assert received == HALF
            reply = wire.reply()
            assert reply.code == 226, reply


def test_an_upload_is_whole_only_with_the_clients_end(field: Field, work: Path) -> None:
    """The backend's close_notify comes after the client's end, and never without one."""
    ends: list[str] = []

    def receive(conversation: Conversation, _: str) -> str:
        conversation.say("150 Send it.")
        with conversation.protected_data() as data:
            try:
                read_all(data)
                ends.append("clean")
            except Truncated as truncated:
                ends.append(str(truncated))
        conversation.server.heard("END")
        return "226 Stored." if ends[-1] == "clean" else "426 Lost."

    answers = {"STOR": receive, "ABOR": "226 Aborted."}
    context = server_context(for_loopback(field.behind, "scripted.example.com", SCRIPTED))
    client = client_context(field.front.certificate)
    with (
        ScriptedServer(SCRIPTED, answers, tls=context) as server,
        _behind(field, work, server) as it,
        TlsWire(it.where(), client).log_in_protected() as wire,
    ):
        wire.upload("whole", HALF)
        assert ends == ["clean"]
        assert _upload(wire, "cut", _cut_record) == 426
        waiting.until("the backend's end", lambda: len(ends) == 2)
        assert ends[1] == "reset"
        assert server.count("END") == 2
