# SPDX-License-Identifier: Apache-2.0
"""TLS by hand: a stream that can end badly on purpose and notices when the other side does."""

import contextlib
import socket
import ssl
import warnings
from pathlib import Path

from certificates import Identity


class Truncated(Exception):
    """The other side ended the connection without a close_notify, or by a reset."""


def client_context(
    ca: Path,
    *,
    version: str = "",
    identity: Identity | None = None,
    check_name: bool = True,
) -> ssl.SSLContext:
    """`version` is "1.1", "1.2" or "1.3", and then the only one."""
    context = ssl.create_default_context(cafile=str(ca))
    context.check_hostname = check_name
    _limit(context, version)
    if identity is not None:
        context.load_cert_chain(str(identity.certificate), str(identity.key))
    return context


def server_context(
    identity: Identity, *, version: str = "", client_ca: Path | None = None
) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(str(identity.certificate), str(identity.key))
    _limit(context, version)
    if client_ca is not None:
        context.load_verify_locations(str(client_ca))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _limit(context: ssl.SSLContext, version: str) -> None:
    if not version:
        return
    number = ssl.TLSVersion[f"TLSv{version}".replace(".", "_")]
    if number < ssl.TLSVersion.TLSv1_2:
        # Debian's OpenSSL supports them only at this level.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        # A warning about the old versions, which are tested on purpose.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = number
        context.minimum_version = number


class TlsStream:
    """Works like a socket, over a socket that the caller has connected. The constructor does the
    handshake. It sends only what the caller asks for: `close` sends no close_notify."""

    def __init__(
        self,
        plain: socket.socket,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_name: str | None = None,
        session: ssl.SSLSession | None = None,
        hello_only: bool = False,
    ) -> None:
        """With `hello_only` it sends the first flight, and `handshake` does the rest."""
        self.plain = plain
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side, server_name, session
        )
        if hello_only:
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
            self._flush()
        else:
            self.handshake()

    def handshake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            except ssl.SSLError:
                # Send the alert that says why.
                with contextlib.suppress(OSError):
                    self._flush()
                raise
        self._flush()

    # The interface of a socket.

    def recv(self, count: int) -> bytes:
        """Returns nothing only after a close_notify."""
        while True:
            try:
                # Tickets and key updates may need an answer.
                data = self._tls.read(count)
                self._flush()
                return data
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            except ssl.SSLZeroReturnError:
                return b""

    def sendall(self, data: bytes) -> None:
        self.plain.sendall(self.encrypt(data))

    def send(self, data: bytes) -> int:
        self.sendall(data)
        return len(data)

    def shutdown(self, how: int) -> None:
        self.plain.shutdown(how)

    def settimeout(self, seconds: float | None) -> None:
        self.plain.settimeout(seconds)

    def getsockname(self) -> tuple[str, int]:
        name = self.plain.getsockname()
        return name[0], name[1]

    def getpeername(self) -> tuple[str, int]:
        name = self.plain.getpeername()
        return name[0], name[1]

    def close(self) -> None:
        self.plain.close()

    def __enter__(self) -> "TlsStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Beyond a socket.

    def encrypt(self, data: bytes) -> bytes:
        """The records for the data. The other side cannot read a part of a record."""
        for begin in range(0, len(data), 16384):
            self._tls.write(data[begin : begin + 16384])
        return self._outgoing.read()

    def close_notify(self) -> None:
        """Sends close_notify, and continues to read."""
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLSyscallError):
            self._tls.unwrap()
        self._flush()

    def end(self) -> None:
        """Ends our direction cleanly: close_notify, then FIN."""
        self.close_notify()
        self.plain.shutdown(socket.SHUT_WR)

    def unwrap(self) -> socket.socket:
        """Returns to clear text: waits for the other side's close_notify."""
        while True:
            try:
                self._tls.unwrap()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
        self._flush()
        left = self._incoming.read()
        assert not left, f"clear text behind the close_notify: {left!r}"
        return self.plain

    @property
    def session(self) -> ssl.SSLSession:
        session = self._tls.session
        assert session is not None
        return session

    @property
    def resumed(self) -> bool:
        return bool(self._tls.session_reused)

    @property
    def version(self) -> str:
        """ "1.2" or "1.3"."""
        return str(self._tls.version()).removeprefix("TLSv")

    def peer_certificate(self) -> bytes:
        """In DER."""
        certificate = self._tls.getpeercert(binary_form=True)
        assert certificate is not None
        return certificate

    @property
    def cipher(self) -> str:
        cipher = self._tls.cipher()
        assert cipher is not None
        return cipher[0]

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self.plain.sendall(data)

    def _fill(self) -> None:
        try:
            data = self.plain.recv(65536)
        except ConnectionResetError as reset:
            raise Truncated("reset") from reset
        if not data:
            raise Truncated("FIN")
        self._incoming.write(data)
