# SPDX-License-Identifier: Apache-2.0
"""Control connections to backends that are greeted before a client comes (`warm`)."""

from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool
from servers import PyFtpd, Server, Vsftpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="the connections are the balancer's")

WARM = 4


def _connections(server: Server) -> int:
    """Those that are open to the server, as the server's system sees them."""
    wanted = f":{server.port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    established = "01"
    # The server's own end: its port is the local one.
    return sum(
        line.split()[1].endswith(wanted) and line.split()[3] == established for line in lines
    )


@pytest.mark.parametrize("server_type", [Vsftpd, PyFtpd])
def test_a_login_finds_one(server_type: type[Server], work: Path) -> None:
    with server_type(work, work / "files", "127.0.0.182") as server:
        pool = Pool("files", [Backend("only", server)], {"warm": WARM})
        with Ballast(
            work, [Listener("ftp", "files")], [pool], settings={"workers": 2}
        ) as ballast:
            waiting.until("they are open", lambda: _connections(server) == WARM)
            for _ in range(3):
                with Wire(ballast.where()).log_in() as wire:
                    wire.expect("PWD", 257)
                    waiting.until("another one is open", lambda: _connections(server) == WARM + 1)
            assert ballast.counters()["backend_connections_warm"] == 3

            server.kill()
            server.start()
            with Wire(ballast.where()).log_in() as wire:
                wire.expect("PWD", 257)
            waiting.until("they are open again", lambda: _connections(server) == WARM)


def test_a_reload_may_end_them(work: Path) -> None:
    with Vsftpd(work, work / "files", "127.0.0.183") as server:
        pool = Pool("files", [Backend("only", server)], {"warm": WARM})
        with Ballast(work, [Listener("ftp", "files")], [pool]) as ballast:
            waiting.until("they are open", lambda: _connections(server) >= WARM)
            ballast.pools["files"] = Pool("files", [Backend("only", server)])
            ballast.reload()
            waiting.until("they are closed", lambda: _connections(server) == 0)
