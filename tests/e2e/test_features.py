# SPDX-License-Identifier: Apache-2.0
"""FEAT of a pool whose servers differ: ProFTPD has MLSD, vsftpd has not."""

import contextlib
import ftplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ballast import DIRECT, TCP_PROBE, Backend, Ballast, Listener, Pool
from clients import Lftp, Mode, Ncftp, Target
from farm import Visit
from servers import ProFtpd, Server, Vsftpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="one server has one list")


class NcftpByMlsd(Ncftp):
    def listing(self, directory: str = "") -> str:
        return self._run(self._command("ncftpls", "-m", self._root + directory))


class LftpByMlsd(Lftp):
    def listing(self, directory: str = "") -> str:
        return self._run(self._command("set ftp:use-mlsd yes", f"cls {directory}"))


@pytest.fixture(scope="module")
def servers(module_work: Path) -> Iterator[dict[str, Server]]:
    root = module_work / "files"
    both: dict[str, Server] = {
        "with": ProFtpd(module_work, root, "127.0.0.94"),
        "without": Vsftpd(module_work, root, "127.0.0.95"),
    }
    (root / "small").write_bytes(b"small file\n")
    with both["with"], both["without"]:
        yield both


@contextlib.contextmanager
def _balanced(servers: dict[str, Server], work: Path, **pool: Any) -> Iterator[Ballast]:
    """When it begins, Ballast knows what both can do."""
    backends = [Backend(name, server) for name, server in servers.items()]
    pools = [Pool("pool", backends, {"balance": "round-robin", **pool}, TCP_PROBE)]
    with Ballast(work, [Listener("ftp", "pool")], pools) as it:
        for name in servers:
            it.wait_for_log(
                f"what {name} can do",
                lambda line, name=name: line["message"] == "backend surveyed"
                and line["backend"] == name,
            )
        yield it


def _has_mlst(answer: str) -> bool:
    return any(line.strip().upper().startswith("MLST") for line in answer.splitlines())


def test_after_the_log_in_it_is_the_servers_own(servers: dict[str, Server], work: Path) -> None:
    with _balanced(servers, work) as it:
        seen = []
        for _ in servers:
            with contextlib.closing(Visit(it.where(), None)) as visit:
                assert not _has_mlst(visit.sendcmd("FEAT"))
                visit.login("tester", "s3cret-Tester")
                seen.append(_has_mlst(visit.sendcmd("FEAT")))
                if seen[-1]:
                    assert "small" in [name for name, _ in visit.mlsd()]
                else:
                    with pytest.raises(ftplib.error_perm, match="^50"):
                        list(visit.mlsd())
                visit.leave()
        assert sorted(seen) == [False, True]


def test_a_client_that_asks_after_the_log_in_lists_with_mlsd(
    servers: dict[str, Server], work: Path
) -> None:
    with _balanced(servers, work) as it:
        dialogs = []
        for _ in servers:
            ncftp = NcftpByMlsd(Target(*it.where()), Mode.PASV, work)
            assert "small" in ncftp.listing()
            dialogs.append("Cmd: MLSD" in ncftp.dialog)
        assert sorted(dialogs) == [False, True]


def test_before_it_too_where_the_client_has_its_server(
    servers: dict[str, Server], work: Path
) -> None:
    with _balanced(servers, work, stick={"by": "network"}) as it:
        for source in ("127.0.5.1", "127.0.5.2"):
            with Wire(it.where(), source=source).log_in() as wire:
                own = _has_mlst(wire.expect("FEAT", 211).text)
            with Wire(it.where(), source=source) as wire:
                wire.greeting()
                assert _has_mlst(wire.expect("FEAT", 211).text) == own
        with Wire(it.where(), source="127.0.5.3") as wire:
            wire.greeting()
            assert not _has_mlst(wire.expect("FEAT", 211).text)


def test_a_client_that_asks_before_the_log_in_lists_with_mlsd_when_it_comes_back(
    servers: dict[str, Server], work: Path
) -> None:
    with _balanced(servers, work, stick={"by": "network"}) as it:
        dialogs = []
        for _ in range(2):
            lftp = LftpByMlsd(Target(*it.where()), Mode.EPSV, work)
            assert "small" in lftp.listing()
            dialogs.append("---> MLSD" in lftp.dialog)
        assert dialogs == [False, True]
