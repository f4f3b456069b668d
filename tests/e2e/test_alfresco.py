# SPDX-License-Identifier: Apache-2.0
"""docs/alfresco.md, performed as it is written: its addresses and ports, its configurations, its
commands. The nodes announce a private address and have one and the same range of data ports."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import operators
import waiting
from ballast import BINARY, DIRECT, Ballast
from certificates import Authority, Identity
from servers import PROBE, REPOSITORY, Passive, PyFtpd, ServerTls

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer")

PAGE = (REPOSITORY / "docs/alfresco.md").read_text()
FRONT = "192.0.2.21"
NODES = {"alf1": "198.51.100.11", "alf2": "198.51.100.12"}
# Nobody is there.
ANNOUNCED = "10.0.0.11"
REPORT = bytes(range(256)) * 1000


def _blocks(language: str, mark: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n{mark}(.*?)^```", PAGE, re.M | re.S)


PLAIN, TLS_IN_FRONT, TLS_ON_BOTH = _blocks("toml", "# checked\n")
START, TRY = _blocks("sh", "# checked, with the nodes\n")
(TRY_TLS,) = _blocks("sh", "# checked, with the nodes, with TLS\n")


def _properties() -> dict[str, str]:
    """Of the nodes, from the page."""
    lines = _blocks("properties")[0].splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture(scope="module", autouse=True)
def _addresses() -> None:
    """In this file's own network."""
    for address in (FRONT, *NODES.values()):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)


class Nodes:
    def __init__(self, work: Path, tls: Mapping[str, ServerTls] | None = None) -> None:
        properties = _properties()
        first, last = (int(properties[f"ftp.dataPort{each}"]) for each in ("From", "To"))
        passive = Passive(range(first, last + 1), ANNOUNCED)
        self.root = work / "content"
        self.servers = {
            name: PyFtpd(
                *(work, self.root, address, int(properties["ftp.port"])),
                passive=passive,
                tls=tls[name] if tls else None,
            )
            for name, address in NODES.items()
        }
        (self.root / "Alfresco").mkdir()
        (self.root / "Alfresco").chmod(0o777)

    def __enter__(self) -> "Nodes":
        for server in self.servers.values():
            server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            server.kill()


class FromPage(Ballast):
    """With a configuration of the page. /etc/ballast is a folder of the test."""

    def __init__(self, work: Path, page: str) -> None:
        super().__init__(work, [], [], settings=operators.settings(work))
        (work / "probe.secret").write_text(PROBE.password + "\n")
        self._page = page.replace("/etc/ballast/", f"{work}/")
        # In the other file the probe's password is a file as well.
        assert "/etc/" not in self._page

    def text(self) -> str:
        return f"{super().text()}\n{self._page}"


@pytest.fixture
def folder(work: Path) -> Path:
    """Where the administrator works."""
    folder = work / "client"
    folder.mkdir()
    (folder / "report.pdf").write_bytes(REPORT)
    return folder


def _follow(page: str, folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-euc", page], cwd=folder, capture_output=True, text=True, check=False,
        timeout=waiting.PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done


def _all_files_came(folder: Path, *names: str) -> None:
    for name in names:
        assert (folder / name).read_bytes() == REPORT, name


@pytest.fixture
def plain(work: Path) -> Iterator[Nodes]:
    with Nodes(work) as nodes:
        yield nodes


def _both_had_sessions(nodes: Nodes) -> bool:
    return all(each.count("login tester") > 0 for each in nodes.servers.values())


def test_a_node_alone_announces_what_clients_cannot_reach(plain: Nodes, folder: Path) -> None:
    (plain.root / "Alfresco/report.pdf").write_bytes(REPORT)
    address, port = NODES["alf1"], plain.servers["alf1"].port
    url = f"ftp://{address}:{port}/Alfresco/report.pdf"
    curl = ["curl", "--silent", "--max-time", "5", "--user", "tester:s3cret-Tester", url]
    done = subprocess.run(
        [*curl, "--no-ftp-skip-pasv-ip"], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode != 0 and done.stdout == b""


def test_the_page_starts_it(plain: Nodes, work: Path) -> None:
    assert START.splitlines() == ["ballast check", "ballast run &"]
    with FromPage(work, PLAIN) as it:
        checked = subprocess.run(
            [BINARY, "check", "-c", it.configuration], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked


def test_every_data_mode_works(plain: Nodes, work: Path, folder: Path) -> None:
    with FromPage(work, PLAIN) as it:
        for node in NODES:
            it.wait_for_state(node, "up")
        _follow(TRY, folder)
        _all_files_came(folder, "by-epsv", "by-pasv", "by-eprt", "by-port")
        assert (plain.root / "Alfresco/report.pdf").read_bytes() == REPORT
        assert _both_had_sessions(plain)
        listed = operators.operate(work, "backends").stdout
        assert all(node in listed for node in NODES)
        # One login for many probes.
        assert all(each.count("login probe") <= 2 for each in plain.servers.values())


def test_a_node_stops_and_clients_go_on(plain: Nodes, work: Path, folder: Path) -> None:
    with FromPage(work, PLAIN) as it:
        for node in NODES:
            it.wait_for_state(node, "up")
        plain.servers["alf1"].kill()
        _follow(TRY, folder)
        _all_files_came(folder, "by-epsv", "by-pasv", "by-eprt", "by-port")
        it.wait_for_state("alf1", "down")


def _front_identity(work: Path, folder: Path) -> None:
    """Its certificate, where the configuration has it, and its authority, where the client has it."""
    authority = Authority(work, "Authority of the front")
    identity = authority.issue("alfresco.example.com", addresses=[FRONT])
    place = work / "tls"
    place.mkdir()
    (place / "alfresco.example.com.pem").write_bytes(identity.certificate.read_bytes())
    (place / "alfresco.example.com.key").write_bytes(identity.key.read_bytes())
    (place / "alfresco.example.com.key").chmod(0o600)
    (folder / "ca.pem").write_bytes(authority.certificate.read_bytes())


def _works_with_tls(work: Path, page: str, nodes: Nodes, folder: Path) -> dict[str, int]:
    """Returns the counters."""
    (nodes.root / "Alfresco/report.pdf").write_bytes(REPORT)
    _front_identity(work, folder)
    with FromPage(work, page) as it:
        for node in NODES:
            it.wait_for_state(node, "up")
        _follow(TRY_TLS, folder)
        _all_files_came(folder, "by-explicit", "by-implicit", "by-pasv")
        assert _both_had_sessions(nodes)
        return it.counters()


def test_clients_have_ftps_without_a_keystore_at_the_nodes(
    plain: Nodes, work: Path, folder: Path
) -> None:
    counters = _works_with_tls(work, TLS_IN_FRONT, plain, folder)
    assert counters["tls_control_handshakes"] == 3
    assert counters["tls_backend_control_handshakes"] == 0


def test_clients_have_ftps_with_a_keystore_at_the_nodes(work: Path, folder: Path) -> None:
    authority = Authority(work, "Authority of the nodes")
    identities: dict[str, Identity] = {
        name: authority.issue(f"{name}.example.com", addresses=[address])
        for name, address in NODES.items()
    }
    tls = {name: ServerTls(each, required="login") for name, each in identities.items()}
    with Nodes(work, tls) as nodes:
        page = TLS_ON_BOTH.replace("tls/nodes-ca.pem", authority.certificate.name)
        (work / authority.certificate.name).write_bytes(authority.certificate.read_bytes())
        counters = _works_with_tls(work, page, nodes, folder)
    assert counters["tls_control_handshakes"] == 3
    # The probes' and the surveys' as well.
    assert counters["tls_backend_control_handshakes"] >= 3
    # The nodes protect no data.
    assert counters["tls_backend_data_handshakes_resumed"] == 0
    assert counters["tls_backend_data_handshakes_full"] == 0
