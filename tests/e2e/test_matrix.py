# SPDX-License-Identifier: Apache-2.0
"""Every client in each of its data modes, with every server, through one balancer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import everything
import servers
from ballast import Backend, Ballast, Listener, Pool, login_probe, running
from clients import ClientError, Mode, Target
from everything import Case

# For a backend on IPv6: each mode and each client, with both address families of the client.
CASES_IPV6_BACKEND = [
    Case(clients.Curl, Mode.PASV, "ipv4"),
    Case(clients.Tnftp, Mode.EPSV, "ipv4"),
    Case(clients.Lftp, Mode.PORT, "ipv4"),
    Case(clients.Ftplib, Mode.EPRT, "ipv4"),
    Case(clients.Ncftp, Mode.PASV, "ipv4"),
    Case(clients.Wget, Mode.PORT, "ipv4"),
    Case(clients.NetFtp, Mode.EPSV, "ipv4"),
    Case(clients.Curl, Mode.EPRT, "ipv6"),
    Case(clients.Lftp, Mode.EPSV, "ipv6"),
    Case(clients.Wget, Mode.EPSV, "ipv6"),
    Case(clients.NetFtp, Mode.EPRT, "ipv6"),
]
KINDS = [kind.kind for kind in servers.MATRIX]


class Field:
    """All servers, each on both address families, behind one balancer with a listener for each."""

    def __init__(self, work: Path) -> None:
        self.data = everything.random_file(work / "data")
        self.servers: dict[str, servers.Server] = {}
        for number, kind in enumerate(servers.MATRIX):
            for family, address in (("ipv4", f"127.0.0.{11 + number}"), ("ipv6", "::1")):
                name = f"{kind.kind}-{family}"
                self.servers[name] = kind(work, work / f"files-{name}", address)
        pools = [
            Pool(name, [Backend("only", server)], probe=login_probe(work, interval="2s"))
            for name, server in self.servers.items()
        ]
        self.ballast = Ballast(work, [Listener(pool.name, pool.name) for pool in pools], pools)

    def works(self, backend: str, case: Case, work: Path) -> None:
        target = Target(*self.ballast.where(backend, case.loopback))
        everything.works(case, target, self.data, self.servers[backend].root, work)


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with running(field.servers.values(), field.ballast):
        yield field


@pytest.mark.parametrize("case", everything.cases_on_loopback(), ids=str)
@pytest.mark.parametrize("server", KINDS)
def test_every_client_does_everything(server: str, case: Case, field: Field, work: Path) -> None:
    field.works(f"{server}-ipv4", case, work)


@pytest.mark.parametrize("case", CASES_IPV6_BACKEND, ids=str)
@pytest.mark.parametrize("server", KINDS)
def test_a_backend_on_ipv6_serves_both_families(
    server: str, case: Case, field: Field, work: Path
) -> None:
    field.works(f"{server}-ipv6", case, work)


# pyftpdlib takes the option for a name. So does Pure-FTPd if the client said "CLNT NcFTP...".
REFUSE_OPTIONS = {
    ("pyftpdlib", clients.Ncftp),
    ("pyftpdlib", clients.NetFtp),
    ("pure-ftpd", clients.Ncftp),
}


@pytest.mark.parametrize("client", [clients.Ncftp, clients.NetFtp])
@pytest.mark.parametrize("server", KINDS)
def test_nlst_with_options_of_ls_is_the_servers_to_answer(
    server: str, client: type[clients.Ncftp | clients.NetFtp], field: Field, work: Path
) -> None:
    name = f"named-{work.name}"
    (field.servers[f"{server}-ipv4"].root / name).touch()
    asking = client(Target(*field.ballast.where(f"{server}-ipv4")), Mode.PASV, work)
    if (server, client) in REFUSE_OPTIONS:
        with pytest.raises(ClientError):
            asking.columns()
        assert "NLST -CF" in asking.dialog and "550" in asking.dialog
    else:
        assert name in asking.columns()
        assert "NLST -CF" in asking.dialog
