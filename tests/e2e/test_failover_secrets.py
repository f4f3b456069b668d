# SPDX-License-Identifier: Apache-2.0
"""For failover the balancer keeps passwords: in memory that is locked and in no core dump, as long
as the session lives, and nowhere else."""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import ballast
import waiting
from certificates import Authority, for_loopback
from cluster import Cluster
from servers import TESTER, Account, PyFtpd, ServerTls
from tls import client_context
from wire import TlsWire, Wire

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="it is about the balancer's memory")

SECRET = TESTER.password.encode()


@dataclass(frozen=True)
class Copy:
    """One occurrence of the password."""

    address: int
    # Of the mapping.
    name: str
    # In memory for that.
    is_kept: bool
    around: bytes


def _mappings(pid: int) -> Iterator[tuple[int, int, str, set[str]]]:
    """The readable ones: begin, end, name and flags."""
    begin = end = 0
    name, readable = "", False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if found := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line):
            begin, end = int(found[1], 16), int(found[2], 16)
            readable, name = found[3][0] == "r", found[4]
        elif line.startswith("VmFlags:") and readable:
            yield begin, end, name, set(line.split()[1:])


def copies(pid: int, secret: bytes = SECRET) -> list[Copy]:
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for begin, end, name, flags in _mappings(pid):
            if name in ("[vvar]", "[vsyscall]"):
                continue
            try:
                memory.seek(begin)
                content = memory.read(end - begin)
            except OSError:
                # It has gone since, or is a device.
                continue
            for match in re.finditer(re.escape(secret), content):
                near = content[max(0, match.start() - 24) : match.end() + 8]
                # lo: locked. dd: not in core dumps. wf: empty in a child.
                kept = {"lo", "dd", "wf"} <= flags
                found.append(Copy(begin + match.start(), name, kept, near))
    return found


def _only_where_it_is_kept(pid: int, sessions: int) -> None:
    def is_so() -> bool:
        everything = copies(pid)
        return len(everything) == sessions and all(each.is_kept for each in everything)

    try:
        waiting.until("the password is where it may be", is_so, 5)
    except waiting.TooLate:
        raise AssertionError(f"{sessions} sessions, but {copies(pid)}") from None


Field = tuple[Cluster, list[PyFtpd], ssl.SSLContext | None]


@pytest.fixture(params=["plain", "tls"])
def field(request: pytest.FixtureRequest, work: Path) -> Iterator[Field]:
    """The balancer, its two servers, and the client's context. Both legs have TLS, or none."""
    root = work / "files"
    if request.param == "plain":
        servers = [PyFtpd(work, root, f"127.0.0.{number}") for number in (131, 132)]
        it, context = Cluster(work, servers), None
    else:
        front, behind = Authority(work, "Front"), Authority(work, "Behind")
        identity = for_loopback(front, "ftp.example.com")
        servers = []
        for number in (131, 132):
            address = f"127.0.0.{number}"
            tls = ServerTls(for_loopback(behind, f"{number}.example.com", address))
            servers.append(PyFtpd(work, root, address, tls=tls))
        it = Cluster(
            work,
            servers,
            tls={"certificate": identity.certificate, "key": identity.key},
            pool_tls={"mode": "explicit", "ca": behind.certificate},
        )
        context = client_context(front.certificate)
    with servers[0], servers[1], it:
        yield it, servers, context


def _log_in(it: Cluster, context: ssl.SSLContext | None) -> Wire:
    if context is None:
        return Wire(it.where()).log_in()
    return TlsWire(it.where(), context).log_in_protected()


def test_passwords_are_in_locked_memory_alone(field: Field) -> None:
    it, servers, context = field
    _only_where_it_is_kept(it.pid, 0)
    wires = [_log_in(it, context) for _ in range(3)]
    _only_where_it_is_kept(it.pid, 3)
    # It is said again to another backend.
    servers[0].kill()
    it.wait_for_moves(3)
    _only_where_it_is_kept(it.pid, 3)
    wires[0].expect("QUIT", 221)
    assert wires[0].at_end()
    _only_where_it_is_kept(it.pid, 2)
    # Ballast refuses REIN under TLS.
    if context is None:
        wires[1].expect("REIN", 220)
        _only_where_it_is_kept(it.pid, 1)
    wires[1].close()
    wires[2].close()
    _only_where_it_is_kept(it.pid, 0)
    for path in it.work.iterdir():
        assert SECRET not in path.read_bytes(), path


def test_a_wrong_password_is_not_kept(field: Field) -> None:
    it, _, context = field
    wrong = b"wr0ng-Password-of-Tester"
    with Wire(it.where()) if context is None else TlsWire(it.where(), context) as wire:
        wire.greeting()
        if isinstance(wire, TlsWire):
            wire.secure()
        wire.expect(f"USER {TESTER.name}", 331)
        wire.expect(f"PASS {wrong.decode()}", 530)
        assert copies(it.pid, wrong) == []
    for path in it.work.iterdir():
        assert wrong not in path.read_bytes(), path


def test_without_failover_no_password_is_kept(work: Path) -> None:
    with PyFtpd(work, work / "files", "127.0.0.131") as server:
        with Cluster(work, [server], failover="off") as it, Wire(it.where()).log_in():
            _only_where_it_is_kept(it.pid, 0)


def test_a_long_password_is_kept_like_others(work: Path) -> None:
    long = Account("tester", "s3cret-" + "x" * 300)
    root = work / "files"
    one, two = (
        PyFtpd(work, root, f"127.0.0.{number}", accounts=[long]) for number in (131, 132)
    )
    with one, two, Cluster(work, [one, two]) as it:
        with Wire(it.where()).log_in(long) as wire:
            one.kill()
            it.wait_for_moves(1)
            wire.expect("PWD", 257)
            kept = copies(it.pid, long.password.encode())
            assert len(kept) == 1 and kept[0].is_kept, kept
            wire.expect("QUIT", 221)
        waiting.until("it is gone", lambda: not copies(it.pid, long.password.encode()))
