# SPDX-License-Identifier: Apache-2.0
"""A backend dies in the middle of a download. The client gets every byte and one 226."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

import ballast
import clients
import waiting
from everything import random_file
from midway import end_of, size_of, when_under_way
from servers import PyFtpd
from test_failover_sessions import KINDS, Cluster

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

SIZE = 48 << 20
RATE = 16 << 20


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["kill", "pause"])
def test_a_download_goes_on_with_another_server(work: Path, kind: str, how: str) -> None:
    probe = ballast.login_probe(work, timeout="1s")
    with Cluster(work, [KINDS[kind], PyFtpd], probe=probe) as cluster:
        random_file(cluster.root / "big", SIZE)
        local = work / "local"
        it = cluster.ballast
        curl = clients.Curl(clients.Target(*it.where()), clients.Mode.EPSV, work, rate=RATE)
        process = subprocess.Popen(
            curl.download_command("big", local),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        when_under_way(process, lambda: size_of(local))
        getattr(cluster.servers[0], how)()
        status, said = end_of(process)
        assert status == 0, said
        assert digest(local) == digest(cluster.root / "big")
        assert len(re.findall("^< 1[25][05] ", said, re.MULTILINE)) == 1
        assert said.count("< 226 ") == 1
        entry = it.wait_for_transfer(lambda each: each["file"].endswith("big"))
        assert entry["result"] == "whole"
        assert entry["backend"] == "alf1, alf2"
        cluster.servers[0].resume() if how == "pause" else None
