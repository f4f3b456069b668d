# SPDX-License-Identifier: Apache-2.0
"""Two balancers, of which one has the address for clients: real keepalived, a store that they share,
and two servers with the same files. Each machine has a network of its own. Needs root."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import operators
import vrrp
import waiting
from ballast import Backend, Ballast, Listener, Pool, login_probe
from clients import Curl, Lftp
from netns import Network
from servers import Account, Server, Vsftpd
from store import Redis, secret_file
from vrrp import ADDRESS, ADDRESS_IPV6, Keepalived

FRONT, BACK = "front", "back"
CLIENT = ("192.0.2.10/24", "2001:db8::10/64")
STORE = "198.51.100.20"
BACKENDS = {"alf1": "198.51.100.11", "alf2": "198.51.100.12"}
BALANCERS = ("lb1", "lb2")


class RetryingLftp(Lftp):
    """Tries again for so long that a balancer can be replaced meanwhile."""

    def _tries_again(self, command: str) -> list[str]:
        settings = {
            "net:timeout": 2,
            "net:max-retries": 20,
            "net:reconnect-interval-base": 1,
            "net:reconnect-interval-multiplier": 1,
        }
        return self._command(*(f"set {key} {value}" for key, value in settings.items()), command)

    def download_command(self, remote: str, local: Path) -> list[str]:
        return self._tries_again(f"get -c {remote} -o {local}")

    def upload_command(self, local: Path, remote: str) -> list[str]:
        return self._tries_again(f"put -c {local} -o {remote}")


class RetryingCurl(Curl):
    """The same."""

    def download_command(self, remote: str, local: Path) -> list[str]:
        retry = ["--retry", "20", "--retry-all-errors", "--retry-delay", "1", "-C", "-"]
        # It notices by TCP's keepalive that another machine has the address.
        timeouts = ["--keepalive-time", "1", "--connect-timeout", "2"]
        *words, url = super().download_command(remote, local)
        return [*words, *retry, *timeouts, url]


@dataclass(frozen=True)
class Login:
    backend: str
    # The TLS session of an earlier session.
    is_resumed: bool


class Balancer:
    """One of the two machines."""

    def __init__(self, name: str, ballast: Ballast, keepalived: Keepalived, work: Path) -> None:
        self.name = name
        self.ballast = ballast
        self.keepalived = keepalived
        # Where its socket for operators belongs.
        self.work = work

    @property
    def has_address(self) -> bool:
        return self.keepalived.has_address()

    def backend_of(self, user: str) -> str:
        """That of the user's running transfers. Some may have lost their client, and not know it."""
        _, answer = operators.ask(self.work, "GET", "/v1/transfers")
        (backend,) = {each["backend"] for each in answer["transfers"] if each["user"] == user}
        return str(backend)

    def last_login(self, user: str) -> Login:
        """Over TLS."""

        def find(message: str, **fields: str) -> dict[str, Any]:
            wanted = {"message": message, **fields}.items()
            lines = [each for each in self.ballast.log_lines() if wanted <= each.items()]
            assert lines, wanted
            return lines[-1]

        login = find("logged in", user=user)
        tls = find("TLS began", session=login["session"])
        return Login(login["backend"], bool(tls["resumed"]))

    def knows_both(self) -> bool:
        """Over the store."""
        _, answer = operators.ask(self.work, "GET", "/v1/nodes")
        return {each["name"] for each in answer["nodes"]} >= set(BALANCERS)

    def knows(self, user: str) -> bool:
        """Which backend the user had."""
        target = f"/v1/pools/files/stickiness?user={user}"
        return bool(operators.ask(self.work, "GET", target)[1]["clients"])

    def is_empty(self) -> bool:
        return bool(operators.ask(self.work, "GET", "/v1/state")[1]["sessions"] == 0)

    def can_serve(self) -> bool:
        """With all backends, and with the other balancer."""
        _, answer = operators.ask(self.work, "GET", "/v1/backends")
        is_up = all(each["health"] == "up" for each in answer["backends"])
        return is_up and self.knows_both() and operators.ask(self.work, "GET", "/readyz")[0] == 200

    def restart(self) -> None:
        """After it was killed."""
        self.ballast.kill()
        self.ballast.log.unlink()
        self.ballast.start()


class Pair:
    def __init__(
        self,
        work: Path,
        network: Network,
        *,
        accounts: Sequence[Account],
        file: str = "unicast.conf",
        listener_tls: Mapping[str, Any] | None = None,
        pool: Mapping[str, Any] | None = None,
        probe: Mapping[str, Any] | None = None,
        port: int = 21,
    ) -> None:
        """`listener_tls` and `pool` are more settings."""
        self.network = network
        for switch in (FRONT, BACK):
            network.switch(switch)
        for name in ("client", "store", *BALANCERS, *BACKENDS):
            network.add(name)
        network.plug("client", FRONT, *CLIENT)
        for number, name in enumerate(BALANCERS):
            network.plug(name, FRONT, f"{vrrp.OWN[number]}/24")
            network.plug(name, BACK, f"198.51.100.{number + 1}/24")
        for name, address in {**BACKENDS, "store": STORE}.items():
            network.plug(name, BACK, f"{address}/24")
        self.redis = Redis(work, STORE, prefix=network.namespaces["store"].prefix)
        self.client = network.namespaces["client"]
        # Else most of a file may be on its way, or here already, when something happens.
        self.client.set("net.ipv4.tcp_rmem", "4096 65536 131072")
        self.root = work / "files"
        self.servers: dict[str, Server] = {
            name: Vsftpd(
                *(work, self.root, address, 2121),
                accounts=accounts,
                prefix=network.namespaces[name].prefix,
                # Else the session of a balancer that is cut off keeps its upload locked for minutes.
                settings={"lock_upload_files": "NO"},
            )
            for name, address in BACKENDS.items()
        }
        listener = Listener(
            *("ftp", "files", [ADDRESS, ADDRESS_IPV6], {"free_bind": True}, port, listener_tls)
        )
        backends = [Backend(name, server) for name, server in self.servers.items()]
        self.balancers = [
            self._balancer(
                *(work, number, name, file, listener),
                Pool("files", backends, pool or {}, probe or login_probe(work)),
            )
            for number, name in enumerate(BALANCERS)
        ]
        # Clients must not notice which balancer they use.
        self.balancers[1].ballast.passive_ports = self.balancers[0].ballast.passive_ports

    def _balancer(
        self, work: Path, number: int, name: str, file: str, listener: Listener, pool: Pool
    ) -> Balancer:
        own = work / name
        own.mkdir()
        prefix = self.network.namespaces[name].prefix
        socket = operators.socket_path(own)
        cluster = {
            "store": self.redis.address,
            "node": name,
            "secret_file": secret_file(work),
        }
        settings = {**operators.settings(own), "cluster": cluster}
        # Clients log in so often that some lines would be left out.
        log = {"repeats_per_second": 0}
        return Balancer(
            name,
            Ballast(own, [listener], [pool], settings=settings, log=log, prefix=prefix),
            Keepalived(work, file, FRONT, socket, number=number, prefix=prefix),
            own,
        )

    def start(self) -> None:
        """The first balancer has the address."""
        self.redis.start()
        for server in self.servers.values():
            server.start()
        for each in self.balancers:
            each.ballast.start()
            for backend in BACKENDS:
                each.ballast.wait_for_state(backend, "up")
        for each in self.balancers:
            waiting.until("it knows the other one", each.knows_both)
        for each in self.balancers:
            each.keepalived.start()
            waiting.until("the first one has the address", lambda: self.balancers[0].has_address)

    def kill(self) -> None:
        for each in self.balancers:
            each.keepalived.kill()
            each.ballast.kill()
        for server in self.servers.values():
            server.kill()
        self.redis.kill()

    def master(self) -> Balancer:
        """The one that has the address. It may be moving."""

        def only() -> Balancer | None:
            having = [each for each in self.balancers if each.has_address]
            return having[0] if len(having) == 1 else None

        found = waiting.until("one balancer has the address", only)
        assert found is not None
        return found

    def other(self, balancer: Balancer) -> Balancer:
        return self.balancers[1 - self.balancers.index(balancer)]

    def cut(self, balancer: Balancer) -> None:
        """Its cables lead nowhere, but are plugged in at both ends."""
        for switch in (FRONT, BACK):
            self.network.cut(balancer.name, switch)

    def rejoin(self, balancer: Balancer) -> None:
        for switch in (FRONT, BACK):
            self.network.connect(balancer.name, switch)

    @contextlib.contextmanager
    def unseen(self, balancer: Balancer) -> Iterator[None]:
        """Neither balancer sees an advert of the other one."""
        nft = [*self.network.namespaces[balancer.name].prefix, "nft"]
        rules = "".join(
            f"chain {hook} {{ type filter hook {hook} priority 0; ip protocol vrrp drop; }}\n"
            for hook in ("input", "output")
        )
        _run(*nft, f"table inet unseen {{ {rules} }}")
        try:
            yield
        finally:
            _run(*nft, "delete table inet unseen")


def _run(*words: str) -> None:
    subprocess.run(words, check=True, timeout=waiting.PATIENCE)
