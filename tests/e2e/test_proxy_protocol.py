# SPDX-License-Identifier: Apache-2.0
"""Proxies in front of the balancer, whose PROXY header names the client; and the balancer's own
header to the backends."""

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Place, Pool, running
from certificates import Authority, for_loopback
from haproxy import HaProxy
from ports import free_port
from servers import PyFtpd
from tls import client_context
from wire import SECONDS, Closed, TlsWire, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer")

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CONTENT = b"what is in the file"
# HAProxy's address, and a client that is not admitted.
PROXY = "127.0.0.190"
UNWELCOME = "127.0.0.77"
CLIENT = "127.0.0.78"


def v1(client: str, reached: str, port: int = 21) -> bytes:
    return f"PROXY TCP4 {client} {reached} 50000 {port}\r\n".encode()


def v2(client: str, reached: str, port: int = 21, extra: bytes = b"") -> bytes:
    addresses = socket.inet_aton(client) + socket.inet_aton(reached) + struct.pack("!HH", 50000, port)
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", len(addresses + extra)) + addresses + extra


class Field:
    def __init__(self, work: Path) -> None:
        self.work = work
        authority = Authority(work)
        self.server = PyFtpd(work, work / "files", "127.0.0.171")
        (self.server.root / "file").write_bytes(CONTENT)
        common = {
            "proxy_from": [f"{PROXY}/32", "127.0.0.2"],
            "proxy_timeout": "1s",
            "deny_from": [UNWELCOME],
        }
        identity = for_loopback(authority, "ftp.example.com", "127.0.0.1")
        tls = {"certificate": identity.certificate, "key": identity.key}
        self.context = client_context(authority.certificate)
        listeners = [
            Listener("data", "files", ["127.0.0.1"], {**common, "proxy_data": True}),
            Listener(
                *("control", "files", ["127.0.0.1"]),
                # A shared range would expect headers in both.
                {**common, "passive_ports": f"{free_port()}"},
                tls=tls,
                implicit_port=free_port(),
            ),
        ]
        self.ballast = Ballast(work, listeners, [Pool("files", [Backend("only", self.server)])])

    def proxied(self, header: bytes, listener: str = "control") -> Wire:
        wire = Wire(self.ballast.where(listener), source="127.0.0.2")
        wire.send_bytes(header)
        return wire


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with running([field.server], field.ballast):
        yield field


@pytest.mark.parametrize("header", ["send-proxy", "send-proxy-v2"])
def test_haproxy_in_front_of_control_and_data(header: str, field: Field) -> None:
    ballast = field.ballast
    with HaProxy(
        field.work,
        "127.0.0.191" if header == "send-proxy" else "127.0.0.192",
        PROXY,
        control=ballast.where("data"),
        data=ballast.passive_ports,
        header=header,
        data_header=header,
    ) as proxy:
        # The lists apply to the client, not to the proxy.
        with Wire(proxy.where, source=UNWELCOME) as refused:
            assert refused.reply().code == 421
        with Wire(proxy.where, source=CLIENT).log_in() as wire:
            # PASV announces the address that the client connected to.
            assert wire.passive_address("PASV")[0] == proxy.address
            for verb in ("PASV", "EPSV"):
                with wire.passive(verb) as data:
                    wire.expect("RETR file", 125, 150)
                    assert read_all(data) == CONTENT
                assert wire.reply().code == 226
                with wire.passive(verb) as data:
                    wire.expect(f"STOR new-{verb}", 125, 150)
                    data.sendall(CONTENT)
                assert wire.reply().code == 226
                assert (field.server.root / f"new-{verb}").read_bytes() == CONTENT
            # An active client may name only its own address.
            with wire.listen("PORT") as listener:
                wire.expect("RETR file", 125, 150)
                data, peer = listener.accept()
                with data:
                    assert read_all(data) == CONTENT
                assert peer[0] == "127.0.0.1"
            assert wire.reply().code == 226
            wire.expect("PORT 127,0,0,190,200,1", 501)
            wire.expect("QUIT", 221)
        ended = ballast.wait_for_transfer(lambda each: each["file"].endswith("new-EPSV"))
        assert ended["client"].startswith(CLIENT)


@pytest.mark.parametrize(
    "header",
    [
        v1(CLIENT, "192.0.2.1"),
        v2(CLIENT, "192.0.2.1"),
        # Unknown fields are ignored.
        v2(CLIENT, "192.0.2.1", extra=b"\xe0\0\3abc\x04\0\0"),
    ],
)
def test_a_header_may_come_in_pieces_and_the_dialog_right_behind(
    header: bytes, field: Field
) -> None:
    mark = field.ballast.log_mark()
    with Wire(field.ballast.where("control"), source="127.0.0.2") as wire:
        wire.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in header:
            wire.send_bytes(bytes([byte]))
        wire.send("USER tester")
        wire.greeting()
        assert wire.reply().code == 331
    line = field.ballast.wait_for_log(
        "the session", lambda line: line["message"] == "session began", since=mark
    )
    assert line["client"] == f"{CLIENT}:50000" and line["local"] == "192.0.2.1:21"


def test_a_header_goes_before_implicit_tls(field: Field) -> None:
    where = field.ballast.where("control", implicit=True)
    with TlsWire(where, field.context, server_name="ftp.example.com") as wire:
        # This address is not a proxy's, so the header is not a ClientHello.
        wire.send_bytes(v1(CLIENT, "127.0.0.1"))
        assert wire.plain.recv(1) in (b"", b"\x15")
    with TlsWire(
        where,
        field.context,
        implicit=True,
        server_name="ftp.example.com",
        source="127.0.0.2",
        preface=v2(CLIENT, "127.0.0.1", 990),
    ) as wire:
        wire.log_in()


def test_what_the_proxy_says_for_itself(field: Field) -> None:
    """Health checks: the connection's own addresses count."""
    for header in (b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\0\0\0"):
        mark = field.ballast.log_mark()
        with field.proxied(header) as wire:
            wire.greeting()
        line = field.ballast.wait_for_log(
            "the session", lambda line: line["message"] == "session began", since=mark
        )
        assert line["client"].startswith("127.0.0.2:")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"USER tester\r\n", "no PROXY header"),
        (b"PROXY TCP4 127.0.0.78 127.0.0.1 70000 21\r\n", "malformed"),
        (SIGNATURE + b"\x21\x11\xff\xff", "too long"),
        (b"PROXY TCP4 127.0.0.78 ", "too long"),
        (b"", "too long"),
    ],
)
def test_a_proxy_without_a_header_is_sent_away(said: bytes, reason: str, field: Field) -> None:
    mark = field.ballast.log_mark()
    before = field.ballast.counters()["proxy_headers_refused"]
    with field.proxied(said) as wire, pytest.raises(Closed):
        wire.reply()
    line = field.ballast.wait_for_log(
        "why", lambda line: line["message"] == "a connection of a proxy was closed", since=mark
    )
    assert reason in line["reason"] or "took too long" in line["reason"]
    assert field.ballast.counters()["proxy_headers_refused"] == before + 1


def test_nobody_else_is_believed(field: Field) -> None:
    with Wire(field.ballast.where("control")) as wire:
        wire.send_bytes(v1(CLIENT, "127.0.0.1"))
        wire.greeting()
        assert wire.reply().code == 500
    # A client that the lists forbid cannot use another client's name.
    with Wire(field.ballast.where("control"), source=UNWELCOME) as wire:
        wire.send_bytes(v1(CLIENT, "127.0.0.1"))
        assert wire.reply().code == 421


def test_a_data_connection_of_another_client_of_the_proxy(field: Field) -> None:
    """Both come from the proxy's address: only the header tells them apart."""
    with field.proxied(v1(CLIENT, "127.0.0.1"), "data") as wire:
        wire.log_in()
        where = wire.passive_address("EPSV")
        wire.send("RETR file")

        def come(client: str) -> socket.socket:
            data = socket.create_connection(where, SECONDS, source_address=("127.0.0.2", 0))
            data.sendall(v2(client, "127.0.0.1", where[1]))
            return data

        with come("127.0.0.79") as thief, pytest.raises(ConnectionResetError):
            read_all(thief)
        with come(CLIENT) as data:
            assert wire.reply().code in (125, 150)
            assert read_all(data) == CONTENT
        assert wire.reply().code == 226


def test_the_balancer_tells_the_backend_of_the_clients_tls(work: Path) -> None:
    """As HAProxy's proxy-protocol.txt has it: type, length, value."""
    heard: list[bytes] = []
    listening = socket.create_server(("127.0.0.172", 0))

    def serve() -> None:
        with listening:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(SECONDS)
                    head = connection.recv(16, socket.MSG_WAITALL)
                    (length,) = struct.unpack("!H", head[14:])
                    heard.append(head + connection.recv(length, socket.MSG_WAITALL))
                    connection.sendall(b"421 That was all.\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    authority = Authority(work)
    identity = for_loopback(authority, "ftp.example.com")
    visitor = authority.issue("a visitor")
    tls = {
        "certificate": identity.certificate,
        "key": identity.key,
        "client_ca": authority.certificate,
        "client_certificate": "request",
    }
    place = Place("127.0.0.172", listening.getsockname()[1])
    pool = Pool("files", [Backend("only", place)], {"send_proxy": "v2"})
    context = client_context(authority.certificate)
    with Ballast(work, [Listener("ftp", "files", ["127.0.0.1"], tls=tls)], [pool]) as ballast:
        with Wire(ballast.where()) as wire:
            wire.greeting()
            wire.expect("USER tester", 421)
        with TlsWire(ballast.where(), context, server_name="ftp.example.com") as tls_wire:
            tls_wire.greeting()
            tls_wire.secure().expect("USER tester", 421)
        context.load_cert_chain(visitor.certificate, visitor.key)
        with TlsWire(ballast.where(), context, server_name="ftp.example.com") as tls_wire:
            tls_wire.greeting()
            tls_wire.secure().expect("USER tester", 421)
    listening.close()
    # The survey's header names no client.
    own = SIGNATURE + b"\x20\0\0\0"
    sessions = [header for header in heard if header != own]
    plain, secured, known = sessions
    for header in sessions:
        assert header.startswith(SIGNATURE + b"\x21\x11")
        assert header[16:24] == socket.inet_aton("127.0.0.1") * 2
    assert set(_tlvs(plain[28:])) == {5}
    facts = _tlvs(secured[28:])
    assert facts[2] == b"ftp.example.com" and facts[5]
    # Under TLS, without a certificate.
    assert facts[0x20][0] == 1 and facts[0x20][1:5] != bytes(4)
    assert _tlvs(facts[0x20][5:])[0x21] == b"TLSv1.3"
    assert _tlvs(facts[0x20][5:])[0x23].startswith(b"TLS_")
    facts = _tlvs(known[28:])
    assert facts[0x20][:5] == b"\x07\0\0\0\0"
    assert _tlvs(facts[0x20][5:])[0x22] == b"a visitor"


def _tlvs(data: bytes) -> dict[int, bytes]:
    found = {}
    while data:
        kind, length = struct.unpack("!BH", data[:3])
        found[kind] = data[3 : 3 + length]
        data = data[3 + length :]
    return found
