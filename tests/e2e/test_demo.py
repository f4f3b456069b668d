# SPDX-License-Identifier: Apache-2.0
"""`./run demo --pair`. ./run bare runs the other one."""

import subprocess
import sys

import pytest

import clients
from ballast import BINARY, DIRECT
from servers import REPOSITORY

pytestmark = pytest.mark.skipif(DIRECT, reason="it has balancers of its own")


def test_a_balancer_of_a_pair_can_be_killed() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "demo/demo.py", "--pair"],
        env={"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "BALLAST": str(BINARY)},
        capture_output=True,
        text=True,
        timeout=2 * clients.RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("kill -9", "new sessions work after", ", the same", "Verdict: it works."):
        assert words in done.stdout, done.stdout
