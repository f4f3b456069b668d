# SPDX-License-Identifier: Apache-2.0
"""Client, balancer and backends in networks of their own: an address of a backend that leaked to
the client, or one of the client to a backend, would lead nowhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import everything
import servers
from ballast import DIRECT, Backend, Ballast, Listener, Pool, login_probe
from clients import Target
from everything import Case
from netns import Network

pytestmark = pytest.mark.skipif(DIRECT, reason="the backends cannot be reached, which is the point")

LISTENS = {"ipv4": "192.0.2.1", "ipv6": "2001:db8:1::1"}
CASES = [
    *(Case(each, mode, "ipv4") for each in clients.ALL for mode in each.modes_ipv4),
    *(Case(each, mode, "ipv6") for each in clients.ALL for mode in each.modes_ipv6),
]


class Field:
    def __init__(self, work: Path, network: Network) -> None:
        for name in ("client", "balancer", "alf1", "alf2"):
            network.add(name)
        network.join(
            *("client", "balancer"),
            ["192.0.2.2/24", "2001:db8:1::2/64"],
            ["192.0.2.1/24", "2001:db8:1::1/64"],
        )
        network.join("balancer", "alf1", ["198.51.100.1/25"], ["198.51.100.11/25"])
        network.join("balancer", "alf2", ["2001:db8:2::1/64"], ["2001:db8:2::12/64"])
        self.data = everything.random_file(work / "data")
        self.client = network.namespaces["client"].prefix
        # One pool: the same files on both, one backend on either family.
        self.root = work / "files"
        self.servers = [
            kind(work, self.root, address, 2121, prefix=network.namespaces[name].prefix)
            for kind, address, name in (
                (servers.Vsftpd, "198.51.100.11", "alf1"),
                (servers.ProFtpd, "2001:db8:2::12", "alf2"),
            )
        ]
        pool = Pool(
            "alfresco",
            [Backend("alf1", self.servers[0]), Backend("alf2", self.servers[1])],
            {"balance": "round-robin"},
            login_probe(work, interval="1s"),
        )
        self.ballast = Ballast(
            work,
            [Listener("ftp", "alfresco", list(LISTENS.values()))],
            [pool],
            prefix=network.namespaces["balancer"].prefix,
        )


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    with Network() as network:
        field = Field(module_work, network)
        try:
            for server in field.servers:
                server.start()
            with field.ballast:
                yield field
        finally:
            for server in field.servers:
                server.kill()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_client_does_everything(case: Case, field: Field, work: Path) -> None:
    target = Target(LISTENS[case.family], field.ballast.listeners["ftp"].port)
    everything.works(case, target, field.data, field.root, work, prefix=field.client)


def test_both_backends_had_their_share(field: Field, work: Path) -> None:
    target = Target(LISTENS["ipv4"], field.ballast.listeners["ftp"].port)
    for number in range(4):
        client = clients.Curl(target, clients.Mode.PASV, work, prefix=field.client)
        client.upload(field.data, f"shared-{number}")
    names = {f"/shared-{number}" for number in range(4)}
    mine = [each for each in field.ballast.transfers() if each["file"] in names]
    assert {each["backend"] for each in mine} == {"alf1", "alf2"}
