# SPDX-License-Identifier: Apache-2.0
"""Balancers that share a store: a private Redis server, and nodes on it."""

import base64
import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import operators
import waiting
from ballast import Ballast, Listener, Pool
from certificates import Identity
from ports import free_port
from process import Process

HEARTBEAT = "200ms"


class Redis:
    """Keeps everything in memory: its end is a wiped store."""

    def __init__(
        self,
        work: Path,
        host: str = "127.0.0.1",
        *,
        prefix: Sequence[str] = (),
        identity: Identity | None = None,
    ) -> None:
        """With an identity it also serves TLS, at a port of its own."""
        self.host = host
        self.port = free_port()
        self.tls_port = free_port() if identity else 0
        self._identity = identity
        self._prefix = tuple(prefix)
        self._work = work / "redis"
        self._work.mkdir(parents=True)
        self._process: Process | None = None
        # That `ask` sends; empty for none.
        self.password = ""

    @property
    def address(self) -> str:
        return f"redis://{self.host}:{self.port}"

    def start(self) -> None:
        assert self._process is None
        command = ["redis-server", "--port", str(self.port), "--bind", self.host]
        # Without protection even tests in other networks may ask.
        command += ["--protected-mode", "no", "--save", "", "--dir", self._work]
        if self._identity:
            command += ["--tls-port", str(self.tls_port), "--tls-auth-clients", "no"]
            command += ["--tls-cert-file", self._identity.certificate]
            command += ["--tls-key-file", self._identity.key]
            command += ["--tls-ca-cert-file", self._identity.certificate]
        self._process = Process(command, self._work / "output.log", prefix=self._prefix)
        waiting.until("the store answers", lambda: self.ask("PING", fails=True) == "PONG")

    def ask(self, *words: str, fails: bool = False) -> str:
        """What redis-cli prints."""
        done = subprocess.run(
            [*self._prefix, "redis-cli", "-h", self.host, "-p", str(self.port), *words],
            capture_output=True,
            text=True,
            timeout=waiting.PATIENCE,
            check=not fails,
            env={**os.environ, "REDISCLI_AUTH": self.password} if self.password else None,
        )
        return done.stdout.strip()

    def keys(self, pattern: str = "*") -> list[str]:
        return self.ask("KEYS", pattern).splitlines()

    def pause(self) -> None:
        assert self._process is not None
        self._process.pause()

    def resume(self) -> None:
        assert self._process is not None
        self._process.resume()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None

    def __enter__(self) -> "Redis":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def secret_file(work: Path) -> Path:
    path = work / "cluster.secret"
    if not path.exists():
        path.write_text(base64.b64encode(os.urandom(48)).decode() + "\n")
        path.chmod(0o600)
    return path


class Node(Ballast):
    """A balancer with this name."""

    def __init__(
        self,
        work: Path,
        name: str,
        redis: Redis,
        pools: Sequence[Pool],
        *,
        settings: Mapping[str, Any] | None = None,
        cluster: Mapping[str, Any] | None = None,
        tls: Mapping[str, Any] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.name = name
        # Its last eight letters are the name of the socket, see operators.py.
        self.home = work.parent / f"{work.name[-6:]}-{name}"
        base = {
            "store": redis.address,
            "node": name,
            "secret_file": secret_file(work),
            "heartbeat": HEARTBEAT,
            "timeout": "500ms",
        }
        super().__init__(
            self.home,
            [Listener("ftp", pools[0].name, ("127.0.0.1",), tls=tls)],
            pools,
            settings={
                "workers": 1,
                **operators.settings(self.home),
                **(settings or {}),
                "cluster": {**base, **(cluster or {})},
            },
            prefix=prefix,
        )

    def start(self) -> None:
        """It may have run before."""
        self.log.unlink(missing_ok=True)
        super().start()

    def operate(self, *words: str, status: int = 0) -> str:
        return operators.operate(self.home, *words, status=status).stdout

    def shown(self, what: str, *words: str) -> list[dict[str, Any]]:
        """The entries that `ballast WHAT --json` lists."""
        reply = json.loads(self.operate(what, *words, "--json"))
        entries: list[dict[str, Any]] = reply[what]
        return entries

    def knows(self) -> dict[str, dict[str, Any]]:
        """The nodes that it shows, by name."""
        return {each["name"]: each for each in self.shown("nodes")}

    def wait_for_nodes(self, *names: str) -> None:
        def sees_them() -> bool:
            known = self.knows()
            return set(known) == set(names) and known[self.name]["store"] == "connected"

        waiting.until(f"{self.name} sees {names}", sees_them)

    def wait_for_store(self, state: str) -> None:
        waiting.until(
            f"the store of {self.name} is {state}",
            lambda: self.knows()[self.name]["store"] == state,
        )

    def state_of(self, backend: str) -> str:
        return next(each["state"] for each in self.shown("backends") if each["backend"] == backend)

    def wait_for_state_of(self, backend: str, state: str) -> None:
        waiting.until(
            f"{backend} is {state} at {self.name}", lambda: self.state_of(backend) == state
        )


@contextlib.contextmanager
def running(*nodes: Node) -> Iterator[None]:
    """All of them, and each knows the others."""
    with contextlib.ExitStack() as stack:
        for node in nodes:
            stack.enter_context(node)
        for node in nodes:
            node.wait_for_nodes(*(each.name for each in nodes))
        yield
