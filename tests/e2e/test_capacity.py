# SPDX-License-Identifier: Apache-2.0
# ctest: alone
"""Many sessions at once, and the cost of one."""

import contextlib
import hashlib
import os
import resource
import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool
from sanitizers import SANITIZER
from servers import TESTER, PyFtpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this measures the balancer")

IDLE = 1000
TRANSFERS = 50
SIZE = 4 * 1024 * 1024
# 20,000 descriptors allow this many, two for each session. With a sanitizer so many would be ended in
# more than a second, and the daemon would report a stuck worker.
MANY = 2_000 if SANITIZER else 9_500
SPARE = 100
LOG_INS = 400
NOOPS = 3_000


@pytest.fixture(scope="module")
def server(module_work: Path) -> Iterator[PyFtpd]:
    # One process with one loop; other servers fork.
    with PyFtpd(module_work, module_work / "files", "127.0.0.101") as server:
        (server.root / "file").write_bytes(os.urandom(SIZE))
        yield server


@pytest.fixture
def ballast(work: Path, server: PyFtpd) -> Iterator[Ballast]:
    pool = Pool("pool", [Backend("only", server)])
    with Ballast(work, [Listener("ftp", "pool")], [pool], passive_ports=TRANSFERS + 10) as ballast:
        yield ballast


def _log_in_all(ballast: Ballast, count: int, stack: contextlib.ExitStack) -> list[Wire]:
    """All at once: each step for every session before the next step."""
    wires = [stack.enter_context(Wire(ballast.where())) for _ in range(count)]
    for wire in wires:
        wire.greeting()
    steps = {f"USER {TESTER.name}": 331, f"PASS {TESTER.password}": 230, "TYPE I": 200}
    for command, code in steps.items():
        for wire in wires:
            wire.send(command)
        for wire in wires:
            assert wire.reply().code == code
    return wires


def _download_all(wires: list[Wire]) -> list[str]:
    """The digests of a download of `file` on each, all at once."""
    digests = {}
    counts = {}
    selector = selectors.DefaultSelector()
    for wire in wires:
        data = wire.passive()
        wire.send("RETR file")
        digests[data], counts[data] = hashlib.sha256(), 0
        selector.register(data, selectors.EVENT_READ)
    # All are open before the first is read.
    for wire in wires:
        assert wire.reply().code in (150, 125)
    while selector.get_map():
        ready = selector.select(30)
        assert ready, f"nothing moves; {len(selector.get_map())} downloads are not at their end"
        for key, _ in ready:
            data = key.fileobj
            assert isinstance(data, socket.socket)
            if block := data.recv(256 * 1024):
                digests[data].update(block)
                counts[data] += len(block)
            else:
                selector.unregister(data)
                data.close()
    for wire in wires:
        assert wire.reply().code == 226
    assert all(count == SIZE for count in counts.values())
    return [digest.hexdigest() for digest in digests.values()]


def test_a_thousand_idle_sessions_and_fifty_transfers(
    ballast: Ballast, server: PyFtpd, capsys: pytest.CaptureFixture[str]
) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft > 2 * IDLE + 500, f"only {soft} descriptors: raise the limit (ulimit -n)"
    expected = hashlib.sha256((server.root / "file").read_bytes()).hexdigest()
    with contextlib.ExitStack() as stack:
        # Do not count what the first sessions and transfers set up once.
        warm = _log_in_all(ballast, TRANSFERS, stack)
        assert set(_download_all(warm)) == {expected}
        before = ballast.resident_bytes()
        idle = _log_in_all(ballast, IDLE, stack)
        each = (ballast.resident_bytes() - before) / IDLE
        with capsys.disabled():
            print(f"\nmemory per idle session: {each / 1024:.1f} KiB ({IDLE} sessions)")
        # Sanitizers multiply memory use, but less than this.
        assert each < 256 * 1024

        digests = _download_all(idle[::20])
        assert len(digests) == TRANSFERS and set(digests) == {expected}
        # All idle sessions still work.
        for wire in idle:
            wire.send("NOOP")
        for wire in idle:
            assert wire.reply().code == 200
        for wire in idle:
            wire.send("QUIT")
        for wire in idle:
            assert wire.reply().code == 221


def _log_in_rate(ballast: Ballast) -> float:
    """Logins a second, for sessions that come in groups and leave."""
    began = time.monotonic()
    for _ in range(LOG_INS // 20):
        with contextlib.ExitStack() as stack:
            for wire in _log_in_all(ballast, 20, stack):
                wire.send("QUIT")
                assert wire.reply().code == 221
    return LOG_INS / (time.monotonic() - began)


def _noop_seconds(wires: list[Wire]) -> list[float]:
    """One NOOP after the other, each on a different session."""
    times = []
    for number in range(NOOPS):
        wire = wires[number * 7919 % len(wires)]
        began = time.monotonic()
        wire.send("NOOP")
        assert wire.reply().code == 200
        times.append(time.monotonic() - began)
    return times


def _said(what: str, rate: float, noops: list[float]) -> str:
    p50 = statistics.median(noops)
    p99 = statistics.quantiles(noops, n=100)[98]
    return f"{what}: {rate:.0f} log-ins/s, NOOP p50 {p50 * 1e6:.0f} us, p99 {p99 * 1e6:.0f} us"


def test_as_many_sessions_as_there_are_descriptors(
    work: Path, server: PyFtpd, capsys: pytest.CaptureFixture[str]
) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = min(MANY, (hard - 1000) // 2)
    expected = hashlib.sha256((server.root / "file").read_bytes()).hexdigest()
    ballast = Ballast(
        *(work, [Listener("ftp", "pool")], [Pool("pool", [Backend("only", server)])]),
        settings={"limits": {"sessions": many + SPARE}},
        passive_ports=TRANSFERS + 10,
    )
    with ballast, contextlib.ExitStack() as stack:
        with contextlib.ExitStack() as few:
            wires = _log_in_all(ballast, 10, few)
            alone = _said("10 sessions", _log_in_rate(ballast), _noop_seconds(wires))
        held: list[Wire] = []
        while len(held) < many:
            held += _log_in_all(ballast, min(500, many - len(held)), stack)
        crowded = _said(f"{many} sessions", _log_in_rate(ballast), _noop_seconds(held))
        with capsys.disabled():
            print(f"\n{alone}\n{crowded}, {ballast.resident_bytes() / 2**20:.0f} MiB")
        digests = _download_all(held[:: many // TRANSFERS][:TRANSFERS])
        assert len(digests) == TRANSFERS and set(digests) == {expected}

        # The limit is reached and all are logged in, so no place is on loan.
        last: list[Wire] = []

        def is_full() -> bool:
            while len(last) < SPARE:
                wire = stack.enter_context(Wire(ballast.where()))
                if wire.reply().code == 421:
                    return False
                wire.expect(f"USER {TESTER.name}", 331)
                wire.expect(f"PASS {TESTER.password}", 230)
                last.append(wire)
            return True

        waiting.until("those who came and went have left", is_full)
        with Wire(ballast.where()) as one_more:
            assert one_more.reply().code == 421
        for wire in held:
            wire.send("NOOP")
        for wire in held:
            assert wire.reply().code == 200


def test_a_thousand_clients_that_vanish_leave_nothing_behind(ballast: Ballast) -> None:
    def descriptors() -> int:
        return len(os.listdir(f"/proc/{ballast.pid}/fd"))

    with contextlib.ExitStack() as stack:
        _log_in_all(ballast, 1, stack)
    first = waiting.until("the first session is gone", descriptors)
    with contextlib.ExitStack() as stack:
        _log_in_all(ballast, IDLE, stack)
        assert descriptors() > first + IDLE
    waiting.until("their descriptors are closed", lambda: descriptors() <= first + 5)
