# SPDX-License-Identifier: Apache-2.0
"""A minute of the soak, which usually runs for much longer."""

import subprocess
import sys

import pytest

from ballast import DIRECT
from servers import REPOSITORY

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's own")

# A minute of storm; before and after it everything has to settle.
SECONDS_MAX = 500


def test_a_minute_of_soak_keeps_every_promise() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "tests/soak/soak.py", "1"],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "every promise was kept" in done.stdout
