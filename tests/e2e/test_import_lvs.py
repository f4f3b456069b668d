# SPDX-License-Identifier: Apache-2.0
"""Configurations imported from keepalived.conf run as they are: client, balancer and servers, each
in a network of its own. What remains is a configuration of keepalived."""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import everything
import operators
import waiting
from ballast import BINARY, DIRECT, run_ballast
from certificates import Authority
from clients import Client, ClientTls, Curl, Ftplib, Lftp, Mode, Target
from everything import Case
from netns import Network
from process import Process
from servers import REPOSITORY, Passive, ProFtpdOfInetd, Server, ServerTls, Vsftpd

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

CORPUS = REPOSITORY / "tests/unit/migrate/keepalived"


class Imported:
    """A balancer with an imported configuration, which is checked first. `tag` keeps the networks
    of several apart."""

    def __init__(
        self, work: Path, network: Network, tag: str, address: str, servers: list[str]
    ) -> None:
        self.work = work
        self.address = address
        client, balancer, behind = (f"{each}-{tag}" for each in ("client", "front", "behind"))
        self.client = network.add(client).prefix
        self.balancer = network.add(balancer).prefix
        self.behind = network.add(behind).prefix
        network.join(client, balancer, ["192.0.2.2/24"], [f"{address}/24"])
        network.join(balancer, behind, ["198.51.100.1/24"], [f"{each}/24" for each in servers])
        self.root = work / "files"
        self.data = everything.random_file(work / "data")

    @contextlib.contextmanager
    def running(self, file: Path, servers: list[Server], *words: str | Path) -> Iterator[None]:
        done = run_ballast("import", "keepalived", file, *words)
        assert done.returncode in (0, 2), done
        configuration = self.work / "ballast.toml"
        configuration.write_text(done.stdout)
        subprocess.run([*self.balancer, BINARY, "check", "-c", configuration], check=True)
        log = self.work / "ballast.log"
        with contextlib.ExitStack() as stack:
            for server in servers:
                stack.enter_context(server)
            it = Process([BINARY, "run", "-c", configuration], log, prefix=self.balancer)
            stack.callback(it.kill)
            waiting.until("the daemon is ready", lambda: '"ready"' in log.read_text())
            yield
            assert it.terminate() == 0, log.read_text()
            used = {each for each in (s.endpoint for s in servers) if each in log.read_text()}
            assert used == {server.endpoint for server in servers}


def _cases(*kinds: type[Client], tls: bool = False) -> list[Case]:
    return [
        Case(kind, mode, "ipv4")
        for kind in kinds
        for mode in kind.modes_ipv4
        if not tls or mode in kind.modes_tls
    ]


@pytest.fixture(scope="module")
def two_servers(module_work: Path) -> Iterator[tuple[Imported, Authority]]:
    """With a certificate: the same addresses serve clients with and without TLS."""
    authority = Authority(module_work, "Authority of the front")
    identity = authority.issue("ftp.example.com", addresses=["192.0.2.21"])
    pem = module_work / "ftp.pem"
    pem.write_text(identity.certificate.read_text() + identity.key.read_text())
    addresses = ["198.51.100.11", "198.51.100.12"]
    with Network() as network:
        it = Imported(module_work, network, "1", "192.0.2.21", addresses)
        servers = [
            kind(module_work, it.root, address, 2121, prefix=it.behind)
            for kind, address in zip((Vsftpd, ProFtpdOfInetd), addresses, strict=True)
        ]
        with it.running(CORPUS / "two_servers.conf", servers, "--certificate", pem):
            yield it, authority


@pytest.mark.parametrize("case", _cases(Curl, Lftp, Ftplib), ids=str)
def test_every_mode_works(
    case: Case, two_servers: tuple[Imported, Authority], work: Path
) -> None:
    it, _ = two_servers
    everything.works(case, Target(it.address, 21), it.data, it.root, work, prefix=it.client)


@pytest.mark.parametrize("case", _cases(Curl, Lftp, Ftplib, tls=True), ids=str)
def test_every_mode_works_with_tls(
    case: Case, two_servers: tuple[Imported, Authority], work: Path
) -> None:
    it, authority = two_servers
    target = Target(it.address, 21, tls=ClientTls(authority.certificate))
    everything.works(case, target, it.data, it.root, work, prefix=it.client)


@pytest.fixture(scope="module")
def every_port(module_work: Path) -> Iterator[tuple[Imported, Authority]]:
    """Without a certificate: TLS ends at the servers, which have the passive ports of the import."""
    work = module_work / "every-port"
    work.mkdir()
    authority = Authority(work, "Authority of the servers")
    identity = authority.issue("ftp.example.com", addresses=["192.0.2.40"])
    with Network() as network:
        it = Imported(work, network, "2", "192.0.2.40", ["198.51.100.41", "198.51.100.42"])
        servers: list[Server] = [
            Vsftpd(
                *(work, it.root, address, 21),
                prefix=it.behind,
                tls=ServerTls(identity),
                passive=Passive(range(first, first + 20), "192.0.2.40"),
            )
            for address, first in (("198.51.100.41", 21000), ("198.51.100.42", 21020))
        ]
        with it.running(CORPUS / "every_port.conf", servers):
            yield it, authority


@pytest.mark.parametrize("case", _cases(Curl), ids=str)
def test_every_port_serves_clients_without_tls(
    case: Case, every_port: tuple[Imported, Authority], work: Path
) -> None:
    it, _ = every_port
    everything.works(case, Target(it.address, 21), it.data, it.root, work, prefix=it.client)


@pytest.mark.parametrize("mode", [Mode.PASV, Mode.EPSV], ids=lambda mode: mode.name)
def test_every_port_passes_tls_through(
    mode: Mode, every_port: tuple[Imported, Authority], work: Path
) -> None:
    it, authority = every_port
    # Under TLS 1.3 curl closes with vsftpd's tickets unread, which now and then resets its upload.
    target = Target(it.address, 21, tls=ClientTls(authority.certificate, version="1.2"))
    case = Case(Curl, mode, "ipv4")
    everything.works(case, target, it.data, it.root, work, prefix=it.client)


@pytest.fixture(scope="module")
def port_by_port(module_work: Path) -> Iterator[tuple[Imported, Authority]]:
    """Ports 21 and 990, and some high ones, which were a virtual server each."""
    work = module_work / "port-by-port"
    work.mkdir()
    authority = Authority(work, "Authority of the servers")
    identity = authority.issue("ftp.example.com", addresses=["192.0.2.21"])
    addresses = ["198.51.100.11", "198.51.100.12"]
    with Network() as network:
        it = Imported(work, network, "4", "192.0.2.21", addresses)
        servers: list[Server] = [
            Vsftpd(work, it.root, address, 21, prefix=it.behind) for address in addresses
        ]
        servers += [
            Vsftpd(
                *(work, it.root, address, 990),
                prefix=it.behind,
                tls=ServerTls(identity, implicit=True),
                passive=Passive(range(first, first + 20), "192.0.2.21"),
            )
            for address, first in zip(addresses, (21000, 21020), strict=True)
        ]
        with it.running(CORPUS / "ftps_ports.conf", servers):
            yield it, authority


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "implicit"])
@pytest.mark.parametrize("mode", [Mode.PASV, Mode.EPSV], ids=lambda mode: mode.name)
def test_ports_that_were_balanced_one_by_one(
    mode: Mode, tls: bool, port_by_port: tuple[Imported, Authority], work: Path
) -> None:
    it, authority = port_by_port
    secured = ClientTls(authority.certificate, implicit=True) if tls else None
    target = Target(it.address, 990 if tls else 21, tls=secured)
    everything.works(Case(Curl, mode, "ipv4"), target, it.data, it.root, work, prefix=it.client)


def _config_test(file: Path) -> subprocess.CompletedProcess[str]:
    """What keepalived itself says, on a machine that has eth0 and eth1."""
    with Network() as network:
        here = network.add("here")
        pair = ("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        subprocess.run(["ip", "-n", here.name, *pair], check=True)
        return subprocess.run(
            [*here.prefix, "keepalived", "--config-test", "-i", "main", "-f", file],
            capture_output=True,
            text=True,
            timeout=waiting.PATIENCE,
            check=False,
        )


# Files in which keepalived 2.2.7 finds nothing wrong, in spite of everything that its language has.
FAULTLESS = (
    *("directors", "every_port", "firewall_mark", "ftps_ports", "globals_alone", "groups"),
    *("templates", "tunnels", "two_servers", "weight_zero"),
)


@pytest.mark.parametrize("name", FAULTLESS)
def test_what_keepalived_understands_is_understood(name: str) -> None:
    file = CORPUS / f"{name}.conf"
    told = _config_test(file)
    assert told.returncode == 0, told
    done = run_ballast("import", "keepalived", file, "--id", "main")
    assert done.returncode in (0, 2) and "no such word is known" not in done.stderr


@pytest.mark.parametrize("name", ["checks", "doubles", "ipv6", "old_words", "sorry", "vrrp"])
def test_a_word_that_is_unknown_here_is_unknown_to_keepalived(name: str) -> None:
    file = CORPUS / f"{name}.conf"
    done = run_ballast("import", "keepalived", file, "--id", "main")
    ours = {
        (int(found[1]), found[2])
        for found in re.finditer(r":(\d+): not supported: (\S+).*: no such word", done.stderr)
    }
    told = _config_test(file).stderr
    theirs = {
        (int(found[1]), found[2])
        for found in re.finditer(r"Line (\d+)\) Unknown keyword '(.*)'", told)
    }
    assert ours <= theirs, (ours, theirs)
    assert ours or name != "old_words"


# Their words are all known to keepalived 2.2.7.
REMAINDERS = ("directors", "globals", "old_words", "quotes", "vrrp")


@pytest.mark.parametrize("name", REMAINDERS)
def test_keepalived_accepts_what_remains(name: str, work: Path) -> None:
    remainder = work / "remains.conf"
    run_ballast(
        *("import", "keepalived", CORPUS / f"{name}.conf"),
        *("--vrrp-out", remainder, "--id", "main"),
    )
    text = remainder.read_text()
    # The script's user and program are those of an installation.
    for installed, here in (("user ballast", "user root"), ("/usr/bin/ballast", str(BINARY))):
        assert installed in text
        text = text.replace(installed, here)
    remainder.write_text(text)
    done = _config_test(remainder)
    # A script of the example is not here, and BINARY may be where others can write.
    told = [
        line
        for line in done.stderr.splitlines()
        if "Unsafe permissions" not in line and "insecure" not in line
    ]
    assert not told, (done, text)


def test_keepalived_moves_the_address(work: Path) -> None:
    """Both run with what the import of the example wrote."""
    configuration, remainder = work / "ballast.toml", work / "remains.conf"
    example = REPOSITORY / "examples/lvs.conf"
    done = run_ballast("import", "keepalived", example, "--vrrp-out", remainder)
    assert done.returncode == 0, done
    # The socket of an installation is in /run/ballast.
    socket = operators.socket_path(work)
    configuration.write_text(f'[admin]\nsocket = "{socket}"\n{done.stdout}')
    check = work / "health"
    check.write_text(f"#!/bin/sh\nexec {BINARY} health --socket {socket}\n")
    check.chmod(0o755)
    text = remainder.read_text()
    for there, here in (
        ("/usr/bin/ballast health", str(check)),
        ("user ballast", "user root"),
        ("interface eth0", "interface to-client-3"),
        ("interval 2", "interval 1"),
    ):
        assert there in text
        text = text.replace(there, here)
    remainder.write_text(text)
    with Network() as network, contextlib.ExitStack() as stack:
        servers = ["198.51.100.11", "198.51.100.12"]
        it = Imported(work, network, "3", "192.0.2.1", servers)
        for address in servers:
            stack.enter_context(Vsftpd(work, it.root, address, 2121, prefix=it.behind))
        subprocess.run([*it.balancer, BINARY, "check", "-c", configuration], check=True)
        log = work / "ballast.log"
        ballast = Process([BINARY, "run", "-c", configuration], log, prefix=it.balancer)
        stack.callback(ballast.kill)
        keepalived = Process(
            [
                *("keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", remainder),
                *("-p", work / "keepalived.pid", "-r", work / "vrrp.pid"),
            ],
            work / "keepalived.log",
            prefix=it.balancer,
        )
        stack.callback(keepalived.kill)

        def has_address() -> bool:
            show = ("ip", "-brief", "address", "show")
            shown = subprocess.run([*it.balancer, *show], capture_output=True, text=True, check=True)
            return "192.0.2.100/" in shown.stdout

        waiting.until("the address is here", has_address)
        everything.works(
            *(Case(Curl, Mode.PASV, "ipv4"), Target("192.0.2.100", 21)),
            *(it.data, it.root, work),
            prefix=it.client,
        )
        drained = run_ballast("drain", "--all", "--socket", socket)
        assert drained.returncode == 0, drained
        waiting.until("a drained one gives it up", lambda: not has_address())
        assert keepalived.exit_status() is None


def test_what_remains_needs_nothing_more(work: Path) -> None:
    first, second = work / "first.conf", work / "second.conf"
    file = CORPUS / "directors.conf"
    run_ballast("import", "keepalived", file, "--vrrp-out", first, "--id", "main")
    done = run_ballast("import", "keepalived", first, "--vrrp-out", second)
    assert "left to keepalived" in done.stderr
    # Only its own script comes again, under another name.
    assert second.read_text().count("ballast health") == 2
