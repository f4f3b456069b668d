# SPDX-License-Identifier: Apache-2.0
"""Three balancers with one address for clients, behind a router that spreads clients over them, in
front of four servers with the same files. All of them are in separate networks."""

import contextlib
import json
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import operators
import store
import waiting
from ballast import Backend, Ballast, Listener, Pool
from certificates import Authority
from clients import Mode
from netns import Namespace, Network
from servers import MATRIX, REPOSITORY, ServerTls
from tls import TlsStream, client_context
from wire import TlsWire, Wire, read_all

# What clients connect to. Every node has it on its loopback device.
SERVICE = {"ipv4": "203.0.113.10", "ipv6": "2001:db8:113::10"}
CONTROL_PORT = 21
NODES = {"n1": 11, "n2": 12, "n3": 13}
SERVERS = {"alf1": 21, "alf2": 22, "alf3": 23, "alf4": 24}
# Clients have all addresses of these networks.
CLIENTS = {"ipv4": "10.64.0.0/16", "ipv6": "2001:db8:64::/64"}
CONTENT = bytes(range(256)) * 256
# How many shares of clients the router gives to nodes.
BUCKETS = 512


def lan(number: int) -> list[str]:
    """The addresses of a machine in the network of balancers and servers."""
    return [f"192.0.2.{number}/24", f"2001:db8:2::{number}/64"]


def own_address(node: str, family: str) -> str:
    return lan(NODES[node])[0 if family == "ipv4" else 1].partition("/")[0]


def ports_of(node: str) -> str:
    """Its own slice of the ports: passive ones, and the last for active connections."""
    first = 10000 + 1000 * NODES[node]
    return f"{first}-{first + 999}"


def client_address(number: int, family: str) -> str:
    if family == "ipv4":
        return f"10.64.{number // 250 + 1}.{number % 250 + 1}"
    return f"2001:db8:64::{number + 1:x}"


def page(where: str, mark: str = "checked") -> str:
    """The commands of docs/scaling.md for a machine there."""
    text = (REPOSITORY / "docs/scaling.md").read_text()
    (block,) = re.findall(rf"^```sh\n# {mark}, on {where}\n(.*?)^```", text, re.M | re.S)
    return str(block)


class Router:
    """Sends each client to one of the nodes in use, by the client's address."""

    # The numbers of next hops: those of nodes follow the group's.
    GROUPS = {"ipv4": 100, "ipv6": 200}

    def __init__(self, at: Namespace) -> None:
        self._at = at
        self.nodes: list[str] = []
        at.set("net.ipv4.ip_forward", "1")
        at.set("net.ipv6.conf.all.forwarding", "1")

    def use(self, nodes: Sequence[str]) -> None:
        """From now on these. Others' clients stay where they are, unless their node is not one of
        these any more."""
        for family, group in self.GROUPS.items():
            for node in set(nodes) - set(self.nodes):
                way = ("via", own_address(node, family), "dev", "lan")
                self._at.ip("nexthop", "replace", "id", str(group + NODES[node]), *way)
            members = "/".join(str(group + NODES[node]) for node in nodes)
            how = ["type", "resilient"]
            if not self.nodes:
                how += ["buckets", str(BUCKETS), "idle_timer", "120"]
            self._at.ip("nexthop", "replace", "id", str(group), "group", members, *how)
            if not self.nodes:
                self._at.ip("route", "add", SERVICE[family], "nhid", str(group))
        self.nodes = list(nodes)

    def forget(self) -> None:
        """No node is in use, and no client has a place any more."""
        # Routes go with their next hops.
        self._at.ip("nexthop", "flush")
        self.nodes = []

    def obey_page(self, where: str) -> None:
        """Runs the page's commands for `where`."""
        said = page(where).replace("eth1", "lan")
        done = subprocess.run(
            [*self._at.prefix, "sh", "-e"],
            input=said,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, (said, done)

    def hash_addresses(self) -> None:
        # Policy 0 of IPv6 looks at the flow label, too, and each connection has a label of its own.
        # Policy 3 hashes the fields that are named: 1 is the source, 2 the destination.
        self._at.set("net.ipv4.fib_multipath_hash_policy", "0")
        self._at.set("net.ipv6.fib_multipath_hash_policy", "3")
        self._at.set("net.ipv6.fib_multipath_hash_fields", "3")

    def hash_ports(self) -> None:
        # What policy 1 hashes in a packet from another machine. Between namespaces it would take the
        # sender's own hash of the connection, which a retransmission changes.
        for family in ("ipv4", "ipv6"):
            self._at.set(f"net.{family}.fib_multipath_hash_policy", "3")
            self._at.set(f"net.{family}.fib_multipath_hash_fields", str(0x37))


@dataclass(frozen=True)
class Way:
    """How a client works."""

    mode: Mode
    family: str
    protected: bool

    def __str__(self) -> str:
        return f"{self.mode.name}-{self.family}-{'tls' if self.protected else 'plain'}"


WAYS = [
    Way(mode, family, protected)
    for family, modes in (("ipv4", tuple(Mode)), ("ipv6", (Mode.EPSV, Mode.EPRT)))
    for mode in modes
    for protected in (False, True)
]


class Visitor:
    """A session that stays until it is closed, and knows its node."""

    def __init__(self, number: int, way: Way, context: ssl.SSLContext) -> None:
        self.way = way
        self.address = client_address(number, way.family)
        where = (SERVICE[way.family], CONTROL_PORT)
        self.wire = TlsWire(where, context, source=self.address)
        try:
            # "220 node n1"
            self.node = self.wire.greeting().text.split()[-1]
            self.log_in()
        except BaseException:
            self.wire.close()
            raise

    def log_in(self) -> None:
        if self.way.protected:
            self.wire.secure()
        account = ("USER tester", "PASS s3cret-Tester")
        if self.wire.expect(account[0], 331, 230).code == 331:
            self.wire.expect(account[1], 230)
        if self.way.protected:
            self.wire.protect()
        self.wire.expect("TYPE I", 200)

    @contextlib.contextmanager
    def transfer(
        self, command: str, receive_buffer: int = 0
    ) -> Iterator[socket.socket | TlsStream]:
        """The data connection of a transfer that has begun."""
        mode = self.way.mode
        if mode.passive:
            plain = self.wire.passive(mode.value, receive_buffer=receive_buffer)
            self.wire.expect(command, 150, 125)
        else:
            with self.wire.listen(mode.value) as listener:
                self.wire.expect(command, 150, 125)
                plain, _ = listener.accept()
        with plain:
            plain.settimeout(self.wire.plain.gettimeout())
            yield self.wire.protected(plain) if self.way.protected else plain

    def download(self, name: str = "file") -> bytes:
        with self.transfer(f"RETR {name}") as data:
            content = read_all(data)
            with contextlib.suppress(OSError):
                if isinstance(data, TlsStream):
                    data.end()
        assert self.wire.reply().code == 226
        return content

    def works(self) -> None:
        assert self.download() == CONTENT, self

    def close(self) -> None:
        self.wire.close()


class Fleet:
    def __init__(self, work: Path, network: Network) -> None:
        for name in ("router", "client", *NODES, *SERVERS):
            network.add(name)
        self._at = network.namespaces
        network.switch("lan")
        for name, number in {"router": 1, **NODES, **SERVERS}.items():
            network.plug(name, "lan", *lan(number))
        network.join(
            *("router", "client"),
            ["198.51.100.1/24", "2001:db8:1::1/64"],
            ["198.51.100.2/24", "2001:db8:1::2/64"],
        )
        self.client = self._at["client"]
        # IPv4 takes all addresses of a local network for its own.
        self.client.set("net.ipv6.ip_nonlocal_bind", "1")
        self.router = Router(self._at["router"])
        for family, ours, theirs in (
            ("-4", ("198.51.100.1", "192.0.2.1"), "198.51.100.2"),
            ("-6", ("2001:db8:1::1", "2001:db8:2::1"), "2001:db8:1::2"),
        ):
            clients = CLIENTS["ipv4" if family == "-4" else "ipv6"]
            self._at["router"].ip(family, "route", "add", clients, "via", theirs)
            self.client.ip(family, "route", "add", "default", "via", ours[0])
            self.client.ip(family, "route", "add", "local", clients, "dev", "lo")
            for name in NODES:
                self._at[name].ip(family, "route", "add", "default", "via", ours[1])
        for name in NODES:
            self.run(name, "sh", "-e", said=page("each node"))
        # At the router's address among the nodes.
        self._redis = store.Redis(work, "192.0.2.1", prefix=self._at["router"].prefix)
        self.root = work / "files"
        behind = Authority(work, "Authority behind")
        self.servers = [
            kind(
                *(work, self.root, address, 2121),
                prefix=self._at[name].prefix,
                tls=ServerTls(behind.issue(f"{name}.example.com", addresses=[address])),
            )
            for kind, (name, number) in zip(MATRIX, SERVERS.items(), strict=True)
            for address in [lan(number)[0].partition("/")[0]]
        ]
        (self.root / "file").write_bytes(CONTENT)
        self.authority = Authority(work, "Authority of the front")
        self.context = client_context(self.authority.certificate)
        self._identity = self.authority.issue("ftp.example.com", addresses=[*SERVICE.values()])
        self._behind = behind.certificate
        self.nodes = {name: self._node(work, name) for name in NODES}

    def _node(self, work: Path, name: str) -> Ballast:
        first, last = map(int, ports_of(name).split("-"))
        place = work / name
        place.mkdir()
        listener = Listener(
            "ftp",
            "alfresco",
            list(SERVICE.values()),
            {
                "greeting": f"node {name}",
                "passive_ports": f"{first}-{last - 1}",
                "active_source_port": last,
            },
            port=CONTROL_PORT,
            tls={"certificate": self._identity.certificate, "key": self._identity.key},
        )
        backends = [
            Backend(each, server) for each, server in zip(SERVERS, self.servers, strict=True)
        ]
        pool = Pool(
            *("alfresco", backends, {"balance": "round-robin"}),
            tls={"mode": "explicit", "ca": self._behind},
        )
        return Ballast(
            place,
            [listener],
            [pool],
            settings={
                **operators.settings(place),
                "cluster": {
                    "store": self._redis.address,
                    "secret_file": store.secret_file(work),
                    "node": name,
                    "address": " ".join(own_address(name, each) for each in SERVICE),
                    "heartbeat": store.HEARTBEAT,
                },
            },
            prefix=self._at[name].prefix,
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        with contextlib.ExitStack() as all_:
            for server in self.servers:
                all_.enter_context(server)
            all_.enter_context(self._redis)
            for node in self.nodes.values():
                all_.callback(node.kill)
                node.start()
            with self.client.entered():
                yield
            for node in self.nodes.values():
                node.stop()

    def start(self, node: str) -> None:
        """After a kill."""
        it = self.nodes[node]
        # A line of the former process would say that this one is ready.
        it.log.unlink()
        it.start()

    def operate(self, node: str, *words: str, status: int = 0) -> str:
        place = self.nodes[node].work.parent
        return operators.operate(place, *words, status=status).stdout

    def wait_for_nodes(self) -> None:
        """Every node knows all nodes."""

        def know_each_other() -> bool:
            shown = [json.loads(self.operate(node, "nodes", "--json")) for node in NODES]
            return all({each["name"] for each in nodes["nodes"]} == set(NODES) for nodes in shown)

        waiting.until("the nodes know each other", know_each_other)

    def run(self, node: str, *words: str | Path, said: str = "") -> str:
        done = subprocess.run(
            [*self._at[node].prefix, *map(str, words)],
            input=said,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, (words, done)
        return done.stdout
