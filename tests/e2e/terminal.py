# SPDX-License-Identifier: Apache-2.0
"""A terminal for one command, as xterm or tmux would be."""

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

import waiting
from ballast import BINARY


def plain(text: str) -> str:
    """Without what only moves the cursor or changes colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


class Terminal:
    """A program with a terminal of its own, most often Ballast's."""

    def __init__(
        self,
        *words: str | Path,
        program: Path = BINARY,
        columns: int = 100,
        rows: int = 30,
        **env: str,
    ) -> None:
        self.text = ""
        self.status: int | None = None
        own = {**os.environ, "TERM": "xterm", **env}
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            # The size is set before the program looks.
            ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(program, [str(program), *map(str, words)], own)

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

    def read_now(self) -> str:
        """What has come and was not read yet, perhaps nothing."""
        while select.select([self._master], [], [], 0.1)[0]:
            self.text += os.read(self._master, 65536).decode(errors="replace")
        return self.text

    def end(self) -> str:
        """Everything that is left, once the program has ended."""
        self._read_to_the_end()
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        # Linux looks for input first and for a closed side second. What the program writes between
        # these two looks is only found by another read.
        self._read_to_the_end()
        return self.text

    def _read_to_the_end(self) -> None:
        while True:
            try:
                part = os.read(self._master, 65536)
            except OSError:  # the program has closed its side
                return
            if not part:
                return
            self.text += part.decode(errors="replace")
