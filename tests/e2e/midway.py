# SPDX-License-Identifier: Apache-2.0
"""A client's transfer that is stopped in the middle, and what a server and the logs show of it."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import clients
import waiting
from ballast import Ballast
from servers import ProFtpd, PyFtpd, Server, Vsftpd

# Far larger than all buffers on the way, and slow enough to stop in the middle.
SIZE = 96 * 1024 * 1024
RATE = 8 * 1024 * 1024
UNDER_WAY = 512 * 1024


def _sparse(path: Path) -> Path:
    """Only its length matters."""
    path.touch()
    os.truncate(path, SIZE)
    return path


class Midway:
    """Servers, each with a file `big`, behind one balancer, which the test file makes."""

    ballast: Ballast

    def __init__(self, work: Path) -> None:
        self.work = work
        self.data = _sparse(work / "data")
        self.servers: dict[str, Server] = {}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        try:
            for server in self.servers.values():
                server.start()
                _sparse(server.root / "big")
            with self.ballast:
                yield
        finally:
            for server in self.servers.values():
                server.kill()

    @contextlib.contextmanager
    def to_be_killed(self, kind: str) -> Iterator[Server]:
        """A server that the test may kill: it runs again afterwards."""
        server = self.servers[kind]
        yield server
        server.kill()
        server.start()

    def logged(self, name: str) -> dict[str, Any]:
        """The transfer logs' result for the file. Both logs must agree."""
        entry = self.ballast.wait_for_transfer(lambda each: each["file"].endswith(name))

        def lines() -> list[str]:
            every = self.ballast.xferlog.read_text().splitlines()
            # The whole name: other names may begin like it.
            return [line for line in every if f"{name} " in line]

        waiting.until("the xferlog's line", lines)
        assert len(lines()) == 1
        assert lines()[0].endswith(" c") == (entry["result"] == "whole")
        return entry


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def when_under_way(process: subprocess.Popen[str], size: Callable[[], int]) -> None:
    def is_under_way() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"it ended too early:\n{end_of(process)[1]}")
        return size() > UNDER_WAY

    waiting.until("the transfer is under way", is_under_way)


def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=clients.RUN_SECONDS)
    return process.returncode, said


def stored(server: Server, name: str) -> int:
    """The bytes that the server has of an upload, under any temporary name."""

    def is_it(path: Path) -> bool:
        # The second is Pure-FTPd's.
        return name in path.name or path.name.startswith(".pureftpd-upload.")

    return max((size_of(path) for path in server.root.iterdir() if is_it(path)), default=0)


def server_knows(server: Server, name: str) -> None:
    """The server has recorded that the upload was not whole."""
    if isinstance(server, Vsftpd | ProFtpd):
        xferlog = server.xferlog

        def line() -> str | None:
            lines = xferlog.read_text().splitlines() if xferlog.exists() else []
            return next((line for line in lines if name in line), None)

        # The last word of the line is complete or incomplete.
        assert str(waiting.until("the server's log", line)).endswith(" i")
    elif isinstance(server, PyFtpd):
        ends = ("received", "received-part")
        path = server.root / name

        def event() -> str | None:
            return next((end for end in ends if server.count(f"{end} {path}")), None)

        assert waiting.until("the server's events", event) == "received-part"
    # Pure-FTPd answers 451 to the balancer, but logs the upload like any other.
