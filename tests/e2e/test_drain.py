# SPDX-License-Identifier: Apache-2.0
"""An operator takes backends, or the whole balancer, out of service and back."""

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import operators
import waiting
from ballast import BINARY, DIRECT, Ballast, Listener, Pool
from farm import Farm, who
from operators import operate, socket_path, states, wait_for_sessions
from wire import Reply, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

# More than all buffers on the way hold.
SIZE = 64 * 1024 * 1024
SMALL_BUFFER = 65536


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ["f1", "f2"]) as farm:
        for server in farm.servers.values():
            (server.root / "large").write_bytes(bytes(SIZE))
        yield farm


@pytest.fixture
def it(work: Path, farm: Farm) -> Iterator[Ballast]:
    pool = Pool("files", farm.backends(max_sessions=10), {"balance": "first"})
    listener = Listener("ftp", "files")
    with Ballast(work, [listener], [pool], settings=operators.settings(work)) as ballast:
        yield ballast


def _downloading(client: Wire) -> socket.socket:
    """A download that has begun and waits for the client to read."""
    data = client.passive(receive_buffer=SMALL_BUFFER)
    client.expect("RETR large", 150, 125)
    assert data.recv(1) == b"\0"
    return data


def _rest_of(data: socket.socket) -> int:
    return len(read_all(data))


def _told_to_go(client: Wire) -> Reply:
    reply = client.reply()
    assert reply.code == 421, reply
    assert client.at_end()
    return reply


def test_a_drained_backend_gets_no_new_sessions_and_loses_none(it: Ballast, work: Path) -> None:
    with Wire(it.where()).log_in() as client:
        data = _downloading(client)
        assert operate(work, "drain", "files/f1").stdout == (
            "files/f1 is draining, sessions left: 1\n"
        )
        assert [who(it.where()) for _ in range(5)] == ["f2"] * 5
        assert _rest_of(data) == SIZE - 1
        assert client.reply().code == 226
        client.expect("PWD", 257)
        client.expect("QUIT", 221)
    drained = it.wait_for_log("the end", lambda line: line["message"].startswith("backend drained"))
    assert drained["backend"] == "f1" and drained["pool"] == "files"
    operate(work, "ready", "files/f1")
    assert who(it.where()) == "f1"


def test_waiting_for_a_drained_backend_ends_with_its_last_session(it: Ballast, work: Path) -> None:
    with Wire(it.where()).log_in() as client:
        words = [BINARY, "drain", "files/f1", "--wait", "--socket", socket_path(work)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as waiter:
            assert waiter.stdout is not None
            assert waiter.stdout.readline() == "files/f1 is draining, sessions left: 1\n"
            assert waiter.poll() is None
            client.expect("PWD", 257)
            client.expect("QUIT", 221)
            said, _ = waiter.communicate(timeout=waiting.PATIENCE)
        assert waiter.returncode == 0 and said == "files/f1 is drained\n"


def test_waiting_ends_when_somebody_makes_the_backend_ready(it: Ballast, work: Path) -> None:
    with Wire(it.where()).log_in():
        words = [BINARY, "drain", "files/f1", "--wait", "--socket", socket_path(work)]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as waiter:
            assert waiter.stdout is not None and waiter.stdout.readline()
            operate(work, "ready", "files/f1")
            _, said = waiter.communicate(timeout=waiting.PATIENCE)
        assert waiter.returncode == 1
        assert said == "files/f1 is no longer draining: its state is now ready\n"


@pytest.mark.parametrize(
    ("failover", "options", "said"),
    [
        ("off", (), ""),
        ("off", ("--move",), "sessions stay until they end, because failover of the pool is off\n"),
        ("session", (), "idle sessions move to other backends\n"),
        (
            "session",
            ("--move",),
            "sessions move to other backends; transfers end here first, because failover of the "
            'pool is "session"\n',
        ),
        ("transfer", ("--move",), "sessions move to other backends, with their downloads\n"),
    ],
)
def test_drain_says_what_moves(
    work: Path, farm: Farm, failover: str, options: Sequence[str], said: str
) -> None:
    settings = {"balance": "first", "failover": failover}
    pool = Pool("files", farm.backends(max_sessions=10), settings)
    with (
        Ballast(work, [Listener("ftp", "files")], [pool], settings=operators.settings(work)) as it,
        Wire(it.where()).log_in() as client,
    ):
        # An upload ends where it began.
        with client.passive() as data:
            client.expect("STOR upload", 150, 125)
            assert operate(work, "drain", "files/f1", *options).stdout == (
                f"files/f1 is draining, sessions left: 1\n{said}"
            )
            state = "drain-move" if options else "drain"
            assert states(work)["files/f1"] == state
            data.sendall(b"x")
        assert client.reply().code == 226


def test_idle_sessions_of_a_draining_backend_end_and_others_when_they_are_idle(
    it: Ballast, work: Path
) -> None:
    with Wire(it.where()).log_in() as idle, Wire(it.where()).log_in() as busy:
        data = _downloading(busy)
        wait_for_sessions(it, work, "files/f1", 2)
        operate(work, "drain", "files/f1", "--idle")
        _told_to_go(idle)
        assert _rest_of(data) == SIZE - 1
        assert busy.reply().code == 226
        _told_to_go(busy)
    wait_for_sessions(it, work, "files/f1", 0)


def test_a_disabled_backend_has_no_sessions_and_no_transfer_looks_whole(
    it: Ballast, work: Path
) -> None:
    with Wire(it.where()).log_in() as idle, Wire(it.where()).log_in() as busy:
        data = _downloading(busy)
        operate(work, "disable", "files/f1")
        _told_to_go(idle)
        with pytest.raises(ConnectionResetError):
            _rest_of(data)
        assert busy.reply().code == 426
        _told_to_go(busy)
    wait_for_sessions(it, work, "files/f1", 0)
    assert who(it.where()) == "f2"
    failed = it.wait_for_transfer(lambda line: line["file"].endswith("large"))
    assert failed["result"] == "failed"


def test_an_upload_to_a_disabled_backend_is_not_whole(it: Ballast, farm: Farm, work: Path) -> None:
    with Wire(it.where()).log_in() as client:
        data = client.passive()
        client.expect("STOR part", 150, 125)
        data.sendall(os.urandom(100_000))
        operate(work, "disable", "files/f1")
        assert client.reply().code == 426
        _told_to_go(client)
        data.close()
    failed = it.wait_for_transfer(lambda line: line["file"].endswith("part"))
    assert failed["result"] == "failed"


def test_with_all_backends_out_clients_hear_421_until_one_is_back(it: Ballast, work: Path) -> None:
    for name in ("f1", "f2"):
        operate(work, "drain", f"files/{name}")
    with Wire(it.where()) as client:
        client.greeting()
        assert client.ask("USER tester").code == 421
    operate(work, "ready", "files/f2")
    assert states(work) == {"files/f1": "drain", "files/f2": "ready"}
    assert who(it.where()) == "f2"


def test_a_backend_that_is_drained_is_still_probed(work: Path, farm: Farm) -> None:
    probe = {"type": "tcp", "interval": "100ms", "fall": 1, "rise": 1}
    pool = Pool("files", farm.backends(), {}, probe)
    listener = Listener("ftp", "files")
    with Ballast(work, [listener], [pool], settings=operators.settings(work)) as it:
        it.wait_for_state("f1", "up")
        operate(work, "drain", "files/f1")
        mark = it.log_mark()
        farm["f1"].kill()
        it.wait_for_state("f1", "down", since=mark)
        assert states(work)["files/f1"] == "drain"


# The whole balancer


def _turned_away(it: Ballast) -> bool:
    with Wire(it.where()) as client:
        return client.reply().code == 421 and client.at_end()


def test_a_drained_balancer_refuses_clients_at_once_and_loses_none(it: Ballast, work: Path) -> None:
    with Wire(it.where()).log_in() as client:
        data = _downloading(client)
        assert operate(work, "drain", "--all").stdout == (
            "the balancer is draining, sessions left: 1\n"
        )
        assert _turned_away(it)
        assert states(work) == {"files/f1": "ready", "files/f2": "ready"}
        assert _rest_of(data) == SIZE - 1
        assert client.reply().code == 226
        client.expect("QUIT", 221)
    it.wait_for_log("the end", lambda line: line["message"].startswith("balancer drained"))
    assert operate(work, "drain", "--all", "--wait").stdout.endswith("the balancer is drained\n")
    operate(work, "ready", "--all")
    assert who(it.where()) == "f1"


def test_idle_sessions_of_a_draining_balancer_end_also_those_without_a_login(
    it: Ballast, work: Path
) -> None:
    with Wire(it.where()) as new, Wire(it.where()).log_in() as idle, Wire(it.where()).log_in() as busy:
        new.greeting()
        data = _downloading(busy)
        operate(work, "drain", "--all", "--idle")
        _told_to_go(new)
        _told_to_go(idle)
        assert _rest_of(data) == SIZE - 1
        assert busy.reply().code == 226
        _told_to_go(busy)
    assert operate(work, "drain", "--all", "--idle", "--wait").returncode == 0


def test_a_disabled_balancer_has_no_sessions(it: Ballast, work: Path) -> None:
    with Wire(it.where()).log_in() as idle, Wire(it.where()).log_in() as busy:
        data = _downloading(busy)
        operate(work, "disable", "--all")
        _told_to_go(idle)
        with pytest.raises(ConnectionResetError):
            _rest_of(data)
        assert busy.reply().code == 426
        _told_to_go(busy)
    assert _turned_away(it)
    operate(work, "ready", "--all")
    assert who(it.where()) == "f1"


def test_states_of_backends_stay_when_the_balancer_is_ready_again(it: Ballast, work: Path) -> None:
    operate(work, "drain", "files/f1")
    operate(work, "disable", "--all")
    operate(work, "ready", "--all")
    assert states(work) == {"files/f1": "drain", "files/f2": "ready"}
    assert who(it.where()) == "f2"
