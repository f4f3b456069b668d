# SPDX-License-Identifier: Apache-2.0
"""Which clients a listener admits, and which commands it allows."""

import ftplib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool, running
from servers import TESTER, PyFtpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="it is the balancer that refuses")

LISTENERS = {
    "read-only": {"read_only": True},
    "few": {"allow_commands": ["RETR", "LIST"], "deny_commands": ["PORT", "SIZE"]},
    "named": {"anonymous": False},
    "near": {"allow_from": "127.0.0.0/24"},
    "far": {"deny_from": ["127.0.0.1", "::1"]},
}


class Field:
    def __init__(self, work: Path) -> None:
        self.server = PyFtpd(work, work / "files", "127.0.0.161")
        (self.server.root / "file").write_text("content")
        listeners = [
            Listener(name, "files", settings=settings) for name, settings in LISTENERS.items()
        ]
        self.ballast = Ballast(work, listeners, [Pool("files", [Backend("b", self.server)])])

    def log_in(self, listener: str) -> ftplib.FTP:
        client = ftplib.FTP(timeout=waiting.PATIENCE)
        client.connect(*self.ballast.where(listener))
        client.login(TESTER.name, TESTER.password)
        return client


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with running([field.server], field.ballast):
        yield field


def test_nothing_can_be_changed_through_a_read_only_listener(field: Field) -> None:
    before = sorted(field.server.root.iterdir())
    with closing(field.log_in("read-only")) as client:
        for command in ("DELE file", "MKD new", "RNFR file", "SITE CHMOD 777 file", "XYZZY file"):
            with pytest.raises(ftplib.error_perm, match="^550"):
                client.sendcmd(command)
        client.sendcmd("PASV")
        with pytest.raises(ftplib.error_perm, match="^550"):
            client.sendcmd("STOR file")
        lines: list[str] = []
        client.retrlines("RETR file", lines.append)
        assert lines == ["content"]
        client.quit()
    assert sorted(field.server.root.iterdir()) == before
    assert (field.server.root / "file").read_text() == "content"
    assert field.ballast.counters()["commands_refused"] >= 6


def test_only_a_few_commands_are_allowed(field: Field) -> None:
    with closing(field.log_in("few")) as client:
        lines: list[str] = []
        client.retrlines("RETR file", lines.append)
        client.retrlines("LIST", lines.append)
        assert lines[0] == "content" and "file" in lines[1]
        for command in ("NLST", "CWD /", "SIZE file", "PORT 127,0,0,1,200,1"):
            with pytest.raises(ftplib.error_perm, match="^502"):
                client.sendcmd(command)
        assert "SIZE" not in client.sendcmd("FEAT")
        client.quit()


def test_anonymous_stays_out(field: Field) -> None:
    with Wire(field.ballast.where("named")) as wire:
        wire.greeting()
        wire.expect("USER anonymous", 530)
        wire.expect("USER ftp", 530)
        wire.expect(f"USER {TESTER.name}", 331)


def test_only_some_networks_are_admitted(field: Field) -> None:
    refused = field.ballast.counters()["sessions_not_admitted"]
    with closing(field.log_in("near")) as client:
        client.quit()
    for listener, source in (("near", "127.0.1.1"), ("far", "127.0.0.1")):
        with Wire(field.ballast.where(listener), source=source) as wire:
            assert wire.reply().code == 421
            assert wire.at_end()
    with Wire(field.ballast.where("far"), source="127.0.0.9") as wire:
        wire.greeting()
    assert field.ballast.counters()["sessions_not_admitted"] == refused + 2
