# SPDX-License-Identifier: Apache-2.0
"""The modes of data connections to backends, and the peers that may open or receive one."""

import ftplib
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import clients
import everything
import servers
from ballast import Backend, Ballast, Listener, Pool, login_probe, running
from clients import Mode, Target
from everything import Case
from ports import free_ports
from scripted import ScriptedServer
from servers import TESTER as USER
from wire import SECONDS

KINDS = [kind.kind for kind in servers.MATRIX]
CASES = everything.cases_on_loopback()
# Each client in each of its modes with one server, in turn; and one client with all servers.
IN_TURN = [(KINDS[number % len(KINDS)], case) for number, case in enumerate(CASES)]
WITH_ALL = [
    (kind, Case(clients.Ftplib, mode, "ipv4"))
    for kind in KINDS
    for mode in (Mode.PASV, Mode.EPRT)
]
EVERYTHING = list(dict.fromkeys([*IN_TURN, *WITH_ALL]))


class Field:
    """All servers, each in every mode, behind one balancer."""

    def __init__(self, work: Path) -> None:
        self.data = everything.random_file(work / "data")
        self.servers: dict[str, servers.Server] = {}
        pools = []
        probe = login_probe(work, interval="2s", list="/")
        data_ports = free_ports(40)
        for number, kind in enumerate(servers.MATRIX):
            for family, address in (("ipv4", f"127.0.0.{11 + number}"), ("ipv6", "::1")):
                name = f"{kind.kind}-{family}"
                self.servers[name] = kind(work, work / f"files-{name}", address)
                ways = ("as-client", "port", "epsv", "pasv") if family == "ipv4" else ("eprt",)
                for way in ways:
                    settings = {"backend_data": way}
                    if way in ("as-client", "port", "eprt"):
                        settings["data_ports"] = f"{data_ports}-{data_ports + 39}"
                    backend = Backend("only", self.servers[name])
                    pools.append(Pool(f"{name}-{way}", [backend], settings, probe))
        self.ballast = Ballast(work, [Listener(pool.name, pool.name) for pool in pools], pools)

    def works(self, server: str, way: str, case: Case, work: Path) -> None:
        target = Target(*self.ballast.where(f"{server}-{way}", case.loopback))
        everything.works(case, target, self.data, self.servers[server].root, work)


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with running(field.servers.values(), field.ballast):
        yield field


def test_the_end_of_a_session_leaves_the_servers_other_sessions_alone(field: Field) -> None:
    """As released, pyftpdlib 1.5.7 deafens the second session. pyftpd_main.py mends that."""
    server = field.servers["pyftpdlib-ipv4"]
    with ftplib.FTP() as first, ftplib.FTP() as second:
        first.connect(server.address, server.port, timeout=SECONDS)
        first.login(USER.name, USER.password)
        first.set_pasv(False)
        first.retrlines("LIST", lambda _: None)
        # It gets the descriptor that the data connection had.
        second.connect(server.address, server.port, timeout=SECONDS)
        first.quit()
        second.login(USER.name, USER.password)


@pytest.mark.parametrize(("server", "case"), EVERYTHING, ids=str)
def test_the_clients_own_way_is_passed_on(
    server: str, case: Case, field: Field, work: Path
) -> None:
    field.works(f"{server}-ipv4", "as-client", case, work)


@pytest.mark.parametrize(("server", "case"), EVERYTHING, ids=str)
def test_backends_connect_to_ballast(server: str, case: Case, field: Field, work: Path) -> None:
    field.works(f"{server}-ipv4", "port", case, work)


@pytest.mark.parametrize(("server", "case"), WITH_ALL, ids=str)
@pytest.mark.parametrize("way", ["epsv", "pasv", "eprt"])
def test_one_way_is_used_for_all_clients(
    server: str, way: str, case: Case, field: Field, work: Path
) -> None:
    field.works(f"{server}-ipv6" if way == "eprt" else f"{server}-ipv4", way, case, work)


def test_the_backends_own_words_reach_the_client_with_other_numbers(field: Field) -> None:
    with closing(ftplib.FTP(timeout=20)) as client:
        client.connect(*field.ballast.where("vsftpd-ipv4-as-client"))
        client.login(USER.name, USER.password)
        reply = client.sendcmd("PASV")
        host, port = ftplib.parse227(reply)
        assert host == "127.0.0.1"
        assert reply.startswith("227 Entering Passive Mode (127,0,0,1,")
        # The port is Ballast's own, and a transfer over it works.
        client.putcmd("NLST")
        with socket.create_connection((host, port)) as data:
            assert client.getresp().startswith("150")
            while data.recv(4096):
                pass
        assert client.getresp().startswith("226")


class Peers:
    """A client, and a stranger at another address of this machine who connects in its place."""

    def __init__(self, work: Path, settings: dict[str, object]) -> None:
        self.server = servers.PyFtpd(work, work / "files", "127.0.0.1")
        pool = Pool("files", [Backend("only", self.server)])
        self.ballast = Ballast(work, [Listener("ftp", "files", settings=settings)], [pool])

    def __enter__(self) -> "Peers":
        self.server.start()
        self.ballast.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ballast.stop()
        self.server.kill()

    def log_in(self) -> ftplib.FTP:
        client = ftplib.FTP(source_address=("127.0.0.1", 0), timeout=20)
        client.connect(*self.ballast.where("ftp"))
        client.login(USER.name, USER.password)
        return client


def listing_for(client: ftplib.FTP, other: str) -> bytes:
    """The bytes that a stranger at another address gets from the client's passive port."""
    host, port = ftplib.parse227(client.sendcmd("PASV"))
    client.putcmd("NLST")
    found = b""
    try:
        # The reset may come before the connect has returned.
        with socket.create_connection((host, port), source_address=(other, 0), timeout=20) as data:
            while got := data.recv(4096):
                found += got
    except ConnectionResetError:
        return b"reset"
    return found


@pytest.mark.parametrize(
    ("data_peer", "other", "is_served"),
    [
        ("exact", "127.0.0.1", True),
        ("exact", "127.0.9.9", False),
        ("127.0.9.0/24", "127.0.9.9", True),
        ("127.0.9.0/24", "127.0.8.9", False),
        ("127.0.9.0/24", "127.0.0.1", True),
        ("any", "127.0.8.9", True),
    ],
)
def test_who_may_open_a_passive_data_connection(
    data_peer: str, other: str, is_served: bool, work: Path
) -> None:
    with Peers(work, {"data_peer": data_peer}) as peers, closing(peers.log_in()) as client:
        (peers.server.root / "a-file").touch()
        assert (b"a-file" in listing_for(client, other)) == is_served


@pytest.mark.parametrize(
    ("settings", "named", "is_served"),
    [
        ({}, "127.0.9.9", False),
        ({"data_peer": "127.0.9.0/24"}, "127.0.9.9", True),
        ({"data_peer": "127.0.9.0/24"}, "127.0.8.9", False),
        ({"allow_fxp": True}, "127.0.8.9", True),
    ],
)
def test_whom_a_client_may_name(
    settings: dict[str, object], named: str, is_served: bool, work: Path
) -> None:
    with Peers(work, settings) as peers, closing(peers.log_in()) as client:
        (peers.server.root / "a-file").touch()
        with socket.create_server((named, 0)) as listening:
            port = listening.getsockname()[1]
            if not is_served:
                with pytest.raises(ftplib.error_perm, match="501"):
                    client.sendport(named, port)
                return
            client.sendport(named, port)
            assert client.sendcmd("NLST")[0] == "1"
            data, _ = listening.accept()
            with data:
                assert b"a-file" in data.recv(4096)
            assert client.getresp().startswith("226")
        # A port of a well-known service is never used.
        with pytest.raises(ftplib.error_perm, match="501"):
            client.sendport(named, 22)


@pytest.mark.parametrize("trusted", [True, False])
def test_whether_the_address_of_a_227_is_dialled(trusted: bool, work: Path) -> None:
    """The backend truthfully announces another address for its data."""
    with socket.create_server(("127.0.7.7", 0)) as elsewhere:
        elsewhere.settimeout(20)
        port = elsewhere.getsockname()[1]
        numbers = f"127,0,7,7,{port >> 8},{port & 255}"
        with ScriptedServer(
            "127.0.0.43",
            {
                "USER": "331 Password?",
                "PASS": "230 Welcome.",
                "PASV": f"227 Data at {numbers} now",
                "NLST": "150 Here.\r\n226 Done.",
            }
        ) as backend:
            pool = Pool(
                "files",
                [Backend("only", backend)],
                {"backend_data": "pasv", "trust_pasv_address": trusted, "connect_timeout": "2s"},
            )
            with (
                Ballast(work, [Listener("ftp", "files")], [pool]) as ballast,
                closing(ftplib.FTP(timeout=20)) as client,
            ):
                client.connect(*ballast.where("ftp"))
                client.login("anna", "secret")
                if not trusted:
                    with pytest.raises(ftplib.error_temp, match="425"):
                        client.nlst()
                    return
                host, own_port = ftplib.parse227(client.sendcmd("PASV"))
                client.putcmd("NLST")
                with socket.create_connection((host, own_port)) as data:
                    accepted, _ = elsewhere.accept()
                    with accepted:
                        accepted.sendall(b"a-file\r\n")
                    assert data.recv(100) == b"a-file\r\n"
