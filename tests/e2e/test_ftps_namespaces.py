# SPDX-License-Identifier: Apache-2.0
"""Client, balancer and backends in networks of their own, with TLS on both legs: nobody can read
or change an address on the way, and each leads somewhere all the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import everything
import servers
from ballast import DIRECT, Backend, Ballast, Listener, Pool, login_probe
from certificates import Authority
from clients import Client, ClientTls, Mode, Target
from everything import Case
from netns import Network
from ports import free_port
from servers import ServerTls

pytestmark = pytest.mark.skipif(DIRECT, reason="the backends cannot be reached, which is the point")

LISTENS = {"ipv4": "192.0.2.1", "ipv6": "2001:db8:1::1"}


def _cases() -> list[Case]:
    def modes(client: type[Client], family: str) -> list[Mode]:
        has = client.modes_ipv4 if family == "ipv4" else client.modes_ipv6
        return [mode for mode in has if mode in client.modes_tls]

    return [
        Case(client, mode, family)
        for client in clients.ALL_TLS
        for family in LISTENS
        for mode in modes(client, family)
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
        self.authority = Authority(work, "Authority of the front")
        front = self.authority.issue("ftp.example.com", addresses=list(LISTENS.values()))
        behind = Authority(work, "Authority behind")
        # One pool: the same files on both, one backend on either family.
        self.root = work / "files"
        self.servers = []
        for kind, address, name in (
            (servers.Vsftpd, "198.51.100.11", "alf1"),
            (servers.ProFtpdOfInetd, "2001:db8:2::12", "alf2"),
        ):
            identity = behind.issue(f"{name}.example.com", addresses=[address])
            tls = ServerTls(identity, required="data")
            prefix = network.namespaces[name].prefix
            self.servers.append(kind(work, self.root, address, 2121, prefix=prefix, tls=tls))
        pool = Pool(
            "alfresco",
            [Backend("alf1", self.servers[0]), Backend("alf2", self.servers[1])],
            {"balance": "round-robin"},
            login_probe(work, interval="2s"),
            {"mode": "explicit", "ca": behind.certificate},
        )
        listener = Listener(
            "ftp",
            "alfresco",
            list(LISTENS.values()),
            tls={
                "certificate": front.certificate,
                "key": front.key,
                "require": "login-and-data",
            },
            implicit_port=free_port(),
        )
        self.ballast = Ballast(
            work, [listener], [pool], prefix=network.namespaces["balancer"].prefix
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


@pytest.mark.parametrize("case", _cases(), ids=str)
def test_every_client_does_everything(case: Case, field: Field, work: Path) -> None:
    listener = field.ballast.listeners["ftp"]
    # Extended modes by implicit TLS, the others by AUTH.
    implicit = case.mode in (Mode.EPSV, Mode.EPRT)
    target = Target(
        LISTENS[case.family],
        listener.implicit_port if implicit else listener.port,
        tls=ClientTls(field.authority.certificate, implicit=implicit),
    )
    everything.works(case, target, field.data, field.root, work, prefix=field.client)


def test_both_backends_had_their_share(field: Field) -> None:
    backends = {each["backend"] for each in field.ballast.transfers()}
    assert backends == {"alf1", "alf2"}
    counters = field.ballast.counters()
    assert counters["tls_backend_data_handshakes_full"] == 0
    assert counters["tls_backend_data_handshakes_resumed"] > 0
    # Not a byte in clear, on neither leg.
    moved = counters["bytes_downloaded"] + counters["bytes_uploaded"]
    assert counters["bytes_spliced"] == 0 and moved > 0
