# SPDX-License-Identifier: Apache-2.0
"""The end of the daemon: what may finish, what is cut, and what the exit status says of it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Pool
from servers import PyFtpd
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's own")

CONTENT = b"content" * 3_000_000
CUT = 3


@pytest.fixture(scope="module")
def server(module_work: Path) -> Iterator[PyFtpd]:
    with PyFtpd(module_work, module_work / "files", "127.0.0.135") as server:
        (server.root / "big").write_bytes(CONTENT)
        yield server


def _ballast(work: Path, server: PyFtpd, shutdown_timeout: str) -> Ballast:
    pools = [Pool("files", [Backend("one", server)])]
    settings = {"shutdown_timeout": shutdown_timeout}
    return Ballast(work, [Listener("ftp", "files")], pools, settings=settings)


def _said_to_be_cut(it: Ballast) -> tuple[int, int] | None:
    lines = [line for line in it.log_lines() if line["message"] == "sessions were cut"]
    return (lines[0]["sessions"], lines[0]["transfers"]) if lines else None


def _stopping(it: Ballast, number: int = signal.SIGTERM) -> None:
    os.kill(it.pid, number)
    it.wait_for_log("it stops", lambda line: line["message"].startswith("stopping:"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_sessions_and_transfers_that_finish_are_not_cut(
    number: int, work: Path, server: PyFtpd
) -> None:
    it = _ballast(work, server, "5m")
    it.start()
    try:
        with Wire(it.where()).log_in() as idle, Wire(it.where()).log_in() as busy:
            data = busy.passive(receive_buffer=4096)
            busy.expect("RETR big", 150, 125)
            _stopping(it, number)
            assert idle.reply().code == 421 and idle.at_end()
            with pytest.raises(ConnectionRefusedError):
                Wire(it.where())
            assert read_all(data) == CONTENT
            assert busy.reply().code == 226
            assert busy.reply().code == 421 and busy.at_end()
        assert it.wait_for_end() == 0
        assert _said_to_be_cut(it) is None
    finally:
        it.kill()


def test_what_is_left_at_the_timeout_is_cut(work: Path, server: PyFtpd) -> None:
    it = _ballast(work, server, "500ms")
    it.start()
    try:
        with Wire(it.where()).log_in() as busy, Wire(it.where()).log_in() as other:
            with busy.passive(receive_buffer=4096) as data, other.listen():
                busy.expect("RETR big", 150, 125)
                _stopping(it)
                assert other.reply().code == 421
                assert it.wait_for_end() == CUT
                # Not the end of a whole file.
                with pytest.raises(ConnectionResetError):
                    read_all(data)
                assert busy.at_end()
        assert _said_to_be_cut(it) == (1, 1)
    finally:
        it.kill()


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT)],
)
def test_a_second_signal_cuts_at_once(
    first: int, second: int, work: Path, server: PyFtpd
) -> None:
    it = _ballast(work, server, "10m")
    it.start()
    try:
        with Wire(it.where()).log_in() as busy, busy.passive(receive_buffer=4096) as data:
            busy.expect("RETR big", 150, 125)
            _stopping(it, first)
            os.kill(it.pid, second)
            assert it.wait_for_end() == CUT
            with pytest.raises(ConnectionResetError):
                read_all(data)
        assert _said_to_be_cut(it) == (1, 1)
    finally:
        it.kill()


def test_a_replaced_process_says_what_it_cut(work: Path, server: PyFtpd) -> None:
    it = _ballast(work, server, "10m")
    it.start()
    try:
        with Wire(it.where()).log_in() as busy, busy.passive(receive_buffer=4096) as data:
            busy.expect("RETR big", 150, 125)
            former = it.upgrade()
            os.kill(former, signal.SIGTERM)
            it.wait_for_log("it stops", lambda line: line["message"].startswith("stopping:"))
            os.kill(former, signal.SIGTERM)
            assert it.wait_for_end() == CUT
            with pytest.raises(ConnectionResetError):
                read_all(data)
        with Wire(it.where()) as new:
            new.greeting()
    finally:
        it.kill()
