# SPDX-License-Identifier: Apache-2.0
"""A proftpd.conf with mod_proxy, imported and run with real servers."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import everything
import servers
from ballast import DIRECT, Ballast, run_ballast
from certificates import Authority, for_loopback
from clients import ClientTls, Curl, Lftp, Mode, Target
from everything import Case
from ports import free_port, free_ports
from servers import ServerTls

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

# Each server has an address of its own, as servers behind a balancer do.
ADDRESSES = ("127.0.0.2", "127.0.0.3")
PROFTPD = """\
Include modules/*.conf
ServerName "gateway"
ServerIdent on "A gateway."
DefaultAddress 127.0.0.1
Port {port}
PassivePorts {first} {last}
TimeoutIdle 300
TransferLog none
<IfModule mod_tls.c>
  TLSEngine on
  TLSRSACertificateFile {certificate}
  TLSRSACertificateKeyFile {key}
  TLSRequired off
  TLSOptions NoSessionReuseRequired
</IfModule>
<Limit DELE>
  DenyAll
</Limit>
"""
PROXY = """\
<IfModule mod_proxy.c>
  ProxyEngine on
  ProxyRole reverse
  ProxyTables {work}/tables
  ProxyReverseConnectPolicy RoundRobin
  ProxyReverseServers file:{work}/servers.json
  ProxyTLSEngine MatchClient
  ProxyTLSCACertificateFile {ca}
</IfModule>
"""


class Imported(Ballast):
    """Runs what an import wrote, with logs that the tests read."""

    def __init__(self, work: Path, configuration: str) -> None:
        super().__init__(work, [], [])
        self._imported = configuration

    def text(self) -> str:
        return (
            f"{self._imported}\n"
            f'[log]\nlevel = "debug"\nformat = "json"\nfile = "{self.log}"\n'
            f'[transfer_log]\njson = "{self.transfer_log}"\n'
        )


class Field:
    def __init__(self, work: Path) -> None:
        self.authority = Authority(work)
        front = for_loopback(self.authority, "gateway.example.com")
        identity = self.authority.issue("ftp.example.com", addresses=list(ADDRESSES))
        self.root = work / "files"
        self.data = everything.random_file(work / "data")
        self.servers = [
            kind(work, self.root, address, tls=ServerTls(identity))
            for kind, address in zip(
                (servers.Vsftpd, servers.ProFtpdOfInetd), ADDRESSES, strict=True
            )
        ]
        self.port, first = free_port(), free_ports(30)
        urls = ",".join(f'"ftp://{each.endpoint}"' for each in self.servers)
        (work / "servers.json").write_text(f"[{urls}]")
        (work / "modules").mkdir()
        proxy = PROXY.format(work=work, ca=self.authority.certificate)
        (work / "modules/proxy.conf").write_text(proxy)
        self.file = work / "proftpd.conf"
        self.file.write_text(
            PROFTPD.format(
                port=self.port,
                first=first,
                last=first + 29,
                certificate=front.certificate,
                key=front.key,
            )
        )
        self.imported = run_ballast("import", "proftpd", self.file)
        self.ballast = Imported(work, self.imported.stdout)

    def works(self, case: Case, work: Path, *, tls: bool) -> None:
        target = Target(
            "127.0.0.1",
            self.port,
            tls=ClientTls(self.authority.certificate) if tls else None,
        )
        client = case.client(target, case.mode, work)
        client.upload(self.data, work.name)
        assert (self.root / work.name).read_bytes() == self.data.read_bytes()
        client.download(work.name, work / "local")
        assert (work / "local").read_bytes() == self.data.read_bytes()
        assert work.name in client.listing()
        assert client.modes_seen() == {case.mode}, client.dialog


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with contextlib.ExitStack() as running:
        for server in field.servers:
            running.callback(server.kill)
            server.start()
        running.enter_context(field.ballast)
        yield field


def test_every_directive_is_reported(field: Field) -> None:
    assert field.imported.returncode == 0, field.imported.stderr
    assert "not supported" not in field.imported.stderr
    # Those of included files, too.
    place = field.file.parent / "modules/proxy.conf"
    assert f"{place}:5: mapped: ProxyReverseConnectPolicy RoundRobin" in field.imported.stderr


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    ("client", "mode"), [(Curl, Mode.EPSV), (Curl, Mode.PASV), (Lftp, Mode.PORT)]
)
def test_clients_reach_the_servers(
    client: type[Curl] | type[Lftp], mode: Mode, tls: bool, field: Field, work: Path
) -> None:
    field.works(Case(client, mode, "ipv4"), work, tls=tls)


def test_both_servers_had_their_share(field: Field) -> None:
    assert len({each["backend"] for each in field.ballast.transfers()}) == len(ADDRESSES)


def test_what_was_denied_is_denied(field: Field, work: Path) -> None:
    (field.root / "kept").write_text("kept")
    with pytest.raises(Exception, match="502"):
        Curl(Target("127.0.0.1", field.port), Mode.EPSV, work).delete("kept")
    assert (field.root / "kept").exists()


def test_an_included_file_that_is_missing_is_a_failure(work: Path) -> None:
    file = work / "proftpd.conf"
    file.write_text("Include /nowhere/modules.conf\n")
    done = run_ballast("import", "proftpd", file)
    assert done.returncode == 1 and done.stdout == ""
    assert f"{file}:1: " in done.stderr and "/nowhere/modules.conf" in done.stderr
