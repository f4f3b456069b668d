# SPDX-License-Identifier: Apache-2.0
"""A data connection resumes the TLS session of its control connection: a hundred times towards
servers that require it, and from clients as the listener demands."""

import contextlib
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import clients
from ballast import DIRECT, Backend, Ballast, HasEndpoint, Listener, Pool
from certificates import Authority, Identity, for_loopback
from clients import ClientError, ClientTls, Mode, Target
from scripted import Conversation, ScriptedServer
from servers import ProFtpd, PyFtpd, Server, ServerTls, Vsftpd
from tls import Truncated, client_context, server_context
from wire import TlsWire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

TRANSFERS = 100
ADDRESS = "127.0.0.111"


class Trust:
    def __init__(self, work: Path) -> None:
        self.front = Authority(work, "Authority of the front")
        self.behind = Authority(work, "Authority behind")
        self.listener = for_loopback(self.front, "ftp.example.com")
        self.backend = for_loopback(self.behind, "backend.example.com", ADDRESS)


@pytest.fixture(scope="module")
def trust(module_work: Path) -> Trust:
    return Trust(module_work)


def _table(identity: Identity, **settings: Any) -> dict[str, Any]:
    return {"certificate": identity.certificate, "key": identity.key, **settings}


@contextlib.contextmanager
def _in_front(
    work: Path, where: HasEndpoint, listener: dict[str, Any], pool: dict[str, Any] | None = None
) -> Iterator[Ballast]:
    pools = [Pool("pool", [Backend("only", where)], tls=pool)]
    with Ballast(work, [Listener("ftp", "pool", tls=listener)], pools) as it:
        yield it


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("kind", [Vsftpd, ProFtpd], ids=lambda kind: kind.kind)
def test_a_hundred_transfers_in_one_session_all_resume(
    kind: type[Server], version: str, trust: Trust, work: Path
) -> None:
    server = kind(work, work / "files", ADDRESS, tls=ServerTls(trust.backend, required="data"))
    listener = _table(trust.listener, session_reuse="required")
    pool = {"mode": "explicit", "ca": trust.behind.certificate, "max_version": version}
    context = client_context(trust.front.certificate, version=version)
    with server, _in_front(work, server, listener, pool) as it:
        content = os.urandom(100_000)
        with TlsWire(it.where(), context).log_in_protected() as wire:
            assert wire.tls.version == version
            for number in range(TRANSFERS // 2):
                wire.upload(f"file-{number}", content)
                assert wire.download(f"file-{number}") == content
            wire.expect("QUIT", 221)
        assert all((server.root / f"file-{n}").read_bytes() == content for n in range(50))
        counters = it.counters()
        assert counters["tls_control_handshakes"] == 1
        assert counters["tls_data_handshakes_resumed"] == TRANSFERS
        assert counters["tls_data_handshakes_full"] == 0
        assert counters["tls_backend_data_handshakes_resumed"] == TRANSFERS
        assert counters["tls_backend_data_handshakes_full"] == 0
        assert counters["data_ends_without_close_notify"] == 0


def test_a_backend_that_cannot_resume_under_13_is_spoken_to_in_12(
    trust: Trust, work: Path
) -> None:
    seen: list[tuple[str, bool]] = []

    def send(conversation: Conversation, _: str) -> str:
        conversation.say("150 Here it comes.")
        with conversation.protected_data() as data:
            seen.append((data.version, data.resumed))
            if not data.resumed:
                return "522 The session has to be resumed."
            data.sendall(b"content")
            data.end()
        return "226 Sent."

    context = server_context(trust.backend)
    # Without tickets 1.3 cannot resume; 1.2 has session ids.
    context.num_tickets = 0
    pool = {"mode": "explicit", "ca": trust.behind.certificate}
    with (
        ScriptedServer(ADDRESS, {"RETR": send}, tls=context) as server,
        _in_front(work, server, _table(trust.listener), pool) as it,
    ):
        # A survey that ends later would forget what the first session learns.
        it.wait_for_log("the survey is over", lambda line: line["message"] == "backend surveyed")
        client = client_context(trust.front.certificate)
        with TlsWire(it.where(), client).log_in_protected() as wire:
            with wire.passive() as plain:
                wire.send("RETR file")
                with contextlib.suppress(OSError, Truncated):
                    wire.protected(plain)
                codes = [wire.reply().code]
                if codes == [150]:
                    codes.append(wire.reply().code)
            assert codes[-1] in (425, 426, 522), codes
        assert seen == [("1.3", False)]
        with TlsWire(it.where(), client).log_in_protected() as wire:
            assert wire.download("file") == b"content"
            assert wire.download("file") == b"content"
        assert seen[1:] == [("1.2", True), ("1.2", True)]


# Clients, and the listener's setting.


class Field:
    def __init__(self, work: Path, trust: Trust) -> None:
        self.trust = trust
        self.server = PyFtpd(work, work / "files", "127.0.0.112")
        self.listeners = [
            Listener(reuse, "pool", tls=_table(trust.listener, session_reuse=reuse))
            for reuse in ("required", "preferred", "off")
        ]
        pools = [Pool("pool", [Backend("only", self.server)])]
        self.ballast = Ballast(work, self.listeners, pools)

    def wire(self, reuse: str, version: str, *, resume: bool) -> TlsWire:
        context = client_context(self.trust.front.certificate, version=version)
        return TlsWire(self.ballast.where(reuse), context, resume=resume).log_in_protected()


@pytest.fixture(scope="module")
def field(module_work: Path, trust: Trust) -> Iterator[Field]:
    field = Field(module_work, trust)
    with field.server, field.ballast:
        yield field


@pytest.fixture
def kept(field: Field, work: Path) -> Path:
    """An existing file."""
    path = field.server.root / work.name
    path.write_bytes(b"what was there before")
    return path


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("reuse", ["required", "preferred", "off"])
def test_a_client_that_resumes_is_welcome(
    reuse: str, version: str, field: Field, work: Path
) -> None:
    tls = ClientTls(field.trust.front.certificate, version=version)
    target = Target(*field.ballast.where(reuse), tls=tls)
    client = clients.FtplibResuming(target, Mode.EPSV, work)
    content = work / "content"
    content.write_bytes(os.urandom(100_000))
    client.upload(content, "resumed")
    # With "off" there is nothing to resume.
    assert ("resumed: True" in client.dialog) == (reuse != "off")
    client.download("resumed", work / "local")
    assert (work / "local").read_bytes() == content.read_bytes()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("reuse", ["preferred", "off"])
def test_a_client_that_does_not_resume_is_accepted(
    reuse: str, version: str, field: Field, work: Path
) -> None:
    tls = ClientTls(field.trust.front.certificate, version=version)
    target = Target(*field.ballast.where(reuse), tls=tls)
    client = clients.Ftplib(target, Mode.EPSV, work)
    content = work / "content"
    content.write_bytes(os.urandom(100_000))
    client.upload(content, "full")
    client.download("full", work / "local")
    assert (work / "local").read_bytes() == content.read_bytes()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_client_that_does_not_resume_is_refused_where_it_must(
    version: str, field: Field, kept: Path, work: Path
) -> None:
    tls = ClientTls(field.trust.front.certificate, version=version)
    target = Target(*field.ballast.where("required"), tls=tls)
    client = clients.Ftplib(target, Mode.EPSV, work)
    content = work / "content"
    content.write_bytes(b"what must not replace it")
    # It notices the end of the data connection, or reads the reply.
    with pytest.raises(ClientError):
        client.upload(content, kept.name)
    with pytest.raises(ClientError):
        client.listing()
    assert kept.read_bytes() == b"what was there before"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("verb", ["RETR", "STOR", "APPE", "LIST", "STOU"])
@pytest.mark.parametrize("mode", ["EPSV", "EPRT"])
def test_the_refusal_is_522_and_changes_nothing(
    mode: str, verb: str, version: str, field: Field, kept: Path
) -> None:
    files = sorted(field.server.root.iterdir())
    command = verb if verb in ("LIST", "STOU") else f"{verb} {kept.name}"
    with field.wire("required", version, resume=False) as wire:
        with contextlib.ExitStack() as stack:
            if mode == "EPSV":
                plain = stack.enter_context(wire.passive())
                wire.send(command)
            else:
                listener = stack.enter_context(wire.listen())
                wire.send(command)
                plain = stack.enter_context(listener.accept()[0])
            with contextlib.suppress(OSError, Truncated):
                data = wire.protected(plain)
                assert not data.resumed
                data.sendall(b"what must not replace it")
                data.end()
                assert read_all(data) == b""
        reply = wire.reply()
        if reply.code in (150, 125):
            reply = wire.reply()
        assert reply.code == 522, reply
        # The session still works: it can retry, and resume.
        wire.resume = True
        assert wire.download(kept.name) == b"what was there before"
    assert kept.read_bytes() == b"what was there before"
    made = [file for file in field.server.root.iterdir() if file not in files]
    # STOU's 150 names the file, so STOU goes to the backend before the handshake.
    assert verb == "STOU" or not made
    assert all(file.stat().st_size == 0 for file in made)


@pytest.mark.parametrize("reuse", ["required", "preferred"])
def test_a_client_without_tickets_resumes_by_session_id(reuse: str, field: Field) -> None:
    context = client_context(field.trust.front.certificate, version="1.2")
    context.options |= ssl.OP_NO_TICKET
    with TlsWire(field.ballast.where(reuse), context).log_in_protected() as wire:
        for _ in range(3):
            with wire.passive() as plain:
                wire.expect("NLST", 150, 125)
                with wire.protected(plain) as data:
                    assert data.resumed
                    read_all(data)
                    data.close_notify()
            assert wire.reply().code == 226


def test_the_first_ticket_serves_all_transfers_of_a_client_that_keeps_to_it(field: Field) -> None:
    with field.wire("required", "1.3", resume=True) as wire:
        first = wire.tls.session
        for _ in range(5):
            with wire.passive() as plain:
                wire.expect("NLST", 150, 125)
                with wire.protected(plain, session=first) as data:
                    read_all(data)
                    data.close_notify()
            assert wire.reply().code == 226


def test_a_ticket_comes_before_each_data_address(field: Field) -> None:
    with field.wire("required", "1.3", resume=True) as wire:
        seen = {wire.tls.session.id}
        for verb in ("PASV", "EPSV", "PASV"):
            wire.passive_address(verb)
            # Under 1.3 each ticket gives the client's session a new id.
            assert wire.tls.session.id not in seen
            seen.add(wire.tls.session.id)
        for verb in ("PORT", "EPRT"):
            wire.listen(verb).close()
            assert wire.tls.session.id not in seen
            seen.add(wire.tls.session.id)


def test_no_ticket_comes_on_a_data_connection(field: Field) -> None:
    for reuse in ("required", "preferred", "off"):
        with field.wire(reuse, "1.3", resume=reuse == "required") as wire:
            with wire.passive() as plain:
                wire.expect("NLST", 150, 125)
                with wire.protected(plain) as data:
                    before = data.session.id
                    read_all(data)
                    assert data.session.id == before
                    data.close_notify()
            assert wire.reply().code == 226
