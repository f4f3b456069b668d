# SPDX-License-Identifier: Apache-2.0
"""Python's ftplib as a program: ADDRESS PORT USER PASSWORD MODE RATE TLS VERB ARGUMENTS...

TLS is {} for none, or an object with the fields of clients.ClientTls, and "resumes". Exit status 0
only if ftplib raised nothing. Commands and replies go to standard error.
"""

import ftplib
import json
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO


class Session(ftplib.FTP):
    """ftplib that can also use EPSV and EPRT over IPv4."""

    extended = False

    def putline(self, line: str) -> None:
        shown = "PASS ***" if line.startswith("PASS ") else line
        print(f"> {shown}", file=sys.stderr)
        super().putline(line)

    def getmultiline(self) -> str:
        reply = super().getmultiline()
        print(f"< {reply}", file=sys.stderr)
        return reply

    def makepasv(self) -> tuple[str, int]:
        if not self.extended:
            return super().makepasv()
        return ftplib.parse229(self.sendcmd("EPSV"), self.sock.getpeername())

    def makeport(self) -> socket.socket:
        if not self.extended:
            return super().makeport()
        listener = socket.create_server(("", 0), family=self.af, backlog=1)
        self.sendeprt(self.sock.getsockname()[0], listener.getsockname()[1])
        listener.settimeout(self.timeout)
        return listener


class TlsSession(Session, ftplib.FTP_TLS):
    """Like FTP_TLS: each data connection has a new TLS session."""

    implicit = False
    context: ssl.SSLContext

    def connect(self, host: str = "", port: int = 0, *arguments: Any, **named: Any) -> str:
        if not self.implicit:
            return super().connect(host, port, *arguments, **named)
        # FTP_TLS cannot.
        self.host, self.port = host, port
        plain = socket.create_connection((host, port), self.timeout)
        self.af = plain.family
        self.sock = self.context.wrap_socket(plain, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


class ResumingSession(TlsSession):
    """The control connection's session, on every data connection."""

    # Undo FTP_TLS's own wrapping: it has no session.
    def ntransfercmd(self, cmd: str, rest: Any = None) -> tuple[socket.socket, int | None]:
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            assert isinstance(self.sock, ssl.SSLSocket)
            data = self.context.wrap_socket(
                data, server_hostname=self.host, session=self.sock.session
            )
            print(f"* {data.version()}, resumed: {data.session_reused}", file=sys.stderr)
        return data, size


class SlowReader:
    """A file whose reads are limited to `rate` bytes per second."""

    def __init__(self, file: BinaryIO, rate: int) -> None:
        self._file, self._rate = file, rate

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        _spend(len(data), self._rate)
        return data


def _spend(count: int, rate: int) -> None:
    if rate:
        time.sleep(count / rate)


def _context(tls: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls["ca"])
    if tls["version"]:
        version = ssl.TLSVersion[f"TLSv{tls['version']}".replace(".", "_")]
        context.minimum_version = context.maximum_version = version
    if tls["certificate"]:
        context.load_cert_chain(tls["certificate"])
    return context


def _session(tls: dict[str, Any]) -> Session:
    if not tls:
        return Session(timeout=30)
    kind = ResumingSession if tls["resumes"] else TlsSession
    session = kind(timeout=30, context=_context(tls))
    session.implicit = tls["implicit"]
    return session


def main() -> None:
    address, port, user, password, mode, rate_text, tls_text, verb, *words = sys.argv[1:]
    rate = int(rate_text)
    tls = json.loads(tls_text)
    session = _session(tls)
    session.connect(address, int(port))
    session.login(user, password)
    if isinstance(session, ftplib.FTP_TLS):
        if tls["data"]:
            session.prot_p()
        else:
            # With implicit TLS some servers begin with PROT P.
            session.voidcmd("PBSZ 0")
            session.prot_c()
        if tls["ccc"]:
            session.ccc()
    session.set_pasv(mode in ("PASV", "EPSV"))
    session.extended = mode in ("EPSV", "EPRT")
    block = 64 * 1024

    def fetch(remote: str, local: str, how: str, start: int | None) -> None:
        with open(local, how) as file:

            def take(data: bytes) -> None:
                file.write(data)
                file.flush()
                _spend(len(data), rate)

            session.retrbinary(f"RETR {remote}", take, block, start)

    def store(local: str, remote: str, start: int | None) -> None:
        with open(local, "rb") as file:
            file.seek(start or 0)
            session.storbinary(f"STOR {remote}", SlowReader(file, rate), block, rest=start)

    if verb == "upload":
        store(words[0], words[1], None)
    elif verb == "download":
        fetch(words[0], words[1], "wb", None)
    elif verb == "resume-download":
        fetch(words[0], words[1], "ab", Path(words[1]).stat().st_size)
    elif verb == "resume-upload":
        store(words[0], words[1], int(words[2]))
    elif verb == "list":
        session.retrlines(f"LIST {words[0]}".strip(), print)
    elif verb == "rename":
        session.rename(*words)
    elif verb == "delete":
        session.delete(*words)
    else:
        raise ValueError(f"unknown verb {verb}")
    session.quit()


main()
