# SPDX-License-Identifier: Apache-2.0
"""Clients that flood, trickle and leave in the middle: the replies that they get, and that nobody
else is affected."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool, running
from scripted import ScriptedServer
from servers import PyFtpd
from wire import Closed, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer")

MIB = 1024 * 1024
# More than the buffers of all sockets on the way.
CONTENT = b"content" * 3_000_000


class Field:
    def __init__(self, work: Path) -> None:
        self.server = PyFtpd(work, work / "files", "127.0.0.151")
        (self.server.root / "file").write_bytes(CONTENT)
        pool = Pool("files", [Backend("only", self.server)])
        quick = {"idle_timeout": "60s", "login_timeout": "2s", "data_connect_timeout": "2s"}
        self.ballast = Ballast(
            work, [Listener("ftp", "files", settings=quick)], [pool], settings={"workers": 1}
        )

    def log_in(self) -> Wire:
        return Wire(self.ballast.where()).log_in()


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with running([field.server], field.ballast):
        yield field


@pytest.fixture
def wire(field: Field) -> Iterator[Wire]:
    """Another session on the same thread, which must not notice anything."""
    with field.log_in() as other, field.log_in() as wire:
        yield wire
        other.expect("PWD", 257)
        with other.passive() as data:
            other.expect("RETR file", 125, 150)
            assert read_all(data) == CONTENT
        assert other.reply().code == 226


def test_a_line_of_a_megabyte(wire: Wire, field: Field) -> None:
    before = field.ballast.resident_bytes()
    wire.send_bytes(b"SITE " + b"x" * MIB + b"\r\n")
    assert wire.reply().code == 500
    wire.expect("PWD", 257)
    field.ballast.assert_grown_less(MIB, since=before)
    assert field.ballast.counters()["limit_command_bytes"] == 1


def test_a_line_without_end_before_the_log_in(wire: Wire, field: Field) -> None:
    """It lasts no longer than a login may last, and costs no memory."""
    before = field.ballast.resident_bytes()
    with Wire(field.ballast.where()) as flood:
        flood.greeting()
        flood.plain.settimeout(waiting.PATIENCE)
        with contextlib.suppress(ConnectionError):
            while True:
                flood.plain.sendall(b"x" * 65536)
    field.ballast.assert_grown_less(MIB, since=before)


@pytest.mark.parametrize(
    "line",
    [
        b"RETR a\0b\r\n",
        b"RETR a\rb\r\n",
        b"RETR a\r\0\r\n",
        b"DELE a\rDELE file\r\n",
    ],
)
def test_bytes_that_no_name_has(line: bytes, wire: Wire, field: Field) -> None:
    with wire.passive():
        wire.send_bytes(line)
        assert wire.reply().code in (501, 550)
    wire.expect("PWD", 257)
    assert (field.server.root / "file").exists()


@pytest.mark.parametrize(
    "line",
    [
        "PORT 127,0,0,99,200,1",
        "PORT 127,0,0,1,0,22",
        "PORT 127,0,0,1,200,256",
        "PORT 127,0,0,1,-1,1",
        "PORT  127,0,0,1,200",
        "PORT 127,0,0,1,200,1,1",
        "EPRT |1|127.0.0.99|50000|",
        "EPRT |2|::ffff:127.0.0.99|50000|",
        "EPRT |1|127.0.0.1|22|",
        "EPRT |1|127.0.0.1|70000|",
    ],
)
def test_addresses_that_are_not_its_own(line: str, wire: Wire) -> None:
    wire.expect(line, 501, 522)
    wire.expect("RETR file", 425)


@pytest.mark.parametrize(
    "line",
    [
        b"PORT\t127,0,0,99,200,1",
        b"PORT    127,0,0,99,200,1",
        b"PORT 127,0,0,99,200,1   ",
        b"PORT 127,0,0,1\r,200,1",
        b"PORT 127,0,0,1,0\r22",
        b"PORT 127,0,0,1,200,1\rPORT 127,0,0,99,200,1",
        b"PORT 0177,0,0,0143,200,1",
        b"PORT 127,0,0,355,200,1",
        b"PORT 4294967295,0,0,1,200,1",
        b"PORT 127,\xff\xf10,0,99,200,1",
        # Telnet inside the verb must not disguise a forbidden command.
        b"PO\xff\xf1RT 127,0,0,99,200,1",
        b"P\xff\xfb\x01ORT 127,0,0,99,200,1",
        b"\xff\xf4\xff\xf2PORT 127,0,0,99,200,1",
        b"EPRT |2|::ffff:7f00:63|50000|",
        b"EPRT |1|127.0.0.99\0|50000|",
        b"EPRT |1|0x7f.0.0.99|50000|",
    ],
)
def test_no_way_of_writing_leads_to_somebody_else(line: bytes, wire: Wire) -> None:
    """A program listens at 127.0.0.99. Ballast never connects to it."""
    with socket.create_server(("127.0.0.99", 200 * 256 + 1)) as somebody:
        wire.send_bytes(line + b"\r\n")
        assert wire.reply().code in (500, 501, 522)
        wire.expect("RETR file", 425)
        somebody.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            somebody.accept()


def test_line_ends_and_bytes_of_names(wire: Wire, field: Field) -> None:
    """LF alone ends a line; 0xFF, doubled by Telnet's rules or not, is a byte of a name."""
    wire.send_bytes(b"NOOP\nPWD\n")
    assert [wire.reply().code, wire.reply().code] == [200, 257]
    for name in (b"a\xffb", b"a\xff\xffb"):
        wire.send_bytes(b"SIZE " + name + b"\r\n")
        assert wire.reply().code in (213, 501, 550)
    wire.expect("PWD", 257)


def test_the_mapped_form_of_its_own_address_is_its_own(wire: Wire, field: Field) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        reply = wire.ask(f"EPRT |2|::ffff:127.0.0.1|{port}|")
        assert reply.code in (200, 501, 522), reply
        if reply.code != 200:
            wire.expect("RETR file", 425)


def test_ten_thousand_passive_ports_and_no_connection(wire: Wire, field: Field) -> None:
    before = field.ballast.resident_bytes()
    batch = 100
    for _ in range(10_000 // batch):
        wire.send(*["EPSV"] * batch)
        for _ in range(batch):
            assert wire.reply().code == 229
    field.ballast.assert_grown_less(4 * MIB, since=before)
    with wire.passive() as data:
        wire.expect("RETR file", 125, 150)
        assert read_all(data) == CONTENT
    assert wire.reply().code == 226


def test_ports_given_up_without_end_leave_some_to_neighbours(wire: Wire, field: Field) -> None:
    """All clients of this test share one address."""
    count = len(field.ballast.passive_ports)
    wire.send(*["PASV", "ABOR"] * count)
    assert [wire.reply().code for _ in range(2 * count)] == [227, 226] * count
    with contextlib.ExitStack() as stack:
        for neighbour in [stack.enter_context(field.log_in()) for _ in range(10)]:
            neighbour.expect("PASV", 227)


def test_a_late_connection_meets_no_neighbours_file(wire: Wire, field: Field) -> None:
    with field.log_in() as leaving:
        where = leaving.passive_address()
        leaving.expect("QUIT", 221)
    for _ in range(50):
        assert wire.passive_address() != where
        wire.expect("ABOR", 226)
    # The reset may come before connect() has returned.
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection(where, waiting.PATIENCE) as late,
    ):
        late.recv(1)


def test_abor_with_urgent_data_in_a_transfer(wire: Wire) -> None:
    with wire.passive(receive_buffer=4096):
        wire.expect("RETR file", 125, 150)
        wire.send_urgent(b"\xff\xf4\xff")
        wire.send_bytes(b"\xf2ABOR\r\n")
        assert [wire.reply().code, wire.reply().code] == [426, 226]
    wire.expect("PWD", 257)


def test_quit_in_the_middle_of_everything(field: Field) -> None:
    """Each of these sessions ends by itself and leaves nothing behind."""
    whole = ["USER tester", "PASS s3cret-Tester", "TYPE I", "EPSV", "RETR file"]
    for said in range(len(whole) + 1):
        for half_closes in (False, True):
            with Wire(field.ballast.where()) as leaving:
                leaving.send(*whole[:said], "QUIT")
                if half_closes:
                    leaving.plain.shutdown(socket.SHUT_WR)
                codes = []
                with contextlib.suppress(Closed):
                    while True:
                        codes.append(leaving.reply().code)
                assert codes[-1] == 221, codes
    waiting.until(
        "the sessions have left the backend",
        lambda: field.server.count("left tester") == field.server.count("login tester"),
    )


def test_a_hundred_that_say_nothing(wire: Wire, field: Field) -> None:
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(Wire(field.ballast.where())) for _ in range(100)]
        for each in silent:
            each.greeting()
        for each in silent:
            assert each.reply().code == 421
            assert each.at_end()


def test_one_that_trickles_its_log_in(wire: Wire, field: Field) -> None:
    with Wire(field.ballast.where()) as slow:
        slow.greeting()
        told = b""
        slow.plain.settimeout(0.05)
        with contextlib.suppress(ConnectionError):
            while b"421" not in told:
                slow.plain.sendall(b"U")
                # Wait a moment for an answer between two bytes.
                with contextlib.suppress(TimeoutError):
                    told += slow.plain.recv(100)
        assert told.startswith(b"421")


def test_replies_that_nobody_reads(work: Path) -> None:
    """In the end only its own session ends."""
    long = "214-" + "\r\n214-".join(["x" * 70] * 500) + "\r\n214 End"
    with ScriptedServer("127.0.0.152", {"HELP": long}) as server:
        listener = Listener("ftp", "files", settings={"write_timeout": "500ms"})
        pool = Pool("files", [Backend("only", server)])
        with Ballast(work, [listener], [pool], settings={"workers": 1}) as ballast:
            with Wire(ballast.where()).log_in() as other:
                deaf = Wire(ballast.where()).log_in()
                before = ballast.resident_bytes()
                with contextlib.suppress(OSError):
                    deaf.plain.settimeout(waiting.PATIENCE)
                    for _ in range(2000):
                        deaf.send_bytes(b"HELP\r\n" * 10)
                ballast.wait_for_log(
                    "its end", lambda line: line["message"] == "session ended"
                )
                ballast.assert_grown_less(4 * MIB, since=before)
                other.expect("PWD", 257)
                deaf.close()
