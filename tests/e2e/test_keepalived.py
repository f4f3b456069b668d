# SPDX-License-Identifier: Apache-2.0
"""examples/keepalived.conf with a real keepalived: the address is where Ballast can serve."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import operators
import waiting
from ballast import BINARY, DIRECT, TCP_PROBE, Backend, Ballast, Listener, Pool
from ports import free_port
from process import Process
from servers import REPOSITORY, PyFtpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="it moves the balancer's address")

ADDRESS = "192.0.2.100"
INTERFACE = "vrrp0"


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=True)
    return done.stdout


def _has_address() -> bool:
    (interface,) = json.loads(_ip("-json", "address", "show", INTERFACE))
    return any(each["local"] == ADDRESS for each in interface["addr_info"])


@pytest.fixture
def keepalived(work: Path) -> Iterator[Process]:
    """The example, with this interface and this program. It runs faster."""
    _ip("link", "add", INTERFACE, "type", "veth", "peer", "name", "vrrp1")
    _ip("address", "add", "192.0.2.1/24", "dev", INTERFACE)
    for name in (INTERFACE, "vrrp1"):
        _ip("link", "set", name, "up")
    text = (REPOSITORY / "examples/keepalived.conf").read_text()
    check = work / "health"
    check.write_text(f'#!/bin/sh\nexec {BINARY} health --socket {operators.socket_path(work)}\n')
    check.chmod(0o755)
    for there, here in (
        ('"/usr/bin/ballast health"', f'"{check}"'),
        ("script_user ballast", "script_user root"),
        ("interface eth0", f"interface {INTERFACE}"),
        ("interval 2", "interval 1"),
    ):
        assert there in text
        text = text.replace(there, here)
    configuration = work / "keepalived.conf"
    configuration.write_text(text)
    subprocess.run(["keepalived", "--config-test", "-f", configuration], check=True)
    process = Process(
        [
            *("keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", configuration),
            *("-p", work / "keepalived.pid", "-r", work / "vrrp.pid"),
        ],
        work / "keepalived.log",
    )
    yield process
    process.kill()
    _ip("link", "delete", INTERFACE)


def test_the_address_is_where_ballast_can_serve(work: Path, keepalived: Process) -> None:
    with PyFtpd(work, work / "files", "127.0.0.152", free_port()) as server:
        listener = Listener("ftp", "files", addresses=[ADDRESS], settings={"free_bind": True})
        pool = Pool("files", [Backend("one", server)], probe=TCP_PROBE)
        with Ballast(work, [listener], [pool], settings=operators.settings(work)) as it:
            waiting.until("the address is here", _has_address)
            with Wire((ADDRESS, it.listeners["ftp"].port)).log_in() as client:
                client.expect("NOOP", 200)
            operators.ask(work, "PUT", "/v1/state", {"state": "drain"})
            waiting.until("a drained one gives it up", lambda: not _has_address())
            operators.ask(work, "PUT", "/v1/state", {"state": "ready"})
            waiting.until("it is back", _has_address)
            server.kill()
            waiting.until("without a backend it gives it up", lambda: not _has_address())
    assert keepalived.exit_status() is None
