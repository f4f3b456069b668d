# SPDX-License-Identifier: Apache-2.0
"""What the commands print: on a terminal, in a pipe, as JSON, and again and again."""

import json
import os
import pty
import re
import select
import signal
import struct
import termios
from fcntl import ioctl
from pathlib import Path
from types import TracebackType

import pytest

import operators
import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool, run_ballast
from ports import free_port

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")


class Terminal:
    """A command with a terminal of its own."""

    def __init__(self, *words: str | Path, columns: int = 100, rows: int = 30, **env: str) -> None:
        self.text = ""
        self.status: int | None = None
        own = {**os.environ, "TERM": "xterm", **env}
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            # The size is set before the program looks.
            ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(BINARY, [str(BINARY), *map(str, words)], own)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._master)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def modes(self) -> list[object]:
        """Of the terminal, as the program has set them."""
        return termios.tcgetattr(self._master)[:4]

    def read_until(self, wanted: str) -> str:
        """What has come since the last call, up to this text."""

        def found() -> bool:
            if wanted not in self.text and select.select([self._master], [], [], 0.1)[0]:
                self.text += os.read(self._master, 65536).decode(errors="replace")
            return wanted in self.text

        waiting.until(f"{wanted!r} on the terminal", found)
        before, _, self.text = self.text.partition(wanted)
        return before + wanted

    def end(self) -> str:
        """Everything that is left, once the program has ended."""
        while True:
            try:
                part = os.read(self._master, 65536)
            except OSError:  # the program has closed its side
                break
            if not part:
                break
            self.text += part.decode(errors="replace")
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return self.text


def _balancer(work: Path) -> Ballast:
    backends = [Backend(each, Place("127.0.0.1", free_port())) for each in ("f1", "f2")]
    pool = Pool("files", backends)
    settings = operators.settings(work)
    return Ballast(work, [Listener("ftp", "files")], [pool], settings=settings)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


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
            lines = _plain(terminal.end()).splitlines()
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
    assert done.returncode == 2 and "is no number of seconds from 0.1 to 3600" in done.stderr
