# SPDX-License-Identifier: Apache-2.0
"""Files without a reader, and files without an end: none of them stops the daemon."""

import base64
import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

import waiting
from ballast import (
    BINARY,
    DIRECT,
    Backend,
    Ballast,
    Listener,
    Place,
    Pool,
    backends_file,
    run_ballast,
)
from certificates import Authority, for_loopback
from ports import free_port
from process import Process
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

# The time in which a daemon without sessions must end, including a log's last second.
END_SECONDS = 3.0


def _small_pipe(path: Path) -> int:
    """A FIFO without a reader, full after one page. It stays while the descriptor is open."""
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 4096)
    return descriptor


def _read_until(descriptor: int, wanted: str) -> str:
    """The content of the pipe, as soon as it contains `wanted`."""
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
        # Each causes a log line, and the pipe holds one page of them.
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


def _replace_by_fifo(path: Path) -> None:
    new = path.with_suffix(".fifo")
    os.mkfifo(new)
    new.rename(path)


def test_a_fifo_in_place_of_a_watched_file_is_refused_and_stops_nothing(work: Path) -> None:
    identity = for_loopback(Authority(work), "ballast.test")
    tickets = work / "tickets"
    tickets.write_text(base64.b64encode(bytes(range(80))).decode() + "\n")
    nobody = Place("127.0.0.1", free_port())
    backends = backends_file(work / "backends.toml", [Backend("none", nobody)])
    tls = {
        "certificate": [str(identity.certificate)],
        "key": [str(identity.key)],
        "ticket_keys": str(tickets),
    }
    it = Ballast(
        work,
        [Listener("ftp", "pool", tls=tls)],
        [Pool("pool", [], {"backends_file": str(backends)})],
    )
    it.start()
    try:
        files = (identity.certificate, tickets, backends)
        for path in files:
            _replace_by_fifo(path)
        for path in files:
            it.wait_for_log(
                f"{path} refused",
                lambda line, path=path: f"{path} is a FIFO" in str(line.get("reason")),
            )
        with Wire(it.where()) as client:
            assert client.reply().code == 220
        assert it.counters()["sessions_accepted"] == 1
        begun = time.monotonic()
        it.stop()
        assert time.monotonic() - begun < END_SECONDS
    finally:
        it.kill()


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_file_that_is_not_regular_is_named_at_the_start(command: str, work: Path) -> None:
    fifo = work / "fifo"
    os.mkfifo(fifo)
    probe = {"type": "login", "user": "probe", "password_file": str(fifo)}
    nobody = Place("127.0.0.1", free_port())
    it = Ballast(
        work,
        [Listener("ftp", "pool", tls={"certificate": [str(fifo)]})],
        [Pool("pool", [Backend("none", nobody)], {"backends_file": str(fifo)}, probe=probe)],
    )
    it.configuration.write_text(it.text())
    done = run_ballast(command, "-c", it.configuration)
    assert done.returncode == 1
    said = f"{fifo} is a FIFO, and must be a regular file"
    for key in ("password_file", "certificate", "backends_file"):
        assert any(key in line and said in line for line in done.stderr.splitlines()), done.stderr
    assert f"{fifo} is a FIFO" in run_ballast(command, "-c", fifo).stderr
