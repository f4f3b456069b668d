# SPDX-License-Identifier: Apache-2.0
"""Files that nobody reads, and files that never end: none of them stops the daemon."""

import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool
from ports import free_port
from process import Process
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

# As long as a daemon without sessions may take to end, a log's last second included.
END_SECONDS = 3.0


def _small_pipe(path: Path) -> int:
    """A FIFO that is full after a page, and that nobody reads. It stays while the result is open."""
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 4096)
    return descriptor


def _read_until(descriptor: int, wanted: str) -> str:
    """What is in the pipe, once this is in it."""
    said = b""

    def found() -> bool:
        nonlocal said
        try:
            said += os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return False
        return wanted.encode() in said

    waiting.until(f"{wanted} in the log", found)
    return said.decode()


@pytest.mark.parametrize("kind", ["file", "stderr"])
def test_a_log_that_nobody_reads_stops_nothing(kind: str, work: Path) -> None:
    it = Ballast(
        work,
        [Listener("ftp", "pool")],
        [Pool("pool", [Backend("none", Place("127.0.0.1", free_port()))])],
    )
    it.log = work / "pipe"
    pipe = _small_pipe(it.log)
    text = it.text() if kind == "file" else it.text().replace(f'file = "{it.log}"\n', "")
    it.configuration.write_text(text)
    command: list[str | Path] = [BINARY, "run", "-c", it.configuration]
    if kind == "stderr":
        command = ["sh", "-c", f'exec "$0" "$@" 2> {it.log}', *command]
    daemon = Process(command, it.output)
    try:
        _read_until(pipe, "ready")
        # Each is a line of the log, and the pipe holds a page of them.
        for _ in range(100):
            with Wire(it.where()) as client:
                assert client.reply().code == 220
                client.send("QUIT")
                assert client.reply().code == 221
        os.kill(daemon.pid, signal.SIGUSR1)
        os.kill(daemon.pid, signal.SIGHUP)
        with Wire(it.where()) as client:
            assert client.reply().code == 220
        begun = time.monotonic()
        assert daemon.terminate() == 0
        assert time.monotonic() - begun < END_SECONDS
    finally:
        if daemon.exit_status() is None:
            daemon.kill()
        os.close(pipe)
