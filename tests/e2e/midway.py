# SPDX-License-Identifier: Apache-2.0
"""A client's transfer, caught in the middle, and what a server has made of it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import clients
import waiting
from servers import ProFtpd, PyFtpd, Server, Vsftpd

# Far more than all buffers on the way hold, and slow enough to be caught in the middle.
SIZE = 96 * 1024 * 1024
RATE = 8 * 1024 * 1024
UNDER_WAY = 512 * 1024


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
    """What the server has of an upload, under whatever name it keeps it until the end."""

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

        # The last word of a line: complete or incomplete.
        assert str(waiting.until("the server's log", line)).endswith(" i")
    elif isinstance(server, PyFtpd):
        ends = ("received", "received-part")
        path = server.root / name

        def event() -> str | None:
            return next((end for end in ends if server.count(f"{end} {path}")), None)

        assert waiting.until("the server's events", event) == "received-part"
    # Pure-FTPd answers 451 to the balancer, but its log has the upload like any other.
