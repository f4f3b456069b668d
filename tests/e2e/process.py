# SPDX-License-Identifier: Apache-2.0
"""A program that runs beside the test and can be ended with everything that it started."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import waiting

# Nothing outlives the test run, even if it crashes.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


class Process:
    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """`prefix` is a command that runs the command, such as `ip netns exec NAME`."""
        self.log = log
        # Also standard input: vsftpd writes there why it cannot start.
        with log.open("a+b") as output:
            self._child = subprocess.Popen(
                [*DIES_WITH_US, *prefix, *map(str, command)],
                stdin=output,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                cwd=cwd,
                start_new_session=True,
            )
        self._paused: set[int] = set()

    @property
    def pid(self) -> int:
        return self._child.pid

    def exit_status(self) -> int | None:
        return self._child.poll()

    def wait(self, seconds: float = waiting.PATIENCE) -> int:
        return self._child.wait(seconds)

    def terminate(self, seconds: float = waiting.PATIENCE) -> int:
        """Sends SIGTERM, returns the exit status, and kills what the program left behind."""
        self._child.terminate()
        try:
            return self._child.wait(seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """Sends SIGKILL to the program and everything that it started, like a power cut."""
        # Stop it first, so that it starts no more children.
        self._signal(self.pid, signal.SIGSTOP)
        waiting.until("all it started is killed", self._kill_children)
        self._signal(self.pid, signal.SIGKILL)
        self._child.wait(waiting.PATIENCE)

    def pause(self) -> None:
        """Pauses the program as if it hung: the kernel still answers for it."""
        more = {self.pid}
        while more:
            for pid in more:
                self._signal(pid, signal.SIGSTOP)
            self._paused |= more
            # What a process has forked until it was stopped.
            more = set(_family(self.pid)) - self._paused

    def resume(self) -> None:
        # Also those that have left the family: their parent ended just before it was stopped.
        for pid in self._paused | {self.pid, *_family(self.pid)}:
            self._signal(pid, signal.SIGCONT)
        self._paused.clear()

    def _kill_children(self) -> bool:
        children = _family(self.pid)
        for pid in children:
            self._signal(pid, signal.SIGKILL)
        return not children

    def _signal(self, pid: int, number: signal.Signals) -> None:
        # A child keeps its process id until we wait for it.
        if pid != self.pid or self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _family(leader: int) -> list[int]:
    """Descendants, and other processes in the leader's process session, without the leader."""
    parents: dict[int, int] = {}
    family = {leader}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text(errors="replace")
        except OSError:
            continue
        # After the name, which may hold spaces and brackets: state, parent, group, session.
        state, parent, _, session = stat.rpartition(")")[2].split()[:4]
        if state in "ZX":
            continue
        parents[int(entry)] = int(parent)
        if int(session) == leader:
            family.add(int(entry))
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return sorted(family - {leader})


def is_running(pid: int) -> bool:
    """Also of a process that is not our child. One that has ended and waits for its parent is not
    running."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processor_seconds(pid: int) -> float:
    """What the process has used of the processors since it began."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
