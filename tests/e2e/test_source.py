# SPDX-License-Identifier: Apache-2.0
"""The source address of connections to backends: the client's own, in separate networks, or some of
the balancer's."""

import ipaddress
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import everything
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Pool, run_ballast, toml
from clients import Mode, Target
from everything import Case
from netns import Network
from ports import free_port, free_ports
from scripted import Conversation, ScriptedServer
from servers import REPOSITORY, Vsftpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer's connections")

LISTENS = {"ipv4": "192.0.2.1", "ipv6": "2001:db8:1::1"}
CLIENTS = {"ipv4": "192.0.2.2", "ipv6": "2001:db8:1::2"}
OURS = {"ipv4": "198.51.100.1", "ipv6": "2001:db8:2::1"}
SERVERS = {"ipv4": "198.51.100.11", "ipv6": "2001:db8:2::11"}
BEHIND = {"ipv4": ("auto", "pasv", "port", "as-client"), "ipv6": ("epsv", "eprt", "as-client")}


class Field:
    def __init__(self, work: Path, network: Network) -> None:
        for name in ("client", "balancer", "server"):
            network.add(name)
        network.join(
            *("client", "balancer"),
            [f"{CLIENTS['ipv4']}/24", f"{CLIENTS['ipv6']}/64"],
            [f"{LISTENS['ipv4']}/24", f"{LISTENS['ipv6']}/64"],
        )
        network.join(
            *("balancer", "server"),
            [f"{OURS['ipv4']}/24", f"{OURS['ipv6']}/64"],
            [f"{SERVERS['ipv4']}/24", f"{SERVERS['ipv6']}/64"],
        )
        self.prefix = {name: each.prefix for name, each in network.namespaces.items()}
        # What is for clients goes through the balancer.
        for way in OURS.values():
            self._run("server", "ip", "route", "add", "default", "via", way)
        self.data = everything.random_file(work / "data")
        self.root = work / "files"
        self.servers = {
            family: Vsftpd(work, self.root, address, 2121, prefix=self.prefix["server"])
            for family, address in SERVERS.items()
        }
        self.ballast = self._balancer(work)

    def _balancer(self, work: Path) -> Ballast:
        listeners, pools = [], []
        # Taken like the listeners' ports, which must not overlap.
        first = free_ports(20)
        for family, modes in BEHIND.items():
            for behind in modes:
                name = f"{family}-{behind}"
                listeners.append(Listener(name, name, [LISTENS[family]]))
                settings = {
                    "source": "client",
                    "backend_data": behind,
                    "data_ports": f"{first}-{first + 19}",
                }
                pools.append(Pool(name, [Backend("only", self.servers[family])], settings))
        return Ballast(work, listeners, pools, prefix=self.prefix["balancer"])

    def _run(
        self, where: str, *words: str, said: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self.prefix[where], *words],
            input=said,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    def check(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Of the balancer's machine."""
        return self._run("balancer", str(BINARY), "check", "-c", str(self.configuration), *words)

    @property
    def configuration(self) -> Path:
        return self.ballast.configuration

    def obey_rules(self) -> None:
        self._run("balancer", "sh", "-e", said=self.check("--rules").stdout)


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    with Network() as network:
        field = Field(module_work, network)
        field.configuration.write_text(field.ballast.text())
        before = field.check().stderr
        for family in ("IPv4", "IPv6"):
            assert f"no {family} route brings here what backends send to clients" in before
        field.obey_rules()
        assert "route brings here" not in field.check().stderr
        with field.servers["ipv4"], field.servers["ipv6"], field.ballast:
            yield field


CASES = [
    pytest.param(family, behind, mode, id=f"{mode.name.lower()}-{behind}-{family}")
    for family, modes in BEHIND.items()
    for behind in modes
    for mode in (
        (Mode.PASV, Mode.EPSV, Mode.PORT, Mode.EPRT)
        if family == "ipv4"
        else (Mode.EPSV, Mode.EPRT)
    )
]


@pytest.mark.parametrize(("family", "behind", "mode"), CASES)
def test_servers_see_the_client(
    family: str, behind: str, mode: Mode, field: Field, work: Path
) -> None:
    target = Target(LISTENS[family], field.ballast.listeners[f"{family}-{behind}"].port)
    everything.works(
        Case(clients.Curl, mode, family),
        target,
        field.data,
        field.root,
        work,
        prefix=field.prefix["client"],
    )


def test_no_server_has_a_login_of_the_balancer(field: Field) -> None:
    for family, server in field.servers.items():
        # Others connect, too, and say nothing: whoever waits for the server, and a survey.
        peers = set(re.findall(r'OK LOGIN: Client "([^"]*)"', server.protocol_log.read_text()))
        seen = {str(ipaddress.ip_address(each.removeprefix("::ffff:"))) for each in peers}
        assert seen == {CLIENTS[family]}


# Addresses of this machine


def _peer(conversation: Conversation, _: str) -> str:
    return f'257 "/{conversation.plain.getpeername()[0]}"'


def test_sessions_begin_at_each_address_in_turn(work: Path) -> None:
    ours = ["127.0.0.81", "127.0.0.82", "::1"]
    with ScriptedServer("127.0.0.83", {"PWD": _peer}) as server:
        pool = Pool("files", [Backend("only", server)], {"source": ours})
        with Ballast(work, [Listener("ftp", "files")], [pool]) as it:
            seen = []
            for _ in range(4):
                with Wire(it.where("ftp")).log_in() as wire:
                    seen.append(wire.expect("PWD", 257).text)
    assert sorted(seen) == sorted([f'257 "/{each}"' for each in ours[:2]] * 2)


def _checked(source: object, work: Path) -> subprocess.CompletedProcess[str]:
    file = work / "ballast.toml"
    file.write_text(
        f'listener.ftp = {{ bind = ["127.0.0.1:{free_port()}"], pool = "files" }}\n'
        f"[pool.files]\nsource = {toml(source)}\n"
        '[[pool.files.backend]]\nname = "one"\naddress = "127.0.0.1:2121"\n'
    )
    return run_ballast("check", "-c", file)


def test_check_refuses_what_is_no_address(work: Path) -> None:
    done = _checked("me", work)
    assert done.returncode == 1
    assert "pool.files.source: 'me' is not an address (write addresses of" in done.stderr


def test_check_warns_of_an_address_that_is_elsewhere(work: Path) -> None:
    """It may be one that keepalived moves."""
    done = _checked(["192.0.2.77"], work)
    assert done.returncode == 0
    assert (
        "warning: pool.files.source: connections cannot begin at 192.0.2.77 now: "
        "Cannot assign requested address"
    ) in done.stderr


def test_check_says_what_the_service_needs(work: Path) -> None:
    assert 'note: source = "client" needs CAP_NET_ADMIN' in _checked("client", work).stdout
    assert "CAP_NET_ADMIN" not in _checked("system", work).stdout


def test_the_page_shows_the_rules(work: Path) -> None:
    file = work / "ballast.toml"
    file.write_text(
        f'listener.ftp = {{ bind = ["127.0.0.1:{free_port()}"], pool = "files" }}\n'
        '[pool.files]\nsource = "client"\n'
        '[[pool.files.backend]]\nname = "one"\naddress = "127.0.0.1:2121"\n'
    )
    page = (REPOSITORY / "docs/source-addresses.md").read_text()
    assert f"```sh\n{run_ballast('check', '--rules', '-c', file).stdout}```" in page


def test_there_are_no_rules_without_need(work: Path) -> None:
    file = work / "ballast.toml"
    file.write_text(
        f'listener.ftp = {{ bind = ["127.0.0.1:{free_port()}"], pool = "files" }}\n'
        '[[pool.files.backend]]\nname = "one"\naddress = "127.0.0.1:2121"\n'
    )
    done = run_ballast("check", "--rules", "-c", file)
    assert done.returncode == 0 and done.stdout == ""
