# SPDX-License-Identifier: Apache-2.0
"""A pair of balancers with `data_path = "kernel"`, and conntrackd with the file of packaging/: what
becomes of a running transfer when the addresses move to the other machine."""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import everything
import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool
from netns import Namespace, Network
from process import Process
from servers import REPOSITORY, Vsftpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about balancers")

VIRTUAL, VIRTUAL_INSIDE = "192.0.2.100", "198.51.100.100"
OWN = {"one": ("192.0.2.1", "198.51.100.1"), "two": ("192.0.2.2", "198.51.100.2")}
CLIENT, SERVER = "192.0.2.9", "198.51.100.11"
SYNCHRONISER = "/usr/sbin/conntrackd"


def _configuration(name: str, work: Path) -> Path:
    """The file of the package, with the addresses of this test."""
    other = "two" if name == "one" else "one"
    text = (REPOSITORY / "packaging/keepalived/conntrackd.conf").read_text()
    text = text.replace("IPv4_address 192.0.2.1\n        IPv4_Dest", "IPv4_address OWN\n        IPv4_Dest")
    text = text.replace("IPv4_Destination_Address 192.0.2.2", "IPv4_Destination_Address OTHER")
    text = text.replace("OWN", OWN[name][0]).replace("OTHER", OWN[other][0])
    text = text.replace("Interface eth0", "Interface outside")
    text = text.replace("/var/lock/conntrack.lock", str(work / f"{name}.lock"))
    text = text.replace("/var/run/conntrackd.ctl", f"/tmp/ballast-{name}-{hash(work) & 0xffff}.ctl")
    path = work / f"conntrackd-{name}.conf"
    path.write_text(text)
    return path


class Pair:
    def __init__(self, work: Path, network: Network, stack: ExitStack) -> None:
        self.spaces = network.namespaces
        for switch in ("outside", "inside"):
            network.switch(switch)
        for name in ("client", "server", *OWN):
            network.add(name)
        network.plug("client", "outside", f"{CLIENT}/24")
        network.plug("server", "inside", f"{SERVER}/24")
        for name, (outside, inside) in OWN.items():
            network.plug(name, "outside", f"{outside}/24")
            network.plug(name, "inside", f"{inside}/24")
            for setting in ("ip_forward", "ip_nonlocal_bind"):
                self.spaces[name].set(f"net.ipv4.{setting}", "1")
        self.root = work / "files"
        self.server = Vsftpd(work, self.root, SERVER, 2121, prefix=self.spaces["server"].prefix)
        stack.enter_context(self.server)
        self.take("one")
        listener = Listener(
            "ftp", "files", [VIRTUAL], {"data_path": "kernel", "free_bind": True}
        )
        self.balancers = {
            name: Ballast(
                work / name,
                [listener],
                # The servers' side has an address that moves, too.
                [Pool("files", [Backend("f1", self.server)], {"source": [VIRTUAL_INSIDE]})],
                settings={"shutdown_timeout": "1s"},
                passive_ports=20,
                prefix=self.spaces[name].prefix,
            )
            for name in OWN
        }
        for name, balancer in self.balancers.items():
            # The first one has a transfer left.
            balancer.ends_with = {0, 3}
            stack.enter_context(balancer)
            synchroniser = Process(
                [SYNCHRONISER, "-C", _configuration(name, work)],
                work / f"conntrackd-{name}.log",
                prefix=self.spaces[name].prefix,
            )
            stack.callback(synchroniser.kill)
        self.where = (VIRTUAL, listener.port)

    @property
    def client(self) -> Namespace:
        return self.spaces["client"]

    def take(self, name: str) -> None:
        """As keepalived does."""
        self.spaces[name].ip("address", "add", f"{VIRTUAL}/24", "dev", "outside")
        self.spaces[name].ip("address", "add", f"{VIRTUAL_INSIDE}/24", "dev", "inside")
        # In place of the gratuitous ARP.
        for other in ("client", "server"):
            self.spaces[other].ip("neighbour", "flush", "all")

    def drop(self, name: str) -> None:
        self.spaces[name].ip("address", "del", f"{VIRTUAL}/24", "dev", "outside")
        self.spaces[name].ip("address", "del", f"{VIRTUAL_INSIDE}/24", "dev", "inside")

    def tracked(self, name: str, port: int) -> bool:
        entries = subprocess.run(
            [*self.spaces[name].prefix, "conntrack", "-L"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        ).stdout
        return re.search(rf"ESTABLISHED .*sport={port} .*src={SERVER}", entries) is not None


@pytest.fixture
def pair(work: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        yield Pair(work, network, stack)


def test_a_running_download_outlives_the_move_and_its_control_connection_does_not(
    pair: Pair, work: Path
) -> None:
    data_file = everything.random_file(pair.root / "large", 48 * 1024 * 1024)
    whole = data_file.read_bytes()
    with pair.client.entered():
        wire = Wire(pair.where).log_in()
        data = wire.passive("PASV", receive_buffer=65536)
    wire.expect("RETR large", 150, 125)
    content = bytearray(data.recv(1000))
    port = data.getsockname()[1]
    waiting.until("the other machine knows the connection", lambda: pair.tracked("two", port))
    pair.drop("one")
    pair.take("two")
    while more := data.recv(1 << 20):
        content += more
    assert bytes(content) == whole
    data.close()
    # The new machine knows nothing of the control connection.
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        wire.send("NOOP")
    assert wire.at_end()
    wire.close()
    # New sessions work there.
    with pair.client.entered():
        with Wire(pair.where).log_in() as again:
            again.expect("SIZE large", 213)
