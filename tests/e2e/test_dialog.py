# SPDX-License-Identifier: Apache-2.0
"""The dialog on the control connection, word by word, with real servers as backends."""

import ftplib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from ballast import DIRECT, Backend, Ballast, Listener, Pool, login_probe
from servers import TESTER, PyFtpd, Server
from wire import SECONDS, Closed, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="servers differ from each other in all of this")

BIG = 64 * 1024 * 1024


class Field:
    def __init__(self, work: Path) -> None:
        self.servers: dict[str, Server] = {
            kind.kind: kind(work, work / f"files-{kind.kind}", f"127.0.0.{71 + number}")
            for number, kind in enumerate(servers.MATRIX)
        }
        pools = [
            Pool(name, [Backend("only", server)], probe=login_probe(work, interval="5s"))
            for name, server in self.servers.items()
        ]
        quick = {"data_connect_timeout": "2s"}
        self.ballast = Ballast(
            work, [Listener(pool.name, pool.name, settings=quick) for pool in pools], pools
        )


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    try:
        for server in field.servers.values():
            (server.root / "small").write_bytes(b"small file\n")
            (server.root / "big").touch()
            os.truncate(server.root / "big", BIG)
            server.start()
        with field.ballast:
            yield field
    finally:
        for server in field.servers.values():
            server.kill()


@pytest.fixture(params=[kind.kind for kind in servers.MATRIX])
def server(request: pytest.FixtureRequest, field: Field) -> Server:
    return field.servers[request.param]


@pytest.fixture
def wire(server: Server, field: Field) -> Iterator[Wire]:
    """A session that is logged in."""
    with Wire(field.ballast.where(server.kind)).log_in() as wire:
        yield wire


@pytest.fixture
def stranger(server: Server, field: Field) -> Iterator[Wire]:
    """A session after the greeting."""
    with Wire(field.ballast.where(server.kind)) as wire:
        wire.greeting()
        yield wire


def _download_small(wire: Wire, verb: str = "EPSV") -> None:
    wire.expect("TYPE I", 200)
    with wire.passive(verb) as data:
        wire.expect("RETR small", 150, 125)
        assert read_all(data) == b"small file\n"
    assert wire.reply().code == 226


# Before the login.


@pytest.mark.parametrize(
    "command",
    [
        *("PASV", "EPSV", "PORT 127,0,0,1,200,1", "EPRT |1|127.0.0.1|51201|"),
        *("RETR small", "PWD", "LIST"),
    ],
)
def test_before_the_log_in_530(command: str, stranger: Wire) -> None:
    stranger.expect(command, 530)


def test_a_second_user_before_the_password_takes_over(stranger: Wire) -> None:
    stranger.expect("USER somebody", 331, 530)
    stranger.expect(f"USER {TESTER.name}", 331)
    stranger.expect(f"PASS {TESTER.password}", 230)
    _download_small(stranger)


def test_a_wrong_password_and_then_the_right_one(stranger: Wire) -> None:
    stranger.expect(f"USER {TESTER.name}", 331)
    stranger.expect("PASS wrong", 530)
    stranger.expect(f"USER {TESTER.name}", 331)
    stranger.expect(f"PASS {TESTER.password}", 230)
    _download_small(stranger)


def test_pass_without_user_is_refused(stranger: Wire) -> None:
    stranger.expect("PASS anything", 503)
    stranger.expect(f"USER {TESTER.name}", 331)


def test_pass_after_the_log_in_is_answered_as_the_server_does(server: Server, wire: Wire) -> None:
    with Wire((server.address, server.port)).log_in() as direct:
        expected = direct.ask(f"PASS {TESTER.password}")
    assert str(wire.ask(f"PASS {TESTER.password}")) == str(expected)
    _download_small(wire)


def test_a_whole_session_in_one_segment(server: Server, field: Field) -> None:
    with Wire(field.ballast.where(server.kind)) as wire:
        wire.send(
            *(f"USER {TESTER.name}", f"PASS {TESTER.password}", "TYPE I", "PWD", "NOOP", "EPSV"),
            *("SIZE small", "PWD", "QUIT"),
        )
        codes = [wire.reply().code for _ in range(10)]
        assert codes == [220, 331, 230, 200, 257, 200, 229, 213, 257, 221]
        assert wire.at_end()


def test_passwords_are_in_no_log(server: Server, field: Field) -> None:
    with Wire(field.ballast.where(server.kind)) as wire:
        wire.greeting()
        wire.expect(f"USER {TESTER.name}", 331)
        wire.expect("PASS hunter2-wrong", 530)
        wire.expect(f"USER {TESTER.name}", 331)
        # In any spelling.
        wire.send_bytes(f"pAsS {TESTER.password}\r\n".encode())
        assert wire.reply().code == 230
        _download_small(wire)
        wire.expect("QUIT", 221)
        assert wire.at_end()
    it = field.ballast
    logs = [it.log, it.output, it.xferlog, it.transfer_log]
    text = "".join(log.read_text() for log in logs)
    assert TESTER.name in text
    assert "hunter2" not in text
    assert TESTER.password not in text
    assert servers.PROBE.password not in text


# Data addresses.


@pytest.mark.parametrize("command", ["RETR small", "LIST", "STOR new", "NLST"])
def test_a_transfer_without_a_data_address_is_425(command: str, wire: Wire, server: Server) -> None:
    wire.expect(command, 425)
    assert not (server.root / "new").exists()
    _download_small(wire)


@pytest.mark.parametrize("first", ["PASV", "EPSV"])
@pytest.mark.parametrize("second", ["PASV", "EPSV"])
def test_of_two_passive_addresses_the_second_counts(first: str, second: str, wire: Wire) -> None:
    wire.passive_address(first)
    _download_small(wire, second)


def test_after_pasv_a_port_counts(wire: Wire) -> None:
    forgotten = wire.passive_address("PASV")
    with wire.listen("PORT") as listener:
        wire.expect("RETR small", 150, 125)
        data, peer = listener.accept()
        with data:
            assert peer[0] == "127.0.0.1"
            assert read_all(data) == b"small file\n"
        assert wire.reply().code == 226
    _nobody_is_there(forgotten)


@pytest.mark.parametrize(
    "spelling",
    [
        *("PORT  {}", "PORT {} ", "PORT {}.", "PORT {},", "PORT {spaced}"),
        *("EPRT {extended} ", "EPSV 1 "),
    ],
)
def test_data_addresses_as_most_servers_take_them(spelling: str, wire: Wire) -> None:
    # With blanks the resumed transfer is the same, even on vsftpd.
    wire.expect("REST 6 ", 350)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)
        port = listener.getsockname()[1]
        numbers = ["127", "0", "0", "1", str(port // 256), str(port % 256)]
        command = spelling.format(
            ",".join(numbers), spaced=", ".join(numbers), extended=f"|1|127.0.0.1|{port}|"
        )
        named = re.search(r"\(\|\|\|(\d+)\|\)", wire.expect(command, 200, 229).text)
        if named:
            data = socket.create_connection((wire.socket.getpeername()[0], int(named[1])), SECONDS)
        wire.expect("RETR small", 150, 125)
        if not named:
            data, _ = listener.accept()
        with data:
            assert read_all(data) == b"file\n"
    assert wire.reply().code == 226


def _nobody_is_there(where: tuple[str, int]) -> None:
    """The connection is refused, or reset without data."""
    try:
        with socket.create_connection(where, 10) as data:
            assert data.recv(1) == b"", "bytes for a stranger"
    except OSError:
        pass


def test_after_port_a_pasv_counts(wire: Wire) -> None:
    with wire.listen("EPRT"):
        _download_small(wire, "PASV")


def test_a_data_address_holds_for_one_transfer(wire: Wire) -> None:
    _download_small(wire)
    wire.expect("RETR small", 425)


def test_pasv_without_a_transfer_and_quit(wire: Wire) -> None:
    where = wire.passive_address("PASV")
    wire.expect("QUIT", 221)
    assert wire.at_end()
    _nobody_is_there(where)


def test_a_client_that_never_connects_hears_425(wire: Wire) -> None:
    wire.passive_address("EPSV")
    wire.send("RETR small")
    reply = wire.reply()
    if reply.code in (150, 125):
        reply = wire.reply()
    assert reply.code == 425, reply
    _download_small(wire)


def test_an_active_client_that_does_not_listen_hears_425(wire: Wire) -> None:
    wire.listen("PORT").close()
    wire.send("RETR small")
    reply = wire.reply()
    if reply.code in (150, 125):
        reply = wire.reply()
    assert reply.code == 425, reply
    _download_small(wire)


def test_a_refusal_reaches_a_client_that_has_connected_already(wire: Wire) -> None:
    for _ in range(3):
        with wire.passive("PASV") as data:
            wire.expect("RETR missing", 550)
            with pytest.raises(ConnectionResetError):
                assert read_all(data) == b""
                # A clean end without data would be harmless too, but there must be an end.
                raise ConnectionResetError
    _download_small(wire)


def test_a_stranger_cannot_take_a_passive_connection(wire: Wire) -> None:
    where = wire.passive_address("PASV")
    wire.send("RETR small")
    with socket.socket() as thief:
        thief.settimeout(10)
        thief.bind(("127.0.0.99", 0))
        try:
            thief.connect(where)
            assert thief.recv(1) == b""
        except OSError:
            pass
    with socket.create_connection(where, 10) as data:
        assert read_all(data) == b"small file\n"
    assert wire.reply().code in (150, 125)
    assert wire.reply().code == 226


@pytest.mark.parametrize(
    "command",
    [
        "PORT 127,0,0,2,200,1",
        "PORT 10,0,0,1,200,1",
        "PORT 127,0,0,1,0,25",
        "PORT 127,0,0,1,3,255",
        "PORT 127,0,0,257,200,1",
        "PORT 127,0,0,1,200",
        "EPRT |1|127.0.0.2|51201|",
        "EPRT |1|127.0.0.1|25|",
        "EPRT |2|::ffff:127.0.0.1|51201|",
        "EPRT |1|127.0.0.1|66000|",
    ],
)
def test_a_foreign_or_privileged_address_is_refused(command: str, wire: Wire) -> None:
    # RFC 2577 3, RFC 2428 2.
    assert wire.ask(command).code in (500, 501, 504, 522)
    wire.expect("RETR small", 425)


def test_an_unknown_network_protocol_is_522(wire: Wire) -> None:
    # RFC 2428 2.
    assert "(1" in wire.expect("EPRT |3|127.0.0.1|51201|", 522).text
    wire.expect("EPSV 3", 522)


def test_after_epsv_all_only_epsv(wire: Wire) -> None:
    # RFC 2428 4.
    wire.expect("EPSV ALL", 200)
    for command in ("PASV", "PORT 127,0,0,1,200,1", "EPRT |1|127.0.0.1|51201|"):
        assert 500 <= wire.ask(command).code < 600
    _download_small(wire)
    wire.expect("REIN", 220)
    wire.expect(f"USER {TESTER.name}", 331)
    wire.expect(f"PASS {TESTER.password}", 230)
    _download_small(wire, "PASV")


def test_over_ipv6_pasv_is_refused_and_epsv_works(server: Server, field: Field) -> None:
    with Wire(field.ballast.where(server.kind, "::1")).log_in() as wire:
        assert 400 <= wire.ask("PASV").code < 600
        _download_small(wire)


# Verbs that Ballast answers itself.


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MODE B", 504),
        ("MODE C", 504),
        ("MODE S", 200),
        ("STRU F", 200),
        ("LPRT 6,16,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,2,4,7", 502),
        ("LPSV", 502),
        ("SPSV", 502),
        ("ADAT xxxx", 502),
        ("MIC xxxx", 502),
        ("NOOP", 200),
    ],
)
def test_verbs_with_one_answer(command: str, code: int, wire: Wire) -> None:
    wire.expect(command, code)


def test_unknown_verbs_and_broken_lines_do_no_harm(wire: Wire) -> None:
    assert wire.ask("XYZZY").code in (500, 502)
    assert wire.ask("SITE NONSENSE").code >= 500
    wire.send_bytes(b"\r\n")
    assert wire.reply().code in (500, 501)
    wire.send_bytes(b"NOOP " + b"x" * 20_000 + b"\r\n")
    assert wire.reply().code == 500
    wire.expect("PWD", 257)


@pytest.mark.parametrize(
    "line",
    [b"NOOP\n", b"NOOP\r\r\n", b"noop\r\n", b"\xff\xf1NOOP\r\n", b"\xff\xfb\x01NOOP\r\n"],
    ids=["bare LF", "two CR", "small letters", "IAC NOP", "IAC WILL"],
)
def test_odd_spellings_of_noop(line: bytes, wire: Wire) -> None:
    wire.send_bytes(line)
    assert wire.reply().code == 200
    wire.expect("PWD", 257)


@pytest.mark.parametrize(
    "line",
    [
        b"PO\xff\xf1RT 127,0,0,1,200,1\r\n",
        b"PORT\t127,0,0,1,200,1\r\n",
        b"PO\x00RT 127,0,0,1,200,1\r\n",
    ],
    ids=["IAC inside", "tab", "NUL"],
)
def test_a_smuggled_port_is_refused(line: bytes, wire: Wire) -> None:
    wire.send_bytes(line)
    assert wire.reply().code in (500, 501)
    wire.expect("RETR small", 425)


def test_a_command_byte_by_byte(wire: Wire) -> None:
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"PWD\r\nNOOP\r\n":
        wire.send_bytes(bytes([byte]))
    assert [wire.reply().code, wire.reply().code] == [257, 200]


def test_rein_starts_again(wire: Wire) -> None:
    wire.expect("REIN", 220)
    wire.expect("PWD", 530)
    wire.expect(f"USER {TESTER.name}", 331)
    wire.expect(f"PASS {TESTER.password}", 230)
    wire.expect("TYPE I", 200)
    _download_small(wire)


def test_feat_is_what_the_backend_has_and_ballast_can_carry(wire: Wire) -> None:
    features = {line.strip().upper() for line in wire.expect("FEAT", 211).text.splitlines()[1:-1]}
    assert {"EPSV", "EPRT", "SIZE", "MDTM", "REST STREAM"} <= features
    # This listener has no TLS, so FEAT must not offer it.
    assert not any(feature.startswith(("AUTH", "PBSZ", "PROT", "LPRT")) for feature in features)


# During a transfer.


def test_noop_waits_for_the_end_of_the_transfer(wire: Wire) -> None:
    with wire.passive(receive_buffer=4096) as data:
        wire.expect("RETR big", 150, 125)
        assert data.recv(1)
        wire.send("NOOP", "PWD")
        assert wire.is_silent(0.3)
        assert len(read_all(data)) == BIG - 1
    assert [wire.reply().code for _ in range(3)] == [226, 200, 257]


def test_quit_waits_for_the_end_of_the_transfer(wire: Wire, server: Server) -> None:
    with wire.passive() as data:
        wire.expect("STOR uploaded", 150, 125)
        data.sendall(b"first half, ")
        wire.send("QUIT")
        assert wire.is_silent(0.3)
        data.sendall(b"second half")
    assert [wire.reply().code for _ in range(2)] == [226, 221]
    assert wire.at_end()
    assert (server.root / "uploaded").read_bytes() == b"first half, second half"


def test_quit_and_half_close_still_get_221(wire: Wire) -> None:
    wire.send("QUIT")
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.reply().code == 221
    with pytest.raises(Closed):
        wire.reply()


def test_an_upload_with_quit_behind_it_is_whole(wire: Wire, server: Server) -> None:
    with wire.passive() as data:
        wire.expect("STOR goodbye", 150, 125)
        data.sendall(b"last words")
    wire.send("QUIT")
    assert [wire.reply().code for _ in range(2)] == [226, 221]
    assert (server.root / "goodbye").read_bytes() == b"last words"


def test_quit_and_half_close_before_the_data_end_vouch_for_nothing(wire: Wire) -> None:
    """A killed client may have sent QUIT ahead. QUIT is answered anyway."""
    with wire.passive() as data:
        wire.expect("STOR goodbye", 150, 125)
        data.sendall(b"last words")
        wire.send("QUIT")
        wire.socket.shutdown(socket.SHUT_WR)
        assert [wire.reply().code for _ in range(2)] == [426, 221]


def test_stat_during_a_transfer_is_answered(wire: Wire, server: Server) -> None:
    with wire.passive(receive_buffer=4096) as data:
        wire.expect("RETR big", 150, 125)
        assert data.recv(1)
        wire.send("STAT")
        # Some servers answer at once, some after the transfer.
        early = None if wire.is_silent(0.3) else wire.reply()
        assert len(read_all(data)) == BIG - 1
    codes = [early.code] if early else []
    codes += [wire.reply().code for _ in range(2 - len(codes))]
    assert 226 in codes
    # During a transfer Pure-FTPd accepts only ABOR, and says so.
    assert ({211, 212, 213} | ({500} if server.kind == "pure-ftpd" else set())) & set(codes), codes
    wire.expect("PWD", 257)


@pytest.mark.parametrize(
    "how", ["plain", "urgent", "telnet synch", "telnet synch, the mark alone urgent"]
)
@pytest.mark.parametrize("verb", ["RETR", "STOR"])
def test_abor_ends_the_transfer_and_nothing_else(how: str, verb: str, wire: Wire) -> None:
    with wire.passive(receive_buffer=4096) as data:
        wire.expect("RETR big" if verb == "RETR" else "STOR partly", 150, 125)
        if verb == "RETR":
            assert data.recv(1)
        else:
            data.sendall(bytes(100_000))
        if how == "plain":
            wire.send("ABOR")
        elif how == "urgent":
            # Python's ftplib.
            wire.send_urgent(b"ABOR\r\n")
        elif how == "telnet synch":
            wire.send_urgent(b"\xff\xf4\xff\xf2")
            wire.send("ABOR")
        else:
            wire.send_bytes(b"\xff\xf4\xff")
            wire.send_urgent(b"\xf2")
            wire.send("ABOR")
        assert [wire.reply().code for _ in range(2)] == [426, 226]
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            read_all(data)
            data.sendall(b"x")
            data.sendall(b"x")
    wire.expect("PWD", 257)
    _download_small(wire)


def test_abor_without_a_transfer_is_226(wire: Wire) -> None:
    wire.expect("ABOR", 225, 226)
    wire.expect("PWD", 257)


def test_ftplib_abort(server: Server, field: Field) -> None:
    session = ftplib.FTP(timeout=30)
    session.connect(*field.ballast.where(server.kind))
    session.login(TESTER.name, TESTER.password)
    data, _ = session.ntransfercmd("RETR big")
    with data:
        assert data.recv(1)
        assert session.abort().startswith(("426", "226"))
    assert session.getmultiline().startswith("226")
    assert session.pwd() == "/"
    session.quit()


# Names.


def test_rename_make_and_remove(wire: Wire, server: Server) -> None:
    name = f"made-{os.urandom(4).hex()}"
    wire.expect(f"MKD {name}", 257)
    wire.expect(f"CWD {name}", 250)
    assert name in wire.expect("PWD", 257).text
    wire.expect("CDUP", 200, 250)
    wire.send(f"RNFR {name}", f"RNTO {name}-2")
    assert [wire.reply().code for _ in range(2)] == [350, 250]
    wire.expect(f"RMD {name}-2", 250)


def test_names_with_spaces_and_odd_bytes(field: Field) -> None:
    server = field.servers[PyFtpd.kind]
    name = "  two  spaces, ä and \u2603 "
    with Wire(field.ballast.where(server.kind)).log_in() as wire:
        with wire.passive() as data:
            wire.expect(f"STOR {name}", 150, 125)
            data.sendall(b"content")
        assert wire.reply().code == 226
        wire.expect(f"SIZE {name}", 213)
        assert (server.root / name.strip()).exists() or (server.root / name).exists()
