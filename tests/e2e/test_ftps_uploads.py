# SPDX-License-Identifier: Apache-2.0
"""Uploads over TLS arrive whole, to the byte: at the edges of a TLS record (16384 bytes), empty and
large, repeatedly."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool, running
from certificates import Authority, for_loopback
from clients import ClientTls, Mode, Target
from servers import ProFtpd, PyFtpd, Server, ServerTls, Vsftpd
from tls import client_context
from wire import TlsWire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

TIMES = 50
SIZES = [0, 1, 16383, 16384, 16385]
LARGE = 100_000_000
# For a plain backend; with TLS to the backend it takes longer.
LARGE_TIMES = 50
LARGE_TIMES_TLS = 6
PLAIN_BEHIND = "plain"


class Field:
    def __init__(self, work: Path) -> None:
        self.front = Authority(work, "Authority of the front")
        behind = Authority(work, "Authority behind")
        listener = for_loopback(self.front, "ftp.example.com")
        self.large = work / "large"
        self.large.write_bytes(os.urandom(LARGE))
        self.large_hash = _hash(self.large)
        self.servers: dict[str, Server] = {
            PLAIN_BEHIND: PyFtpd(work, work / "files-plain", "127.0.0.131")
        }
        for number, kind in enumerate((Vsftpd, ProFtpd), 132):
            address = f"127.0.0.{number}"
            identity = for_loopback(behind, f"{kind.kind}.example.com", address)
            # vsftpd accepts no end without close_notify. Both require resumption.
            tls = ServerTls(identity, required="data", strict=True)
            self.servers[kind.kind] = kind(work, work / f"files-{kind.kind}", address, tls=tls)
        protection = {"mode": "explicit", "ca": behind.certificate}
        pools = [
            Pool(name, [Backend("only", it)], tls=None if name == PLAIN_BEHIND else protection)
            for name, it in self.servers.items()
        ]
        strict = {"strict_close": True}
        table = {"certificate": listener.certificate, "key": listener.key, **strict}
        listeners = [Listener(pool.name, pool.name, tls=table) for pool in pools]
        self.ballast = Ballast(work, listeners, pools)


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with running(field.servers.values(), field.ballast):
        yield field


BACKENDS = [PLAIN_BEHIND, Vsftpd.kind, ProFtpd.kind]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_small_uploads_arrive_whole_fifty_times(backend: str, size: int, field: Field) -> None:
    root = field.servers[backend].root
    content = os.urandom(size)
    context = client_context(field.front.certificate, version="1.3")
    with TlsWire(field.ballast.where(backend), context).log_in_protected() as wire:
        for number in range(TIMES):
            name = f"{backend}-{size}-{number}"
            wire.upload(name, content)
            # The file must be complete at the 226.
            assert (root / name).read_bytes() == content
        wire.expect("QUIT", 221)

    def logged() -> list[tuple[str, int]]:
        mine = [t for t in field.ballast.transfers() if f"{backend}-{size}-" in t["file"]]
        return [(each["result"], each["bytes"]) for each in mine]

    waiting.until("the transfer log has all", lambda: len(logged()) == TIMES)
    assert set(logged()) == {("whole", size)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("client", clients.ALL_TLS)
def test_small_uploads_of_real_clients_arrive_whole(
    client: type[clients.Client], size: int, field: Field, work: Path
) -> None:
    """Each client ends its data connection differently. The strict listener must accept each."""
    content = work / "content"
    content.write_bytes(os.urandom(size))
    tls = ClientTls(field.front.certificate, version="1.3")
    target = Target(*field.ballast.where(PLAIN_BEHIND), tls=tls)
    client(target, Mode.EPSV, work).upload(content, f"{client.name}-{size}")
    stored = field.servers[PLAIN_BEHIND].root / f"{client.name}-{size}"
    assert stored.read_bytes() == content.read_bytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_large_uploads_arrive_whole(backend: str, field: Field, work: Path) -> None:
    root = field.servers[backend].root
    tls = ClientTls(field.front.certificate, version="1.3")
    target = Target(*field.ballast.where(backend), tls=tls)
    for number in range(LARGE_TIMES if backend == PLAIN_BEHIND else LARGE_TIMES_TLS):
        client = (clients.Curl, clients.FtplibResuming)[number % 2](target, Mode.EPSV, work)
        name = f"large-{number}"
        client.upload(field.large, name)
        assert (root / name).stat().st_size == LARGE
        assert _hash(root / name) == field.large_hash
        (root / name).unlink()


@pytest.mark.parametrize("backend", BACKENDS)
def test_large_downloads_arrive_whole(backend: str, field: Field, work: Path) -> None:
    root = field.servers[backend].root
    os.link(field.large, root / "large")
    tls = ClientTls(field.front.certificate, version="1.3")
    target = Target(*field.ballast.where(backend), tls=tls)
    for client in (clients.Curl, clients.Lftp, clients.FtplibResuming):
        client(target, Mode.EPSV, work).download("large", work / "local")
        assert _hash(work / "local") == field.large_hash
