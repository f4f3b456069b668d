# SPDX-License-Identifier: Apache-2.0
"""Ballast as a service of a real systemd: the files of packaging/, installed as docs/installing.md
says."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import waiting
from ballast import BINARY, DIRECT
from machine import Machine
from ports import free_port, free_ports
from sanitizers import SANITIZER
from servers import REPOSITORY, PyFtpd
from wire import Wire, read_all

pytestmark = [
    pytest.mark.skipif(DIRECT, reason="the balancer's own"),
    pytest.mark.skipif(SANITIZER != "", reason="the sandbox forbids what a sanitizer does"),
]

CONTENT = b"content" * 3_000_000
SOURCE = "/root/source"
CONFIGURATION = """
shutdown_timeout = "{shutdown_timeout}"

[admin]
state_file = "/var/lib/ballast/state.json"

[listener.ftp]
bind = ["0.0.0.0:{port}"]
passive_ports = "{passive}-{passive_end}"
pool = "files"
greeting = "{greeting}"

[pool.files.probe]
type = "none"

[[pool.files.backend]]
name = "one"
address = "{backend}"
"""


def _page_commands() -> list[str]:
    """Of docs/installing.md."""
    page = (REPOSITORY / "docs/installing.md").read_text()
    return re.findall(r"^```sh\n# checked\n(.*?)^```", page, re.M | re.S)


INSTALL, MANUAL, START, LOGS, ACTIVATE, UPGRADE, BACK = _page_commands()


class Service:
    def __init__(self, machine: Machine, server: PyFtpd) -> None:
        self.machine = machine
        passive = free_ports(20)
        self._settings = {
            "port": "21",
            "passive": passive,
            "passive_end": passive + 19,
            "backend": server.endpoint,
            "greeting": "first",
            "shutdown_timeout": "30s",
        }

    def configure(self, **settings: str) -> None:
        self.write(CONFIGURATION.format_map({**self._settings, **settings}))

    def write(self, configuration: str) -> None:
        self.machine.path("/etc/ballast/ballast.toml").write_text(configuration)

    def follow_page(self, commands: str) -> str:
        return self.machine.run("sh", "-euc", f"cd {SOURCE}\n{commands}")

    def control(self, *words: str, status: int | None = 0) -> str:
        return self.machine.run("systemctl", *words, status=status)

    def drop_in(self, text: str) -> None:
        folder = self.machine.path("/run/systemd/system/ballast.service.d")
        folder.mkdir(parents=True)
        (folder / "test.conf").write_text(text)
        self.control("daemon-reload")

    def clear(self) -> None:
        self.control("stop", "ballast.socket", "ballast.service", status=None)
        self.control("reset-failed", status=None)
        shutil.rmtree(
            self.machine.path("/run/systemd/system/ballast.service.d"), ignore_errors=True
        )
        self.machine.path("/var/lib/ballast/state.json").unlink(missing_ok=True)
        self.control("daemon-reload")

    def shows(self, *properties: str) -> list[str]:
        return [
            self.control("show", "--property", each, "--value", "ballast").strip()
            for each in properties
        ]

    @property
    def pid(self) -> int:
        return int(self.shows("MainPID")[0])

    def processes(self) -> set[int]:
        """All of the service's control group."""
        tree = self.machine.run("systemd-cgls", "--no-pager", "--full", "--unit", "ballast.service")
        return {int(each) for each in re.findall(r"(\d+) /usr/bin/ballast run", tree)}

    def connect(self) -> Wire:
        return Wire(("127.0.0.1", 21))


@pytest.fixture(scope="module")
def server(module_work: Path) -> Iterator[PyFtpd]:
    with PyFtpd(module_work, module_work / "files", "127.0.0.136") as server:
        (server.root / "big").write_bytes(CONTENT)
        (server.root / "name").write_text("one")
        yield server


@pytest.fixture(scope="module")
def installed(module_work: Path, server: PyFtpd) -> Iterator[Service]:
    with Machine(module_work) as machine:
        source = machine.path(SOURCE)
        (source / "build").mkdir(parents=True)
        shutil.copy(BINARY, source / "build/ballast")
        for folder in ("examples", "packaging"):
            shutil.copytree(REPOSITORY / folder, source / folder)
        service = Service(machine, server)
        service.follow_page(INSTALL)
        service.follow_page(MANUAL)
        service.follow_page(LOGS)
        yield service


@pytest.fixture
def stopped(installed: Service) -> Iterator[Service]:
    installed.configure()
    yield installed
    installed.clear()


@pytest.fixture
def it(stopped: Service) -> Service:
    stopped.follow_page(START)
    return stopped


def _download(wire: Wire) -> None:
    data = wire.passive()
    wire.expect("RETR name", 150, 125)
    assert read_all(data) == b"one"
    assert wire.reply().code == 226


def test_it_is_active_when_it_serves(it: Service) -> None:
    # No waiting: `systemctl start` returned after the readiness.
    with it.connect().log_in() as wire:
        _download(wire)
    assert it.shows("ActiveState", "SubState", "User") == ["active", "running", "ballast"]
    assert it.processes() == {it.pid}


def _journal(it: Service, *matches: str) -> list[dict[str, str]]:
    text = it.machine.run("journalctl", "--quiet", "--output=json", *matches)
    return [json.loads(line) for line in text.splitlines()]


def test_the_journal_has_fields(it: Service) -> None:
    with it.connect().log_in() as wire:
        _download(wire)
        with wire.passive():
            wire.expect("RETR no such/file", 550)
        wire.expect("QUIT", 221)
    ended = waiting.until("its end", lambda: _journal(it, "BALLAST_MESSAGE=session ended"))[-1]
    assert ended["BALLAST_USER"] == "tester" and ended["BALLAST_BACKEND"] == "one"
    assert ended["BALLAST_TRANSFERS"] == "2" and ended["BALLAST_REASON"] == "the client said QUIT"
    assert ended["PRIORITY"] == "6" and ended["SYSLOG_IDENTIFIER"] == "ballast"
    assert ended["_SYSTEMD_UNIT"] == "ballast.service" and ended["SYSLOG_FACILITY"] == "3"
    # What `journalctl -u ballast` shows.
    assert ended["MESSAGE"].startswith(f"session ended session={ended['BALLAST_SESSION']} client=")
    story = _journal(it, f"BALLAST_SESSION={ended['BALLAST_SESSION']}")
    said = [line["BALLAST_MESSAGE"] for line in story]
    assert said[0] == "session began" and said[-1] == "session ended"
    assert said.count("transfer ended") == 2 and "logged in" in said
    # The process that an upgrade has started writes there, too.
    before = it.pid
    it.follow_page(UPGRADE)
    waiting.until("the main process is another", lambda: it.pid != before)
    ready = waiting.until("the other", lambda: _journal(it, f"_PID={it.pid}"))
    assert all(line["_TRANSPORT"] == "journal" for line in ready), ready


def test_a_program_that_is_not_ready_is_not_active(stopped: Service) -> None:
    stopped.drop_in("[Service]\nExecStart=\nExecStart=/bin/sleep infinity\nTimeoutStartSec=1s\n")
    stopped.control("start", "ballast", status=1)
    assert "timeout" in stopped.shows("Result")


def test_a_start_with_problems_fails_and_the_journal_lists_them(stopped: Service) -> None:
    stopped.configure(shutdown_timeout="soon", passive="90000")
    stopped.control("start", "ballast", status=1)
    journal = stopped.machine.journal()
    for words in ("ballast.toml:2:20: shutdown_timeout", "listener.ftp.passive_ports"):
        assert words in journal, journal


def test_a_reload_takes_effect_and_sessions_go_on(it: Service) -> None:
    before = it.pid
    with it.connect() as wire:
        assert "first" in wire.greeting().text
        it.configure(greeting="second")
        it.control("reload", "ballast")
        with it.connect() as other:
            assert "second" in other.greeting().text
        wire.expect("USER tester", 331)
    assert it.pid == before


def test_a_reload_with_problems_fails_and_says_them(it: Service) -> None:
    with it.connect().log_in() as wire:
        it.configure(shutdown_timeout="soon")
        it.control("reload", "ballast", status=1)
        assert "ballast.toml:2:20: shutdown_timeout" in it.machine.journal()
        _download(wire)
    with it.connect() as other:
        other.greeting()
    assert it.shows("ActiveState") == ["active"]


def test_a_reload_after_an_installation_upgrades(it: Service) -> None:
    before = it.pid
    started = it.shows("ActiveEnterTimestampMonotonic")
    with it.connect().log_in() as wire:
        it.follow_page(UPGRADE)
        after = waiting.until("the main process is another", lambda: it.pid - before and it.pid)
        assert it.processes() == {before, after}
        _download(wire)
        with it.connect().log_in() as other:
            _download(other)
        # And back, from the process that systemd has not started itself.
        it.follow_page(BACK)
        latest = waiting.until("the main process is another", lambda: it.pid - after and it.pid)
        _download(wire)
        wire.expect("QUIT", 221)
    waiting.until("the others have ended", lambda: it.processes() == {latest})
    assert it.shows("ActiveState", "NRestarts") == ["active", "0"]
    assert it.shows("ActiveEnterTimestampMonotonic") == started
    # No process says anything that systemd does not take from it.
    assert "reception only permitted" not in it.machine.journal()


def test_the_death_of_a_process_that_an_upgrade_started_is_noticed(it: Service) -> None:
    before = it.pid
    with it.connect().log_in():
        it.follow_page(UPGRADE)
        after = waiting.until("the main process is another", lambda: it.pid - before and it.pid)
        assert before in it.processes()
        it.machine.run("kill", "-KILL", str(after))
        waiting.until("it was restarted", lambda: it.shows("NRestarts") == ["1"])
        waiting.until("it is active", lambda: it.shows("ActiveState") == ["active"])
    with it.connect() as other:
        other.greeting()
    assert "which is not our child" not in it.machine.journal()


def test_states_of_operators_survive_a_restart(it: Service) -> None:
    before = it.pid
    it.machine.run("ballast", "drain", "files/one")
    it.control("restart", "ballast")
    assert it.pid != before
    assert "drain" in it.machine.run("ballast", "backends")
    state = it.machine.path("/var/lib/ballast/state.json")
    assert state.stat().st_uid != 0


def test_the_watchdog_restarts_a_process_that_hangs(stopped: Service) -> None:
    stopped.drop_in("[Service]\nWatchdogSec=2s\n")
    stopped.control("start", "ballast")
    before = stopped.pid
    stopped.machine.run("kill", "-STOP", str(before))
    waiting.until("it was restarted", lambda: stopped.shows("NRestarts") == ["1"])
    waiting.until("it is active", lambda: stopped.shows("ActiveState") == ["active"])
    assert stopped.pid != before
    assert "Watchdog timeout" in stopped.machine.journal()
    with stopped.connect() as wire:
        wire.greeting()


def test_a_stop_lets_transfers_finish(it: Service) -> None:
    with it.connect().log_in() as wire:
        data = wire.passive(receive_buffer=4096)
        wire.expect("RETR big", 150, 125)
        it.control("stop", "--no-block", "ballast")
        waiting.until("it stops", lambda: it.shows("ActiveState") == ["deactivating"])
        assert read_all(data) == CONTENT
        assert wire.reply().code == 226
    waiting.until("it has stopped", lambda: it.shows("ActiveState") == ["inactive"])
    assert it.shows("Result", "ExecMainStatus") == ["success", "0"]


def test_a_stop_lets_transfers_of_a_replaced_process_finish(it: Service) -> None:
    with it.connect().log_in() as wire:
        data = wire.passive(receive_buffer=4096)
        wire.expect("RETR big", 150, 125)
        it.follow_page(UPGRADE)
        mark = len(it.machine.journal())
        it.control("stop", "--no-block", "ballast")
        waiting.until("it stops", lambda: it.shows("ActiveState") == ["deactivating"])
        assert read_all(data) == CONTENT
        assert wire.reply().code == 226
    waiting.until("it has stopped", lambda: it.shows("ActiveState") == ["inactive"])
    assert it.shows("Result") == ["success"]
    assert "sessions were cut" not in it.machine.journal()[mark:]


def test_a_stop_that_cuts_a_transfer_is_not_a_failure(stopped: Service) -> None:
    stopped.configure(shutdown_timeout="500ms")
    stopped.control("start", "ballast")
    with stopped.connect().log_in() as wire, wire.passive(receive_buffer=4096):
        wire.expect("RETR big", 150, 125)
        stopped.control("stop", "ballast")
    assert stopped.shows("ActiveState", "Result", "ExecMainStatus") == ["inactive", "success", "3"]


def test_the_first_client_starts_it_and_a_restart_refuses_none(stopped: Service) -> None:
    stopped.follow_page(ACTIVATE)
    stopped.control("stop", "ballast.service")
    assert stopped.shows("ActiveState") == ["inactive"]
    with stopped.connect().log_in() as wire:
        before = stopped.pid
        data = wire.passive(receive_buffer=4096)
        wire.expect("RETR big", 150, 125)
        stopped.control("restart", "--no-block", "ballast")
        waiting.until("it stops", lambda: stopped.shows("ActiveState") == ["deactivating"])
        # Nobody listens but systemd. This client waits for the next process.
        with stopped.connect() as waits:
            assert waits.is_silent(0.1)
            assert read_all(data) == CONTENT
            assert wire.reply().code == 226
            waits.log_in()
            _download(waits)
        assert stopped.pid not in (0, before)
        # The socket outlives upgrades, too.
        before = stopped.pid
        stopped.follow_page(UPGRADE)
        waiting.until("the former has ended", lambda: before not in stopped.processes())
        checked = stopped.machine.run("ballast", "check", "--user", "ballast")
        assert "ok for ballast" in checked and "is not tested" in checked, checked
        stopped.control("stop", "ballast.service")
        with stopped.connect().log_in() as again:
            _download(again)


def test_a_socket_that_no_listener_uses_is_a_problem(stopped: Service) -> None:
    stopped.configure(port=str(free_port()))
    with pytest.raises(AssertionError, match="Job for ballast.service failed"):
        stopped.follow_page(ACTIVATE)
    said = "the service manager passes 0.0.0.0:21, which no listener binds"
    assert said in stopped.machine.journal()


def test_its_sandbox_leaves_little(it: Service) -> None:
    said = it.machine.run("systemd-analyze", "security", "--no-pager", "ballast.service")
    found = re.search(r"Overall exposure level for ballast.service: ([\d.]+)", said)
    assert found, said
    print(f"exposure: {found[1]}")
    assert float(found[1]) <= 1.7, said
