# SPDX-License-Identifier: Apache-2.0
"""EPSV and RETR in one write, to servers that read several commands at once."""

from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool
from servers import ProFtpd, PureFtpd, PyFtpd, Server, Vsftpd
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the writes are the balancer's")

CONTENT = b"x" * 100_000


def _download(wire: Wire, name: str) -> bytes:
    with wire.passive("EPSV") as data:
        wire.expect(f"RETR {name}", 125, 150)
        content = read_all(data)
    assert wire.reply().code == 226
    return content


def _order(ballast: Ballast, since: int) -> list[str]:
    """What was said to the server and what it answered, of the last transfer in the log."""
    said = [
        line["line"]
        for line in ballast.log_lines()[since:]
        if line["message"] in {"to the backend", "from the backend"}
    ]
    return [line for line in said if line.startswith(("EPSV", "RETR", "229", "150"))]


@pytest.mark.parametrize("server_type", [Vsftpd, ProFtpd, PureFtpd, PyFtpd])
def test_real_servers_take_them(server_type: type[Server], work: Path) -> None:
    with server_type(work, work / "files", "127.0.0.179") as server:
        (server.root / "file").write_bytes(CONTENT)
        pool = Pool("files", [Backend("only", server)])
        with (
            Ballast(work, [Listener("ftp", "files")], [pool], log={"level": "debug"}) as ballast,
            Wire(ballast.where()).log_in() as wire,
        ):

            def is_in_one_write() -> bool:
                mark = ballast.log_mark()
                assert _download(wire, "file") == CONTENT
                order = _order(ballast, mark)
                return [line.split()[0] for line in order[:2]] == ["EPSV", "RETR"]

            # The survey and the first data connection come first.
            waiting.until("EPSV and RETR go out together", is_in_one_write)
            # A refusal is the client's own, and the session goes on.
            with wire.passive("EPSV"):
                wire.expect("RETR none", 550)
            wire.expect("PWD", 257)
            assert _download(wire, "file") == CONTENT


def test_it_can_be_switched_off(work: Path) -> None:
    with Vsftpd(work, work / "files", "127.0.0.180") as server:
        (server.root / "file").write_bytes(CONTENT)
        pool = Pool("files", [Backend("only", server)], {"pipelining": False})
        with (
            Ballast(work, [Listener("ftp", "files")], [pool], log={"level": "debug"}) as ballast,
            Wire(ballast.where()).log_in() as wire,
        ):
            mark = ballast.log_mark()
            for _ in range(3):
                assert _download(wire, "file") == CONTENT
            ballast.counters()  # written behind all lines so far
            words = [line.split()[0] for line in _order(ballast, mark)]
            assert words == ["EPSV", "229", "RETR", "150"] * 3
