# SPDX-License-Identifier: Apache-2.0
"""A server dies under a thousand sessions. All of them go on elsewhere, in their former state."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import ballast
import waiting
from cluster import Cluster
from process import DIES_WITH_US
from servers import HERE, TESTER, PyFtpd

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

SESSIONS = 1000
# More would be a storm for the server that is left.
RATE = 500


def test_a_thousand_idle_sessions_survive(
    work: Path, record_property: Callable[[str, object], None]
) -> None:
    root = work / "files"
    one, two = (PyFtpd(work, root, f"127.0.0.{number}") for number in (141, 142))
    directory = root / "a"
    directory.mkdir(mode=0o777)
    for number in range(0, SESSIONS, 2):
        (directory / f"old-{number}").touch()
    (directory / "file").write_bytes(bytes(number % 251 for number in range(5000)))
    limits = {"sessions_per_address": 0, "login_rate": 0, "login_rate_per_address": 0}
    listener = {"idle_timeout": "1h"}
    with (
        one,
        two,
        Cluster(
            work,
            [one, two],
            settings={"limits": limits},
            listener=listener,
            failover_rate=f"{RATE}/s",
            failover_timeout="1m",
        ) as it,
    ):
        where = [*map(str, it.where()), TESTER.name, TESTER.password, str(SESSIONS)]
        idlers = subprocess.Popen(
            [*DIES_WITH_US, sys.executable, HERE / "idlers_main.py", *where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert idlers.stdout is not None
            said = idlers.stdout.readline()
            assert said == "ready\n", said + idlers.stdout.read()
            assert one.count(f"login {TESTER.name}") == SESSIONS
            began = time.monotonic()
            one.kill()
            # Not by the lines of the log, of which there may be too many to be all written.
            waiting.until(
                "all are elsewhere",
                lambda: it.counters()["sessions_moved_lost"] == SESSIONS,
            )
            took = time.monotonic() - began
            said, _ = idlers.communicate("go on\n", timeout=2 * waiting.PATIENCE)
            assert idlers.returncode == 0, said
        finally:
            idlers.kill()
            idlers.wait()
        print(f"{SESSIONS} sessions moved in {took:.2f} s; {said}")
        record_property("seconds", took)
        # Paced: at most `failover_rate`, and at once as many as come in a second.
        assert took > SESSIONS / RATE - 1.5
        assert two.count(f"login {TESTER.name}") == SESSIONS
        for number in range(0, SESSIONS, 2):
            assert (directory / f"new-{number}").exists()
