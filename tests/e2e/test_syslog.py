# SPDX-License-Identifier: Apache-2.0
"""The log at a syslog server."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Pool, run_ballast
from ports import free_port
from servers import TESTER, PyFtpd
from rsyslog import Rsyslog
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's log")


@pytest.fixture
def server(work: Path) -> Iterator[PyFtpd]:
    with PyFtpd(work, work / "files", "127.0.0.151", free_port()) as server:
        (server.root / "data").write_bytes(b"x" * 5000)
        yield server


@pytest.fixture
def syslog(work: Path) -> Iterator[Rsyslog]:
    with Rsyslog(work) as syslog:
        yield syslog


def _where(kind: str, syslog: Rsyslog) -> str:
    return f"unix:{syslog.socket}" if kind == "unix" else f"{kind}://127.0.0.1:{syslog.port}"


def _balanced(work: Path, server: PyFtpd, target: str) -> Ballast:
    settings = {"level": "info", "syslog": target, "facility": "local3"}
    pool = Pool("files", [Backend("only", server)])
    return Ballast(work, [Listener("ftp", "files")], [pool], log=settings)


def _line(it: Ballast, message: str) -> dict[str, Any]:
    return it.wait_for_log(message, lambda line: line["message"] == message)


def _download(it: Ballast) -> None:
    with Wire(it.where()).log_in() as client:
        data = client.passive()
        client.expect("RETR data", 150, 125)
        assert read_all(data) == b"x" * 5000
        assert client.reply().code == 226
        client.expect("QUIT", 221)


@pytest.mark.parametrize("kind", ["udp", "tcp", "unix"])
def test_rsyslog_understands_every_line(
    kind: str, work: Path, server: PyFtpd, syslog: Rsyslog
) -> None:
    with _balanced(work, server, _where(kind, syslog)) as it:
        with Wire(it.where()) as client:
            client.greeting()
            client.expect('USER j\xfcrgen "the]\\best"', 331)
            client.expect("PASS secret", 530)
        _download(it)
        ended = syslog.wait_for("session ended")
        assert ended["severity"] == "info" and ended["facility"] == "local3"
        # rsyslog writes a Unix socket's own host itself.
        assert kind == "unix" or ended["host"] == socket.gethostname()
        assert ended["app"] == "ballast" and ended["process"] == str(it.pid)
        assert ended["version"] == "1"
        line = it.wait_for_log("its end", lambda line: line["message"] == "session ended")
        assert f'session="{line["session"]}"' in ended["data"]
        assert ended["data"].startswith("[ballast@32473 ") and ended["data"].endswith("]")
        refused = syslog.wait_for("login refused")
        assert r'name="jürgen \"the\]\\best\""' in refused["data"]
        assert 'name="jürgen \\"the]\\\\best\\""' in refused["text"]
        syslog.wait_for(f"logged in session={_line(it, 'logged in')['session']}")
        warned = [each for each in syslog.messages() if each["severity"] == "warning"]
        assert not warned


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_lines_wait_for_a_server_that_is_away(
    kind: str, work: Path, server: PyFtpd, syslog: Rsyslog
) -> None:
    with _balanced(work, server, _where(kind, syslog)) as it:
        syslog.wait_for("ready")
        syslog.kill()
        # Nobody waits for it.
        _download(it)
        assert _line(it, "the syslog server cannot be reached, lines wait for it")["reason"]
        syslog.start()
        _line(it, "the syslog server can be reached again")
        syslog.wait_for("session ended")


def test_a_reload_begins_moves_and_ends_it(work: Path, server: PyFtpd, syslog: Rsyslog) -> None:
    with _balanced(work, server, _where("udp", syslog)) as it:
        syslog.wait_for("ready")
        it.log_settings["syslog"] = _where("tcp", syslog)
        it.reload()
        syslog.wait_for("configuration reloaded")
        it.log_settings["syslog"] = ""
        it.reload()
        _download(it)
        _line(it, "session ended")
        assert not [each for each in syslog.messages() if "session" in each["text"]]
        it.log_settings["syslog"] = _where("unix", syslog)
        it.reload()
        _download(it)
        assert f'user="{TESTER.name}"' in syslog.wait_for("session ended")["data"]


def test_a_name_that_is_unknown_holds_nothing_up(work: Path, server: PyFtpd) -> None:
    with _balanced(work, server, "udp://nowhere.invalid:514") as it:
        _line(it, "the syslog server cannot be reached, lines wait for it")
        _download(it)


def test_a_target_that_is_none_is_refused(work: Path, server: PyFtpd) -> None:
    it = _balanced(work, server, "logs.example.com")
    it.configuration.write_text(it.text())
    done = run_ballast("check", "-c", it.configuration)
    assert done.returncode == 1
    assert "log.syslog: 'logs.example.com' is not a syslog server" in done.stderr
