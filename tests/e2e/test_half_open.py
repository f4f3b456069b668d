# SPDX-License-Identifier: Apache-2.0
"""A flood of half-open connections: others get in meanwhile."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool
from netns import Network
from servers import TESTER, PyFtpd

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer")

FLOOD = 20_000
HERE = Path(__file__).parent


def test_a_flood_of_syns(work: Path) -> None:
    with Network() as network:
        client, balancer = network.add("client"), network.add("balancer")
        # A wide network: the addresses of the flood are in it.
        network.join("client", "balancer", ["10.99.0.2/16"], ["10.99.0.1/16"])
        server = PyFtpd(work, work / "files", "127.0.0.183", prefix=balancer.prefix)
        (server.root / "file").write_bytes(b"content")
        listener = Listener("ftp", "files", ["10.99.0.1"])
        pool = Pool("files", [Backend("only", server)])
        ballast = Ballast(work, [listener], [pool], prefix=balancer.prefix)
        with server, ballast:
            port = str(listener.port)
            flood = subprocess.Popen(
                [*client.prefix, sys.executable, HERE / "syn_flood_main.py"]
                + ["10.99.0.1", port, str(FLOOD)]
            )
            try:
                curl = [*client.prefix, "curl", "-sS", "--retry", "0", "--max-time", "20"]
                curl += ["--user", f"{TESTER.name}:{TESTER.password}"]
                rounds = 0
                while rounds == 0 or flood.poll() is None:
                    done = subprocess.run(
                        [*curl, f"ftp://10.99.0.1:{port}/file"],
                        capture_output=True,
                        text=True,
                        timeout=waiting.PATIENCE,
                        check=False,
                    )
                    assert done.stdout == "content", done.stderr
                    rounds += 1
                assert flood.wait(waiting.PATIENCE) == 0
            finally:
                flood.kill()
            # The flood arrived: the kernel held the connections, or answered with cookies.
            counters = subprocess.run(
                [*balancer.prefix, "cat", "/proc/net/snmp"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            tcp = [line.split() for line in re.findall(r"^Tcp: (.*)$", counters, re.M)]
            segments = dict(zip(tcp[0], tcp[1], strict=True))
            assert int(segments["InSegs"]) > FLOOD * 0.9
            # None became a session.
            assert ballast.counters()["sessions_accepted"] == rounds
