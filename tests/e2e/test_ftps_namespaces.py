# SPDX-License-Identifier: Apache-2.0
"""Client, balancer and backends in separate networks, with TLS on both legs: nobody can read or
change an address on the way, and every address still works."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import everything
import servers
from apart import BACKENDS, LISTENS, Apart
from ballast import DIRECT
from certificates import Authority
from clients import Client, ClientTls, Mode, Target
from everything import Case
from netns import Network
from ports import free_port
from servers import ServerTls

pytestmark = pytest.mark.skipif(DIRECT, reason="the backends cannot be reached, which is the point")


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


class Field(Apart):
    def __init__(self, work: Path, network: Network) -> None:
        self.authority = Authority(work, "Authority of the front")
        front = self.authority.issue("ftp.example.com", addresses=list(LISTENS.values()))
        behind = Authority(work, "Authority behind")
        super().__init__(
            *(work, network, (servers.Vsftpd, servers.ProFtpdOfInetd)),
            servers_tls={
                name: ServerTls(
                    behind.issue(f"{name}.example.com", addresses=[address]), required="data"
                )
                for name, address in BACKENDS.items()
            },
            listener={
                "tls": {
                    "certificate": front.certificate,
                    "key": front.key,
                    "require": "login-and-data",
                },
                "implicit_port": free_port(),
            },
            pool={"tls": {"mode": "explicit", "ca": behind.certificate}},
        )


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    with Network() as network:
        field = Field(module_work, network)
        with field.running():
            yield field


@pytest.mark.parametrize("case", _cases(), ids=str)
def test_every_client_does_everything(case: Case, field: Field, work: Path) -> None:
    listener = field.ballast.listeners["ftp"]
    # Extended modes use implicit TLS, the others use AUTH.
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
    # No byte went in clear on either leg.
    moved = counters["bytes_downloaded"] + counters["bytes_uploaded"]
    assert counters["bytes_spliced"] == 0 and moved > 0
