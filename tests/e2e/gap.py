# SPDX-License-Identifier: Apache-2.0
"""What clients notice when an address moves: new sessions, and a transfer that runs meanwhile."""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass

import waiting
from netns import Namespace
from servers import Account
from wire import Closed, Wire

# A machine that is there answers far sooner. A real client's first packet is repeated after 1 s.
_CONNECT_SECONDS = 0.1
_GREETING_SECONDS = 0.3
_COMMAND_SECONDS = 2.0
# So many sessions in a row, and the service is back.
_IN_A_ROW = 5


@dataclass(frozen=True)
class _Try:
    began: float
    ended: float
    # Empty: it worked.
    problem: str


class NewSessions:
    """Logs in again and again, one session after another, until `stop`."""

    def __init__(self, space: Namespace, where: tuple[str, int], account: Account) -> None:
        self._where = where
        self._account = account
        self._tries: list[_Try] = []
        self._present: Wire | None = None
        self._given_up: Wire | None = None
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(space,), daemon=True)
        self._thread.start()

    def _run(self, space: Namespace) -> None:
        with space.entered():
            while not self._ends.wait(0.01):
                began = time.monotonic()
                self._present = None
                problem = self._try()
                if self._present is None or self._present is not self._given_up:
                    self._tries.append(_Try(began, time.monotonic(), problem))

    def _try(self) -> str:
        commands = (f"USER {self._account.name}", f"PASS {self._account.password}")
        try:
            with Wire(self._where, seconds=_CONNECT_SECONDS) as wire:
                self._present = wire
                reply = wire.reply(_GREETING_SECONDS)
                for command, code in zip((*commands, "QUIT"), (220, 331, 230), strict=True):
                    if reply.code != code:
                        return str(reply)
                    wire.send(command)
                    reply = wire.reply(_COMMAND_SECONDS)
        except (OSError, Closed) as why:
            return f"{type(why).__name__}: {why}"
        return ""

    def give_up_present(self) -> None:
        """New sessions do not wait for one that has lost its balancer."""
        self._given_up = self._present
        if self._given_up is not None:
            with contextlib.suppress(OSError):
                self._given_up.plain.shutdown(socket.SHUT_RDWR)

    def wait_until_it_works(self, since: float) -> None:
        """Again, or still."""

        def works() -> bool:
            tries = [each for each in self._tries if each.began > since][-_IN_A_ROW:]
            return len(tries) == _IN_A_ROW and not any(each.problem for each in tries)

        waiting.until("new sessions work", works)

    def problems(self, since: float) -> set[str]:
        return {each.problem for each in self._tries if each.began > since and each.problem}

    def gap(self, since: float) -> float:
        """Seconds from then until the first of the sessions that work again. 0 if none failed."""
        failed = [each for each in self._tries if each.began > since and each.problem]
        if not failed:
            return 0
        first = next(each for each in self._tries if each.began > failed[-1].began)
        return first.ended - since

    def stop(self) -> None:
        self._ends.set()
        self._thread.join(waiting.PATIENCE)


class Download:
    """A client without a timeout of its own that downloads a file."""

    def __init__(
        self, space: Namespace, where: tuple[str, int], account: Account, name: str, *, rate: int
    ) -> None:
        """`rate` is in bytes per second."""
        self.bytes = 0
        # How it ended, and when; empty while it goes on.
        self.end = ""
        self.ended = 0.0
        self._data: socket.socket | None = None
        self._thread = threading.Thread(
            target=self._run, args=(space, where, account, name, rate), daemon=True
        )
        self._thread.start()

    def _run(
        self, space: Namespace, where: tuple[str, int], account: Account, name: str, rate: int
    ) -> None:
        pause = threading.Event()
        with space.entered(), Wire(where) as wire:
            wire.log_in(account)
            with wire.passive(receive_buffer=65536) as self._data:
                wire.expect(f"RETR {name}", 150)
                end = "the end"
                try:
                    while part := self._data.recv(16384):
                        self.bytes += len(part)
                        pause.wait(len(part) / rate)
                except OSError as why:
                    end = "a reset" if isinstance(why, ConnectionResetError) else str(why)
                self.ended = time.monotonic()
                self.end = end

    def saw(self, since: float, whole: int) -> str:
        """What its transfer has seen by now."""
        if not self.end:
            return "nothing, it waits"
        if self.bytes == whole:
            return "nothing, it goes on"
        return f"{self.end} after {self.ended - since:.1f} s"

    def stop(self) -> None:
        if self._data is not None and not self.end:
            # It wakes up, and closes with a reset: the balancer may wait for a place to send to.
            self._data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._data.shutdown(socket.SHUT_RDWR)
        self._thread.join(waiting.PATIENCE)
