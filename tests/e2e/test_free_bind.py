# SPDX-License-Identifier: Apache-2.0
"""`free_bind`: a standby that is ready before it has the address for clients."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool
from certificates import Authority
from netns import Network
from ports import free_port, free_ports
from servers import TESTER, PyFtpd

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

# The address that moves between two balancers.
VIRTUAL = {"ipv4": "192.0.2.100", "ipv6": "2001:db8:1::100"}
OWN = {"ipv4": "192.0.2.1", "ipv6": "2001:db8:1::1"}
PREFIX = {"ipv4": 24, "ipv6": 64}


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        for name in ("client", "balancer"):
            network.add(name)
        network.join(
            *("client", "balancer"),
            ["192.0.2.2/24", "2001:db8:1::2/64"],
            [f"{OWN[family]}/{PREFIX[family]}" for family in OWN],
        )
        yield network


def _check(network: Network, ballast: Ballast) -> subprocess.CompletedProcess[str]:
    return _run(network, "balancer", str(BINARY), "check", "-c", str(ballast.configuration))


def _run(network: Network, name: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*network.namespaces[name].prefix, *words],
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )


def _ballast(
    work: Path, network: Network, addresses: Sequence[str], server: PyFtpd, *, free: bool
) -> Ballast:
    ballast = Ballast(
        work / ("free" if free else "bound"),
        [Listener("ftp", "files", addresses, {"free_bind": True} if free else {})],
        [Pool("files", [Backend("only", server)])],
        prefix=network.namespaces["balancer"].prefix,
    )
    ballast.configuration.write_text(ballast.text())
    return ballast


def test_clients_are_served_once_the_address_has_come(work: Path, network: Network) -> None:
    server = PyFtpd(work, work / "files", "127.0.0.181", prefix=network.namespaces["balancer"].prefix)
    (server.root / "file").write_bytes(b"content")
    ballast = _ballast(work, network, list(VIRTUAL.values()), server, free=True)
    assert _check(network, ballast).returncode == 0
    with server, ballast:
        assert _check(network, ballast).stderr.count("free_bind") == 0
        balancer = network.namespaces["balancer"]
        balancer.address(
            "to-client", *(f"{VIRTUAL[family]}/{PREFIX[family]}" for family in VIRTUAL)
        )
        for address in VIRTUAL.values():
            host = f"[{address}]" if ":" in address else address
            url = f"ftp://{host}:{ballast.where()[1]}/file"
            account = f"{TESTER.name}:{TESTER.password}"
            for mode in (["--ftp-pasv"], ["--ftp-port", "-"]):
                words = ["curl", "-gsS", "--user", account, *mode, url]
                done = _run(network, "client", *words)
                assert done.stdout == "content", (address, mode, done.stderr)


@pytest.mark.parametrize("family", VIRTUAL)
def test_without_it_such_an_address_is_an_error_that_names_the_cure(
    family: str, work: Path, network: Network
) -> None:
    server = PyFtpd(work, work / "files", "127.0.0.181")
    both = [OWN[family], VIRTUAL[family]]
    bound = _ballast(work, network, both, server, free=False)
    command = [str(BINARY), "run", "-c", str(bound.configuration)]
    for done in (_check(network, bound), _run(network, "balancer", *command)):
        assert done.returncode == 1
        (said,) = done.stderr.splitlines()
        assert "listener.ftp.bind[1]: " in said and VIRTUAL[family] in said
        assert "free_bind = true" in said
        assert "passive_ports" not in said
    done = _check(network, _ballast(work, network, both, server, free=True))
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize("family", VIRTUAL)
def test_passive_ports_alone_are_tried_with_it_as_well(
    family: str, work: Path, network: Network
) -> None:
    """The ports of a listener with TLS, and the slices of a passthrough listener."""
    address = VIRTUAL[family]
    identity = Authority(work).issue("ftp.example.com", names=["ftp.example.com"])
    first, passive = free_ports(2), free_ports(3)
    place = Place("127.0.0.11", free_port())
    slices = {"passive_ports": f"{first}-{first + 1}"}
    sealed: dict[str, object] = {"mode": "passthrough"}
    for free in (True, False):
        settings = {"free_bind": free}
        ballast = Ballast(
            work / str(free),
            [
                Listener(
                    *("ftps", "files", [address]),
                    {"passive_ports": f"{passive}-{passive + 2}", **settings},
                    tls={"certificate": identity.certificate, "key": identity.key},
                    implicit_port=free_port(),
                ),
                Listener("sealed", "sealed", [address], {**sealed, **settings}),
            ],
            [
                Pool("files", [Backend("plain", place)]),
                Pool("sealed", [Backend("keeps", place, slices)]),
            ],
        )
        ballast.passive_ports = range(0)
        ballast.configuration.write_text(ballast.text())
        done = _check(network, ballast)
        if free:
            assert done.returncode == 0, done.stderr
            continue
        assert done.returncode == 1
        # A missing address is reported at its own key, and not again for its ports.
        keys = [line.split(": ")[1] for line in done.stderr.splitlines()]
        assert sorted(keys) == [
            "listener.ftps.bind[0]",
            "listener.ftps.tls.implicit_bind[0]",
            "listener.sealed.bind[0]",
        ], done.stderr
