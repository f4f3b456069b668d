# SPDX-License-Identifier: Apache-2.0
"""A backend dies in the middle of a download. The client gets every byte and one 226.

The pauses are in the report: pytest --junitxml, or -s.
"""

import contextlib
import filecmp
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ballast
import servers
from ballast import Ballast, login_probe
from certificates import Authority, for_loopback
from clients import Client, ClientTls, Curl, Ftplib, FtplibResuming, Lftp, Mode, Target
from clients import Tnftp, Wget
from cluster import Cluster, Running, aged, begins, downloading, ends
from everything import random_file
from jfile import JFileServer
from midway import UNDER_WAY, size_of
from servers import ProFtpd, PureFtpd, PyFtpd, Server, ServerTls, Vsftpd

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

PASV, EPSV, PORT, EPRT = Mode

# BALLAST_FAILOVER_MIB=1024 downloads a GiB in each row, which takes some minutes.
SIZE = int(os.environ.get("BALLAST_FAILOVER_MIB", "48")) << 20
RATE = SIZE // 2
# Where a client that has a part already begins.
HAS = 5_000_001
# Seconds that a client may wait. A machine that is busy needs most of them for the log-in.
PAUSE_MAX = {"kill": 8.0, "hang": 15.0}


@dataclass(frozen=True)
class Row:
    first: type[Server]
    second: type[Server]
    how: str  # "kill" or "hang"
    client: type[Client]
    mode: Mode
    # TLS of the client, then of the servers.
    legs: str
    rest: bool = False

    def __str__(self) -> str:
        parts = [self.first.kind, self.how, self.second.kind, self.client.name, self.mode.name]
        return "-".join([*parts, self.legs, *(["rest"] if self.rest else [])])


ROWS = [
    Row(Vsftpd, PyFtpd, "kill", Curl, EPSV, "plain-plain"),
    Row(ProFtpd, Vsftpd, "kill", Lftp, PASV, "tls-tls"),
    Row(PureFtpd, ProFtpd, "kill", Ftplib, PORT, "tls-plain"),
    Row(PyFtpd, PureFtpd, "kill", Tnftp, EPRT, "plain-plain"),
    Row(Vsftpd, ProFtpd, "hang", Wget, PASV, "plain-plain"),
    Row(ProFtpd, PyFtpd, "hang", Curl, PASV, "tls-tls"),
    Row(PureFtpd, Vsftpd, "hang", Lftp, PORT, "plain-tls"),
    Row(PyFtpd, Vsftpd, "hang", FtplibResuming, EPRT, "tls-plain"),
    Row(Vsftpd, PureFtpd, "kill", Tnftp, PORT, "plain-tls", rest=True),
    Row(ProFtpd, PureFtpd, "kill", Wget, PORT, "plain-plain", rest=True),
    Row(PureFtpd, PyFtpd, "kill", Curl, EPRT, "plain-plain", rest=True),
    Row(PyFtpd, ProFtpd, "kill", Lftp, EPSV, "tls-plain", rest=True),
    Row(Vsftpd, ProFtpd, "kill", Ftplib, EPSV, "tls-tls", rest=True),
    Row(PyFtpd, PyFtpd, "hang", Tnftp, PASV, "plain-tls"),
]


class Field:
    """The files, and the servers that stay. Every test has a first server of its own."""

    def __init__(self, work: Path, running: contextlib.ExitStack) -> None:
        self.root = work / "files"
        self.root.mkdir()
        self.root.chmod(0o777)
        self.big = aged(random_file(self.root / "big", SIZE))
        self.front = Authority(work, "Authority of the front")
        self.behind = Authority(work, "Authority behind")
        identity = for_loopback(self.front, "ftp.example.com")
        self.table = {"certificate": identity.certificate, "key": identity.key}
        self.pool_tls = {"mode": "explicit", "data": "always", "ca": self.behind.certificate}
        self._work = work
        self._running = running
        self._survivors: dict[tuple[type[Server], bool], Server] = {}

    def server(self, work: Path, kind: type[Server], address: str, has_tls: bool) -> Server:
        tls = None
        if has_tls:
            name = f"{kind.kind}-{address}.example.com"
            tls = ServerTls(for_loopback(self.behind, name, address), required="data")
        return kind(work, self.root, address, tls=tls)

    def survivor(self, kind: type[Server], has_tls: bool) -> Server:
        """It runs until the last test."""
        if (kind, has_tls) not in self._survivors:
            address = f"127.0.1.{len(self._survivors) + 1}"
            server = self.server(self._work, kind, address, has_tls)
            self._survivors[kind, has_tls] = self._running.enter_context(server)
        return self._survivors[kind, has_tls]

    def target(self, it: Ballast, has_tls: bool) -> Target:
        tls = ClientTls(self.front.certificate) if has_tls else None
        return Target(*it.where(), tls=tls)


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    with contextlib.ExitStack() as running:
        yield Field(module_work, running)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_download_goes_on_with_another_server(
    row: Row, field: Field, work: Path, record_property: Callable[[str, object], None]
) -> None:
    client_has_tls, servers_have_tls = (leg == "tls" for leg in row.legs.split("-"))
    second = field.survivor(row.second, servers_have_tls)
    first = field.server(work, row.first, "127.0.0.81", servers_have_tls)
    it = Cluster(
        work,
        [first, second],
        probe=login_probe(work, timeout="1500ms"),
        tls=field.table,
        pool_tls=field.pool_tls if servers_have_tls else None,
        failover_samples="1MiB",
    )
    local = work / "local"
    if row.rest:
        local.write_bytes(field.big.read_bytes()[:HAS])
    with first, it:
        client = row.client(field.target(it, client_has_tls), row.mode, work, rate=RATE)
        running = downloading(client, "big", local, resumes=row.rest)
        running.wait_for(UNDER_WAY + (HAS if row.rest else 0))
        first.kill() if row.how == "kill" else first.pause()
        running.result()
        assert filecmp.cmp(local, field.big, shallow=False)
        assert client.modes_seen() == {row.mode}, client.dialog
        assert (begins(client.dialog), ends(client.dialog)) == (1, 1), client.dialog
        it.assert_whole("big", "alf1", "alf2")
        (pause,) = it.pauses()
        record_property("pause", pause)
        record_property("longest_silence", running.longest_silence)
        print(f"{row}: {pause:.2f} s, the client saw {running.longest_silence:.2f} s")
        assert pause < PAUSE_MAX[row.how]
        assert running.longest_silence < PAUSE_MAX[row.how]


@pytest.mark.parametrize("name", ["first", "second", "client", "mode", "legs", "how", "rest"])
def test_the_rows_leave_out_no_value(name: str) -> None:
    wanted: dict[str, set[Any]] = {
        "first": set(servers.MATRIX),
        "second": set(servers.MATRIX),
        "client": {Curl, Lftp, Tnftp, Ftplib, FtplibResuming, Wget},
        "mode": set(Mode),
        "legs": {f"{one}-{other}" for one in ("plain", "tls") for other in ("plain", "tls")},
        "how": {"kill", "hang"},
        "rest": {True, False},
    }
    assert {getattr(row, name) for row in ROWS} == wanted[name]


def test_the_peer_that_imitates_alfresco(field: Field, work: Path) -> None:
    """Its FEAT does not list REST, but it knows it."""
    peers = [JFileServer(f"127.0.0.{number}", field.root) for number in (82, 83)]
    local = work / "local"
    with peers[0], peers[1], Cluster(work, peers, failover_samples="1MiB") as it:
        curl = Curl(field.target(it, False), EPSV, work, rate=RATE)
        running = downloading(curl, "big", local)
        running.wait_for(UNDER_WAY)
        peers[0].kill()
        running.result()
        assert filecmp.cmp(local, field.big, shallow=False)
        assert (begins(curl.dialog), ends(curl.dialog)) == (1, 1), curl.dialog
        it.assert_whole("big", "alf1", "alf2")
    # The survey has asked once whether it takes two commands at a time. It does not.
    assert set(peers[0].fused + peers[1].fused) <= {b"NOOP\r\nNOOP\r\n"}


def test_a_gigabyte_outlives_three_servers(
    field: Field, work: Path, record_property: Callable[[str, object], None]
) -> None:
    """A sparse file with something else in every few MiB."""
    size = 1 << 30
    root = work / "files"
    root.mkdir()
    big = root / "big"
    with big.open("wb") as file:
        for offset in range(0, size, 5 << 20):
            file.seek(offset)
            file.write(os.urandom(100_000))
        file.truncate(size)
    aged(big)
    kinds = (Vsftpd, PureFtpd, ProFtpd, PyFtpd)
    four = [kind(work, root, f"127.0.0.{84 + number}") for number, kind in enumerate(kinds)]
    local = work / "local"
    with contextlib.ExitStack() as running_servers:
        for server in four:
            running_servers.enter_context(server)
        it = running_servers.enter_context(Cluster(work, four))
        curl = Curl(field.target(it, False), PASV, work, rate=256 << 20)
        running = downloading(curl, "big", local)
        for number, server in enumerate(four[:3], 1):
            running.wait_for(number * size // 5)
            server.kill()
        running.result()
        assert filecmp.cmp(local, big, shallow=False)
        assert (begins(curl.dialog), ends(curl.dialog)) == (1, 1), curl.dialog
        it.assert_whole("big", "alf1", "alf2", "alf3", "alf4")
        record_property("pauses", it.pauses())
        record_property("longest_silence", running.longest_silence)
        print(f"three: {it.pauses()}, the client saw {running.longest_silence:.2f} s")
        assert running.longest_silence < PAUSE_MAX["kill"]
    local.unlink()
    big.unlink()


def _tree(root: Path, files: int, size: int) -> Path:
    tree = root / "tree"
    tree.mkdir()
    for number in range(files):
        aged(random_file(tree / f"file-{number}", size))
    return tree


def test_a_mirror_of_eight_files_at_once(field: Field, work: Path) -> None:
    root = work / "files"
    root.mkdir()
    tree = _tree(root, 8, 24 << 20)
    first, second = (PyFtpd(work, root, f"127.0.0.{number}") for number in (88, 89))
    local = work / "local"
    with first, second, Cluster(work, [first, second], failover_samples="1MiB") as it:
        lftp = Lftp(field.target(it, False), EPSV, work, rate=4 << 20)
        command = lftp.mirror_command("tree", local, at_once=8)
        running = Running(
            lambda: lftp.run(command),
            lambda: min((size_of(local / each.name) for each in tree.iterdir())),
        )
        # Each of them has begun.
        running.wait_for(100_000)
        first.kill()
        running.result()
        compared = filecmp.dircmp(tree, local)
        assert sorted(compared.same_files) == sorted(each.name for each in tree.iterdir())
        for each in tree.iterdir():
            assert filecmp.cmp(each, local / each.name, shallow=False)
            it.assert_whole(f"tree/{each.name}", "alf1", "alf2")
        # And the listing.
        assert begins(lftp.dialog) == ends(lftp.dialog) == len(it.wait_for_transfers(9)) == 9


def test_eight_downloads_at_once(field: Field, work: Path) -> None:
    first = PyFtpd(work, field.root, "127.0.0.88")
    second = field.survivor(PyFtpd, False)
    with first, Cluster(work, [first, second]) as it:
        lftps = [Lftp(field.target(it, False), PASV, work, rate=RATE // 2) for _ in range(8)]
        locals_ = [work / f"local-{number}" for number in range(8)]
        all_running = [
            downloading(lftp, "big", local) for lftp, local in zip(lftps, locals_, strict=True)
        ]
        for running in all_running:
            running.wait_for(UNDER_WAY)
        first.kill()
        for running, lftp, local in zip(all_running, lftps, locals_, strict=True):
            running.result()
            assert filecmp.cmp(local, field.big, shallow=False)
            assert (begins(lftp.dialog), ends(lftp.dialog)) == (1, 1), lftp.dialog
            local.unlink()
        entries = it.wait_for_transfers(8)
        assert [entry["backend"] for entry in entries] == ["alf1, alf2"] * 8
