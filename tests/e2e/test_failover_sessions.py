# SPDX-License-Identifier: Apache-2.0
"""A backend dies under sessions that have logged in. Their clients notice nothing but a pause."""

import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

import ballast
import waiting
from ballast import Backend, Ballast, Listener, Pool
from servers import PROBE, TESTER, ProFtpd, PureFtpd, PyFtpd, Server, Vsftpd
from wire import Wire

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

KINDS = {"pyftpdlib": PyFtpd, "vsftpd": Vsftpd, "proftpd": ProFtpd, "pureftpd": PureFtpd}


class Cluster:
    """Servers with the same files behind one balancer."""

    def __init__(
        self,
        work: Path,
        kinds: list[type[Server]],
        probe: Mapping[str, object] = ballast.NO_PROBE,
        **settings: object,
    ) -> None:
        root = work / "files"
        self.root = root
        self.servers = [kind(work, root, f"127.0.0.{81 + i}") for i, kind in enumerate(kinds)]
        backends = [
            Backend(f"alf{i + 1}", each, {"backup": i > 0}) for i, each in enumerate(self.servers)
        ]
        base = {
            "connect_timeout": "2s",
            "failover": "transfer",
            "failover_timeout": "10s",
        }
        pool = Pool("alfresco", backends, {**base, **settings}, probe)
        self.ballast = Ballast(work, [Listener("ftp", "alfresco")], [pool])

    def __enter__(self) -> "Cluster":
        for each in self.servers:
            each.start()
        self.ballast.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ballast.__exit__(None, None, None)
        for each in self.servers:
            each.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_an_idle_session_outlives_its_server(work: Path, kind: str) -> None:
    with Cluster(work, [KINDS[kind], PyFtpd]) as cluster:
        (cluster.root / "a").mkdir()
        (cluster.root / "a" / "old").write_text("x")
        with Wire(cluster.ballast.where()).log_in() as wire:
            wire.expect("CWD a", 250)
            wire.expect("PWD", 257)
            wire.expect("RNFR old", 350)
            mark = cluster.ballast.log_mark()
            cluster.servers[0].kill()
            cluster.ballast.wait_for_log(
                "the session moved", lambda line: line["message"] == "session moved", since=mark
            )
            wire.expect("RNTO new", 250)
            assert "/a" in wire.expect("PWD", 257).text
            assert wire.is_silent(0.3)
        assert (cluster.root / "a" / "new").exists()
