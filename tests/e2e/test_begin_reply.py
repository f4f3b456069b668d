# SPDX-License-Identifier: Apache-2.0
"""`begin_reply_delay`: a short download's 150 and 226 in one packet, which every client stands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import everything
from ballast import DIRECT, NO_PROBE, Backend, Ballast, Listener, Pool
from clients import Mode, Target
from everything import Case
from servers import Vsftpd
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the delay is the balancer's")

CONTENT = b"x" * 4096
# Far longer than a short download takes, so that the machine may be busy.
DELAY = "100ms"

CASES = [
    Case(clients.Curl, Mode.PASV, "ipv4"),
    Case(clients.Curl, Mode.EPRT, "ipv4"),
    Case(clients.Lftp, Mode.EPSV, "ipv4"),
    Case(clients.Lftp, Mode.PORT, "ipv4"),
    Case(clients.Tnftp, Mode.EPSV, "ipv4"),
    Case(clients.Tnftp, Mode.PORT, "ipv4"),
    Case(clients.Ftplib, Mode.PASV, "ipv4"),
    Case(clients.Ftplib, Mode.PORT, "ipv4"),
    Case(clients.Ncftp, Mode.PASV, "ipv4"),
    Case(clients.Wget, Mode.PASV, "ipv4"),
    Case(clients.NetFtp, Mode.EPSV, "ipv4"),
    Case(clients.NetFtp, Mode.PORT, "ipv4"),
]


class Field:
    def __init__(self, work: Path) -> None:
        self.data = everything.random_file(work / "data")
        self.server = Vsftpd(work, work / "files", "127.0.0.179")
        self.ballast = Ballast(
            *(work, [Listener("ftp", "files", settings={"begin_reply_delay": DELAY})]),
            [Pool("files", [Backend("only", self.server)], probe=NO_PROBE)],
        )


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with field.server, field.ballast:
        (field.server.root / "short").write_bytes(CONTENT)
        yield field


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_client_does_everything(case: Case, field: Field, work: Path) -> None:
    target = Target(*field.ballast.where("ftp", case.loopback))
    everything.works(case, target, field.data, field.server.root, work)


@pytest.mark.parametrize("passive", ["PASV", "EPSV"])
def test_both_replies_come_together(passive: str, field: Field) -> None:
    """Unless the download took longer than the delay, which a busy machine may make of it."""
    together = 0
    with Wire(field.ballast.where()).log_in() as wire:
        for _ in range(10):
            with wire.passive(passive) as data:
                wire.send("RETR short")
                heard = wire.socket.recv(65536)
                assert read_all(data) == CONTENT
            together += b"\r\n226 " in heard
            while b"\r\n226 " not in heard:
                heard += wire.socket.recv(65536)
            assert heard.startswith(b"150 ")
    assert together > 0
