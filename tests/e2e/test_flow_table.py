# SPDX-License-Identifier: Apache-2.0
"""The flow table of a kernel that has one. The cases are in flow_table_cases.py."""

import os
import re
from pathlib import Path

import pytest

import virtual_machine
from ballast import BINARY, DIRECT
from sanitizers import SANITIZER
from servers import REPOSITORY

pytestmark = [
    pytest.mark.skipif(DIRECT, reason="it is about the balancer's data path"),
    pytest.mark.skipif(SANITIZER != "", reason="the processor is imitated"),
]

CASES = Path(__file__).with_name("flow_table_cases.py")


def test_long_transfers_use_it(work: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/root",
        "BALLAST": str(BINARY),
        "BALLAST_E2E_DIRECT": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    status, said = virtual_machine.run(
        *(work, environment, "/usr/bin/python3", "-m", "pytest", "-q", "--color=no"),
        *("-p", "no:cacheprovider", str(CASES.relative_to(REPOSITORY))),
    )
    assert status == 0, said
    passed = re.search(r"(\d+) passed in", said)
    assert passed and int(passed[1]) == 10 and "skipped" not in said, said
