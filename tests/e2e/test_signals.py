# SPDX-License-Identifier: Apache-2.0
"""The effects of signals, and their log lines."""

import os
import signal
from pathlib import Path

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Place, Pool
from ports import free_port
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's own")


def _alone(work: Path) -> Ballast:
    nobody = Place("127.0.0.1", free_port())
    return Ballast(work, [Listener("ftp", "pool")], [Pool("pool", [Backend("none", nobody)])])


def test_a_hangup_opens_the_logs_again_and_reloads(work: Path) -> None:
    with _alone(work) as it:
        old = it.log.rename(it.log.with_suffix(".1"))
        os.kill(it.pid, signal.SIGHUP)
        line = it.wait_for_log("it", lambda line: line["message"] == "configuration reloaded")
        assert line["level"] == "info" and line["pools"] == 1
        assert line["message"] not in old.read_text()


@pytest.mark.parametrize(
    "number",
    [signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO,
     signal.SIGPWR, signal.SIGWINCH, signal.SIGRTMIN, signal.SIGRTMAX],
)  # fmt: skip
def test_a_signal_without_a_meaning_is_ignored_and_said(number: int, work: Path) -> None:
    with _alone(work) as it:
        os.kill(it.pid, number)
        line = it.wait_for_log(
            "the line",
            lambda line: line["message"] == "signal ignored",
        )
        name = str(int(number)) if number >= signal.SIGRTMIN else signal.Signals(number).name
        # SIGIO has two names.
        assert line["signal"] in {name, {"SIGIO": "SIGPOLL"}.get(name)}, line
        assert line["from_pid"] == os.getpid() and line["level"] == "info"
        with Wire(it.where()) as client:
            client.greeting()
