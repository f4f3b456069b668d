# SPDX-License-Identifier: Apache-2.0
"""A reload of the configuration: new sessions get the new one, and no running session notices."""

import dataclasses
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, TCP_PROBE, Backend, Ballast, Listener, Pool
from certificates import Authority, for_loopback
from ports import free_port, free_ports
from servers import TESTER, PyFtpd
from tls import client_context
from wire import TlsWire, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's own")

CONTENT = b"content" * 3_000_000
REFUSED = "the configuration was not reloaded, nothing has changed"


@pytest.fixture(scope="module")
def servers(module_work: Path) -> Iterator[list[PyFtpd]]:
    with (
        PyFtpd(module_work, module_work / "one", "127.0.0.131") as one,
        PyFtpd(module_work, module_work / "two", "127.0.0.132") as two,
    ):
        for server in (one, two):
            (server.root / "big").write_bytes(CONTENT)
        (one.root / "name").write_text("one")
        (two.root / "name").write_text("two")
        yield [one, two]


@pytest.fixture
def it(work: Path, servers: list[PyFtpd]) -> Iterator[Ballast]:
    backends = [Backend("one", servers[0])]
    with Ballast(work, [Listener("ftp", "files")], [Pool("files", backends)]) as running:
        yield running


def _serve(it: Ballast, servers: dict[str, PyFtpd], pool: str = "files") -> None:
    backends = [Backend(name, server) for name, server in servers.items()]
    it.pools[pool] = Pool(pool, backends)


def _name(wire: Wire, ports: range | None = None) -> str:
    """Which server this session has. `ports` are those that it may announce."""
    data = wire.passive()
    assert ports is None or data.getpeername()[1] in ports
    wire.expect("RETR name", 150, 125)
    content = read_all(data).decode()
    assert wire.reply().code == 226
    return content


def _begin_download(wire: Wire) -> socket.socket:
    data = wire.passive(receive_buffer=4096)
    wire.expect("RETR big", 150, 125)
    return data


def _finish_download(wire: Wire, data: socket.socket) -> None:
    assert read_all(data) == CONTENT
    assert wire.reply().code == 226


def test_new_sessions_get_a_new_backend_and_old_ones_keep_theirs(
    it: Ballast, servers: list[PyFtpd]
) -> None:
    with Wire(it.where()).log_in() as old:
        data = _begin_download(old)
        _serve(it, {"two": servers[1]})
        it.reload()
        with Wire(it.where()).log_in() as new:
            assert _name(new) == "two"
        _finish_download(old, data)
        # The removed backend serves its session for as long as that lasts.
        assert _name(old) == "one"
        old.expect("NOOP", 200)


def test_a_listener_comes_and_another_goes(it: Ballast) -> None:
    former = it.listeners["ftp"]
    old_ports = it.passive_ports
    with Wire(it.where()).log_in() as old:
        assert _name(old) == "one"
        it.listeners = {"other": Listener("other", "files")}
        first = free_ports(10)
        it.passive_ports = range(first, first + 10)
        it.reload()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", former.port), 5)
        with Wire(it.where()).log_in() as new:
            assert _name(new, it.passive_ports) == "one"
        # A session of the removed listener keeps its passive ports.
        assert _name(old, old_ports) == "one"
    # Nobody needs them any more.
    waiting.until(
        "the old passive ports are closed",
        lambda: not (_listening_ports(it.pid) & set(old_ports)),
        seconds=90,
    )


def _listening_ports(pid: int) -> set[int]:
    """The ports of the process's listening TCP sockets."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(link)
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[len("socket:[") : -1])
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def test_an_address_that_moves_to_another_listener_is_never_refused(
    it: Ballast, servers: list[PyFtpd]
) -> None:
    port = it.listeners["ftp"].port
    _serve(it, {"two": servers[1]}, "others")
    stop = threading.Event()
    failures: list[OSError] = []
    attempts = 0

    def connect_again_and_again() -> None:
        nonlocal attempts
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as client:
                    client.settimeout(5)
                    assert client.recv(1) == b"2"
                attempts += 1
            except OSError as failure:
                failures.append(failure)

    thread = threading.Thread(target=connect_again_and_again)
    thread.start()
    try:
        for turn in range(10):
            name, pool = (("second", "others"), ("ftp", "files"))[turn % 2]
            it.listeners = {name: Listener(name, pool, port=port)}
            it.reload()
            with Wire(("127.0.0.1", port)).log_in() as client:
                assert _name(client) == ("two", "one")[turn % 2]
    finally:
        stop.set()
        thread.join()
    assert attempts > 0 and not failures, failures


def test_a_wildcard_address_gives_way_to_one_of_its_own(work: Path, servers: list[PyFtpd]) -> None:
    listener = Listener("ftp", "files", addresses=["0.0.0.0"])
    pools = [Pool("files", [Backend("one", servers[0])])]
    with Ballast(work, [listener], pools) as it, Wire(it.where()).log_in() as old:
        it.listeners["ftp"] = dataclasses.replace(listener, addresses=["127.0.0.1"])
        it.reload()
        with Wire(it.where()).log_in() as new:
            assert _name(new) == "one"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", listener.port), 5)
        assert _name(old) == "one"
        it.listeners["ftp"] = listener
        it.reload()
        Wire(("127.0.0.2", listener.port)).log_in().close()


def test_a_file_with_problems_changes_nothing_and_each_problem_is_logged(
    it: Ballast, servers: list[PyFtpd]
) -> None:
    good = dataclasses.replace(it.listeners["ftp"])
    _serve(it, {"two": servers[1]})
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        it.listeners["ftp"] = dataclasses.replace(good, settings={"max_sessions": -1})
        it.listeners["new"] = Listener("new", "files", addresses=["127.0.0.1"], port=taken)
        mark = it.log_mark()
        assert it.reload(REFUSED)["problems"] == 2
    said = [line for line in it.log_lines()[mark:] if line["message"] == "configuration error"]
    assert {line["key"] for line in said} == {"listener.ftp.max_sessions", "listener.new.bind[0]"}
    assert all(line["line"] > 0 and line["cure"] and line["reason"] for line in said)
    with Wire(it.where()).log_in() as client:
        assert _name(client) == "one"
    # The same file without its problems.
    del it.listeners["new"]
    it.listeners["ftp"] = good
    it.reload()
    with Wire(it.where()).log_in() as client:
        assert _name(client) == "two"


@pytest.mark.parametrize("kind", ["missing", "not TOML", "a FIFO that nobody writes"])
def test_a_file_that_cannot_be_used_leaves_the_running_one(kind: str, it: Ballast) -> None:
    mark = it.log_mark()
    it.configuration.unlink()
    if kind == "not TOML":
        it.configuration.write_text("[listener\n")
    elif kind == "a FIFO that nobody writes":
        os.mkfifo(it.configuration)
    os.kill(it.pid, signal.SIGHUP)
    # It serves while it waits for the file.
    Wire(it.where()).log_in().close()
    it.wait_for_log("the refusal", lambda line: line["message"] == REFUSED, since=mark)
    Wire(it.where()).log_in().close()


def test_the_state_of_a_backend_outlives_a_reload(work: Path, servers: list[PyFtpd]) -> None:
    nobody = ("127.0.0.133", free_port())
    pool = Pool(
        "files",
        [Backend("one", servers[0]), Backend("gone", _Place(*nobody))],
        {"stick": {"by": "network"}},
        {**TCP_PROBE, "interval": "200ms", "rise": 1, "fall": 1},
    )
    with Ballast(work, [Listener("ftp", "files")], [pool]) as it:
        it.wait_for_state("gone", "down")
        mark = it.log_mark()
        it.pools["files"] = dataclasses.replace(
            pool, backends=[*reversed(pool.backends), Backend("two", servers[1])]
        )
        it.reload()
        for _ in range(6):
            with Wire(it.where()).log_in() as client:
                # It sticks to the backend of its network, and none is sent to the dead one.
                client.expect("NOOP", 200)
        lines = it.log_lines()[mark:]
        # Only its probes may have looked at it.
        seen = {line["message"] for line in lines if line.get("backend") == "gone"}
        assert seen <= {"probe failed"}, lines


@dataclasses.dataclass
class _Place:
    address: str
    port: int


def test_limits_and_logs_follow_the_file(it: Ballast, tmp_path: Path) -> None:
    with Wire(it.where()).log_in() as first:
        it._settings["limits"] = {"sessions": 1}
        it.transfer_log = tmp_path / "transfers.json"
        it.reload()
        with Wire(it.where()) as second:
            assert second.reply().code == 421
        _name(first)
        it.wait_for_transfer(lambda line: line["file"].endswith("name"))
        it._settings["limits"] = {"sessions": 2}
        it.reload()
        Wire(it.where()).log_in().close()


def test_what_needs_a_restart_is_named_until_it_is_undone(it: Ballast) -> None:
    it._settings["workers"] = 3
    for _ in range(2):
        mark = it.log_mark()
        it.reload()
        named = [
            line["setting"]
            for line in it.log_lines()[mark:]
            if line["message"] == "a setting needs a restart"
        ]
        assert len(named) == 1 and named[0].startswith("workers is 3"), named
    del it._settings["workers"]
    mark = it.log_mark()
    it.reload()
    assert not [line for line in it.log_lines()[mark:] if "setting" in line]


def test_tls_follows_the_file_and_sessions_keep_theirs(work: Path, servers: list[PyFtpd]) -> None:
    authorities = [Authority(work, name) for name in ("first", "second")]
    listeners = [
        Listener("ftp", "files", tls={"certificate": for_loopback(each, "ftp.example.com").both})
        for each in authorities
    ]
    listeners[1].port = listeners[0].port
    trust = [client_context(each.certificate) for each in authorities]
    pools = [Pool("files", [Backend("one", servers[0])])]
    with Ballast(work, [listeners[0]], pools) as it:
        with TlsWire(it.where(), trust[0]).log_in_protected() as old:
            it.listeners["ftp"] = listeners[1]
            it.reload()
            # Its data connections resume its session.
            assert old.download("name") == b"one"
            with TlsWire(it.where(), trust[1]).log_in_protected() as new:
                assert new.download("name") == b"one"
        it.listeners["ftp"] = dataclasses.replace(listeners[0], tls=None)
        it.reload()
        with Wire(it.where()) as plain:
            plain.greeting()
            assert plain.ask("AUTH TLS").code >= 500


def test_a_hundred_reloads_lose_no_descriptor_and_no_session(
    it: Ballast, servers: list[PyFtpd]
) -> None:
    port = it.listeners["ftp"].port
    it.reload()
    with Wire(it.where()).log_in() as old:
        assert _name(old) == "one"
        before = len(os.listdir(f"/proc/{it.pid}/fd"))
        for turn in range(100):
            _serve(it, {"two": servers[1]} if turn % 2 else {"one": servers[0]})
            it.listeners = {"ftp": Listener("ftp", "files", port=port)}
            if turn % 3 == 0:
                it.listeners["more"] = Listener("more", "files")
            it.reload()
        it.listeners = {"ftp": Listener("ftp", "files", port=port)}
        it.reload()
        waiting.until(
            "no descriptor is lost", lambda: len(os.listdir(f"/proc/{it.pid}/fd")) <= before
        )
        assert _name(old) == "one"


def test_reloads_asked_for_at_once_end_with_the_last_file(
    it: Ballast, servers: list[PyFtpd]
) -> None:
    for name in ("two", "one") * 5 + ("two",):
        _serve(it, {name: servers[("one", "two").index(name)]})
        it.configuration.write_text(it.text())
        os.kill(it.pid, signal.SIGHUP)

    def is_last() -> bool:
        with Wire(it.where()).log_in(TESTER) as client:
            return _name(client) == "two"

    waiting.until("the last file is in use", is_last)
