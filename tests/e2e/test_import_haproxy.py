# SPDX-License-Identifier: Apache-2.0
"""A haproxy.cfg with a frontend for control connections and one for the data ports of each server,
imported, checked and run: a client, the balancer and two servers in separate networks. The servers
announce their own addresses, which clients cannot reach."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import everything
import servers
import waiting
from ballast import BINARY, DIRECT, Ballast, run_ballast
from certificates import Authority, Identity
from clients import ClientTls, Curl, FtplibResuming, Lftp, Mode, Target
from everything import Case
from netns import Network
from process import DIES_WITH_US
from servers import REPOSITORY, Passive, ServerTls

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

BALANCER = "203.0.113.1"
CLIENT = "203.0.113.2"
BALANCER_IPV6 = "2001:db8:1::1"
CLIENT_IPV6 = "2001:db8:1::2"
# By name: the server program, its address, and its passive ports.
SERVERS: dict[str, tuple[type[servers.Server], str, range]] = {
    "alf1": (servers.Vsftpd, "198.51.100.11", range(20000, 20010)),
    "alf2": (servers.ProFtpdOfInetd, "198.51.100.12", range(20010, 20020)),
}
# One frontend for control connections, and one for the data connections of each server.
HAPROXY = """\
frontend control
    bind *:21
    default_backend both

frontend data-of-alf1
    bind *:20000-20009
    default_backend alf1

frontend data-of-alf2
    bind *:20010-20019
    default_backend alf2

backend both
    server alf1 198.51.100.11:2121 check port 2121 inter 20s
    server alf2 198.51.100.12:2121 check port 2121 inter 20s

backend alf1
    server alf1 198.51.100.11 check port 2121 inter 20s

backend alf2
    server alf2 198.51.100.12 check port 2121 inter 20s
"""
CORPUS = REPOSITORY / "tests/unit/migrate/haproxy"
# They name files that do not exist, are for newer versions, or are wrong on purpose.
NOT_FOR_THIS_HAPROXY = {
    "binds", "global", "guard", "implicit", "modern", "old", "routes", "sections", "web-too"
}  # fmt: skip


class Imported(Ballast):
    """Runs what an import wrote, with logs that the tests read."""

    def __init__(self, work: Path, configuration: str, prefix: tuple[str, ...]) -> None:
        super().__init__(work, [], [], prefix=prefix)
        self._imported = configuration

    def text(self) -> str:
        return (
            f"{self._imported}\n"
            f'[log]\nlevel = "debug"\nformat = "json"\nfile = "{self.log}"\n'
            f'[transfer_log]\njson = "{self.transfer_log}"\n'
        )

    def backends(self) -> set[str]:
        """That had transfers."""
        return {each["backend"] for each in self.transfers()}


class Field:
    def __init__(self, work: Path, network: Network, announced: str | None = None) -> None:
        for name in ("client", "balancer", "servers"):
            network.add(name)
        network.join(
            *("client", "balancer"),
            [f"{CLIENT}/24", f"{CLIENT_IPV6}/64"],
            [f"{BALANCER}/24", f"{BALANCER_IPV6}/64"],
        )
        network.join(
            *("balancer", "servers"),
            ["198.51.100.1/24"],
            [f"{address}/24" for _, address, _ in SERVERS.values()],
        )
        # The balancer's machine does not forward packets, so nobody else connects the networks.
        self.client = network.namespaces["client"].prefix
        self.balancer = network.namespaces["balancer"].prefix
        self.work = work
        self.authority = Authority(work)
        self.identity = self.authority.issue("ftp.example.com", addresses=[BALANCER, BALANCER_IPV6])
        self.data = everything.random_file(work / "data")
        self.root = work / "files"
        self.servers = [
            kind(
                *(work, self.root, address, 2121),
                prefix=network.namespaces["servers"].prefix,
                # They speak TLS with those who want it.
                tls=ServerTls(self.identity, reuse_required=False),
                passive=Passive(ports, announced or address),
            )
            for kind, address, ports in SERVERS.values()
        ]

    def works(self, case: Case, work: Path, *, tls: bool = False) -> None:
        address = BALANCER if case.family == "ipv4" else BALANCER_IPV6
        target = Target(address, 21, tls=ClientTls(self.authority.certificate) if tls else None)
        everything.works(case, target, self.data, self.root, work, prefix=self.client)


def pem_of(identity: Identity, work: Path) -> Path:
    """Certificate and key in one file, as HAProxy wants them, too."""
    pem = work / "both.pem"
    pem.write_text(identity.certificate.read_text() + identity.key.read_text())
    pem.chmod(0o600)
    return pem


def imported(work: Path, text: str, *options: str | Path) -> str:
    """The configuration, which must need no change by hand."""
    file = work / "haproxy.cfg"
    file.write_text(text)
    done = run_ballast("import", "haproxy", file, *options)
    assert done.returncode == 0, done.stderr
    assert "not supported" not in done.stderr
    return done.stdout


def check(field: Field, configuration: str, work: Path) -> None:
    """`ballast check` on the balancer's machine."""
    file = work / "ballast.toml"
    file.write_text(configuration)
    done = subprocess.run(
        [*DIES_WITH_US, *field.balancer, str(BINARY), "check", "-c", str(file)],
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    with Network() as network, contextlib.ExitStack() as running:
        field = Field(module_work, network)
        for server in field.servers:
            running.callback(server.kill)
            server.start()
        yield field


@pytest.fixture(scope="class")
def passing(field: Field, module_work: Path) -> Iterator[Imported]:
    """The balancer without a certificate: it passes TLS through, as HAProxy did."""
    work = module_work / "passing"
    work.mkdir()
    configuration = imported(work, HAPROXY)
    check(field, configuration, work)
    with Imported(work, configuration, field.balancer) as balancer:
        yield balancer


PLAIN = [Case(client, mode, "ipv4") for client in (Curl, Lftp) for mode in client.modes_ipv4]


class TestWithoutACertificate:
    @pytest.mark.parametrize("case", PLAIN, ids=str)
    def test_clients_without_tls_have_every_mode(
        self, case: Case, passing: Imported, field: Field, work: Path
    ) -> None:
        """HAProxy could do only EPSV with such servers."""
        field.works(case, work)

    @pytest.mark.parametrize("client", [Curl, Lftp, FtplibResuming])
    def test_clients_with_tls_have_what_haproxy_gave_them(
        self, client: type[clients.Client], passing: Imported, field: Field, work: Path
    ) -> None:
        """EPSV: the keys are at the servers, which announce the wrong address in PASV."""
        before = passing.counters()["data_connections_passed_through"]
        field.works(Case(client, Mode.EPSV, "ipv4"), work, tls=True)
        assert passing.counters()["data_connections_passed_through"] > before

    def test_both_servers_had_their_share(self, passing: Imported) -> None:
        assert passing.backends() == set(SERVERS)


ENDED = [
    *(Case(Lftp, mode, "ipv4") for mode in (Mode.PASV, Mode.PORT)),
    *(Case(Curl, mode, "ipv4") for mode in (Mode.PASV, Mode.EPSV)),
    *(Case(Lftp, mode, "ipv6") for mode in (Mode.EPSV, Mode.EPRT)),
]


@pytest.fixture
def ending(field: Field, work: Path) -> Iterator[Imported]:
    """The balancer with a certificate."""
    text = HAPROXY.replace("bind *:21", "bind :::21 v4v6")
    configuration = imported(work, text, "--certificate", pem_of(field.identity, work))
    check(field, configuration, work)
    with Imported(work, configuration, field.balancer) as balancer:
        yield balancer


def test_with_a_certificate_clients_with_tls_have_every_mode(
    ending: Imported, field: Field, work: Path
) -> None:
    assert {case.mode for case in ENDED} == set(Mode)
    for case in ENDED:
        place = work / str(case)
        place.mkdir()
        field.works(case, place, tls=True)
    assert ending.backends() == set(SERVERS)
    assert ending.counters()["data_connections_passed_through"] == 0
    # Ballast speaks TLS with the servers, too.
    assert ending.counters()["bytes_spliced"] == 0
    plain = work / "plain"
    plain.mkdir()
    field.works(Case(Curl, Mode.PASV, "ipv4"), plain)


def test_tls_that_ended_at_haproxy_ends_at_ballast(field: Field, work: Path) -> None:
    """Implicit TLS towards clients, none towards the servers."""
    text = f"""\
listen ftps
    mode tcp
    bind {BALANCER}:990 ssl crt {pem_of(field.identity, work)}
    bind {BALANCER}:20300-20349
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    balance roundrobin
    server alf1 198.51.100.11:2121 check
    server alf2 198.51.100.12:2121 check
"""
    configuration = imported(work, text)
    check(field, configuration, work)
    tls = ClientTls(field.authority.certificate, implicit=True)
    with Imported(work, configuration, field.balancer) as balancer:
        for mode in (Mode.PASV, Mode.EPSV):
            place = work / mode.name
            place.mkdir()
            everything.works(
                Case(Curl, mode, "ipv4"), Target(BALANCER, 990, tls=tls), field.data, field.root,
                place, prefix=field.client,
            )  # fmt: skip
        assert balancer.backends() == set(SERVERS)
        assert balancer.counters()["tls_backend_control_handshakes"] == 0


def test_one_proxy_for_everything_becomes_one_listener(field: Field, work: Path) -> None:
    """The other way: a client always gets the same server, which has the client's port."""
    text = f"""\
listen ftp
    mode tcp
    bind {BALANCER}:2121
    bind {BALANCER}:20200-20249
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    balance source
    option tcp-check
    tcp-check expect rstring ^220
    server alf1 198.51.100.11 check port 2121 inter 1s
    server alf2 198.51.100.12 check port 2121 inter 1s
"""
    configuration = imported(work, text)
    assert 'balance = "source-hash"' in configuration
    check(field, configuration, work)
    with Imported(work, configuration, field.balancer) as balancer:
        for mode in Mode:
            place = work / mode.name
            place.mkdir()
            target = Target(BALANCER, 2121)
            everything.works(
                Case(Curl, mode, "ipv4"), target, field.data, field.root, place,
                prefix=field.client,
            )  # fmt: skip
        assert len(balancer.backends()) == 1


def test_a_file_that_also_serves_the_web_is_no_failure(work: Path) -> None:
    done = run_ballast("import", "haproxy", CORPUS / "web-too.cfg")
    assert done.returncode == 0, done.stderr
    assert "left to HAProxy: frontend www: it is not FTP" in done.stderr


def test_variables_come_from_the_environment(work: Path) -> None:
    file = work / "haproxy.cfg"
    file.write_text('listen ftp\n mode tcp\n bind ":${FTP_PORT}"\n server a 192.0.2.1:21\n')
    done = subprocess.run(
        [str(BINARY), "import", "haproxy", str(file)],
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
        env={**os.environ, "FTP_PORT": "2100"},
    )
    assert done.returncode == 0, done.stderr
    assert 'bind = ["0.0.0.0:2100"]' in done.stdout


def test_a_file_without_ftp_ends_with_2(work: Path) -> None:
    file = work / "haproxy.cfg"
    file.write_text("listen web\n mode http\n bind :80\n server a 192.0.2.1:80\n")
    done = run_ballast("import", "haproxy", file)
    assert done.returncode == 2
    assert f"{file}: not supported: the whole file: no proxy in it serves FTP" in done.stderr


def test_a_syntax_error_ends_with_1(work: Path) -> None:
    file = work / "haproxy.cfg"
    file.write_text('listen ftp\n bind ":21\n')
    done = run_ballast("import", "haproxy", file)
    assert done.returncode == 1 and done.stdout == ""
    assert f"{file}:2: a double quote is not closed" in done.stderr


def test_the_exceptions_are_in_the_corpus() -> None:
    assert {file.stem for file in CORPUS.glob("*.cfg")} >= NOT_FOR_THIS_HAPROXY


@pytest.mark.parametrize(
    "file",
    [file for file in sorted(CORPUS.glob("*.cfg")) if file.stem not in NOT_FOR_THIS_HAPROXY],
    ids=lambda file: file.stem,
)
def test_haproxy_itself_takes_the_files_of_the_corpus(file: Path) -> None:
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    variables = {"FTP_PORT": "2121", "FTP_SERVERS": "198.51.100.31 198.51.100.32"}
    done = subprocess.run(
        [program, "-c", "-f", str(file)],
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, re.findall(r"\[ALERT\].*", done.stderr)
