# SPDX-License-Identifier: Apache-2.0
"""FEAT of a pool of different servers: ProFTPD and Pure-FTPd have MLSD, vsftpd does not."""

import contextlib
import ftplib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ballast import DIRECT, TCP_PROBE, Backend, Ballast, Listener, Pool
from clients import RUN_SECONDS, Lftp, Mode, Ncftp, Target
from farm import Visit
from process import DIES_WITH_US
from servers import TESTER, ProFtpd, PureFtpd, Server, Vsftpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="one server has one list")


class NcftpByMlsd(Ncftp):
    def listing(self, directory: str = "") -> str:
        return self._run(self._command("ncftpls", "-m", self._root + directory))


class LftpByMlsd(Lftp):
    def listing(self, directory: str = "") -> str:
        return self._run(self._command("set ftp:use-mlsd yes", f"cls {directory}"))


class Rclone:
    """Copies directories over several connections at once. Each asks FEAT after its login. rclone
    uses the first answer for all of them, so all must reach one server."""

    def __init__(self, target: Target, work: Path, source: str) -> None:
        obscure = ["rclone", "obscure", target.account.password]
        password = subprocess.run(obscure, capture_output=True, text=True, check=True).stdout
        host = f"--ftp-host={target.address}", f"--ftp-port={target.port}"
        account = f"--ftp-user={target.account.name}", f"--ftp-pass={password.strip()}"
        dialog = "-vv", "--dump=headers"
        settings = "--config=", f"--bind={source}", "--retries=1", "--low-level-retries=1"
        self._command = ["rclone", *settings, *dialog, *host, *account]
        self._environment = {**os.environ, "HOME": str(work)}
        self.dialog = ""

    def run(self, *words: str | Path) -> str:
        done = subprocess.run(
            [*DIES_WITH_US, *self._command, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            env=self._environment,
            check=False,
        )
        self.dialog = done.stderr
        assert done.returncode == 0, self.dialog
        return done.stdout

    def said(self, verb: str) -> bool:
        return f'FTP Tx: "{verb}' in self.dialog


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
    """The test starts when Ballast knows the features of both."""
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


def test_before_the_log_in_too_where_the_client_has_its_server(
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


def _tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_rclone_copies_with_what_its_server_has(work: Path) -> None:
    root = work / "files"
    servers: dict[str, Server] = {
        "with": PureFtpd(work, root, "127.0.0.92"),
        "without": Vsftpd(work, root, "127.0.0.93"),
    }
    stick = {"by": "network"}
    with servers["with"], servers["without"], _balanced(servers, work, stick=stick) as it:
        seen = []
        for source in ("127.0.5.1", "127.0.5.2"):
            rclone = Rclone(Target(*it.where(), TESTER), work, source)
            own = work / source
            (own / "inner").mkdir(parents=True)
            for number in range(8):
                (own / f"file {number}").write_bytes(b"%d" % number * 100_000)
            (own / "inner" / "empty").touch()

            rclone.run("copy", own, f":ftp:{source}")
            assert _tree(root / source) == _tree(own)
            seen.append(rclone.said("MLSD"))
            assert rclone.said("MFMT") == rclone.said("MLSD") != rclone.said("LIST")

            (own / "file 1").write_bytes(b"longer" * 100_000)
            (own / "file 2").unlink()
            rclone.run("sync", own, f":ftp:{source}")
            assert _tree(root / source) == _tree(own)

            rclone.run("sync", f":ftp:{source}", work / f"{source}-back")
            assert _tree(work / f"{source}-back") == _tree(own)

            listed = json.loads(rclone.run("lsjson", "-R", "--files-only", f":ftp:{source}"))
            sizes = {name: len(content) for name, content in _tree(own).items()}
            assert {each["Path"]: each["Size"] for each in listed} == sizes
        assert sorted(seen) == [False, True]
