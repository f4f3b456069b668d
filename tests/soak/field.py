# SPDX-License-Identifier: Apache-2.0
"""What the soak runs: a balancer, servers with and without TLS, and gates in front of the plain
ones."""

import hashlib
import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import operators
import waiting
from ballast import Backend, Ballast, Listener, Pool, login_probe
from certificates import Authority, Identity, for_loopback
from clients import ClientTls, Target
from gate import Gate
from ports import free_port
from servers import (
    ProFtpdOfInetd,
    PureFtpd,
    PyFtpd,
    Server,
    ServerTls,
    Vsftpd,
    open_to_all,
)

SIZES = (0, 1, 1_000, 65_536, 300_000, 1_000_000, 4_000_000)
LISTED = 150
PASSIVE_PORTS = 24
PROBE_TIMES = {"interval": "1s", "timeout": "5s"}
# Shorter than the longest stalls of the gates, so that each of them is reached now and then.
LISTENER_TIMES = {
    "login_timeout": "25s",
    "idle_timeout": "30s",
    "data_connect_timeout": "10s",
    "data_stall_timeout": "8s",
}
POOL_TIMES = {"reply_timeout": "6s", "long_reply_timeout": "8s", "final_reply_timeout": "8s"}
# All servers share their files.
FAILOVER_SECONDS = 10.0
FAILOVER = {"failover": "transfer", "failover_timeout": f"{FAILOVER_SECONDS:.0f}s"}


class QuietBallast(Ballast):
    """Its log is long: it has no debug lines, and a wait reads only what is new."""

    def text(self) -> str:
        return super().text().replace('level = "debug"', 'level = "info"')

    def log_mark(self) -> int:
        return self.log.stat().st_size

    def wait_for_log(self, what: str, wanted: Any, *, since: int = 0, **more: Any) -> Any:
        def found() -> dict[str, Any] | None:
            self.assert_alive()
            if not self.log.exists():
                return None
            with self.log.open("rb") as log:
                log.seek(since)
                whole, _, _ = log.read().rpartition(b"\n")
            lines = (json.loads(line) for line in whole.splitlines())
            return next((line for line in lines if wanted(line)), None)

        return waiting.until(what, found, **more)


class Files:
    """What clients download, and where they upload to. All servers share one directory, as the
    nodes of a cluster do."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.fixed = open_to_all(root / "fixed")
        self.incoming = open_to_all(root / "incoming")
        content = random.Random(seed)
        self.digests: dict[str, str] = {}
        for size in SIZES:
            path = self.fixed / f"file-{size}"
            path.write_bytes(content.randbytes(size))
            self.digests[path.name] = digest(path)
        self.listed = [f"listed-{number:03}" for number in range(LISTED)]
        for name in self.listed:
            (self.fixed / name).touch()


def digest(path: Path) -> str:
    """Of a file's content; empty if there is no such file."""
    if not path.exists():
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Field:
    def __init__(self, work: Path, seed: int) -> None:
        self.work = work
        self.files = Files(open_to_all(work / "files"), seed)
        front = Authority(work, "Authority of the front")
        self._identities = [for_loopback(front, f"ftp{n}.example.com") for n in range(3)]
        self.authority = front.certificate
        self.plain = self._plain_servers()
        self.gates = {
            name: Gate(server.address, (server.address, server.port))
            for name, server in self.plain.items()
        }
        behind = Authority(work, "Authority behind")
        self.protected = self._protected_servers(behind)
        self._certificate = work / "front.pem"
        self.replace_certificate(0)
        probe = login_probe(work, **PROBE_TIMES)
        gated = [Backend(name, gate) for name, gate in self.gates.items()]
        direct = [Backend(name, server) for name, server in self.protected.items()]
        tls = {"mode": "explicit", "ca": behind.certificate}
        self.ballast = QuietBallast(
            work,
            [self._listener("ftp", "plain"), self._listener("ftps", "protected")],
            [
                Pool("plain", gated, {**POOL_TIMES, **FAILOVER}, probe),
                Pool("protected", direct, {**POOL_TIMES, **FAILOVER}, probe, tls=tls),
            ],
            # It is soon full: what is kept for explaining does not look like a leak.
            settings=operators.settings(work, explain_memory="256KiB"),
            passive_ports=PASSIVE_PORTS,
        )

    def _plain_servers(self) -> dict[str, Server]:
        kinds = {"vsftpd": Vsftpd, "proftpd": ProFtpdOfInetd, "pure": PureFtpd, "py": PyFtpd}
        return {
            name: kind(self.work, self.files.root, f"127.0.0.{151 + number}")
            for number, (name, kind) in enumerate(kinds.items())
        }

    def _protected_servers(self, authority: Authority) -> dict[str, Server]:
        made: dict[str, Server] = {}
        for number, (name, kind) in enumerate({"vsftps": Vsftpd, "pures": PureFtpd}.items()):
            address = f"127.0.0.{161 + number}"
            identity = for_loopback(authority, f"{name}.example.com", address)
            made[name] = kind(self.work, self.files.root, address, tls=ServerTls(identity))
        return made

    def _listener(self, name: str, pool: str) -> Listener:
        tls = {"certificate": self._certificate}
        return Listener(name, pool, settings=LISTENER_TIMES, tls=tls, implicit_port=free_port())

    @property
    def servers(self) -> Mapping[str, Server]:
        return {**self.plain, **self.protected}

    def others(self, backends: str) -> list[str]:
        """The servers of the pool of these, which are named as in the transfer log, besides them."""
        names = backends.split(", ")
        pool = self.plain if names[0] in self.plain else self.protected
        return [each for each in pool if each not in names]

    def pool_of(self, backend: str) -> str:
        return "plain" if backend in self.plain else "protected"

    def target(self, listener: str, address: str, how: str) -> Target:
        """`how` is plain, explicit or implicit."""
        implicit = how == "implicit"
        place = self.ballast.where(listener, address, implicit=implicit)
        if how == "plain":
            return Target(*place)
        return Target(*place, tls=ClientTls(self.authority, implicit=implicit))

    def replace_certificate(self, number: int) -> None:
        """In one step, because the file holds the key too."""
        identity: Identity = self._identities[number % len(self._identities)]
        new = self._certificate.with_suffix(".new")
        shutil.copy(identity.both, new)
        new.rename(self._certificate)

    def start(self) -> None:
        for server in self.servers.values():
            server.start()
        for gate in self.gates.values():
            gate.start()
        self.ballast.start()
        self.wait_until_up()

    def wait_until_up(self) -> None:
        def all_up() -> bool:
            _, answer = operators.ask(self.work, "GET", "/v1/backends")
            return all(each["health"] == "up" for each in answer["backends"])

        waiting.until("all backends are up", all_up, 60)

    def generations(self) -> list[int]:
        """The processes that have sessions or serve."""
        _, answer = operators.ask(self.work, "GET", "/v1/generations")
        return [each["pid"] for each in answer["generations"]]

    def sessions(self) -> int:
        _, answer = operators.ask(self.work, "GET", "/v1/state")
        return int(answer["sessions"])

    def seats(self) -> dict[str, int]:
        """The sessions of each backend."""
        return operators.sessions(self.work)

    def end(self) -> None:
        """Whatever happened."""
        self.ballast.kill()
        for gate in self.gates.values():
            gate.stop()
        for server in self.servers.values():
            server.kill()
