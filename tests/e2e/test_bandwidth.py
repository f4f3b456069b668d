# SPDX-License-Identifier: Apache-2.0
# ctest: alone
"""Bandwidth limits: how exact they are, how fairly they are shared, and what waiting costs."""

import contextlib
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Pool
from process import processor_seconds
from servers import PROBE, TESTER, Account, PyFtpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="the limits are the balancer's")

MIB = 1024 * 1024
SIZE = 64 * MIB
SECONDS = 4.0
# The allowed relative error.
EXACT = 0.05


@pytest.fixture(scope="module")
def server(module_work: Path) -> Iterator[PyFtpd]:
    with PyFtpd(module_work, module_work / "files", "127.0.0.176") as server:
        (server.root / "file").write_bytes(bytes(SIZE))
        yield server


@contextmanager
def limited(
    work: Path,
    server: PyFtpd,
    *,
    limits: Mapping[str, Any] | None = None,
    listener: Mapping[str, Any] | None = None,
    backend: Mapping[str, Any] | None = None,
) -> Iterator[Ballast]:
    pool = Pool("files", [Backend("only", server, backend or {})])
    ballast = Ballast(
        *(work, [Listener("ftp", "files", settings=listener or {})], [pool]),
        settings={"limits": limits or {}, "workers": 2},
        passive_ports=60,
    )
    with ballast:
        yield ballast


@contextmanager
def downloads(
    ballast: Ballast, count: int, accounts: Sequence[Account] = (TESTER,)
) -> Iterator[list[socket.socket]]:
    """`count` downloads for each account."""
    with contextlib.ExitStack() as stack:
        wires = [
            stack.enter_context(Wire(ballast.where()).log_in(account))
            for account in accounts
            for _ in range(count)
        ]
        datas = [stack.enter_context(wire.passive()) for wire in wires]
        for wire in wires:
            wire.send("RETR file")
        for wire in wires:
            assert wire.reply().code in (125, 150)
        yield datas


def received(datas: Sequence[socket.socket], seconds: float) -> list[int]:
    """The bytes that each one received in that time."""
    counts = dict.fromkeys(datas, 0)
    with selectors.DefaultSelector() as selector:
        for data in datas:
            data.setblocking(False)
            selector.register(data, selectors.EVENT_READ)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                data = key.fileobj
                assert isinstance(data, socket.socket)
                part = data.recv(MIB)
                assert part, "a download came to its end"
                counts[data] += len(part)
    return list(counts.values())


@pytest.mark.parametrize(
    "where",
    [
        {"listener": {"session_bandwidth": "4MiB"}},
        {"listener": {"bandwidth": "4MiB"}},
        {"limits": {"user_bandwidth": "4MiB"}},
        {"backend": {"bandwidth": "4MiB"}},
        # The lowest limit counts.
        {"listener": {"bandwidth": "4MiB", "session_bandwidth": "20MiB"}},
    ],
    ids=["session", "listener", "user", "backend", "several"],
)
def test_a_download_is_as_fast_as_it_may_be(
    where: Mapping[str, Any], work: Path, server: PyFtpd, capsys: pytest.CaptureFixture[str]
) -> None:
    with limited(work, server, **where) as ballast, downloads(ballast, 1) as datas:
        received(datas, 1.0)
        before = processor_seconds(ballast.pid)
        rate = received(datas, SECONDS)[0] / SECONDS
        used = (processor_seconds(ballast.pid) - before) / SECONDS
        with capsys.disabled():
            print(f"\n4 MiB/s: {rate / MIB:.3f} MiB/s, {used:.1%} of a core")
        assert abs(rate / (4 * MIB) - 1) < EXACT
        # There is no busy waiting.
        assert used < 0.15


def test_an_upload_is_as_fast_as_it_may_be(work: Path, server: PyFtpd) -> None:
    content = bytes(16 * MIB)
    with limited(work, server, listener={"session_bandwidth": "4MiB"}) as ballast:
        with Wire(ballast.where()).log_in() as wire:
            with wire.passive() as data:
                wire.expect("STOR upload", 125, 150)
                began = time.monotonic()
                data.sendall(content)
            assert wire.reply().code == 226
            seconds = time.monotonic() - began
        assert abs(seconds / 4.0 - 1) < EXACT
    assert (server.root / "upload").stat().st_size == len(content)


@pytest.mark.parametrize("count", [2, 50])
def test_sessions_have_equal_parts(
    count: int, work: Path, server: PyFtpd, capsys: pytest.CaptureFixture[str]
) -> None:
    with limited(work, server, listener={"bandwidth": "16MiB"}) as ballast:
        with downloads(ballast, count) as datas:
            received(datas, 1.0)
            before = processor_seconds(ballast.pid)
            counts = received(datas, SECONDS)
            used = (processor_seconds(ballast.pid) - before) / SECONDS
    rate = sum(counts) / SECONDS
    each = sum(counts) / count
    with capsys.disabled():
        print(
            f"\n16 MiB/s for {count}: {rate / MIB:.2f} MiB/s, the least {min(counts) / each:.3f} "
            f"and the most {max(counts) / each:.3f} of its part, {used:.1%} of a core"
        )
    assert abs(rate / (16 * MIB) - 1) < EXACT
    assert min(counts) > 0.9 * each and max(counts) < 1.1 * each
    assert used < 0.3


def test_one_with_more_to_send_does_not_keep_what_others_leave(work: Path, server: PyFtpd) -> None:
    """A transfer slower than its share leaves the rest to others."""
    with limited(work, server, listener={"bandwidth": "8MiB"}) as ballast:
        with downloads(ballast, 2) as (slow, fast):
            # Nobody reads from `slow` now: its buffers fill.
            del slow
            received([fast], 2.0)
            rate = received([fast], SECONDS)[0] / SECONDS
    assert abs(rate / (8 * MIB) - 1) < EXACT


def test_each_user_has_a_bandwidth_of_his_own(work: Path, server: PyFtpd) -> None:
    with limited(work, server, limits={"user_bandwidth": "4MiB"}) as ballast:
        with downloads(ballast, 2, (TESTER, PROBE)) as datas:
            received(datas, 1.0)
            counts = received(datas, SECONDS)
    for pair in (counts[:2], counts[2:]):
        assert abs(sum(pair) / SECONDS / (4 * MIB) - 1) < EXACT
