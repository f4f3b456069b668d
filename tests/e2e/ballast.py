# SPDX-License-Identifier: Apache-2.0
"""The balancer under test: its configuration as data, the program, its logs."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import sanitizers
import waiting
from ports import free_port, free_ports
from process import Process, is_running
from servers import PROBE, REPOSITORY, Server, endpoint

BINARY = Path(os.environ.get("BALLAST", REPOSITORY / "build/ballast")).resolve()


@functools.cache
def binary_for_all() -> Path:
    """The program where every user may run it. Nobody but root may enter a checkout in /root."""
    place = Path(tempfile.mkdtemp(prefix="ballast-program-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    place.chmod(0o755)
    return Path(shutil.copy(BINARY, place))


# For work on the tests themselves: clients go to a backend directly, without a balancer.
DIRECT = os.environ.get("BALLAST_E2E_DIRECT") == "1"

LOOPBACK = ("127.0.0.1", "::1")
PASSIVE_PORTS = 30

# All test clients come from a few addresses. A test of these limits sets them itself.
NO_LIMITS_PER_ADDRESS = {
    "sessions_per_address": 0,
    "session_rate_per_address": 0,
    "login_rate_per_address": 0,
    "failed_logins_per_address": 0,
    "failed_logins_per_user": 0,
}

# What `fault` in the log may be.
FAULTS = ("client", "backend", "network", "ballast", "configuration")

NO_PROBE = {"type": "none"}
TCP_PROBE = {"type": "tcp", "interval": "250ms", "timeout": "2s", "rise": 2, "fall": 2}


class HasEndpoint(Protocol):
    @property
    def address(self) -> str: ...
    @property
    def port(self) -> int: ...


@dataclass(frozen=True)
class Place:
    """An address and port of an unspecified peer."""

    address: str
    port: int


@dataclass
class Backend:
    name: str
    # None if `settings` give it in another way (srv).
    where: HasEndpoint | None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Pool:
    name: str
    backends: Sequence[Backend]
    settings: Mapping[str, Any] = field(default_factory=dict)
    probe: Mapping[str, Any] = field(default_factory=lambda: NO_PROBE)
    tls: Mapping[str, Any] | None = None


@dataclass
class Listener:
    name: str
    # Empty: only routes choose a pool.
    pool: str
    addresses: Sequence[str] = LOOPBACK
    settings: Mapping[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    tls: Mapping[str, Any] | None = None
    # The port for implicit TLS; 0 is none.
    implicit_port: int = 0
    routes: Sequence[Mapping[str, Any]] = ()


def login_probe(work: Path, **settings: Any) -> dict[str, Any]:
    secret = work / "probe.secret"
    secret.write_text(PROBE.password + "\n")
    secret.chmod(0o600)
    base = {"type": "login", "user": PROBE.name, "password_file": str(secret)}
    quick = {"interval": "250ms", "timeout": "3s", "rise": 2, "fall": 2}
    return {**base, **quick, **settings}


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str | Path):
        return json.dumps(str(value))
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    return "[" + ", ".join(toml(each) for each in value) + "]"


def _backend(backend: Backend) -> dict[str, Any]:
    base: dict[str, Any] = {"name": backend.name}
    if backend.where is not None:
        base["address"] = endpoint(backend.where.address, backend.where.port)
    return {**base, **backend.settings}


def backends_file(path: Path, backends: Sequence[Backend]) -> Path:
    """Writes a pool's `backends_file` in one step."""
    new = path.with_suffix(".new")
    new.write_text("\n".join(_table("[[backend]]", _backend(each)) for each in backends))
    return new.rename(path)


def _table(header: str, settings: Mapping[str, Any]) -> str:
    return header + "\n" + "".join(f"{key} = {toml(value)}\n" for key, value in settings.items())


class Ballast:
    """Runs from `start` to `stop`. `stop` fails if the daemon did anything that is always wrong."""

    def __init__(
        self,
        work: Path,
        listeners: Sequence[Listener],
        pools: Sequence[Pool],
        *,
        settings: Mapping[str, Any] | None = None,
        passive_ports: int = PASSIVE_PORTS,
        prefix: Sequence[str] = (),
        binary: Path = BINARY,
        pid_file: Path | None = None,
        log: Mapping[str, Any] | None = None,
    ) -> None:
        self.binary = binary
        self.pid_file = pid_file
        # Exit statuses that `stop` accepts.
        self.ends_with = {0}
        self.listeners = {each.name: each for each in listeners}
        self.pools = {each.name: each for each in pools}
        self.work = work / "ballast"
        self.work.mkdir(parents=True)
        self.configuration = self.work / "ballast.toml"
        self.log = self.work / "ballast.log"
        self.output = self.work / "output.log"
        self.xferlog = self.work / "xferlog"
        self.transfer_log = self.work / "transfers.json"
        self._prefix = prefix
        self._process: Process | None = None
        # The processes that have replaced the first one, the latest last.
        self._successors: list[int] = []
        # Of [log], beside or instead of the usual ones.
        self.log_settings = dict(log or {})
        own = dict(settings or {})
        self._settings = {**own, "limits": {**NO_LIMITS_PER_ADDRESS, **own.get("limits", {})}}
        # One range for all listeners, because ranges must not overlap in part. May be empty.
        first = free_ports(passive_ports)
        self.passive_ports = range(first, first + passive_ports)

    def text(self) -> str:
        """The configuration file."""
        parts = [
            _table("", self._settings),
            _table(
                "[log]",
                {"level": "debug", "format": "json", "file": self.log, **self.log_settings},
            ),
            _table("[transfer_log]", {"xferlog": self.xferlog, "json": self.transfer_log}),
        ]
        for listener in self.listeners.values():
            binds = [endpoint(address, listener.port) for address in listener.addresses]
            base: dict[str, Any] = {"bind": binds}
            if self.passive_ports:
                base["passive_ports"] = f"{self.passive_ports[0]}-{self.passive_ports[-1]}"
            if listener.pool:
                base["pool"] = listener.pool
            parts.append(_table(f"[listener.{listener.name}]", {**base, **listener.settings}))
            if listener.tls is not None:
                implicit = {}
                if listener.implicit_port:
                    port = listener.implicit_port
                    binds = [endpoint(address, port) for address in listener.addresses]
                    implicit["implicit_bind"] = binds
                table = {**implicit, **listener.tls}
                parts.append(_table(f"[listener.{listener.name}.tls]", table))
            for route in listener.routes:
                parts.append(_table(f"[[listener.{listener.name}.route]]", route))
        for pool in self.pools.values():
            settings = {**pool.settings, "probe": pool.probe}
            parts.append(_table(f"[pool.{pool.name}]", settings))
            if pool.tls is not None:
                parts.append(_table(f"[pool.{pool.name}.tls]", pool.tls))
            for backend in pool.backends:
                parts.append(_table(f"[[pool.{pool.name}.backend]]", _backend(backend)))
        return "\n".join(parts)

    def start(self) -> None:
        if DIRECT:
            return
        assert self._process is None
        self.configuration.write_text(self.text())
        command = [self.binary, "run", "-c", self.configuration]
        if self.pid_file:
            command += ["--pid-file", self.pid_file]
        self._process = Process(command, self.output, prefix=self._prefix)
        self.wait_for_log("the daemon is ready", lambda line: line["message"] == "ready")

    def reload(self, message: str = "configuration reloaded") -> dict[str, Any]:
        """Loads the present `text` and waits for this line of the log."""
        mark = self.log_mark()
        self.configuration.write_text(self.text())
        os.kill(self.pid, signal.SIGHUP)
        return self.wait_for_log(message, lambda line: line["message"] == message, since=mark)

    @property
    def pid(self) -> int:
        """The process that serves."""
        assert self._process is not None, "not in direct mode"
        return self._successors[-1] if self._successors else self._process.pid

    def upgrade(self) -> int:
        """Replaces the process that serves. Returns the former one's id."""
        return self.upgrade_by(signal.SIGUSR2)

    def upgrade_by(self, *signals: signal.Signals) -> int:
        """The same with these signals, which lead to one upgrade."""
        former, mark = self.pid, self.log_mark()
        for each in signals:
            os.kill(former, each)
        line = self.wait_for_log(
            "the upgrade",
            lambda line: line["message"].startswith("replaced by another process"),
            since=mark,
            # Without sessions the former process may have ended by now.
            alive=False,
        )
        self.follow(int(line["pid"]))
        return former

    def follow(self, successor: int) -> None:
        """This process serves now."""
        self._successors.append(successor)

    def where(
        self, listener: str | None = None, address: str = "127.0.0.1", *, implicit: bool = False
    ) -> tuple[str, int]:
        """The address and port for a client that speaks this address's family."""
        chosen = self.listeners[listener] if listener else next(iter(self.listeners.values()))
        if not DIRECT:
            return address, chosen.implicit_port if implicit else chosen.port
        server = self.pools[chosen.pool].backends[0].where
        if server is None or (":" in server.address) != (":" in address):
            import pytest  # the demo does not need it

            pytest.skip("the client cannot reach this backend without a balancer")
        return server.address, server.port

    def log_lines(self) -> list[dict[str, Any]]:
        try:
            text = self.log.read_text(errors="replace")
        except FileNotFoundError:  # not there yet, or removed by the check before the start
            return []
        # The last line may be incomplete.
        whole, _, _ = text.rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def log_mark(self) -> int:
        """A mark for `wait_for_log`: only later lines count."""
        return len(self.log_lines())

    def wait_for_log(
        self,
        what: str,
        wanted: Callable[[dict[str, Any]], bool],
        *,
        since: int = 0,
        seconds: float = waiting.PATIENCE,
        alive: bool = True,
    ) -> dict[str, Any]:
        """With `alive` it fails at once if the process that serves ends meanwhile."""

        def found() -> dict[str, Any] | None:
            if alive:
                self.assert_alive()
            return next((line for line in self.log_lines()[since:] if wanted(line)), None)

        line = waiting.until(what, found, seconds)
        assert line is not None
        return line

    def wait_for_state(self, backend: str, state: str, *, since: int = 0) -> dict[str, Any]:
        """`state` is "up" or "down"."""
        return self.wait_for_log(
            f"backend {backend} {state}",
            lambda line: line["message"] == f"backend {state}" and line["backend"] == backend,
            since=since,
        )

    def counters(self) -> dict[str, int]:
        """The present value of each counter."""
        mark = self.log_mark()
        os.kill(self.pid, signal.SIGUSR1)
        return self.wait_for_log(
            "the counters", lambda line: line["message"] == "counters", since=mark
        )

    def transfers(self) -> list[dict[str, Any]]:
        if not self.transfer_log.exists():
            return []
        whole, _, _ = self.transfer_log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for_transfer(
        self, wanted: Callable[[dict[str, Any]], bool], seconds: float = waiting.PATIENCE
    ) -> dict[str, Any]:
        found = waiting.until(
            "the transfer in the transfer log",
            lambda: next((each for each in self.transfers() if wanted(each)), None),
            seconds,
        )
        assert found is not None
        return found

    def assert_alive(self) -> None:
        assert self._process is not None
        status = self._process.exit_status()
        if self._successors:
            assert status in (None, 0), f"the first daemon ended with {status}:\n{self._tail()}"
            assert is_running(self.pid), f"the daemon has ended:\n{self._tail()}"
        else:
            assert status is None, f"the daemon ended with {status}:\n{self._tail()}"

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def assert_grown_less(self, than: int, since: int) -> None:
        """In bytes. `since` is what `resident_bytes` was."""
        grown = self.resident_bytes() - since
        assert grown < than + sanitizers.EXTRA_BYTES, f"it has grown by {grown} bytes"

    def stop(self) -> None:
        if DIRECT:
            return
        try:
            self.assert_alive()
            status = self._end()
            assert status in self.ends_with, f"the daemon ended with {status}:\n{self._tail()}"
        finally:
            self.kill()
        said = self.output.read_text(errors="replace")
        # Without the fixtures of the tests, as in the soak, a sanitizer reports here.
        for sign in ("Sanitizer", "runtime error:", "Assertion"):
            assert sign not in said, said
        lines = self.log_lines()
        errors = [line for line in lines if line["level"] == "error"]
        assert not errors, errors
        # Each warning about a session says what it was doing and whose fault it was.
        warnings = [line for line in lines if line["level"] == "warning" and "session" in line]
        vague = [line for line in warnings if line.get("fault") not in FAULTS or not line["phase"]]
        assert not vague, vague

    def _end(self) -> int:
        """Ends all processes. Returns the exit status of the first."""
        for pid in self._successors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        for pid in self._successors:
            waiting.until(f"process {pid} has ended", lambda pid=pid: not is_running(pid))
        self._successors.clear()
        assert self._process is not None
        ended = self._process.exit_status()
        status = self._process.terminate() if ended is None else ended
        self._process = None
        return status

    def wait_for_end(self) -> int:
        """The exit status, after a test has ended the daemon itself."""
        assert self._process is not None
        process, self._process = self._process, None
        return process.wait()

    def kill(self) -> None:
        """Ends everything after another failure."""
        for pid in self._successors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._successors.clear()
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _tail(self) -> str:
        tails = []
        for path in (self.output, self.log):
            if path.exists():
                lines = path.read_text(errors="replace").splitlines()[-40:]
                tails.append(f"--- {path.name}\n" + "\n".join(lines))
        return "\n".join(tails)

    def __enter__(self) -> "Ballast":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()


@contextlib.contextmanager
def running(servers: Iterable[Server], ballast: Ballast) -> Iterator[None]:
    """The servers, and the balancer in front of them."""
    started = list(servers)
    try:
        for server in started:
            server.start()
        with ballast:
            yield
    finally:
        for server in started:
            server.kill()


def run_ballast(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BINARY), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )
