# SPDX-License-Identifier: Apache-2.0
"""packaging/keepalived/ with a real keepalived: the address is where Ballast can serve. test_pair.py
has two of them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import operators
import vrrp
import waiting
from ballast import DIRECT, TCP_PROBE, Backend, Ballast, Listener, Pool
from ports import free_port
from servers import PyFtpd
from vrrp import ADDRESS, ADDRESS_IPV6, OWN, Keepalived
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="it moves the balancer's address")

INTERFACE = "vrrp0"
# conntrackd's own is tried by test_kernel_pair.py.
FILES = sorted(each.name for each in vrrp.PACKAGED.iterdir() if each.name != "conntrackd.conf")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, text=True, check=True)


@pytest.fixture
def interface() -> Iterator[str]:
    _ip("link", "add", INTERFACE, "type", "veth", "peer", "name", "vrrp1")
    _ip("address", "add", f"{OWN[0]}/24", "dev", INTERFACE)
    for name in (INTERFACE, "vrrp1"):
        _ip("link", "set", name, "up")
    yield INTERFACE
    _ip("link", "delete", INTERFACE)


def test_there_are_files_for_both_kinds_of_networks() -> None:
    assert FILES == ["multicast.conf", "unicast.conf"]
    texts = [(vrrp.PACKAGED / name).read_text().splitlines() for name in FILES]
    # What they share must not drift apart.
    multicast, unicast = texts
    assert [each for each in multicast[4:] if each not in unicast] == []


@pytest.mark.parametrize("file", FILES)
def test_the_address_is_where_ballast_can_serve(file: str, work: Path, interface: str) -> None:
    keepalived = Keepalived(work, file, interface, operators.socket_path(work))
    assert "(" not in keepalived.check(), keepalived.check()
    addresses = (ADDRESS, ADDRESS_IPV6)
    with PyFtpd(work, work / "files", "127.0.0.152", free_port()) as server, keepalived:
        listener = Listener("ftp", "files", addresses, settings={"free_bind": True})
        pool = Pool("files", [Backend("one", server)], probe=TCP_PROBE)
        with Ballast(work, [listener], [pool], settings=operators.settings(work)) as it:

            def is_here() -> bool:
                return any(map(keepalived.has_address, addresses))

            for address in addresses:
                waiting.until("it is here", lambda each=address: keepalived.has_address(each))
                with Wire((address, it.listeners["ftp"].port)).log_in() as client:
                    client.expect("NOOP", 200)
            operators.ask(work, "PUT", "/v1/state", {"state": "drain"})
            waiting.until("a drained one gives it up", lambda: not is_here())
            operators.ask(work, "PUT", "/v1/state", {"state": "ready"})
            waiting.until("it is back", lambda: all(map(keepalived.has_address, addresses)))
            server.kill()
            waiting.until("without a backend it gives it up", lambda: not is_here())
        assert keepalived.is_running
