# SPDX-License-Identifier: Apache-2.0
"""`data_path = "kernel"` with PORT and EPRT: a fixed source port, and strangers at the pool's ports."""

import contextlib
import os
import re
import socket
import threading
from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, Backend
from forwarded import BALANCER, CLIENT, LISTENS, SERVERS, Field, logged
from netns import Network
from ports import free_port
from scripted import Conversation, ScriptedServer
from wire import read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer's data path")

NEIGHBOUR = "198.51.100.99"  # on the first server's link
TIMES = 40


@pytest.mark.parametrize("source", [20, None], ids=["from-20", "from-any"])
@pytest.mark.parametrize(("verb", "family"), [("PORT", "ipv4"), ("EPRT", "ipv6")])
def test_a_client_names_one_port_again_and_again(
    verb: str, family: str, source: int | None, work: Path
) -> None:
    """Both ends and connection tracking remember the connection before. From a fixed port it had
    the same four ends: then only downloads, after which the server has closed first. A client that
    has closed first takes no such connection for a minute."""
    with Network() as network:
        settings = {} if source is None else {"active_source_port": source}
        field = Field(work, network, **settings)
        with field.running():
            content = os.urandom(50_000)
            (field.root / "known").write_bytes(content)
            with field.wire(family) as wire, field.client.entered():
                own, port = CLIENT[family], free_port()
                announced = f"PORT {own.replace('.', ',')},{port // 256},{port % 256}"
                if verb == "EPRT":
                    announced = f"EPRT |2|{own}|{port}|"
                for number in range(TIMES):
                    with socket.create_server((own, port), family=wire.plain.family) as listener:
                        listener.settimeout(waiting.PATIENCE)
                        wire.expect(announced, 200)
                        is_upload = source is None and number % 2 == 1
                        wire.expect("STOR stored" if is_upload else "RETR known", 150, 125)
                        data, peer = listener.accept()
                    assert peer[0] == LISTENS[family]
                    assert source in (None, peer[1])
                    with data:
                        data.settimeout(waiting.PATIENCE)
                        if is_upload:
                            data.sendall(content)
                        else:
                            assert read_all(data) == content
                    assert wire.reply().code == 226
                    if is_upload:
                        assert (field.root / "stored").read_bytes() == content
                        (field.root / "stored").unlink()
            transfers = logged(field, 0, TIMES)
            assert {(each["path"], each["result"]) for each in transfers} == {("kernel", "whole")}


def _port_of(line: str) -> int:
    """Of PORT or EPRT."""
    if line.startswith("EPRT"):
        return int(line.split("|")[3])
    high, low = re.findall(r"\d+", line)[-2:]
    return int(high) * 256 + int(low)


def test_a_stranger_at_a_port_for_the_server_reaches_nobody(work: Path) -> None:
    """It comes first, before the server that was told this port."""
    told: list[int] = []
    strangers: list[str] = []

    def note(_: Conversation, line: str) -> str:
        told.append(_port_of(line))
        return "200 Noted."

    def send(conversation: Conversation, _: str) -> str:
        conversation.say("150 Here it comes.")
        where = (BALANCER["one"]["ipv4"], told[-1])
        with socket.socket() as stranger:
            stranger.settimeout(waiting.PATIENCE)
            stranger.bind((NEIGHBOUR, 0))
            try:
                stranger.connect(where)
                stranger.sendall(b"forged")
                strangers.append(f"got {stranger.recv(100)!r}")
            except ConnectionError as refused:
                strangers.append(type(refused).__name__)
        source = (SERVERS["one"]["ipv4"], 0)
        with socket.create_connection(where, waiting.PATIENCE, source_address=source) as data:
            data.sendall(b"genuine")
        return "226 Sent."

    with Network() as network, contextlib.ExitStack() as stack:
        field = Field(work, network, backends=["one"])
        stack.callback(field.end)
        one = field.namespaces["one"]
        one.address("to-balancer", f"{NEIGHBOUR}/24")
        with one.entered():
            # Its threads are in this network, too.
            answers = {"PORT": note, "EPRT": note, "RETR": send}
            server = stack.enter_context(ScriptedServer(SERVERS["one"]["ipv4"], answers))
        field.ballast.pools["ipv4"].backends = [Backend("scripted", server)]
        field.start()
        got: list[tuple[str, bytes]] = []

        def accept(listener: socket.socket) -> None:
            # Until it is shut down.
            with contextlib.suppress(OSError), listener:
                while True:
                    data, peer = listener.accept()
                    with data:
                        data.settimeout(waiting.PATIENCE)
                        got.append((peer[0], read_all(data)))

        with field.wire() as wire, field.client.entered():
            listener = wire.listen("PORT")
            thread = threading.Thread(target=accept, args=(listener,))
            thread.start()
            wire.expect("RETR secret", 150)
            assert wire.reply().code == 226
            # The server said 226 after the stranger, so its connection would have come.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(waiting.PATIENCE)
        assert got == [(LISTENS["ipv4"], b"genuine")]
        assert strangers in (["ConnectionResetError"], ["ConnectionRefusedError"], ["got b''"])
        (transfer,) = logged(field, 0, 1)
        assert (transfer["path"], transfer["result"]) == ("kernel", "whole")
        field.ballast.stop()
