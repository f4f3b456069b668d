# SPDX-License-Identifier: Apache-2.0
"""Everything that a server can do in the middle of a download: what another server may go on with,
and what not."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import ballast
import waiting
from certificates import Authority, for_loopback
from clients import Client, Curl, Ftplib, Lftp, Target, Tnftp, Wget
from cluster import Cluster, Data, Ending, File, aged, begins, ends, fetch, lost, says, serving
from gate import Gate
from scripted import Answer, Conversation
from servers import PyFtpd
from tls import TlsStream, client_context, server_context
from wire import TlsWire, Wire, read_all, reset

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

MIB = 1 << 20
CONTENT = os.urandom(3 * MIB + 12_345)
# Past several samples, which are as dense as they can be.
CUT = 2 * MIB + 54_321
SAMPLES = "64KiB"


def _leaves(conversation: Conversation, data: Data) -> None:
    """Both connections end as if the server had ended."""
    conversation.plain.shutdown(2)
    data.close()


def _breaks_data(_: Conversation, data: Data) -> str:
    """Only the data are reset."""
    reset(data)  # type: ignore[arg-type]
    return "426 Something broke."


def _two_lines(_: Conversation, data: Data) -> str:
    data.close()
    return "421-Shutting down\r\n for maintenance.\r\n421 Bye."


@contextlib.contextmanager
def _two(work: Path, first: File, second: File, **pool: object) -> Iterator[Cluster]:
    with serving("127.0.0.91", first) as one, serving("127.0.0.92", second) as two:
        with Cluster(work, [one, two], **{"failover_samples": SAMPLES, **pool}) as it:
            yield it


ENDINGS: dict[str, Ending] = {
    "reset": lost,
    "fin": _leaves,
    "421": says("421 Service shutting down."),
    "421-lines": _two_lines,
    "426": says("426 Connection closed; transfer aborted."),
    "426-reset": _breaks_data,
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("restart", [0, 123_456])
def test_a_lost_server_is_replaced(ending: str, restart: int, work: Path) -> None:
    go = threading.Event()
    first = File(CONTENT, breaks_after=CUT, ending=ENDINGS[ending], may_break=go)
    second = File(CONTENT)
    with _two(work, first, second) as it, Wire(it.where()).log_in() as wire:
        if restart:
            wire.expect(f"REST {restart}", 350)
        content, end, reply = fetch(wire, "RETR", at=CUT - restart, then=go.set)
        assert (end, reply.code) == ("end", 226)
        assert content == CONTENT[restart:]
        # At the last sample of those that the client has got.
        (begin,) = second.begins
        assert CUT - 3 * 65536 < begin < CUT
        it.assert_whole("file", "alf1", "alf2")
        assert "alf1" not in str(wire.expect("PWD", 257))
        # The next transfer begins at the beginning.
        assert fetch(wire, "RETR")[0] == CONTENT
        assert second.begins[1] == 0
        assert wire.is_silent(0.1)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("cut", [0, 1, 16384, 16385, 700_000])
def test_bytes_on_their_way_may_be_lost_with_the_server(
    ending: str, cut: int, work: Path
) -> None:
    first = File(CONTENT, breaks_after=cut, ending=ENDINGS[ending])
    with _two(work, first, File(CONTENT)) as it, Wire(it.where()).log_in() as wire:
        content, end, reply = fetch(wire, "RETR")
        assert (end, reply.code) == ("end", 226)
        assert content == CONTENT
        it.assert_whole("file", "alf1", "alf2")


@pytest.mark.parametrize("ending", ["reset", "421", "426"])
@pytest.mark.parametrize("legs", ["tls-plain", "plain-tls", "tls-tls"])
def test_a_lost_server_is_replaced_under_tls(ending: str, legs: str, work: Path) -> None:
    front, behind = Authority(work, "Front"), Authority(work, "Behind")
    client_has_tls, servers_have_tls = (leg == "tls" for leg in legs.split("-"))
    contexts = [
        server_context(for_loopback(behind, f"{address}.example.com", address))
        for address in ("127.0.0.91", "127.0.0.92")
    ]
    identity = for_loopback(front, "ftp.example.com")
    go = threading.Event()
    first = File(CONTENT, breaks_after=CUT, ending=ENDINGS[ending], may_break=go)
    second = File(CONTENT)
    named = [{"tls": context} if servers_have_tls else {} for context in contexts]
    pool_tls = {"mode": "explicit", "data": "always", "ca": behind.certificate}
    with (
        serving("127.0.0.91", first, **named[0]) as one,
        serving("127.0.0.92", second, **named[1]) as two,
        Cluster(
            work,
            [one, two],
            tls={"certificate": identity.certificate, "key": identity.key},
            pool_tls=pool_tls if servers_have_tls else None,
            failover_samples=SAMPLES,
        ) as it,
    ):
        with (
            TlsWire(it.where(), client_context(front.certificate)).log_in_protected()
            if client_has_tls
            else Wire(it.where()).log_in()
        ) as wire:
            content, end, reply = fetch(wire, "RETR", at=CUT, then=go.set)
            assert (end, reply.code) == ("end", 226)
            assert content == CONTENT
            assert CUT - 3 * 65536 < second.begins[0] < CUT
            it.assert_whole("file", "alf1", "alf2")


@pytest.mark.parametrize("client", [Curl, Lftp, Ftplib, Tnftp, Wget])
def test_real_clients_do_not_notice_a_farewell(client: type[Client], work: Path) -> None:
    """A server that shuts down gracefully, in the middle of a file."""
    content = os.urandom(MIB) * 24
    root = work / "files"
    root.mkdir()
    (root / "big").write_bytes(content)
    aged(root / "big")
    first = File(content, breaks_after=16 * MIB, ending=says("421 Shutting down."))
    with serving("127.0.0.96", first) as one, PyFtpd(work, root, "127.0.0.97") as two:
        with Cluster(work, [one, two]) as it:
            program = client(Target(*it.where()), client.modes_ipv4[0], work)
            program.download("big", work / "local")
            assert (work / "local").read_bytes() == content
            assert (begins(program.dialog), ends(program.dialog)) == (1, 1), program.dialog
            it.assert_whole("big", "alf1", "alf2")


@pytest.mark.parametrize("line", ["450 Busy.", "451 Disk error.", "550 No.", "552 Quota."])
def test_a_server_that_lives_has_the_last_word(line: str, work: Path) -> None:
    first = File(CONTENT, breaks_after=CUT, ending=says(line))
    second = File(CONTENT)
    with _two(work, first, second) as it, Wire(it.where()).log_in() as wire:
        content, end, reply = fetch(wire, "RETR")
        assert (end, reply.text) == ("reset", line)
        assert content == CONTENT[: len(content)]
        assert second.begins == []
        wire.expect("PWD", 257)
        assert not it.moves()


def test_a_server_that_stops_sending_is_left(work: Path) -> None:
    released = threading.Event()

    def hang(_: Conversation, data: Data) -> str:
        assert released.wait(waiting.PATIENCE)
        data.close()
        return "226 Sent."

    first = File(CONTENT, breaks_after=CUT, ending=hang)
    with serving("127.0.0.91", first) as one, serving("127.0.0.92", File(CONTENT)) as two:
        stall = {"data_stall_timeout": "1s"}
        with Cluster(work, [one, two], listener=stall, failover_samples=SAMPLES) as it:
            with Wire(it.where()).log_in() as wire:
                content, end, reply = fetch(wire, "RETR")
                assert (end, reply.code) == ("end", 226)
                assert content == CONTENT
                it.assert_whole("file", "alf1", "alf2")
            released.set()


def test_a_network_that_is_cut(work: Path) -> None:
    (work / "files").mkdir()
    (work / "files" / "file").write_bytes(CONTENT * 8)
    one, two = (PyFtpd(work, work / "files", f"127.0.0.{number}") for number in (93, 94))
    with one, two, Gate("127.0.0.95", (one.address, one.port)) as gate:
        with Cluster(work, [gate, two]) as it, Wire(it.where()).log_in() as wire:
            gate.data.stall_after = CUT
            with wire.passive() as data:
                wire.expect("RETR file", 150, 125)
                gate.data.wait_until_stalled()
                gate.stop()
                assert read_all(data) == CONTENT * 8
            assert wire.reply().code == 226
            it.assert_whole("file", "alf1", "alf2")


# Again and again


class Three:
    """Real servers with a file that is larger than all buffers."""

    def __init__(self, work: Path, client_has_tls: bool, **pool: object) -> None:
        self.content = os.urandom(MIB) * 64
        root = work / "files"
        self.servers = [PyFtpd(work, root, f"127.0.0.{number}") for number in (97, 98, 99)]
        (root / "file").write_bytes(self.content)
        front = Authority(work, "Front")
        identity = for_loopback(front, "ftp.example.com")
        tls = {"certificate": identity.certificate, "key": identity.key}
        self.ballast = Cluster(work, self.servers, tls=tls, **pool)  # type: ignore[arg-type]
        self._context = client_context(front.certificate) if client_has_tls else None

    @contextlib.contextmanager
    def download(self) -> Iterator[tuple[Wire, socket.socket | TlsStream]]:
        where = self.ballast.where()
        with (
            TlsWire(where, self._context).log_in_protected()
            if self._context
            else Wire(where).log_in()
        ) as wire:
            with wire.passive() as plain:
                wire.expect("RETR file", 150, 125)
                yield wire, wire.protected(plain) if isinstance(wire, TlsWire) else plain

    def __enter__(self) -> "Three":
        for server in self.servers:
            server.start()
        self.ballast.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.ballast.__exit__(kind)
        finally:
            for server in self.servers:
                server.kill()


def _read(data: Data, count: int) -> bytes:
    parts = []
    while count > 0:
        part = data.recv(min(count, 65536))
        assert part, "it has ended"
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


@pytest.mark.parametrize("client_has_tls", [False, True], ids=["plain", "tls"])
def test_a_download_that_goes_on_says_so_at_once(client_has_tls: bool, work: Path) -> None:
    with Three(work, client_has_tls) as three, three.download() as (wire, data):
        received = _read(data, 2 * MIB)
        three.servers[0].kill()
        received += _read(data, 38 * MIB)
        # The client has bytes of the second server, and not yet all.
        three.ballast.wait_for_log(
            "that it goes on", lambda line: line["message"] == "transfer resumed", seconds=5
        )
        received += read_all(data)  # type: ignore[arg-type]
        assert received == three.content
        assert wire.reply().code == 226


@pytest.mark.parametrize("client_has_tls", [False, True], ids=["plain", "tls"])
def test_each_loss_has_a_time_of_its_own(client_has_tls: bool, work: Path) -> None:
    timeout = 1.5
    with Three(work, client_has_tls, failover_timeout="1500ms") as three:
        with three.download() as (wire, data):
            received = _read(data, 2 * MIB)
            began = time.monotonic()
            three.servers[0].kill()
            # The second server has not sent all of it, whatever the buffers on the way hold.
            received += _read(data, 20 * MIB)
            waiting.until(
                "the time of the first loss is over",
                lambda: time.monotonic() - began > timeout + 0.5,
            )
            three.servers[1].kill()
            received += read_all(data)  # type: ignore[arg-type]
            assert received == three.content
            assert wire.reply().code == 226
        three.ballast.assert_whole("file", "alf1", "alf2", "alf3")


# TYPE A


def test_in_type_a_a_download_of_which_nothing_was_delivered_is_repeated(work: Path) -> None:
    first = File(b"line\r\n" * 1000, breaks_after=0)
    with _two(work, first, File(b"line\r\n" * 1000)) as it, Wire(it.where()).log_in() as wire:
        wire.expect("TYPE A", 200)
        content, end, reply = fetch(wire, "RETR")
        assert (end, reply.code) == ("end", 226)
        assert content == b"line\r\n" * 1000
        it.assert_whole("file", "alf1", "alf2")


def test_in_type_a_a_download_is_not_gone_on_with(work: Path) -> None:
    go = threading.Event()
    first = File(b"line\r\n" * 1000, breaks_after=600, may_break=go)
    with _two(work, first, File(b"line\r\n" * 1000)) as it, Wire(it.where()).log_in() as wire:
        wire.expect("TYPE A", 200)
        content, end, reply = fetch(wire, "RETR", at=600, then=go.set)
        assert (end, reply.code) == ("reset", 426)
        assert "TYPE A" in reply.text
        assert content == (b"line\r\n" * 1000)[: len(content)]
        wire.expect("PWD", 257)


# Listings

LISTING = b"".join(b"-rw-r--r-- 1 user group 1 Jan 1 2024 file-%d\r\n" % i for i in range(5000))


@pytest.mark.parametrize("verb", ["LIST", "NLST", "MLSD"])
@pytest.mark.parametrize("cut", [0, 100_001])
def test_a_listing_goes_on_if_it_begins_the_same(verb: str, cut: int, work: Path) -> None:
    # A server that has more to say behind the cut is as good.
    longer = LISTING + b"-rw-r--r-- 1 user group 1 Jan 1 2024 newer\r\n"
    first = File(LISTING, breaks_after=cut)
    samples = {"failover_samples": "1MiB"}
    with _two(work, first, File(longer), **samples) as it, Wire(it.where()).log_in() as wire:
        content, end, reply = fetch(wire, verb, "")
        assert (end, reply.code) == ("end", 226)
        assert content == longer
        assert wire.is_silent(0.1)
        assert it.wait_for_transfer(lambda each: each["verb"] == verb)["result"] == "whole"


@pytest.mark.parametrize("verb", ["LIST", "NLST", "MLSD"])
@pytest.mark.parametrize("other", ["changed", "shorter"])
def test_a_listing_that_differs_ends_with_426(verb: str, other: str, work: Path) -> None:
    cut = 100_001
    changed = b"d" + LISTING[1:] if other == "changed" else LISTING[:50_000]
    go = threading.Event()
    first = File(LISTING, breaks_after=cut, may_break=go)
    samples = {"failover_samples": "1MiB"}
    with _two(work, first, File(changed), **samples) as it, Wire(it.where()).log_in() as wire:
        content, end, reply = fetch(wire, verb, "", at=cut, then=go.set)
        assert (end, reply.code) == ("reset", 426)
        assert content == LISTING[: len(content)]
        wire.expect("PWD", 257)
        assert it.wait_for_transfer(lambda each: each["verb"] == verb)["result"] == "failed"


# Servers without REST

NO_REST = ("SIZE", "MDTM")


@pytest.mark.parametrize("who", ["second", "both"])
def test_a_server_without_rest_repeats_what_is_not_too_long(who: str, work: Path) -> None:
    verbs = NO_REST if who == "both" else File(b"").verbs
    go = threading.Event()
    first = File(CONTENT, breaks_after=CUT, verbs=verbs, may_break=go)
    second = File(CONTENT, verbs=NO_REST)
    with _two(work, first, second, failover_samples="4MiB") as it:
        with Wire(it.where()).log_in() as wire:
            content, end, reply = fetch(wire, "RETR", at=CUT, then=go.set)
            assert (end, reply.code) == ("end", 226)
            assert content == CONTENT
            assert second.begins == [0]
            it.assert_whole("file", "alf1", "alf2")


@pytest.mark.parametrize("who", ["second", "both"])
def test_a_server_without_rest_does_not_repeat_what_is_too_long(who: str, work: Path) -> None:
    verbs = NO_REST if who == "both" else File(b"").verbs
    go = threading.Event()
    first = File(CONTENT, breaks_after=CUT, verbs=verbs, may_break=go)
    with _two(work, first, File(CONTENT, verbs=NO_REST)) as it:
        with Wire(it.where()).log_in() as wire:
            content, end, reply = fetch(wire, "RETR", at=CUT, then=go.set)
            assert (end, reply.code) == ("reset", 426)
            assert content == CONTENT[: len(content)]
            wire.expect("PWD", 257)


def test_rest_that_feat_does_not_list_is_used(work: Path) -> None:
    """Alfresco's server."""
    files = [File(CONTENT, breaks_after=CUT), File(CONTENT)]
    hidden: dict[str, Answer] = {"FEAT": "211-Features:\r\n EPSV\r\n SIZE\r\n MDTM\r\n211 End"}
    with (
        serving("127.0.0.91", files[0], hidden) as one,
        serving("127.0.0.92", files[1], hidden) as two,
        Cluster(work, [one, two], failover_samples=SAMPLES) as it,
        Wire(it.where()).log_in() as wire,
    ):
        content, end, reply = fetch(wire, "RETR")
        assert (end, reply.code) == ("end", 226)
        assert content == CONTENT
