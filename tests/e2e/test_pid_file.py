# SPDX-License-Identifier: Apache-2.0
"""`ballast run --pid-file`: names the process that serves, and nothing else."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool, run_ballast
from ports import free_port
from process import is_running
from servers import REPOSITORY

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's own")


def _ballast(work: Path, pid_file: Path) -> Ballast:
    nobody = Place("127.0.0.1", free_port())
    pools = [Pool("files", [Backend("none", nobody)])]
    return Ballast(work, [Listener("ftp", "files")], pools, pid_file=pid_file)


def _folder(work: Path) -> Path:
    folder = work / "run"
    folder.mkdir()
    return folder


def test_it_is_there_when_ballast_is_ready_and_gone_at_the_end(work: Path) -> None:
    file = _folder(work) / "ballast.pid"
    file.write_text("1\n")  # left by a crash
    with _ballast(work, file) as it:
        assert file.read_text() == f"{it.pid}\n"
        assert file.stat().st_mode & 0o777 == 0o644
        assert list(file.parent.iterdir()) == [file]
    assert not list(file.parent.iterdir())


def test_it_follows_an_upgrade(work: Path) -> None:
    file = _folder(work) / "ballast.pid"
    with _ballast(work, file) as it:
        for _ in range(2):
            former = it.upgrade()
            waiting.until("the former process has ended", lambda: not is_running(former))
            assert file.read_text() == f"{it.pid}\n"
    assert not list(file.parent.iterdir())


def test_an_upgrade_that_fails_leaves_it(work: Path) -> None:
    file = _folder(work) / "ballast.pid"
    with _ballast(work, file) as it:
        good = it.configuration.read_text()
        it.configuration.write_text("workers = 'many'\n")
        os.kill(it.pid, signal.SIGUSR2)
        it.wait_for_log("it", lambda line: line["message"].startswith("the upgrade failed"))
        assert file.read_text() == f"{it.pid}\n"
        assert list(file.parent.iterdir()) == [file]
        it.configuration.write_text(good)


def test_the_file_of_another_process_stays(work: Path) -> None:
    file = _folder(work) / "ballast.pid"
    with _ballast(work, file):
        file.write_text("1\n")
    assert file.read_text() == "1\n"


def test_a_start_with_a_path_that_cannot_be_written_fails(work: Path) -> None:
    it = _ballast(work, work / "missing/ballast.pid")
    it.configuration.write_text(it.text())
    done = run_ballast("run", "-c", it.configuration, "--pid-file", it.pid_file or "")
    assert done.returncode == 1
    assert "--pid-file: writing" in done.stderr and "No such file" in done.stderr, done.stderr


def test_a_start_that_fails_leaves_nothing(work: Path) -> None:
    file = _folder(work) / "ballast.pid"
    with _ballast(work, file) as it:
        done = run_ballast("run", "-c", it.configuration, "--pid-file", file)
        assert done.returncode == 1 and done.stderr
        assert file.read_text() == f"{it.pid}\n"
        assert list(file.parent.iterdir()) == [file]


def test_the_script_of_the_page_works(work: Path) -> None:
    file = _folder(work) / "ballast.pid"
    file.write_text("1\n")  # left by a crash
    it = _ballast(work, file)
    it.configuration.write_text(it.text())
    page = (REPOSITORY / "docs/installing.md").read_text()
    found = re.search(r"^```sh\n# checked, as another start\n(.*?)^```", page, re.M | re.S)
    assert found
    script = found[1].replace("/run/ballast/", f"{file.parent}/")
    script = script.replace("/etc/ballast/", f"{it.configuration.parent}/")
    done = subprocess.run(
        ["sh", "-euc", f'ballast() {{ exec {BINARY} "$@"; }}\n{script}'],
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done
    messages = [line["message"] for line in it.log_lines()]
    assert messages[-1] == "ended" and "ready" in messages, messages
    assert not file.exists()
