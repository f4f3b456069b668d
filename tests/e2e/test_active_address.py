# SPDX-License-Identifier: Apache-2.0
"""Active clients behind a NAT that name their private address."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Pool
from clients import ClientError, Lftp, Mode, Target
from netns import Network
from servers import PyFtpd

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's active_address")

# Ballast takes documentation networks for public ones.
BALANCER, CLIENT = "192.0.2.1", "192.0.2.2"
PORTS = {"named": 2121, "control": 2122}


class BehindNat(Lftp):
    def _command(self, *commands: str) -> list[str]:
        return super()._command("set ftp:port-ipv4 10.1.2.3", *commands)


@pytest.fixture(scope="module")
def client(module_work: Path) -> Iterator[tuple[str, ...]]:
    """The prefix for starting a client. The server has a file `small`."""
    with Network() as network:
        balancer = network.add("balancer").prefix
        network.add("client")
        network.join("client", "balancer", [f"{CLIENT}/24"], [f"{BALANCER}/24"])
        server = PyFtpd(module_work, module_work / "files", "127.0.0.92", prefix=balancer)
        (server.root / "small").write_bytes(b"small file\n")
        listeners = [
            Listener(word, "pool", [BALANCER], {"active_address": word}, port)
            for word, port in PORTS.items()
        ]
        pool = Pool("pool", [Backend("only", server)])
        with server, Ballast(module_work, listeners, [pool], prefix=balancer):
            yield network.namespaces["client"].prefix


def _fetch(port: int, work: Path, prefix: tuple[str, ...]) -> BehindNat:
    lftp = BehindNat(Target(BALANCER, port), Mode.PORT, work, prefix=prefix)
    lftp.download("small", work / "local")
    return lftp


def test_data_go_where_the_control_connection_comes_from(
    client: tuple[str, ...], work: Path
) -> None:
    lftp = _fetch(PORTS["control"], work, client)
    assert "PORT 10,1,2,3," in lftp.dialog
    assert lftp.modes_seen() == {Mode.PORT}, lftp.dialog
    assert (work / "local").read_bytes() == b"small file\n"


def test_nobody_is_connected_to_unasked(client: tuple[str, ...], work: Path) -> None:
    with pytest.raises(ClientError, match="501 PORT must name your own address"):
        _fetch(PORTS["named"], work, client)
