# SPDX-License-Identifier: Apache-2.0
"""A thousand connection attempts a second across ten upgrades and a hundred reloads."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

import operators
import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool
from servers import PyFtpd
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's own")

UPGRADES = 10
RELOADS_EACH = 10
ATTEMPTS_PER_SECOND = 1000


class Attempts:
    """Connects at a steady rate, each time until the greeting has come."""

    def __init__(self, where: tuple[str, int]) -> None:
        self.where = where
        self.greeted = 0
        self.problems: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> "Attempts":
        self.began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.seconds = time.monotonic() - self.began

    async def _run(self) -> None:
        running: set[asyncio.Task[None]] = set()
        began = self.began
        attempts = 0
        while not self._stop.is_set():
            due = int((time.monotonic() - began) * ATTEMPTS_PER_SECOND)
            while attempts < due and len(running) < 2 * ATTEMPTS_PER_SECOND:
                task = asyncio.create_task(self._attempt())
                running.add(task)
                task.add_done_callback(running.discard)
                attempts += 1
            # The pause makes the rate; nothing happens that could be waited for.
            await asyncio.sleep(0.001)
        await asyncio.gather(*running)

    async def _attempt(self) -> None:
        try:
            async with asyncio.timeout(waiting.PATIENCE):
                reader, writer = await asyncio.open_connection(*self.where)
                line = await reader.readline()
                writer.close()
            if not line.startswith(b"220"):
                self.problems.append(repr(line))
            self.greeted += 1
        except (OSError, TimeoutError) as failure:
            self.problems.append(repr(failure))


class Transfers:
    """Long sessions, each with one small download after another."""

    def __init__(self, where: tuple[str, int]) -> None:
        self.where = where
        self.done = 0
        self.problems: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(3)]

    def __enter__(self) -> "Transfers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                with Wire(self.where).log_in() as wire:
                    for _ in range(50):
                        data = wire.passive()
                        wire.expect("RETR name", 150, 125)
                        assert read_all(data) == b"one"
                        assert wire.reply().code == 226
                        self.done += 1
        except Exception as failure:
            self.problems.append(repr(failure))


class Quiet(Ballast):
    """At `debug` the log of so many sessions takes more time than they do."""

    def text(self) -> str:
        return super().text().replace('level = "debug"', 'level = "info"')


def test_none_is_refused_and_no_transfer_breaks(work: Path) -> None:
    with PyFtpd(work, work / "files", "127.0.0.136") as server:
        (server.root / "name").write_text("one")
        pools = [Pool("files", [Backend("one", server)])]
        settings = {"workers": 2, **operators.settings(work)}
        with Quiet(work, [Listener("ftp", "files")], pools, settings=settings) as it:
            with Attempts(it.where()) as attempts, Transfers(it.where()) as transfers:
                for _ in range(UPGRADES):
                    before = attempts.greeted, transfers.done
                    status, answer = operators.ask(work, "POST", "/v1/upgrade")
                    assert status == 200, answer
                    it.follow(answer["pid"])
                    for _ in range(RELOADS_EACH):
                        status, answer = operators.ask(work, "POST", "/v1/reload")
                        assert status == 200, answer
                    waiting.until(
                        "clients go on",
                        lambda: attempts.greeted > before[0] and transfers.done > before[1],
                    )
            assert it.counters()["passive_ports_exhausted"] == 0
    rate = attempts.greeted / attempts.seconds
    print(
        f"{attempts.greeted} greeted, {rate:.0f} per second; {transfers.done} transfers; "
        f"{UPGRADES} upgrades and {UPGRADES * RELOADS_EACH} reloads in {attempts.seconds:.1f} s"
    )
    assert not attempts.problems, (len(attempts.problems), attempts.problems[:5])
    assert not transfers.problems, transfers.problems
    assert attempts.greeted > 0 and transfers.done > 0
