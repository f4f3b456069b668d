# SPDX-License-Identifier: Apache-2.0
"""Many real servers that differ in one file only, and sessions that find out which server they are
on."""

import concurrent.futures
import contextlib
import ftplib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import waiting
from ballast import Backend
from servers import ACCOUNTS, TESTER, Account, PyFtpd

# This file holds the server's name.
WHO = "who"


class Visit(ftplib.FTP):
    """A session of Python's ftplib from its own address. It stays until `leave`."""

    def __init__(
        self,
        where: tuple[str, int],
        account: Account | None = TESTER,
        *,
        source: str | None = None,
    ) -> None:
        """Without an account it does not log in."""
        own = (source, 0) if source else None
        super().__init__(timeout=waiting.PATIENCE, source_address=own)
        try:
            self.connect(*where)
            if account is not None:
                self.login(account.name, account.password)
        except BaseException:
            self.close()
            raise

    def who(self) -> str:
        """The name of the server that this session is on."""
        lines: list[str] = []
        self.retrlines(f"RETR {WHO}", lines.append)
        return lines[0]

    def leave(self) -> None:
        """Returns when the balancer has ended the session."""
        assert self.sock is not None
        self.voidcmd("QUIT")
        assert self.sock.recv(1) == b""
        self.close()


def who(where: tuple[str, int], account: Account = TESTER, *, source: str | None = None) -> str:
    """A short visit."""
    with contextlib.closing(Visit(where, account, source=source)) as visit:
        name = visit.who()
        visit.leave()
    return name


def refusal(where: tuple[str, int], account: Account = TESTER, **named: Any) -> str:
    """The reply to a login that must fail."""
    try:
        visit = Visit(where, account, **named)
    except ftplib.Error as error:
        return str(error)
    with contextlib.closing(visit):
        raise AssertionError(f"logged in, to {visit.who()}")


def at_once(count: int, visit: Callable[[int], Visit]) -> tuple[list[Visit], list[str]]:
    """Parallel logins: returns the sessions, and the replies to the refused ones."""

    def enter(number: int) -> Visit | str:
        try:
            return visit(number)
        except ftplib.Error as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(count) as threads:
        ends = list(threads.map(enter, range(count)))
    inside = [each for each in ends if isinstance(each, Visit)]
    return inside, [each for each in ends if isinstance(each, str)]


def _inside(events: Sequence[str]) -> list[int]:
    """How many sessions are logged in, after each event."""
    counts = [0]
    for event in events:
        word = event.split(" ", 1)[0]
        step = {"login": 1, "left": -1, "killed": -counts[-1]}.get(word, 0)
        counts.append(counts[-1] + step)
    return counts[1:]


class Farm:
    """Servers by name, each with its own root."""

    def __init__(
        self,
        work: Path,
        names: Sequence[str],
        *,
        accounts: Sequence[Account] = ACCOUNTS,
        network: int = 1,
        port: int | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.servers: dict[str, PyFtpd] = {}
        for number, name in enumerate(names, 11):
            server = PyFtpd(
                *(work, work / f"files-{name}", f"127.0.{network}.{number}", port),
                accounts=accounts,
                prefix=prefix,
            )
            (server.root / WHO).write_text(f"{name}\n")
            self.servers[name] = server
        self._marks = {name: 0 for name in names}

    def __getitem__(self, name: str) -> PyFtpd:
        return self.servers[name]

    def backend(self, name: str, **settings: Any) -> Backend:
        return Backend(name, self.servers[name], settings)

    def backends(
        self, settings: Mapping[str, Mapping[str, Any]] | None = None, **common: Any
    ) -> list[Backend]:
        """All servers as backends; `settings` by name."""
        own = settings or {}
        return [self.backend(name, **{**common, **own.get(name, {})}) for name in self.servers]

    def mark(self) -> None:
        """Later questions are about events after this mark."""
        for name, server in self.servers.items():
            self._marks[name] = len(server.heard())

    def _events(self, name: str) -> list[str]:
        return self.servers[name].heard()[self._marks[name] :]

    def logins(self) -> list[int]:
        """Since the mark, by server."""
        return [
            sum(event.startswith("login ") for event in self._events(name))
            for name in self.servers
        ]

    def who_logged_in(self, name: str) -> list[str]:
        words = (event.split(" ", 1) for event in self._events(name))
        return [user for word, user in words if word == "login"]

    def most_at_once(self) -> list[int]:
        """How many sessions were logged in at the same time since the mark, by server. At the
        mark there must be no session."""
        return [max(_inside(self._events(name)), default=0) for name in self.servers]

    def wait_until_empty(self) -> None:
        def is_empty() -> bool:
            return not any((_inside(each.heard()) or [0])[-1] for each in self.servers.values())

        waiting.until("the servers are empty", is_empty)

    def __enter__(self) -> "Farm":
        for server in self.servers.values():
            if server.is_down:
                server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            server.kill()

    def restore(self) -> None:
        """Prepares the next test: all servers run, without sessions."""
        self.__enter__()
        self.wait_until_empty()
        self.mark()
