# SPDX-License-Identifier: Apache-2.0
"""Things that must not work under TLS, each refused for the right reason."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import waiting
from ballast import DIRECT, Backend, Ballast, HasEndpoint, Listener, Pool
from certificates import DAY, Authority, Identity, for_loopback
from ports import free_port
from scripted import Answer, Conversation, ScriptedServer
from servers import TESTER, PyFtpd
from tls import TlsStream, Truncated, client_context, server_context
from wire import Closed, TlsWire, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

ADDRESS = "127.0.0.121"
CONTENT = b"the file's content"
VERSIONS = ("1.2", "1.3")


class Trust:
    def __init__(self, work: Path) -> None:
        self.front = Authority(work, "Authority of the front")
        self.behind = Authority(work, "Authority behind")
        self.unknown = Authority(work, "Authority nobody knows")
        self.listener = for_loopback(self.front, "ftp.example.com")
        self.backend = for_loopback(self.behind, "backend.example.com", ADDRESS)
        self.client = self.front.issue("partner 7")
        self.impostor = self.unknown.issue("partner 7")

    def context(self, version: str = "", identity: Identity | None = None) -> ssl.SSLContext:
        return client_context(self.front.certificate, version=version, identity=identity)


@pytest.fixture(scope="module")
def trust(module_work: Path) -> Trust:
    return Trust(module_work)


def _table(identity: Identity, **settings: Any) -> dict[str, Any]:
    return {"certificate": identity.certificate, "key": identity.key, **settings}


class Field:
    """A plain backend behind listeners with different requirements for clients."""

    def __init__(self, work: Path, trust: Trust) -> None:
        self.trust = trust
        self.server = PyFtpd(work, work / "files", ADDRESS)
        (self.server.root / "file").write_bytes(CONTENT)
        tables = {
            "required": {"session_reuse": "required"},
            "other": {"session_reuse": "required"},
            "certificate": {
                "client_certificate": "require",
                "client_ca": trust.front.certificate,
                "session_reuse": "required",
            },
            "requested": {
                "client_certificate": "request",
                "client_ca": trust.front.certificate,
            },
            "login": {"require": "login"},
            "data": {"require": "login-and-data"},
            # Debian's OpenSSL supports the old versions only at this level.
            "old": {"min_version": "1.0", "ciphers": "DEFAULT:@SECLEVEL=0"},
        }
        listeners = [
            Listener(
                name,
                "pool",
                settings={"data_connect_timeout": "3s"},
                tls=_table(trust.listener, handshake_timeout="3s", **settings),
                implicit_port=free_port(),
            )
            for name, settings in tables.items()
        ]
        self.ballast = Ballast(work, listeners, [Pool("pool", [Backend("only", self.server)])])

    def wire(self, listener: str, version: str = "", **named: Any) -> TlsWire:
        """A session that has sent nothing yet."""
        context = named.pop("context", None) or self.trust.context(version)
        return TlsWire(
            self.ballast.where(listener, implicit=named.get("implicit", False)), context, **named
        )


@pytest.fixture(scope="module")
def field(module_work: Path, trust: Trust) -> Iterator[Field]:
    field = Field(module_work, trust)
    with field.server, field.ballast:
        yield field


def _last_code(wire: Wire) -> int:
    """The last code of a transfer, with or without a 150."""
    reply = wire.reply()
    return wire.reply().code if reply.code in (125, 150) else reply.code


# Other sessions' tickets.


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("verb", ["RETR file", "STOR stolen", "LIST"])
def test_another_sessions_ticket_opens_no_data_connection(
    verb: str, version: str, field: Field
) -> None:
    before = field.ballast.counters()["tls_tickets_of_others"]
    context = field.trust.context(version)
    with (
        field.wire("required", context=context).log_in_protected() as victim,
        field.wire("required", context=context).log_in_protected() as thief,
    ):
        # Get the newest ticket.
        victim.passive_address()
        with thief.passive() as plain:
            thief.send(verb)
            with contextlib.suppress(OSError, Truncated):
                data = thief.protected(plain, session=victim.tls.session)
                assert not data.resumed
                data.sendall(b"stolen")
                data.end()
                assert read_all(data) == b""
            assert _last_code(thief) == 522
    assert field.ballast.counters()["tls_tickets_of_others"] == before + 1
    assert not (field.server.root / "stolen").exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_thief_cannot_take_over_a_data_address(version: str, field: Field) -> None:
    """From the victim's own address, at the victim's port, with the thief's own TLS session."""
    context = field.trust.context(version)
    with (
        field.wire("required", context=context).log_in_protected() as victim,
        field.wire("required", context=context).log_in_protected() as thief,
    ):
        with victim.passive() as plain:
            victim.send("RETR file")
            with contextlib.suppress(OSError, Truncated):
                data = victim.protected(plain, session=thief.tls.session)
                assert read_all(data) == b""
            assert _last_code(victim) == 522
        assert victim.download("file") == CONTENT


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
def test_a_control_connection_with_a_strangers_ticket_gains_nothing(
    implicit: bool, version: str, field: Field
) -> None:
    context = field.trust.context(version)
    with field.wire("required", context=context).log_in_protected() as victim:
        victim.passive_address()
        stolen = victim.tls.session
        with contextlib.ExitStack() as stack:
            if implicit:
                thief = stack.enter_context(
                    field.wire("required", context=context, implicit=True, session=stolen)
                )
                thief.greeting()
            else:
                thief = stack.enter_context(field.wire("required", context=context))
                thief.greeting()
                thief.secure(session=stolen)
            # The ticket does not log the thief in.
            thief.expect("PWD", 530)
            thief.expect("EPSV", 530)
            thief.expect(f"USER {TESTER.name}", 331)
            thief.expect(f"PASS {TESTER.password}", 230)
            thief.protect()
            # The thief can use its own session.
            assert thief.download("file") == CONTENT
            # But neither session opens the other one's data connections. Under 1.2 both are the
            # same TLS session, and cannot be told apart.
            pairs = [(victim, thief.tls.session), (thief, victim.tls.session), (thief, stolen)]
            for wire, session in pairs if version == "1.3" else []:
                with wire.passive() as plain:
                    wire.send("RETR file")
                    with contextlib.suppress(OSError, Truncated):
                        assert read_all(wire.protected(plain, session=session)) == b""
                    assert _last_code(wire) == 522
            assert thief.download("file") == CONTENT
        assert victim.download("file") == CONTENT


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ticket_of_one_listener_stands_for_no_certificate_at_another(
    version: str, field: Field
) -> None:
    context = field.trust.context(version)
    with field.wire("other", context=context).log_in_protected() as innocent:
        innocent.passive_address()
        session = innocent.tls.session
        with (
            field.wire("certificate", context=context) as thief,
            pytest.raises((ssl.SSLError, Truncated, Closed, OSError)),
        ):
            thief.greeting()
            thief.secure(session=session)
            # Under 1.3 the refusal comes with the first reply.
            thief.ask("NOOP")


# Clear text before a handshake.


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_client_says_behind_auth_in_clear_is_thrown_away(
    version: str, field: Field
) -> None:
    with field.wire("required", version) as wire:
        wire.greeting()
        wire.send("AUTH TLS", f"USER {TESTER.name}", f"PASS {TESTER.password}", "DELE file")
        assert wire.reply().code == 234
        wire.handshake()
        # One reply to one command, and no login.
        wire.expect("PWD", 530)
        wire.expect("NOOP", 200, 530)
        assert wire.is_silent(0.3)
        wire.expect(f"USER {TESTER.name}", 331)
        wire.expect(f"PASS {TESTER.password}", 230)
    assert (field.server.root / "file").exists()


def test_what_was_said_before_auth_is_forgotten(field: Field) -> None:
    with field.wire("required") as wire:
        wire.greeting()
        wire.expect("USER somebody", 331)
        wire.secure()
        # RFC 4217 4.2: as after the greeting.
        wire.expect("PASS injected", 503, 530)
        wire.expect("PWD", 530)


@contextlib.contextmanager
def _behind(
    work: Path,
    trust: Trust,
    where: HasEndpoint,
    listener: dict[str, Any] | None = None,
    **pool: Any,
) -> Iterator[Ballast]:
    table = {"mode": "explicit", **pool}
    if table.get("verify") != "none":
        table["ca"] = trust.behind.certificate
    table.setdefault("handshake_timeout", "2s")
    listeners = [
        Listener(
            "ftp",
            "pool",
            settings={"data_connect_timeout": "3s"},
            tls=_table(trust.listener, **(listener or {})),
        )
    ]
    settings = {"reply_timeout": "3s", "greeting_timeout": "3s", "final_reply_timeout": "3s"}
    pools = [Pool("pool", [Backend("only", where)], settings, tls=table)]
    with Ballast(work, listeners, pools) as it:
        yield it


def _send(content: bytes) -> Callable[[Conversation, str], str]:
    def send(conversation: Conversation, _: str) -> str:
        conversation.say("150 Here it comes.")
        with conversation.protected_data() as data:
            data.sendall(content)
            data.end()
        return "226 Sent."

    return send


def test_what_a_backend_says_behind_its_234_in_clear_is_thrown_away(
    trust: Trust, work: Path
) -> None:
    def auth(conversation: Conversation, _: str) -> None:
        conversation.plain.sendall(b"234 Go ahead.\r\n331 Injected.\r\n230 Injected.\r\n")
        conversation.handshake()

    answers: dict[str, Answer] = {"AUTH": auth, "RETR": _send(CONTENT)}
    with (
        ScriptedServer(ADDRESS, answers, tls=server_context(trust.backend)) as server,
        _behind(work, trust, server) as it,
        TlsWire(it.where(), trust.context()) as wire,
    ):
        wire.greeting()
        wire.secure()
        said = [wire.ask(f"USER {TESTER.name}"), wire.ask(f"PASS {TESTER.password}")]
        assert [each.code for each in said] == [331, 230], said
        assert "Injected" not in "".join(each.text for each in said)
        wire.protect()
        assert wire.download("file") == CONTENT
        assert wire.expect("PWD", 257).text.startswith('257 "/"')


# Backends with a wrong identity.


def _identities(trust: Trust) -> dict[str, Identity]:
    def loopback(authority: Authority, name: str, **named: Any) -> Identity:
        return authority.issue(name, addresses=[ADDRESS], **named)

    return {
        "good": trust.backend,
        "wrong name": trust.behind.issue("other.example.com", addresses=["127.0.0.120"]),
        "expired": loopback(trust.behind, "expired", begins=-10 * DAY, ends=timedelta(minutes=-1)),
        "not yet": loopback(trust.behind, "not yet", begins=DAY, ends=10 * DAY),
        "unknown": loopback(trust.unknown, "unknown"),
    }


# The texts in the log.
REASONS = {
    "wrong name": "mismatch",
    "expired": "certificate has expired",
    "not yet": "certificate is not yet valid",
    "unknown": "unable to get local issuer certificate",
}
BELIEVED = {
    "full": {"good"},
    "ca": {"good", "wrong name"},
    "none": {"good", "wrong name", "expired", "not yet", "unknown"},
}


@pytest.mark.parametrize("verify", BELIEVED)
@pytest.mark.parametrize("which", ["good", "wrong name", "expired", "not yet", "unknown"])
@pytest.mark.parametrize("mode", ["explicit", "implicit"])
def test_a_backends_certificate(
    mode: str, which: str, verify: str, trust: Trust, work: Path
) -> None:
    context = server_context(_identities(trust)[which])

    def greeting(conversation: Conversation, _: str) -> str:
        if mode == "implicit":
            conversation.handshake()
        return "220 Scripted server."

    with (
        ScriptedServer(ADDRESS, greeting=greeting, tls=context) as server,
        _behind(work, trust, server, mode=mode, verify=verify) as it,
        TlsWire(it.where(), trust.context()) as wire,
    ):
        wire.greeting()
        wire.secure()
        if which in BELIEVED[verify]:
            wire.expect(f"USER {TESTER.name}", 331)
            return
        assert wire.ask(f"USER {TESTER.name}").code in (421, 530)
        # The backend got neither the name nor the password.
        assert server.count("USER") == 0 and server.count("PASS") == 0
        assert it.counters()["tls_backend_handshakes_failed"] > 0
        said = [str(line) for line in it.log_lines() if line.get("backend") == "only"]
        assert any(REASONS[which] in line for line in said), said


# Clients without a required certificate.


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("which", ["none", "impostor"])
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
def test_a_client_certificate_that_is_missing_or_strange(
    implicit: bool, which: str, version: str, field: Field
) -> None:
    identity = None if which == "none" else field.trust.impostor
    context = field.trust.context(version, identity)
    before = field.ballast.counters()["tls_handshakes_failed"]
    with pytest.raises((ssl.SSLError, Truncated, Closed)):
        wire = field.wire("certificate", context=context, implicit=implicit)
        with wire:
            if not implicit:
                wire.greeting()
                wire.secure()
            # Under 1.3 the client finishes its handshake before the other side has checked it.
            wire.ask("NOOP")
    waiting.until(
        "it is counted",
        lambda: field.ballast.counters()["tls_handshakes_failed"] == before + 1,
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("listener", ["certificate", "requested"])
def test_a_client_certificate_is_taken_and_its_subject_logged(
    listener: str, version: str, field: Field
) -> None:
    context = field.trust.context(version, field.trust.client)
    mark = field.ballast.log_mark()
    with field.wire(listener, context=context).log_in_protected() as wire:
        assert wire.download("file") == CONTENT
    field.ballast.wait_for_log(
        "the subject", lambda line: "partner 7" in str(line.values()), since=mark
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_requested_certificate_may_be_left_out(version: str, field: Field) -> None:
    with field.wire("requested", version).log_in_protected() as wire:
        assert wire.download("file") == CONTENT


# PROT P is required and missing.


def test_data_in_clear_is_refused_where_tls_is_due(field: Field) -> None:
    with field.wire("data") as wire:
        wire.greeting()
        wire.secure()
        wire.expect(f"USER {TESTER.name}", 331)
        wire.expect(f"PASS {TESTER.password}", 230)
        wire.passive_address()
        wire.expect("RETR file", 521)
        wire.expect("STOR new", 521)
        wire.expect("PBSZ 0", 200)
        wire.expect("PROT C", 534)
        wire.passive_address()
        wire.expect("LIST", 521)
        wire.expect("PROT P", 200)
        assert wire.download("file") == CONTENT
    assert not (field.server.root / "new").exists()


@pytest.mark.parametrize("data", ["as-client", "always"])
@pytest.mark.parametrize("verb", ["RETR file", "STOR new"])
def test_a_backend_that_refuses_prot_p(verb: str, data: str, trust: Trust, work: Path) -> None:
    answers: dict[str, Answer] = {"PROT": "534 Not here.", "RETR": _send(CONTENT)}
    with (
        ScriptedServer(ADDRESS, answers, tls=server_context(trust.backend)) as server,
        _behind(work, trust, server, data=data) as it,
        TlsWire(it.where(), trust.context()).log_in_protected() as wire,
    ):
        with wire.passive() as plain:
            wire.send(verb)
            with contextlib.suppress(OSError, Truncated):
                protected = wire.protected(plain)
                protected.end()
                read_all(protected)
            assert _last_code(wire) == 522
        # There is no fallback to clear text.
        assert server.count("RETR") == 0 and server.count("STOR") == 0
        it.wait_for_log(
            "what to set", lambda line: 'data = "never"' in " ".join(map(str, line.values()))
        )


# Versions.


@pytest.mark.parametrize("version", ["1.1"])
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
def test_old_versions_of_clients_are_refused(implicit: bool, version: str, field: Field) -> None:
    context = field.trust.context(version)
    with pytest.raises((ssl.SSLError, Truncated)):
        wire = field.wire("required", context=context, implicit=implicit)
        with wire:
            wire.greeting()
            wire.secure()
    # If enabled, they work.
    with field.wire("old", context=context).log_in_protected() as wire:
        assert wire.tls.version == "1.1"
        assert wire.download("file") == CONTENT


def test_a_backend_of_an_old_version_is_refused(trust: Trust, work: Path) -> None:
    context = server_context(trust.backend, version="1.1")
    with ScriptedServer(ADDRESS, {"RETR": _send(CONTENT)}, tls=context) as server:
        with (
            _behind(work / "new", trust, server) as it,
            TlsWire(it.where(), trust.context()) as wire,
        ):
            wire.greeting()
            wire.secure()
            assert wire.ask(f"USER {TESTER.name}").code in (421, 530)
            assert server.count("USER") == 0
        old = {"min_version": "1.0", "ciphers": "DEFAULT:@SECLEVEL=0"}
        with (
            _behind(work / "old", trust, server, **old) as it,
            TlsWire(it.where(), trust.context()).log_in_protected() as wire,
        ):
            assert wire.download("file") == CONTENT


@pytest.mark.parametrize("version", VERSIONS)
def test_no_cipher_without_forward_secrecy(version: str, field: Field) -> None:
    with field.wire("required", version).log_in_protected() as wire:
        assert wire.tls.version == version
        assert version == "1.3" or wire.tls.cipher.startswith("ECDHE-")
    if version == "1.2":
        context = field.trust.context("1.2")
        context.set_ciphers("AES128-GCM-SHA256:AES256-GCM-SHA384")
        with field.wire("required", context=context) as wire:
            wire.greeting()
            with pytest.raises((ssl.SSLError, Truncated)):
                wire.secure()


# Clear text where TLS is required.


def test_a_client_that_says_auth_and_goes_on_in_clear(field: Field) -> None:
    with Wire(field.ballast.where("required")) as wire:
        wire.greeting()
        wire.expect("AUTH TLS", 234)
        wire.send(f"USER {TESTER.name}", f"PASS {TESTER.password}")
        received = _everything(wire)
        # At most an alert.
        assert b"331" not in received and b"230" not in received
        assert received == b"" or received[0] == 21, received


def test_clear_text_at_the_implicit_port(field: Field) -> None:
    with Wire(field.ballast.where("required", implicit=True)) as wire:
        wire.send("FEAT", f"USER {TESTER.name}")
        received = _everything(wire)
        assert b"220" not in received and b"211" not in received
        assert received == b"" or received[0] == 21, received


def test_silence_at_the_implicit_port_and_behind_auth_ends(field: Field) -> None:
    for implicit in (False, True):
        with Wire(field.ballast.where("required", implicit=implicit)) as wire:
            if not implicit:
                wire.greeting()
                wire.expect("AUTH TLS", 234)
            # handshake_timeout.
            received = _everything(wire)
            assert received == b"" or received[0] == 21, received


def _everything(wire: Wire) -> bytes:
    wire.plain.settimeout(waiting.PATIENCE)
    with contextlib.suppress(ConnectionResetError):
        return read_all(wire.plain)
    return b""


@pytest.mark.parametrize("listener", ["login", "data"])
def test_a_log_in_in_clear_is_refused_where_tls_is_due(listener: str, field: Field) -> None:
    with Wire(field.ballast.where(listener)) as wire:
        wire.greeting()
        wire.expect(f"USER {TESTER.name}", 530)
        wire.expect(f"PASS {TESTER.password}", 503, 530)
        wire.expect("PWD", 530)
    logins = field.server.count(f"login {TESTER.name}")
    with field.wire(listener).log_in_protected() as wire:
        assert wire.download("file") == CONTENT
    assert field.server.count(f"login {TESTER.name}") == logins + 1


@pytest.mark.parametrize("verb", ["STOR clear", "APPE clear", "RETR file"])
@pytest.mark.parametrize("listener", ["required", "login"])
def test_clear_text_on_a_data_connection(verb: str, listener: str, field: Field) -> None:
    with field.wire(listener).log_in_protected() as wire:
        with wire.passive() as plain:
            wire.send(verb)
            with contextlib.suppress(OSError):
                plain.sendall(b"GET / HTTP/1.0 and other things in clear\r\n" * 10)
                received = read_all(plain)
                assert CONTENT not in received
            assert _last_code(wire) in ((522,) if listener == "required" else (522, 425, 426))
        assert wire.download("file") == CONTENT
    path = field.server.root / "clear"
    assert not path.exists() or path.read_bytes() == b""


@pytest.mark.parametrize("verb", ["STOR silent", "RETR file"])
def test_silence_on_a_data_connection(verb: str, field: Field) -> None:
    with field.wire("required").log_in_protected() as wire:
        with wire.passive() as plain:
            wire.send(verb)
            with contextlib.suppress(OSError):
                assert CONTENT not in read_all(plain)
            assert _last_code(wire) in (522, 425, 426)
        assert wire.download("file") == CONTENT
    assert not (field.server.root / "silent").exists()


# Backends that do not keep their word.


@pytest.mark.parametrize(
    "answer", ["500 AUTH?", "502 No.", "534 No.", "421 Later."], ids=lambda each: each[:3]
)
def test_a_backend_that_refuses_auth_is_told_nothing(
    answer: str, trust: Trust, work: Path
) -> None:
    with (
        ScriptedServer(ADDRESS, {"AUTH": answer}, tls=server_context(trust.backend)) as server,
        _behind(work, trust, server) as it,
        TlsWire(it.where(), trust.context()) as wire,
    ):
        wire.greeting()
        wire.secure()
        assert wire.ask(f"USER {TESTER.name}").code in (421, 530)
        assert server.count("AUTH") > 0
        assert server.count("USER") == 0 and server.count("PASS") == 0


@pytest.mark.parametrize("words", ["331 Password, please.", "220 Hello again.", ""], ids=str)
def test_a_backend_that_answers_auth_and_goes_on_in_clear(
    words: str, trust: Trust, work: Path
) -> None:
    heard = threading.Event()
    received: list[bytes] = []

    def auth(conversation: Conversation, _: str) -> None:
        conversation.say("234 Go ahead.")
        # The ClientHello.
        received.append(conversation.plain.recv(65536))
        if words:
            conversation.say(words)
        with contextlib.suppress(OSError):
            while more := conversation.plain.recv(65536):
                received.append(more)
        heard.set()

    with (
        ScriptedServer(ADDRESS, {"AUTH": auth}) as server,
        _behind(work, trust, server) as it,
        TlsWire(it.where(), trust.context()) as wire,
    ):
        wire.greeting()
        wire.secure()
        assert wire.ask(f"USER {TESTER.name}").code in (421, 530)
        assert heard.wait(waiting.PATIENCE)
        said = b"".join(received)
        assert TESTER.name.encode() not in said and TESTER.password.encode() not in said
        assert server.count("USER") == 0


def test_a_backend_that_sends_data_in_clear(trust: Trust, work: Path) -> None:
    def send(conversation: Conversation, _: str) -> str:
        conversation.say("150 Here it comes.")
        with conversation.data() as data:
            with contextlib.suppress(OSError):
                data.sendall(CONTENT * 1000)
                while data.recv(65536):
                    pass
        return "226 Sent."

    with (
        ScriptedServer(ADDRESS, {"RETR": send}, tls=server_context(trust.backend)) as server,
        _behind(work, trust, server) as it,
        TlsWire(it.where(), trust.context()).log_in_protected() as wire,
    ):
        with wire.passive() as plain:
            wire.send("RETR file")
            with pytest.raises((OSError, Truncated)):
                data = wire.protected(plain)
                assert read_all(data) == b""
                pytest.fail("that was a clean end")
            assert _last_code(wire) in (425, 426, 451, 522)


@pytest.mark.parametrize("verb", ["RETR file", "STOR new"])
def test_a_backend_whose_data_comes_from_somebody_else(
    verb: str, trust: Trust, work: Path
) -> None:
    """A data connection that ends at another server, whose certificate is not valid for the
    backend."""
    stranger = server_context(_identities(trust)["unknown"])

    def transfer(conversation: Conversation, _: str) -> str:
        conversation.say("150 Now.")
        with conversation.data() as plain, contextlib.suppress(OSError, ssl.SSLError, Truncated):
            data = TlsStream(plain, stranger, server_side=True)
            data.sendall(CONTENT)
            conversation.server.heard("GOT " + read_all(data).decode())
        return "226 Done."

    answers: dict[str, Answer] = {"RETR": transfer, "STOR": transfer}
    with (
        ScriptedServer(ADDRESS, answers, tls=server_context(trust.backend)) as server,
        _behind(work, trust, server) as it,
        TlsWire(it.where(), trust.context()).log_in_protected() as wire,
    ):
        with wire.passive() as plain:
            wire.send(verb)
            with contextlib.suppress(OSError, Truncated):
                data = wire.protected(plain)
                if verb.startswith("STOR"):
                    data.sendall(CONTENT)
                    data.end()
                assert CONTENT not in read_all(data)
            assert _last_code(wire) in (425, 426, 451, 522)
        assert server.count(f"GOT {CONTENT.decode()}") == 0


# Secrets.


def test_no_key_or_password_is_in_a_log(field: Field) -> None:
    with field.wire("required").log_in_protected() as wire:
        assert wire.download("file") == CONTENT
    it = field.ballast
    text = "".join(path.read_text() for path in (it.log, it.output, it.xferlog, it.transfer_log))
    key = field.trust.listener.key.read_text().splitlines()[1]
    assert TESTER.name in text
    assert TESTER.password not in text
    assert key not in text and "PRIVATE" not in text
