# SPDX-License-Identifier: Apache-2.0
"""A peer dies in the middle of a file: a truncated transfer must not end cleanly for anyone."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
import servers
import waiting
from ballast import DIRECT, Backend, Ballast, HasEndpoint, Listener, Pool
from clients import Client, Mode, Target
from gate import Gate
from midway import RATE, SIZE, Midway, end_of, server_knows, size_of, stored, when_under_way
from scripted import Conversation, ScriptedServer
from servers import PyFtpd, Server
from wire import Closed, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="servers alone do end truncated files cleanly")

WATCHFUL = (clients.Curl, clients.Lftp, clients.Ftplib)


class Field(Midway):
    def __init__(self, work: Path) -> None:
        super().__init__(work)
        for number, kind in enumerate(servers.MATRIX):
            server = kind(work, work / f"files-{kind.kind}", f"127.0.0.{51 + number}")
            self.servers[kind.kind] = server
        pools = [Pool(name, [Backend("only", it)]) for name, it in self.servers.items()]
        self.ballast = Ballast(work, [Listener(pool.name, pool.name) for pool in pools], pools)


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with field.running():
        yield field


@pytest.fixture(params=[kind.kind for kind in servers.MATRIX])
def server(request: pytest.FixtureRequest, field: Field) -> Iterator[Server]:
    with field.to_be_killed(request.param) as server:
        yield server


@pytest.fixture(params=WATCHFUL, ids=lambda client: client.name)
def client(request: pytest.FixtureRequest, server: Server, field: Field, work: Path) -> Client:
    target = Target(*field.ballast.where(server.kind))
    kind: type[Client] = request.param
    return kind(target, Mode.EPSV, work, rate=RATE)


def test_a_backend_killed_in_a_download(
    server: Server, client: Client, field: Field, work: Path
) -> None:
    name = work.name
    os.link(server.root / "big", server.root / name)
    local = work / "local"
    process = client.start(client.download_command(name, local))
    when_under_way(process, lambda: size_of(local))
    server.kill()
    status, said = end_of(process)
    assert status != 0, said
    assert size_of(local) < SIZE, "it was not in the middle"
    entry = field.logged(name)
    assert entry["result"] == "failed" and entry["reason"], entry
    assert entry["direction"] == "download" and 0 < entry["bytes"] < SIZE


def test_a_backend_killed_in_an_upload(
    server: Server, client: Client, field: Field, work: Path
) -> None:
    name = work.name
    process = client.start(client.upload_command(field.data, name))
    when_under_way(process, lambda: stored(server, name))
    server.kill()
    status, said = end_of(process)
    assert status != 0, said
    entry = field.logged(name)
    assert entry["result"] == "failed" and entry["reason"], entry
    assert entry["direction"] == "upload" and entry["bytes"] < SIZE


def test_a_client_killed_in_an_upload(
    server: Server, client: Client, field: Field, work: Path
) -> None:
    name = work.name
    process = client.start(client.upload_command(field.data, name))
    when_under_way(process, lambda: stored(server, name))
    process.kill()
    process.communicate(timeout=clients.RUN_SECONDS)
    entry = field.logged(name)
    assert entry["result"] in ("failed", "aborted") and entry["reason"], entry
    server_knows(server, name)


# Things that no real server does on demand.


@contextlib.contextmanager
def _behind(work: Path, where: HasEndpoint, **settings: str) -> Iterator[Ballast]:
    pool = Pool("pool", [Backend("only", where)], settings)
    listener = Listener("ftp", "pool", settings={"data_stall_timeout": "2s"})
    with Ballast(work, [listener], [pool]) as it:
        yield it


@pytest.mark.parametrize(
    "last_word",
    ["451 Disk error.", "426 Gone.", "552-Over\r\n552 quota.", "421 Bye.", None],
    ids=str,
)
def test_data_that_ends_cleanly_before_a_bad_reply_is_reset(
    last_word: str | None, work: Path
) -> None:
    def send_part(conversation: Conversation, _: str) -> str | None:
        conversation.say("150 Here it comes.")
        with conversation.data() as data:
            data.sendall(b"half of it")
        if last_word is None:
            conversation.connection.shutdown(2)
        return last_word

    with ScriptedServer("127.0.0.61", {"RETR": send_part}) as server, _behind(work, server) as it:
        with Wire(it.where()).log_in() as wire:
            with wire.passive() as data:
                wire.expect("RETR file", 150)
                with pytest.raises(ConnectionResetError):
                    read_all(data)
            reply = wire.reply()
            if last_word is not None:
                # The backend's own words.
                assert reply.text.replace("\n", "\r\n").replace("\r\r", "\r") == last_word
            else:
                assert reply.code in (421, 426, 451)
        entry = it.wait_for_transfer(lambda each: each["file"].endswith("file"))
        assert entry["result"] == "failed"


@pytest.mark.parametrize("code", [451, 552])
def test_an_upload_that_the_backend_refuses_in_the_middle(code: int, work: Path) -> None:
    def refuse(conversation: Conversation, _: str) -> str:
        conversation.say("150 Send it.")
        with conversation.data() as data:
            assert data.recv(1)
        return f"{code} No more room."

    with ScriptedServer("127.0.0.61", {"STOR": refuse}) as server, _behind(work, server) as it:
        with Wire(it.where()).log_in() as wire:
            with wire.passive() as data:
                wire.expect("STOR file", 150)
                with pytest.raises((ConnectionResetError, BrokenPipeError)):
                    for _ in range(SIZE // 65536):
                        data.sendall(bytes(65536))
            assert wire.reply().text == f"{code} No more room."
            wire.expect("NOOP", 200)
        entry = it.wait_for_transfer(lambda each: each["file"].endswith("file"))
        assert entry["result"] == "failed"


@pytest.mark.parametrize("first", ["control", "data"])
def test_a_client_that_leaves_with_the_end_of_its_upload_is_not_believed(
    first: str, work: Path
) -> None:
    ends: list[str] = []

    def receive(conversation: Conversation, _: str) -> str | None:
        conversation.say("150 Send it.")
        with conversation.data() as data:
            try:
                read_all(data)
                ends.append("clean")
            except ConnectionResetError:
                ends.append("reset")
        conversation.server.heard("END")
        return "226 Stored."

    with ScriptedServer("127.0.0.61", {"STOR": receive}) as server, _behind(work, server) as it:
        wire = Wire(it.where()).log_in()
        data = wire.passive()
        wire.expect("STOR file", 150)
        data.sendall(b"the first half")
        # The kernel ends a killed process like this: FIN on both, one right after the other.
        # Linux closes the youngest descriptor first, which is the data connection.
        for each in (wire, data) if first == "control" else (data, wire):
            each.close()
        server.wait_for("END")
        assert ends == ["reset"]
        entry = it.wait_for_transfer(lambda each: each["file"].endswith("file"))
        assert entry["result"] in ("failed", "aborted")


def test_the_balancer_killed_in_transfers_resets_both_sides(work: Path) -> None:
    ends: list[str] = []

    def receive(conversation: Conversation, _: str) -> None:
        conversation.say("150 Send it.")
        with conversation.data() as data:
            try:
                read_all(data)
                ends.append("clean")
            except ConnectionResetError:
                ends.append("reset")
        conversation.server.heard("END")

    def send(conversation: Conversation, _: str) -> None:
        conversation.say("150 Here it comes.")
        with conversation.data() as data:
            data.sendall(b"half of it")
            with contextlib.suppress(ConnectionResetError):
                read_all(data)

    with ScriptedServer("127.0.0.61", {"STOR": receive, "RETR": send}) as server:
        pool = Pool("pool", [Backend("only", server)])
        ballast = Ballast(work, [Listener("ftp", "pool")], [pool])
        ballast.start()
        try:
            uploading, downloading = (Wire(ballast.where()).log_in() for _ in range(2))
            sent, received = uploading.passive(), downloading.passive()
            uploading.expect("STOR file", 150)
            sent.sendall(b"the first half")
            downloading.expect("RETR file", 150)
            assert received.recv(4, socket.MSG_WAITALL) == b"half"
        finally:
            ballast.kill()
        with sent, received, uploading, downloading:
            with pytest.raises(ConnectionResetError):
                read_all(received)
            with pytest.raises(ConnectionResetError):
                read_all(sent)
            server.wait_for("END")
        assert ends == ["reset"]


@pytest.fixture
def gated(work: Path) -> Iterator[tuple[Gate, PyFtpd, Ballast]]:
    server = PyFtpd(work, work / "files", "127.0.0.62")
    with server, Gate("127.0.0.63", (server.address, server.port)) as gate:
        (server.root / "big").touch()
        os.truncate(server.root / "big", SIZE)
        with _behind(work, gate, reply_timeout="5s") as it:
            yield gate, server, it


def test_a_network_that_is_cut_in_a_download(gated: tuple[Gate, PyFtpd, Ballast]) -> None:
    gate, _, it = gated
    with Wire(it.where()).log_in() as wire:
        with wire.passive() as data:
            gate.data.stall_after = 1_000_000
            wire.expect("RETR big", 150, 125)
            gate.data.wait_until_stalled()
            gate.cut()
            with pytest.raises(ConnectionResetError):
                read_all(data)
        assert wire.reply().code in (421, 426, 451)
    assert it.wait_for_transfer(lambda each: each["file"].endswith("big"))["result"] == "failed"


@pytest.mark.parametrize("verb", ["RETR", "STOR"])
def test_a_network_that_stalls_in_a_transfer(
    verb: str, gated: tuple[Gate, PyFtpd, Ballast]
) -> None:
    gate, server, it = gated
    with Wire(it.where()).log_in() as wire:
        with wire.passive() as data:
            gate.data.stall_after = 1_000_000
            wire.expect(f"{verb} {'big' if verb == 'RETR' else 'new'}", 150, 125)
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                if verb == "RETR":
                    read_all(data)
                for _ in range(SIZE // 65536):
                    data.sendall(bytes(65536))
        # data_stall_timeout has passed; the backend's control connection still works.
        assert wire.reply().code in (421, 426, 451)
        gate.data.release()
    entry = it.wait_for_transfer(lambda each: each["verb"] == verb)
    assert entry["result"] == "failed"
    if verb == "STOR":
        path = server.root / "new"
        waiting.until("the server's word", lambda: server.count(f"received-part {path}"))
        assert server.count(f"received {path}") == 0


def test_a_slow_and_slicing_network_changes_nothing(
    gated: tuple[Gate, PyFtpd, Ballast],
) -> None:
    gate, server, it = gated
    content = os.urandom(20_000)
    (server.root / "small").write_bytes(content)
    gate.control.slice_bytes = 1
    gate.data.slice_bytes = 7
    with Wire(it.where()).log_in() as wire:
        wire.expect("FEAT", 211)
        with wire.passive() as data:
            wire.expect("RETR small", 150, 125)
            assert read_all(data) == content
        assert wire.reply().code == 226
        with wire.passive() as data:
            wire.expect("STOR copy", 150, 125)
            data.sendall(content)
        assert wire.reply().code == 226
        assert (server.root / "copy").read_bytes() == content
        wire.expect("QUIT", 221)
        with pytest.raises(Closed):
            wire.reply()
