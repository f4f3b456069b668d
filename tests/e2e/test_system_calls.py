# SPDX-License-Identifier: Apache-2.0
# ctest: alone
"""How many system calls a session and a transfer take. They are counted, because unlike times they
are the same on every machine. docs/performance.md has the list."""

import contextlib
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, NO_PROBE, Backend, Ballast, Listener, Pool
from servers import REPOSITORY, TESTER, Vsftpd
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the calls are the balancer's")

TIMES = 20
CONTENT = b"x" * 4096


@pytest.fixture(scope="module")
def ballast(module_work: Path) -> Iterator[Ballast]:
    with Vsftpd(module_work, module_work / "files", "127.0.0.178") as server:
        (server.root / "file").write_bytes(CONTENT)
        ballast = Ballast(
            *(module_work, [Listener("ftp", "files")]),
            [Pool("files", [Backend("only", server)], probe=NO_PROBE)],
            settings={"workers": 1},
            log={"level": "info"},
            passive_ports=4,
        )
        with ballast:
            yield ballast


def _worker_of(pid: int) -> int:
    """Its thread."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text() == "worker 0\n":
            return int(task.name)
    raise AssertionError("no thread is called worker 0")


@contextlib.contextmanager
def counted(ballast: Ballast, work: Path) -> Iterator[Counter[str]]:
    """The calls of its worker, when the block has ended."""
    calls: Counter[str] = Counter()
    trace, said = work / "strace", work / "strace.log"
    with said.open("w") as errors:
        process = subprocess.Popen(
            ["strace", "-p", str(_worker_of(ballast.pid)), "-o", str(trace)], stderr=errors
        )
    try:
        waiting.until("strace is attached", lambda: "attached" in said.read_text())
        yield calls
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(waiting.PATIENCE)
    names = (re.match(r"(\w+)\(", line) for line in trace.read_text().splitlines())
    calls.update(name[1] for name in names if name)


def log_in(ballast: Ballast) -> None:
    with Wire(ballast.where()) as wire:
        wire.greeting()
        wire.expect(f"USER {TESTER.name}", 331)
        wire.expect(f"PASS {TESTER.password}", 230)
        wire.expect("QUIT", 221)
        assert wire.at_end()


def download(wire: Wire) -> None:
    with wire.passive("PASV") as data:
        wire.expect("RETR file", 150)
        assert read_all(data) == CONTENT
    assert wire.reply().code == 226


def upload(wire: Wire) -> None:
    with wire.passive("EPSV") as data:
        wire.expect("STOR other", 150)
        data.sendall(CONTENT)
    assert wire.reply().code == 226


def _allowed(heading: str) -> Counter[str]:
    """The column of docs/performance.md."""
    lines = (REPOSITORY / "docs/performance.md").read_text().splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("| System call"))
    column = [cell.strip() for cell in lines[begin].split("|")].index(heading)
    allowed: Counter[str] = Counter()
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.split("|")]
        allowed[cells[1].strip("`")] = int(cells[column] or 0)
    return allowed


def _check(calls: Counter[str], heading: str) -> None:
    each = Counter({name: round(count / TIMES) for name, count in calls.items()})
    each = +each
    print(f"\n{heading}: {dict(sorted(each.items()))}, {each.total()} in all")
    assert not each - _allowed(heading)


def test_a_log_in(ballast: Ballast, work: Path) -> None:
    log_in(ballast)
    with counted(ballast, work) as calls:
        for _ in range(TIMES):
            log_in(ballast)
    _check(calls, "log-in and QUIT")


@pytest.mark.parametrize(
    ("move", "heading"), [(download, "PASV and RETR"), (upload, "EPSV and STOR")]
)
def test_a_transfer(
    move: Callable[[Wire], None], heading: str, ballast: Ballast, work: Path
) -> None:
    with Wire(ballast.where()).log_in() as wire:
        # All ports are open afterwards.
        for _ in range(TIMES):
            move(wire)
        with counted(ballast, work) as calls:
            for _ in range(TIMES):
                move(wire)
    _check(calls, heading)
