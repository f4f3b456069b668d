# SPDX-License-Identifier: Apache-2.0
"""Client, balancer and two servers in separate networks, and the balancer's kernel carries the data
connections. One field at a time: the networks' names are the process's."""

import contextlib
import re
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import everything
import operators
import waiting
from ballast import Backend, Ballast, Listener, Pool
from netns import Namespace, Network
from ports import free_ports
from servers import ProFtpd, Server, Vsftpd
from wire import Wire, read_all

LISTENS = {"ipv4": "192.0.2.1", "ipv6": "2001:db8:1::1"}
CLIENT = {"ipv4": "192.0.2.2", "ipv6": "2001:db8:1::2"}
STRANGER = "192.0.2.3"
# Each server has both families.
SERVERS = {
    "one": {"ipv4": "198.51.100.11", "ipv6": "2001:db8:2::11"},
    "two": {"ipv4": "203.0.113.12", "ipv6": "2001:db8:3::12"},
}
BALANCER = {
    "one": {"ipv4": "198.51.100.1", "ipv6": "2001:db8:2::1"},
    "two": {"ipv4": "203.0.113.1", "ipv6": "2001:db8:3::1"},
}
KINDS: dict[str, type[Server]] = {"one": Vsftpd, "two": ProFtpd}


def _with_length(addresses: dict[str, str]) -> list[str]:
    return [f"{addresses['ipv4']}/24", f"{addresses['ipv6']}/64"]


class Field:
    """No server has a route to the clients, so it can only answer to the balancer's address."""

    def __init__(
        self,
        work: Path,
        network: Network,
        *,
        prefix: Sequence[str] = (),
        backends: Collection[str] = tuple(SERVERS),
        vsftpd: Mapping[str, object] | None = None,
        **listener: Any,
    ) -> None:
        """`prefix` is before the balancer, `vsftpd` are more settings of the first server, and
        `listener` more of the listeners."""
        self.work = work
        for name in ("client", "balancer", *SERVERS):
            network.add(name)
        self.namespaces = network.namespaces
        network.join(
            *("client", "balancer"),
            [*_with_length(CLIENT), f"{STRANGER}/24"],
            _with_length(LISTENS),
        )
        for name, addresses in SERVERS.items():
            network.join(
                *("balancer", name), _with_length(BALANCER[name]), _with_length(addresses)
            )
        self.balancer.set("net.ipv4.ip_forward", "1")
        self.balancer.set("net.ipv6.conf.all.forwarding", "1")
        self.data = everything.random_file(work / "data")
        self.root = work / "files"
        self.servers: dict[tuple[str, str], Server] = {}
        for name in backends:
            settings = {"settings": vsftpd} if KINDS[name] is Vsftpd else {}
            for family, address in SERVERS[name].items():
                self.servers[name, family] = KINDS[name](
                    *(work, self.root, address, 2121),
                    prefix=network.namespaces[name].prefix,
                    **settings,
                )
        # Taken like the listeners' ports, which must not overlap.
        first = free_ports(100)
        pools = [
            Pool(
                family,
                [Backend(name, self.servers[name, family]) for name in backends],
                {"balance": "round-robin", "data_ports": f"{first}-{first + 99}"},
            )
            for family in LISTENS
        ]
        listeners = [
            Listener(family, family, [address], {"data_path": "kernel", **listener})
            for family, address in LISTENS.items()
        ]
        self.ballast = Ballast(
            work,
            listeners,
            pools,
            settings={**operators.settings(work), "shutdown_timeout": "1s"},
            passive_ports=100,
            prefix=(*self.balancer.prefix, *prefix),
        )

    @property
    def balancer(self) -> Namespace:
        return self.namespaces["balancer"]

    @property
    def client(self) -> Namespace:
        return self.namespaces["client"]

    def where(self, family: str = "ipv4") -> tuple[str, int]:
        return LISTENS[family], self.ballast.listeners[family].port

    def wire(self, family: str = "ipv4") -> Wire:
        with self.client.entered():
            return Wire(self.where(family)).log_in()

    def run(self, where: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.namespaces[where].prefix, *words],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def tables(self) -> str:
        return self.run("balancer", "nft", "list", "tables").stdout

    def rules(self) -> str:
        return self.run("balancer", "nft", "list", "ruleset").stdout

    def elements(self) -> int:
        """The ways that are open."""
        maps = re.findall(r"map to\d \{.*?\n\t\}", self.rules(), re.DOTALL)
        return sum(each.count("timeout") - each.count("flags timeout") for each in maps)

    def repeated(self) -> int:
        """How many segments clients and servers have sent again so far."""
        total = 0
        for name in ("client", *SERVERS):
            with self.namespaces[name].entered():
                text = Path("/proc/thread-self/net/snmp").read_text()
            names, values = re.findall(r"^Tcp: (.*)$", text, re.MULTILINE)
            total += int(dict(zip(names.split(), values.split(), strict=True))["RetransSegs"])
        return total

    def start(self) -> None:
        for server in self.servers.values():
            server.start()
        self.ballast.start()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        try:
            self.start()
            yield
            self.ballast.stop()
        finally:
            self.end()

    def end(self) -> None:
        for server in self.servers.values():
            server.kill()


def logged(field: Field, since: int, count: int) -> list[dict[str, Any]]:
    waiting.until("the transfers are logged", lambda: len(field.ballast.transfers()) >= since + count)
    return field.ballast.transfers()[since:]


# What a packet of these networks carries at most: their MTU is 1,500.
_SEGMENT = 1448


def download_known(wire: Wire, field: Field) -> None:
    with field.client.entered():
        data = wire.passive("PASV")
    wire.expect("RETR known", 150, 125)
    assert read_all(data) == b"known"
    data.close()
    assert wire.reply().code == 226


def is_counted(length: int, counted: int, repeated: int) -> bool:
    """Exact, but for segments that TCP has sent again, which count each time. `repeated` is how
    many those were, at most."""
    return length <= counted <= length + repeated * _SEGMENT
