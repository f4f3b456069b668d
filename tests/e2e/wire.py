# SPDX-License-Identifier: Apache-2.0
"""A control connection by hand, for dialogs that no real client has."""

import contextlib
import re
import socket
import ssl
import struct
from dataclasses import dataclass

from servers import TESTER, Account
from tls import TlsStream, Truncated

SECONDS = 30.0


@dataclass(frozen=True)
class Reply:
    code: int
    text: str

    def __str__(self) -> str:
        return self.text


class Closed(Exception):
    """The other side has ended the connection."""


class Wire:
    def __init__(
        self, where: tuple[str, int], *, source: str | None = None, seconds: float = SECONDS
    ) -> None:
        """`seconds` is for the connection to be made."""
        self.plain = socket.create_connection(
            where, seconds, source_address=(source, 0) if source else None
        )
        self.socket: socket.socket | TlsStream = self.plain
        self._received = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, *commands: str) -> None:
        """Sends all lines in one segment."""
        self.send_bytes(b"".join(f"{each}\r\n".encode() for each in commands))

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_urgent(self, data: bytes) -> None:
        self.plain.send(data, socket.MSG_OOB)

    def line(self) -> bytes:
        """The next line, without its end."""
        while b"\n" not in self._received:
            try:
                more = self.socket.recv(65536)
            except (ConnectionResetError, Truncated) as reset:
                raise Closed(str(reset)) from reset
            if not more:
                raise Closed(f"ended, with {self._received!r} left")
            self._received += more
        line, _, self._received = self._received.partition(b"\n")
        return line.rstrip(b"\r")

    def reply(self, seconds: float = SECONDS) -> Reply:
        """The next reply, all its lines."""
        self.socket.settimeout(seconds)
        first = self.line()
        lines = [first]
        assert re.match(rb"\d{3}[ -]|\d{3}$", first), first
        if first[3:4] == b"-":
            while not lines[-1].startswith(first[:3] + b" ") or len(lines) == 1:
                lines.append(self.line())
        return Reply(int(first[:3]), b"\n".join(lines).decode(errors="replace"))

    def is_silent(self, seconds: float) -> bool:
        """Whether no byte comes for that long."""
        self.socket.settimeout(seconds)
        try:
            self._received += self.socket.recv(65536)
        except TimeoutError:
            return not self._received
        finally:
            self.socket.settimeout(SECONDS)
        return False

    def ask(self, command: str) -> Reply:
        self.send(command)
        return self.reply()

    def expect(self, command: str, *codes: int) -> Reply:
        reply = self.ask(command)
        assert reply.code in codes, f"{command.split()[0]}: {reply}"
        return reply

    def greeting(self) -> Reply:
        reply = self.reply()
        assert reply.code == 220, reply
        return reply

    def log_in(self, account: Account = TESTER) -> "Wire":
        self.greeting()
        if self.expect(f"USER {account.name}", 331, 230).code == 331:
            self.expect(f"PASS {account.password}", 230)
        self.expect("TYPE I", 200)
        return self

    def at_end(self, seconds: float = SECONDS) -> bool:
        """Whether the other side ends the connection without another reply."""
        self.socket.settimeout(seconds)
        try:
            return not self._received and self.socket.recv(1) == b""
        except (ConnectionResetError, Truncated):
            return True

    # Data connections. All functions return a connected socket or a listener, with a timeout.

    def passive_address(self, verb: str = "EPSV") -> tuple[str, int]:
        """PASV's or EPSV's answer."""
        if verb == "PASV":
            text = self.ask_ok(227, "PASV")
            numbers = re.search(r"\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)", text)
            assert numbers
            *host, high, low = numbers.groups()
            return ".".join(host), int(high) * 256 + int(low)
        port = re.search(r"\((.)\1\1(\d+)\1\)", self.ask_ok(229, "EPSV"))
        assert port
        return self.socket.getpeername()[0], int(port[2])

    def ask_ok(self, code: int, command: str) -> str:
        return self.expect(command, code).text

    def passive(self, verb: str = "EPSV", *, receive_buffer: int = 0) -> socket.socket:
        where = self.passive_address(verb)
        family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        data = socket.socket(family)
        if receive_buffer:
            data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        data.settimeout(SECONDS)
        # From the address of the control connection.
        data.bind((self.socket.getsockname()[0], 0))
        data.connect(where)
        return data

    def listen(self, verb: str = "EPRT") -> socket.socket:
        """A listener, announced by PORT or EPRT."""
        own = self.socket.getsockname()[0]
        family = socket.AF_INET6 if ":" in own else socket.AF_INET
        listener = socket.create_server((own, 0), family=family, backlog=1)
        listener.settimeout(SECONDS)
        port = listener.getsockname()[1]
        if verb == "PORT":
            self.expect(f"PORT {','.join(own.split('.'))},{port // 256},{port % 256}", 200)
        else:
            self.expect(f"EPRT |{2 if ':' in own else 1}|{own}|{port}|", 200)
        return listener


class TlsWire(Wire):
    """One that can speak TLS. `resume` offers the control connection's session on data connections
    that `protected` makes."""

    def __init__(
        self,
        where: tuple[str, int],
        context: ssl.SSLContext,
        *,
        implicit: bool = False,
        resume: bool = True,
        server_name: str | None = None,
        session: ssl.SSLSession | None = None,
        source: str | None = None,
        preface: bytes = b"",
    ) -> None:
        """`server_name` is the SNI and the name in the certificate; the address if left out.
        `preface` goes before everything, in plain text."""
        super().__init__(where, source=source)
        self.send_bytes(preface)
        self.context = context
        self.resume = resume
        self.server_name = server_name or where[0]
        if implicit:
            self.handshake(session)

    @property
    def tls(self) -> TlsStream:
        assert isinstance(self.socket, TlsStream), "no TLS"
        return self.socket

    def handshake(self, session: ssl.SSLSession | None = None) -> None:
        self.socket = TlsStream(
            self.plain, self.context, server_name=self.server_name, session=session
        )

    def secure(self, how: str = "TLS", session: ssl.SSLSession | None = None) -> "TlsWire":
        """AUTH and the handshake."""
        self.expect(f"AUTH {how}", 234)
        assert not self._received, f"clear text behind the 234: {self._received!r}"
        self.handshake(session)
        return self

    def protect(self, level: str = "P") -> "TlsWire":
        self.expect("PBSZ 0", 200)
        self.expect(f"PROT {level}", 200)
        return self

    def log_in_protected(self, account: Account = TESTER) -> "TlsWire":
        """Explicit TLS, log-in, PROT P."""
        self.greeting()
        self.secure()
        if self.expect(f"USER {account.name}", 331, 230).code == 331:
            self.expect(f"PASS {account.password}", 230)
        self.protect()
        self.expect("TYPE I", 200)
        return self

    def protected(
        self, plain: socket.socket, *, session: ssl.SSLSession | None = None
    ) -> TlsStream:
        """The handshake on a data connection."""
        if session is None and self.resume:
            session = self.tls.session
        return TlsStream(plain, self.context, server_name=self.server_name, session=session)

    def download(self, name: str) -> bytes:
        """PROT P, EPSV."""
        with self.passive() as plain:
            self.expect(f"RETR {name}", 150, 125)
            with self.protected(plain) as data:
                content = read_all(data)
                # The other side may have closed both ways.
                with contextlib.suppress(OSError):
                    data.end()
        reply = self.reply()
        assert reply.code == 226, reply
        return content

    def upload(self, name: str, content: bytes) -> None:
        """PROT P, EPSV."""
        with self.passive() as plain:
            self.expect(f"STOR {name}", 150, 125)
            with self.protected(plain) as data:
                data.sendall(content)
                data.end()
                # Not every server answers with close_notify.
                with contextlib.suppress(OSError, Truncated):
                    read_all(data)
        reply = self.reply()
        assert reply.code == 226, reply


def read_all(data: socket.socket | TlsStream) -> bytes:
    """Reads to the clean end. A reset raises ConnectionResetError, and a bad end under TLS raises
    Truncated."""
    parts = []
    while part := data.recv(65536):
        parts.append(part)
    return b"".join(parts)


def reset(connection: socket.socket) -> None:
    """Closes with RST."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
