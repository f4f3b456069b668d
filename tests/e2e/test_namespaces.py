# SPDX-License-Identifier: Apache-2.0
"""Client, balancer and backends in separate networks: a backend's address that leaked to the client,
or a client's address that leaked to a backend, would not work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import everything
import servers
from apart import LISTENS, Apart
from ballast import DIRECT
from clients import Target
from everything import Case
from netns import Network

pytestmark = pytest.mark.skipif(DIRECT, reason="the backends cannot be reached, which is the point")

CASES = [
    *(Case(each, mode, "ipv4") for each in clients.ALL for mode in each.modes_ipv4),
    *(Case(each, mode, "ipv6") for each in clients.ALL for mode in each.modes_ipv6),
]


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Apart]:
    with Network() as network:
        field = Apart(module_work, network, (servers.Vsftpd, servers.ProFtpd))
        with field.running():
            yield field


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_client_does_everything(case: Case, field: Apart, work: Path) -> None:
    target = Target(LISTENS[case.family], field.ballast.listeners["ftp"].port)
    everything.works(case, target, field.data, field.root, work, prefix=field.client)


def test_both_backends_had_their_share(field: Apart, work: Path) -> None:
    target = Target(LISTENS["ipv4"], field.ballast.listeners["ftp"].port)
    for number in range(4):
        client = clients.Curl(target, clients.Mode.PASV, work, prefix=field.client)
        client.upload(field.data, f"shared-{number}")
    names = {f"/shared-{number}" for number in range(4)}
    mine = [each for each in field.ballast.transfers() if each["file"] in names]
    assert {each["backend"] for each in mine} == {"alf1", "alf2"}
