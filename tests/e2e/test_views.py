# SPDX-License-Identifier: Apache-2.0
"""The commands that show what the running balancer does, with a transfer that stands still."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import operators
import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Pool, login_probe
from operators import operate
from servers import TESTER, PyFtpd
from terminal import Terminal, plain
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

CONTENT = b"content" * 3_000_000
NAME = "big \x1b[2J\x9b.iso"  # of somebody who means no good
SHOWN = "big \\x1b[2J\\u009b.iso"


@dataclass
class Stage:
    """A balancer with one idle session, and one whose download nobody reads."""

    it: Ballast
    work: Path
    socket: Path
    idle: Wire
    busy: Wire
    data: socket.socket


@pytest.fixture
def stage(work: Path) -> Iterator[Stage]:
    with PyFtpd(work, work / "files", "127.0.0.41") as server:
        (server.root / NAME).write_bytes(CONTENT)
        pool = Pool("files", [Backend("f1", server)], probe=login_probe(work))
        settings = operators.settings(work)
        with Ballast(work, [Listener("ftp", "files")], [pool], settings=settings) as it:
            it.wait_for_state("f1", "up")
            with Wire(it.where()).log_in() as idle, Wire(it.where()).log_in() as busy:
                data = busy.passive(receive_buffer=4096)
                busy.expect(f"RETR {NAME}", 150, 125)
                with data:
                    yield Stage(it, work, operators.socket_path(work), idle, busy, data)


def _table(work: Path, *words: str) -> list[str]:
    heading, *rows = operate(work, *words).stdout.splitlines()
    assert heading.isupper()
    return rows


def _rows(stage: Stage, *words: str) -> list[str]:
    return _table(stage.work, *words)


def _client(wire: Wire) -> str:
    address, port = wire.plain.getsockname()
    return f"{address}:{port}"


def test_sessions_can_be_found(stage: Stage) -> None:
    idle, busy = _client(stage.idle), _client(stage.busy)
    assert {row.split()[2] for row in _rows(stage, "sessions")} == {idle, busy}
    (row,) = _rows(stage, "sessions", "--client", idle)
    words = row.split()
    assert words[1:4] == [TESTER.name, idle, "files/f1"]
    assert _rows(stage, "sessions", "--user", "nobody") == []
    assert len(_rows(stage, "sessions", "--user", TESTER.name[0] + "*")) == 2
    assert len(_rows(stage, "sessions", "--limit", "1")) == 1
    names = operate(stage.work, "sessions", "--names", "--client", idle).stdout.split()
    assert names == [words[0]]
    found = json.loads(operate(stage.work, "sessions", "--json").stdout)["sessions"]
    assert {each["client"] for each in found} == {idle, busy}


def test_transfers_show_who_moves_what(stage: Stage) -> None:
    (row,) = _rows(stage, "transfers")
    for word in (TESTER.name, _client(stage.busy), "files/f1", "RETR", "relay", SHOWN):
        assert word in row, row
    assert "\x1b" not in row and "\x9b" not in row
    whole = operate(stage.work, "transfers", "--json").stdout
    assert "\x1b" not in whole and "\x9b" not in whole
    assert json.loads(whole)["transfers"][0]["file"].endswith(NAME)
    assert _rows(stage, "transfers", "--direction", "upload") == []
    assert len(_rows(stage, "transfers", "--file", "*.iso")) == 1


def test_pools_listeners_and_the_others_are_tables(stage: Stage) -> None:
    (pool,) = _rows(stage, "pools")
    assert pool.split()[0] == "files" and "1/1" in pool
    (listener,) = _rows(stage, "listeners")
    assert listener.split()[0] == "ftp"
    assert _rows(stage, "bans") == []
    assert _rows(stage, "certificates") == []
    assert any("sessions" in row for row in _rows(stage, "limits"))


def test_status_tells_what_is_wrong(stage: Stage) -> None:
    text = operate(stage.work, "status").stdout
    assert "takes new clients" in text and "1, all can serve" in text and "none is down" in text
    operate(stage.work, "drain", "files/f1")
    text = operate(stage.work, "status").stdout
    assert "1 of 1 cannot serve: files" in text
    assert "1 of 1 do not serve: files/f1 drain" in text
    whole = json.loads(operate(stage.work, "status", "--json").stdout)
    assert whole["state"]["state"] == "ready" and len(whole["backends"]) == 1


def test_health_is_an_exit_status(stage: Stage) -> None:
    assert operate(stage.work, "health").stdout == "ready\n"
    operate(stage.work, "drain", "files/f1")
    assert operate(stage.work, "health", status=1).stderr
    operate(stage.work, "ready", "files/f1")
    operate(stage.work, "disable", "--all")
    assert operate(stage.work, "health", status=1).stderr
    operate(stage.work, "ready", "--all")
    assert operate(stage.work, "health").returncode == 0


def test_a_drained_one_can_count_as_healthy_until_it_is_empty(stage: Stage) -> None:
    operate(stage.work, "drain", "--all")
    assert operate(stage.work, "health", status=1).stderr
    done = operate(stage.work, "health", "--until-empty")
    assert done.stdout == "drained, with sessions left: 2\n"
    operate(stage.work, "disable", "--all")
    assert operate(stage.work, "health", "--until-empty", status=1).stderr
    operate(stage.work, "drain", "--all")

    def is_empty() -> bool:
        _, state = operators.ask(stage.work, "GET", "/v1/state")
        return bool(state["sessions"] == 0)

    waiting.until("it is empty", is_empty)
    assert operate(stage.work, "health", "--until-empty", status=1).stderr
    operate(stage.work, "ready", "--all")
    assert operate(stage.work, "health", "--until-empty").stdout == "ready\n"


def test_health_does_not_wait_for_a_daemon_that_hangs(stage: Stage) -> None:
    os.kill(stage.it.pid, signal.SIGSTOP)
    try:
        done = operate(stage.work, "health", "--timeout", "0.3", status=2)
    finally:
        os.kill(stage.it.pid, signal.SIGCONT)
    assert "does not reply" in done.stderr or "cannot reach" in done.stderr


def test_health_is_2_without_a_daemon(work: Path) -> None:
    assert operate(work, "health", status=2).stderr.startswith("cannot reach Ballast at ")


def test_top_is_a_live_screen_that_leaves_the_terminal_as_it_was(stage: Stage) -> None:
    words = ("top", "--interval", "0.1", "--socket", stage.socket)
    with Terminal(*words, columns=150, rows=20) as terminal:
        before = terminal.modes()
        assert terminal.read_until("\x1b[?1049h") == "\x1b[?1049h"
        assert SHOWN in plain(terminal.read_until(SHOWN))
        assert terminal.modes() != before
        terminal.type("s")
        terminal.read_until("sorted by time left")
        terminal.type(" ")
        terminal.read_until("space go on")
        terminal.resize(60, 10)
        terminal.read_until("space go on")
        terminal.type("q")
        assert terminal.end().endswith("\x1b[?25h\x1b[0m\x1b[?1049l")
        assert terminal.status == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_top_restores_the_terminal_when_a_signal_ends_it(number: int, stage: Stage) -> None:
    with Terminal("top", "--socket", stage.socket) as terminal:
        terminal.read_until("sorted by rate")
        os.kill(terminal.pid, number)
        assert "\x1b[?1049l" in terminal.end()
        assert terminal.status == -number


def test_top_goes_on_while_the_daemon_is_away(stage: Stage) -> None:
    with Terminal("top", "--interval", "0.1", "--socket", stage.socket, columns=120) as terminal:
        terminal.read_until(SHOWN)
        stage.socket.rename(stage.socket.with_suffix(".away"))
        terminal.read_until("cannot reach Ballast")
        stage.socket.with_suffix(".away").rename(stage.socket)
        terminal.read_until(SHOWN)
        terminal.type("q")
        terminal.end()
        assert terminal.status == 0


def test_top_works_in_tmux(stage: Stage) -> None:
    def tmux(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["tmux", "-S", str(stage.work / "tmux"), "-f", "/dev/null", *map(str, words)],
            env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=waiting.PATIENCE,
            check=False,
        )

    command = f"{BINARY} top --interval 0.1 --socket {stage.socket}; echo done; read line"
    started = tmux("new-session", "-d", "-x", "130", "-y", "15", command)
    assert started.returncode == 0, started
    try:
        waiting.until("the screen", lambda: SHOWN in tmux("capture-pane", "-p").stdout)
        lines = tmux("capture-pane", "-p").stdout.splitlines()
        assert lines[0].startswith("ballast ") and lines[2].startswith("USER")
        assert lines[14].startswith("q quit  s sorted by rate")
        tmux("send-keys", "q")
        waiting.until("its end", lambda: "done" in tmux("capture-pane", "-p").stdout)
        assert "USER" not in tmux("capture-pane", "-p").stdout
    finally:
        tmux("kill-server")


def test_top_needs_a_terminal(stage: Stage) -> None:
    done = operate(stage.work, "top", status=1)
    assert done.stderr == (
        "standard output is not a terminal (use `ballast top --json`, or `ballast transfers "
        "--watch`)\n"
    )


def test_top_has_json_without_a_terminal(stage: Stage) -> None:
    frame = json.loads(operate(stage.work, "top", "--json").stdout)
    assert frame["state"] == "ready" and frame["sessions"] == 2 and frame["version"]
    (transfer,) = frame["transfers"]
    assert transfer["file"].endswith(NAME)
    with _watching(stage, "top", "--json") as lines:
        for _ in range(3):
            assert len(json.loads(next(lines))["transfers"]) == 1


@contextmanager
def _watching(stage: Stage, *words: str) -> Iterator[Iterator[str]]:
    """The lines of a command that looks again and again."""
    command = [str(BINARY), *words, "--watch", "0.1", "--socket", str(stage.socket)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield iter(process.stdout)
        finally:
            process.terminate()


def test_health_can_be_watched(stage: Stage) -> None:
    with _watching(stage, "health") as lines:
        assert next(lines) == "ready\n"
        operate(stage.work, "drain", "files/f1")
        assert any(line == "not ready: no pool can serve: see its backends\n" for line in lines)
        operate(stage.work, "ready", "files/f1")
        assert any(line == "ready\n" for line in lines)
        os.kill(stage.it.pid, signal.SIGSTOP)
        try:
            assert any("does not reply" in line for line in lines)
        finally:
            os.kill(stage.it.pid, signal.SIGCONT)
        assert any(line == "ready\n" for line in lines)


def test_the_story_of_a_session_can_be_watched(stage: Stage) -> None:
    (row,) = _rows(stage, "sessions", "--client", _client(stage.idle))
    with _watching(stage, "explain", row.split()[0]) as lines:
        assert any("logged in" in line for line in lines)
        stage.idle.expect("NOOP", 200)
        assert any("NOOP: 200" in line for line in lines)
        stage.idle.expect("QUIT", 221)
        assert any("The session ended" in line for line in lines)


def test_those_who_return_to_a_backend_are_listed_and_forgotten(work: Path) -> None:
    with PyFtpd(work, work / "files", "127.0.0.41") as server:
        stick = {"stick": {"by": "network", "ipv4_prefix": 32}}
        pool = Pool("files", [Backend("f1", server)], settings=stick)
        settings = operators.settings(work)
        with Ballast(work, [Listener("ftp", "files")], [pool], settings=settings) as it:
            clients = ["127.0.0.61", "127.0.0.62", "127.0.0.63"]
            for client in clients:
                Wire(it.where(), source=client).log_in().close()
            with Wire(it.where(), source=clients[0]).log_in():
                rows = [row.split() for row in _table(work, "stickiness", "files")]
                assert sorted(row[:2] for row in rows) == [[f"{ip}/32", "f1"] for ip in clients]

                def sessions() -> str:
                    (one,) = _table(work, "stickiness", "files", "--client", clients[0])
                    return one.split()[2]

                waiting.until("its former session has ended", lambda: sessions() == "1")
            found = operate(work, "stickiness", "files", "--names", "--client", "127.0.0.6?/32")
            assert sorted(found.stdout.split()) == [f"{ip}/32" for ip in clients]
            whole = json.loads(operate(work, "stickiness", "files", "--json").stdout)
            assert len(whole["clients"]) == 3
            assert operate(work, "forget", "files", "--client", clients[1]).stdout == (
                "files: 1 client forgotten\n"
            )
            assert _table(work, "stickiness", "files", "--client", clients[1]) == []
            assert operate(work, "forget", "files", "--all").stdout == "files: 2 clients forgotten\n"
            assert _table(work, "stickiness", "files") == []
            assert operate(work, "stickiness", "none", status=1).stderr.startswith("there is no pool")


def test_a_session_and_a_transfer_can_be_ended(stage: Stage) -> None:
    (row,) = _rows(stage, "sessions", "--client", _client(stage.busy))
    busy = row.split()[0]
    assert operate(stage.work, "kill", busy, "--transfer").stdout == (
        f"the transfer of {busy} is ended\n"
    )
    assert stage.busy.reply().code == 426
    assert operate(stage.work, "kill", busy, "--transfer", status=1).stderr
    stage.busy.expect("NOOP", 200)
    operate(stage.work, "kill", busy)
    assert stage.busy.reply().code == 421 and stage.busy.at_end()
    assert operate(stage.work, "kill", busy, status=1).stderr.startswith("there is no session ")
    stage.idle.expect("NOOP", 200)


def test_a_weight_holds_until_it_is_as_configured(stage: Stage) -> None:
    assert operate(stage.work, "weight", "files/f1", "7").stdout.endswith(" has the weight 7\n")
    (row,) = _rows(stage, "backends")
    assert " 7 " in row
    assert operate(stage.work, "weight", "files/f1", "configured").stdout.endswith(
        " has the weight 1\n"
    )
    assert operate(stage.work, "weight", "files/none", "7", status=1).stderr


def test_unban_lifts_bans(stage: Stage) -> None:
    assert operate(stage.work, "unban", "192.0.2.7").stdout == "192.0.2.7: 0 bans lifted\n"
    assert operate(stage.work, "unban", "nobody", status=1).stderr.startswith("'nobody' is not")


def test_the_story_of_a_session_is_told(stage: Stage) -> None:
    (row,) = _rows(stage, "sessions", "--client", _client(stage.idle))
    session = row.split()[0]
    text = operate(stage.work, "explain", session).stdout
    assert text.startswith(f"session {session}  user {TESTER.name}  from {_client(stage.idle)}")
    assert "goes on" in text and "+0.0" in text
    assert "\x1b" not in operate(stage.work, "explain", "--user", TESTER.name).stdout
    listed = _rows(stage, "explain", "--client", "127.0.0.1")
    assert session in {each.split()[0] for each in listed}
    assert operate(stage.work, "explain", "none", status=1).stderr


def test_a_failed_transfer_is_found_afterwards(stage: Stage) -> None:
    (row,) = _rows(stage, "sessions", "--client", _client(stage.busy))
    busy = row.split()[0]
    operate(stage.work, "kill", busy, "--transfer")
    assert stage.busy.reply().code == 426
    stage.busy.close()

    def found() -> str:
        return operate(stage.work, "explain", "--failed", "--from", "1h", "--file", "*.iso").stdout

    waiting.until("the transfer", lambda: busy in found())
    table, _, matches = found().partition("\n\n")
    assert busy in table and matches.startswith(f"{busy}  ") and SHOWN in matches


def test_events_are_followed_and_kept(stage: Stage) -> None:
    operate(stage.work, "drain", "files/f1")
    kept = operate(stage.work, "events", "--recent", "--kind", "backend_state").stdout
    assert "backend_state pool=files backend=f1 state=drain" in kept
    words = ("events", "--kind", "backend_state", "--socket", stage.socket)
    with Terminal(*words, columns=150) as terminal:

        def seen() -> bool:
            # It may not listen yet.
            operate(stage.work, "drain", "files/f1")
            operate(stage.work, "ready", "files/f1")
            return "state=ready" in terminal.read_now()

        waiting.until("the event", seen)
        terminal.type("\x03")
        terminal.end()
        assert terminal.status == -signal.SIGINT
    assert operate(stage.work, "events", "--recent", "--kind", "none", status=1).stderr
