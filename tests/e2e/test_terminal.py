# SPDX-License-Identifier: Apache-2.0
"""What the commands print: on a terminal, in a pipe, as JSON, and again and again."""

import json
import signal
from pathlib import Path

import pytest

import operators
from ballast import DIRECT, Backend, Ballast, Listener, Place, Pool, run_ballast
from ports import free_port
from terminal import Terminal, plain

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")


def _balancer(work: Path) -> Ballast:
    backends = [Backend(each, Place("127.0.0.1", free_port())) for each in ("f1", "f2")]
    pool = Pool("files", backends)
    settings = operators.settings(work)
    return Ballast(work, [Listener("ftp", "files")], [pool], settings=settings)


def test_a_table_has_colours_on_a_terminal_and_nowhere_else(work: Path) -> None:
    with _balancer(work):
        operators.operate(work, "disable", "files/f1")
        words = ("backends", "--socket", operators.socket_path(work))
        with Terminal(*words) as terminal:
            assert "\x1b[31mdisabled\x1b[0m" in terminal.end() and terminal.status == 0
        with Terminal(*words, NO_COLOR="1") as terminal:
            text = terminal.end()
            assert "disabled" in text and "\x1b" not in text
        with Terminal(*words, TERM="dumb") as terminal:
            assert "\x1b" not in terminal.end()
        piped = run_ballast(*words)
        assert "disabled" in piped.stdout and "\x1b" not in piped.stdout


@pytest.mark.parametrize("columns", [20, 40, 60, 200])
def test_a_table_fits_the_terminal(columns: int, work: Path) -> None:
    with _balancer(work):
        words = ("backends", "--socket", operators.socket_path(work))
        with Terminal(*words, columns=columns) as terminal:
            lines = plain(terminal.end()).splitlines()
        assert len(lines) == 3
        assert all(len(line) <= columns for line in lines), lines
        assert lines[1].startswith("files/f1")


def test_json_is_the_reply_of_the_daemon(work: Path) -> None:
    with _balancer(work):
        done = operators.operate(work, "backends", "--json")
        _, answer = operators.ask(work, "GET", "/v1/backends")
        assert json.loads(done.stdout) == answer
        only = json.loads(operators.operate(work, "backends", "--json", "--backend", "f2").stdout)
        assert [each["backend"] for each in only["backends"]] == ["f2"]
        state = json.loads(operators.operate(work, "drain", "--all", "--json").stdout)
        assert state["state"] == "drain"


def test_names_are_for_scripts(work: Path) -> None:
    with _balancer(work):
        assert operators.operate(work, "backends", "--names").stdout == "files/f1\nfiles/f2\n"


def test_watch_looks_again_until_it_is_interrupted(work: Path) -> None:
    with _balancer(work):
        words = ("backends", "--watch", "0.1", "--socket", operators.socket_path(work))
        with Terminal(*words) as terminal:
            assert terminal.read_until("files/f2").startswith("\x1b[H\x1b[2J")
            operators.operate(work, "drain", "files/f1")
            terminal.read_until("drain")
            terminal.type("\x03")
            terminal.end()
            assert terminal.status == -signal.SIGINT


@pytest.mark.parametrize("interval", ["0", "-1", "x", "1e9", "2s"])
def test_an_interval_that_is_none_is_refused(interval: str, work: Path) -> None:
    done = run_ballast("backends", f"--watch={interval}")
    assert done.returncode == 2 and "is not a number of seconds from 0.1 to 3600" in done.stderr
