# SPDX-License-Identifier: Apache-2.0
"""The cable of a backend is cut: nothing is refused and nothing is reset, there is only silence.
Client, balancer and backends are in networks of their own."""

import contextlib
import filecmp
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import ballast
import clients
import waiting
from ballast import login_probe
from clients import Client, Mode, Target
from cluster import Cluster, aged, begins, downloading, ends
from everything import random_file
from midway import UNDER_WAY
from netns import Network
from servers import PyFtpd, Server, Vsftpd

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

SIZE = 48 << 20
RATE = 24 << 20
HERE = "192.0.2.1"


class Apart:
    """Two servers, each at a cable of its own."""

    def __init__(self, work: Path, network: Network) -> None:
        for name in ("client", "balancer", "alf1", "alf2"):
            network.add(name)
        network.join("client", "balancer", ["192.0.2.2/24"], [f"{HERE}/24"])
        network.join("balancer", "alf1", ["198.51.100.1/25"], ["198.51.100.11/25"])
        network.join("balancer", "alf2", ["198.51.100.129/25"], ["198.51.100.139/25"])
        self.spaces = {name: space.prefix for name, space in network.namespaces.items()}
        self.root = work / "files"
        self.root.mkdir()
        self.big = aged(random_file(self.root / "big", SIZE))
        self.servers: list[Server] = [
            kind(work, self.root, address, 2121, prefix=self.spaces[name])
            for kind, address, name in (
                (Vsftpd, "198.51.100.11", "alf1"),
                (PyFtpd, "198.51.100.139", "alf2"),
            )
        ]
        for server in self.servers:
            server.start()

    def balancer(self, work: Path, **named: Any) -> Cluster:
        where = self.spaces["balancer"]
        return Cluster(work, self.servers, prefix=where, addresses=[HERE], **named)

    def cable(self, state: str) -> None:
        words = [*self.spaces["alf1"], "ip", "link", "set", "to-balancer", state]
        subprocess.run(words, check=True, timeout=waiting.PATIENCE)

    def is_joined(self) -> bool:
        """The balancer reaches the server."""
        script = "import socket,sys; socket.create_connection((sys.argv[1], 2121), 1).recv(1)"
        words = [*self.spaces["balancer"], sys.executable, "-c", script, self.servers[0].address]
        done = subprocess.run(words, capture_output=True, timeout=waiting.PATIENCE, check=False)
        return done.returncode == 0


@pytest.fixture(scope="module")
def apart(module_work: Path) -> Iterator[Apart]:
    with Network() as network:
        apart = Apart(module_work, network)
        try:
            yield apart
        finally:
            for server in apart.servers:
                server.kill()


@contextlib.contextmanager
def _cut(apart: Apart) -> Iterator[None]:
    apart.cable("down")
    try:
        yield
    finally:
        apart.cable("up")
        waiting.until("the cable is mended", apart.is_joined)


def _noticed_by(how: str, work: Path) -> Mapping[str, Any]:
    if how == "probe":
        return {"probe": login_probe(work, timeout="1s")}
    if how == "tcp_user_timeout":
        return {"tcp_user_timeout": "2s"}
    assert how == "data_stall_timeout"
    return {"listener": {how: "2s"}}


@pytest.mark.parametrize(
    ("how", "client", "mode"),
    [
        ("probe", clients.Curl, Mode.PASV),
        ("probe", clients.Lftp, Mode.EPSV),
        ("data_stall_timeout", clients.Ftplib, Mode.PORT),
    ],
)
def test_a_download_goes_on(
    how: str,
    client: type[Client],
    mode: Mode,
    apart: Apart,
    work: Path,
    record_property: Callable[[str, object], None],
) -> None:
    local = work / "local"
    with apart.balancer(work, **_noticed_by(how, work)) as it:
        target = Target(HERE, it.listeners["ftp"].port)
        program = client(target, mode, work, prefix=apart.spaces["client"], rate=RATE)
        running = downloading(program, "big", local)
        running.wait_for(UNDER_WAY)
        with _cut(apart):
            running.result()
        assert filecmp.cmp(local, apart.big, shallow=False)
        assert (begins(program.dialog), ends(program.dialog)) == (1, 1), program.dialog
        it.assert_whole("big", "alf1", "alf2")
        record_property("longest_silence", running.longest_silence)
        print(f"{how}: the client saw {running.longest_silence:.2f} s")
        assert running.longest_silence < 15


# A client in its own network that only uses Python.
_IDLER = """
import sys
from ftplib import FTP
client = FTP(timeout=60)
client.connect(sys.argv[1], int(sys.argv[2]))
client.login(sys.argv[3], sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
print(client.pwd(), flush=True)
sys.stdin.readline()
print(client.pwd(), flush=True)
client.quit()
"""


@pytest.mark.parametrize(
    ("how", "when"),
    # Without a command or a probe only a keep-alive notices it, after 45 seconds.
    [("probe", "idle"), ("probe", "command"), ("tcp_user_timeout", "command")],
)
def test_a_session_goes_on(how: str, when: str, apart: Apart, work: Path) -> None:
    with apart.balancer(work, **_noticed_by(how, work)) as it:
        port = str(it.listeners["ftp"].port)
        account = clients.TESTER
        words = ["python3", "-c", _IDLER, HERE, port, account.name, account.password]
        client = subprocess.Popen(
            [*apart.spaces["client"], *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert client.stdin is not None and client.stdout is not None
        try:
            assert client.stdout.readline() == "ready\n"
            with _cut(apart):
                if when == "command":
                    client.stdin.write("\n")
                    client.stdin.flush()
                (move,) = it.wait_for_moves(1)
                assert move["backend"] == "alf2"
                if when == "idle":
                    client.stdin.write("\n")
                    client.stdin.flush()
                assert client.stdout.readline() == "/\n"
            client.communicate("\n", timeout=waiting.PATIENCE)
            assert client.returncode == 0
        finally:
            client.kill()
            client.wait()
