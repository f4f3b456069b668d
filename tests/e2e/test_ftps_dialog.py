# SPDX-License-Identifier: Apache-2.0
"""AUTH, PBSZ, PROT, CCC and their effects, word by word (RFC 4217)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Pool
from certificates import Authority, for_loopback
from ports import free_port
from servers import TESTER, PyFtpd
from tls import client_context
from wire import TlsWire, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="servers differ from each other in all of this")

CONTENT = b"small file"
LISTENERS = {
    "usual": {},
    "ccc": {"ccc": True},
    "implicit-only": {"explicit": False},
    "strict": {"require": "login-and-data"},
}


class Field:
    def __init__(self, work: Path) -> None:
        self.authority = Authority(work)
        identity = for_loopback(self.authority, "ftp.example.com")
        self.server = PyFtpd(work, work / "files", "127.0.0.161")
        (self.server.root / "small").write_bytes(CONTENT)
        table = {"certificate": identity.certificate, "key": identity.key}
        listeners = [
            Listener(name, "pool", tls={**table, **settings}, implicit_port=free_port())
            for name, settings in LISTENERS.items()
        ]
        listeners.append(Listener("none", "pool"))
        self.ballast = Ballast(work, listeners, [Pool("pool", [Backend("only", self.server)])])

    def wire(self, listener: str = "usual", *, implicit: bool = False) -> TlsWire:
        """A session after the greeting."""
        context = client_context(self.authority.certificate)
        where = self.ballast.where(listener, implicit=implicit)
        wire = TlsWire(where, context, implicit=implicit)
        wire.greeting()
        return wire


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with field.server, field.ballast:
        yield field


def _log_in(wire: Wire) -> None:
    wire.expect(f"USER {TESTER.name}", 331)
    wire.expect(f"PASS {TESTER.password}", 230)


def _download_clear(wire: Wire) -> None:
    with wire.passive() as data:
        wire.expect("RETR small", 150, 125)
        assert read_all(data) == CONTENT
    assert wire.reply().code == 226


def _features(wire: Wire) -> set[str]:
    lines = wire.expect("FEAT", 211).text.splitlines()[1:-1]
    return {line.strip() for line in lines}


# Each implies a protection of data (RFC 4217 17; AUTH SSL as in its drafts).


@pytest.mark.parametrize("how", ["TLS", "TLS-C", "tls", "Tls-C"])
def test_auth_tls_begins_with_data_in_clear(how: str, field: Field) -> None:
    with field.wire() as wire:
        wire.secure(how)
        _log_in(wire)
        wire.expect("PROT P", 503)
        _download_clear(wire)
        wire.protect()
        assert wire.download("small") == CONTENT
        wire.expect("PROT C", 200)
        _download_clear(wire)


@pytest.mark.parametrize("how", ["TLS-P", "SSL", "ssl"])
def test_auth_tls_p_and_ssl_begin_with_data_protected(how: str, field: Field) -> None:
    with field.wire() as wire:
        wire.secure(how)
        _log_in(wire)
        assert wire.download("small") == CONTENT
        wire.expect("PBSZ 0", 200)
        wire.expect("PROT C", 200)
        _download_clear(wire)


def test_implicit_tls_begins_with_data_protected(field: Field) -> None:
    with field.wire(implicit=True) as wire:
        _log_in(wire)
        assert wire.download("small") == CONTENT
        wire.expect("PBSZ 0", 200)
        wire.expect("PROT C", 200)
        _download_clear(wire)


@pytest.mark.parametrize("argument", ["KERBEROS_V4", "GSSAPI", "TLS-X", "TLSv1"])
def test_other_mechanisms_are_504(argument: str, field: Field) -> None:
    with field.wire() as wire:
        wire.expect(f"AUTH {argument}", 504)
        wire.expect("AUTH", 501)
        # The session still works.
        wire.secure()
        _log_in(wire)


def test_auth_after_auth_is_503(field: Field) -> None:
    with field.wire() as wire:
        wire.secure()
        wire.expect("AUTH TLS", 503)
        _log_in(wire)
        wire.expect("AUTH SSL", 503)
        _download_clear(wire)
    with field.wire(implicit=True) as wire:
        wire.expect("AUTH TLS", 503)
        _log_in(wire)


def test_auth_after_a_log_in_in_clear_forgets_it(field: Field) -> None:
    with field.wire() as wire:
        _log_in(wire)
        wire.expect("CWD /", 250)
        if wire.ask("AUTH TLS").code == 234:
            wire.handshake()
            # RFC 4217 4.2: as after the greeting.
            wire.expect("PWD", 530)
        _log_in(wire)
        wire.protect()
        assert wire.download("small") == CONTENT


def test_pbsz_and_prot_in_their_order(field: Field) -> None:
    with field.wire() as wire:
        wire.expect("PBSZ 0", 503)
        wire.expect("PROT P", 503)
        wire.secure()
        wire.expect("PROT P", 503)
        wire.expect("PBSZ none", 501)
        wire.expect("PROT P", 503)
        # Any size is accepted, and the reply says which one counts.
        assert "0" in wire.expect("PBSZ 8192", 200).text
        for level, code in (("S", 536), ("E", 536), ("X", 504), ("p", 200), ("C", 200)):
            wire.expect(f"PROT {level}", code)
        # Before and after the login.
        wire.expect("PROT P", 200)
        _log_in(wire)
        assert wire.download("small") == CONTENT


def test_prot_between_the_address_and_the_transfer(field: Field) -> None:
    with field.wire() as wire:
        wire.secure()
        _log_in(wire)
        wire.expect("PBSZ 0", 200)
        with wire.passive() as plain:
            wire.expect("PROT P", 200)
            wire.expect("RETR small", 150, 125)
            with wire.protected(plain) as data:
                assert read_all(data) == CONTENT
                data.close_notify()
        assert wire.reply().code == 226


def test_rein_under_tls_is_502(field: Field) -> None:
    with field.wire() as wire:
        wire.secure()
        wire.expect("REIN", 502)
        _log_in(wire)
        wire.expect("REIN", 502)
        _download_clear(wire)


def test_ccc_where_it_is_allowed(field: Field) -> None:
    with field.wire("ccc") as wire:
        wire.expect("CCC", 533)
        wire.secure()
        _log_in(wire)
        wire.protect()
        session = wire.tls.session
        wire.expect("CCC", 200)
        plain = wire.tls.unwrap()
        wire.socket = plain
        wire.expect("NOOP", 200)
        # Data stays protected (RFC 4217 6), and there is no way back.
        wire.expect("AUTH TLS", 503)
        with wire.passive() as data_plain:
            wire.expect("RETR small", 150, 125)
            with wire.protected(data_plain, session=session) as data:
                assert read_all(data) == CONTENT
                data.close_notify()
        assert wire.reply().code == 226
        wire.expect("QUIT", 221)
        assert wire.at_end()


def test_ccc_where_it_is_not(field: Field) -> None:
    with field.wire() as wire:
        wire.secure()
        _log_in(wire)
        wire.expect("CCC", 534)
        _download_clear(wire)


def test_what_feat_lists(field: Field) -> None:
    tls = {"AUTH TLS", "PBSZ", "PROT"}
    with field.wire() as wire:
        assert tls <= _features(wire)
        assert "CCC" not in _features(wire)
        wire.secure()
        assert {"PBSZ", "PROT"} <= _features(wire)
    with field.wire("ccc") as wire:
        assert tls | {"CCC"} <= _features(wire)
    with Wire(field.ballast.where("none")) as plain:
        plain.greeting()
        assert not (tls | {"CCC"}) & _features(plain)


def test_a_listener_without_tls_knows_none_of_it(field: Field) -> None:
    with Wire(field.ballast.where("none")) as wire:
        wire.greeting()
        for command in ("AUTH TLS", "PBSZ 0", "PROT P", "CCC"):
            wire.expect(command, 502)
        _log_in(wire)
        _download_clear(wire)


def test_a_listener_with_implicit_tls_only(field: Field) -> None:
    with field.wire("implicit-only") as wire:
        wire.expect("AUTH TLS", 502)
    with field.wire("implicit-only", implicit=True) as wire:
        _log_in(wire)
        assert wire.download("small") == CONTENT


def test_a_session_that_ends_under_tls_ends_with_close_notify(field: Field) -> None:
    with field.wire() as wire:
        wire.secure()
        wire.expect("QUIT", 221)
        # `at_end` would hide an end without close_notify (Truncated).
        wire.tls.settimeout(30)
        assert wire.tls.recv(1) == b""


@pytest.mark.parametrize("pause", [False, True])
def test_a_client_hello_that_comes_before_the_command(pause: bool, field: Field) -> None:
    """curl waits a little for the handshake before it sends RETR; other clients wait without a
    limit."""
    with field.wire() as wire:
        wire.secure()
        _log_in(wire)
        wire.protect()
        with wire.passive() as plain:
            if pause:
                # The whole handshake comes before the command.
                data = wire.protected(plain)
                wire.expect("TYPE I", 200)
                wire.expect("RETR small", 150, 125)
            else:
                wire.send("RETR small")
                data = wire.protected(plain)
                assert wire.reply().code in (150, 125)
            assert read_all(data) == CONTENT
            data.close_notify()
        assert wire.reply().code == 226


def test_an_error_instead_of_a_transfer_leaves_the_handshake_behind(field: Field) -> None:
    with field.wire() as wire:
        wire.secure()
        _log_in(wire)
        wire.protect()
        for _ in range(3):
            with wire.passive():
                # No handshake: the client waits for a 150 that never comes.
                wire.expect("RETR missing", 550)
            with wire.passive() as plain:
                wire.protected(plain)
                wire.expect("RETR missing", 550)
        assert wire.download("small") == CONTENT
