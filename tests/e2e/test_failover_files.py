# SPDX-License-Identifier: Apache-2.0
"""The other server has another file, or none that anybody could call the same. No byte of it
reaches the client, who gets a reset and 426 and keeps its session."""

import contextlib
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ballast
from cluster import Cluster, File, aged, fetch, serving
from scripted import Answer, ScriptedServer
from servers import PyFtpd
from wire import Wire

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

MIB = 1 << 20
CONTENT = os.urandom(3 * MIB)
CUT = 2 * MIB + 300_000
EVERY = 64 << 10
SAMPLES = "64KiB"


def _changed(*offsets: int) -> bytes:
    content = bytearray(CONTENT)
    for offset in offsets:
        content[offset] ^= 1
    return bytes(content)


@contextlib.contextmanager
def _two(work: Path, first: File, second: File, **pool: object) -> Iterator[Cluster]:
    settings = {"failover_samples": SAMPLES, **pool}
    with serving("127.0.0.101", first) as one, serving("127.0.0.102", second) as two:
        with Cluster(work, [one, two], **settings) as it:
            yield it


def _breaking(cut: int = CUT, **named: Any) -> File:
    return File(CONTENT, breaks_after=cut, may_break=threading.Event(), **named)


def _fails(wire: Wire, first: File, words: str, cut: int = CUT) -> None:
    assert first.may_break is not None
    content, end, reply = fetch(wire, "RETR", at=cut, then=first.may_break.set)
    assert (end, reply.code) == ("reset", 426), reply
    assert re.search(words, reply.text), reply
    # A reset may take some of them.
    assert content == CONTENT[:cut]
    # The session is on the other backend.
    wire.expect("PWD", 257)
    assert wire.is_silent(0.1)


def _succeeds(wire: Wire, first: File, cut: int = CUT) -> None:
    assert first.may_break is not None
    content, end, reply = fetch(wire, "RETR", at=cut, then=first.may_break.set)
    assert (end, reply.code) == ("end", 226), reply
    assert content == CONTENT


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (File(CONTENT + b"x"), "bytes there"),
        (File(CONTENT[:-1]), "bytes there"),
        (File(CONTENT, time="20240101000001"), "20240101000001 there"),
        (File(CONTENT, verbs=("SIZE", "REST")), "that server does not tell the time"),
        (File(CONTENT, verbs=("MDTM", "REST")), "that server does not tell the size"),
    ],
    ids=["longer", "shorter", "newer", "no-time", "no-size"],
)
def test_another_size_or_time_is_refused(second: File, words: str, work: Path) -> None:
    first = _breaking()
    with _two(work, first, second) as it, Wire(it.where()).log_in() as wire:
        _fails(wire, first, words)
        # It was not even asked for it.
        assert second.begins == []
        entry = it.wait_for_transfer(lambda each: each["file"].endswith("file"))
        assert entry["result"] == "failed" and re.search(words, entry["reason"]), entry
        # A download from the beginning is not one of two files.
        assert fetch(wire, "RETR")[0] == second.content


@pytest.mark.parametrize("verbs", [("SIZE", "REST"), ("MDTM", "REST"), ("REST",)], ids=str)
def test_what_the_first_server_does_not_tell_is_a_difference(
    verbs: tuple[str, ...], work: Path
) -> None:
    first = _breaking(verbs=verbs)
    with _two(work, first, File(CONTENT)) as it, Wire(it.where()).log_in() as wire:
        _fails(wire, first, "the first server does not tell")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("SIZE", "REST"), ("SIZE", "REST")),
        (("REST",), ("REST",)),
        (("SIZE", "MDTM", "REST"), ("REST",)),
        (("REST",), ("SIZE", "MDTM", "REST")),
    ],
    ids=str,
)
def test_failover_trust_does_without_size_and_time(
    one: tuple[str, ...], other: tuple[str, ...], work: Path
) -> None:
    first = _breaking(verbs=one)
    second = File(CONTENT, verbs=other)
    with _two(work, first, second, failover_trust=True) as it:
        with Wire(it.where()).log_in() as wire:
            _succeeds(wire, first)


def test_failover_trust_does_not_overlook_what_is_told(work: Path) -> None:
    first = _breaking()
    second = File(CONTENT, time="20250101000000")
    with _two(work, first, second, failover_trust=True) as it:
        with Wire(it.where()).log_in() as wire:
            _fails(wire, first, "20250101000000 there")


@pytest.mark.parametrize(
    ("cut", "changed"),
    [
        # Inside the first sample.
        (10_000, 0),
        (10_000, 9_999),
        (16_384, 16_383),
        (20_000, 100),
        # Every byte of a sample behind the first 16 KiB.
        *((CUT, 2 * MIB + 4 * EVERY + byte) for byte in (0, 1, 4095)),
    ],
)
def test_another_byte_in_a_sample_is_refused(cut: int, changed: int, work: Path) -> None:
    """Of the same size and time."""
    first = _breaking(cut)
    with _two(work, first, File(_changed(changed))) as it, Wire(it.where()).log_in() as wire:
        _fails(wire, first, r"byte \d+ differs", cut)


def test_the_end_of_the_other_file_before_the_sample_is_refused(work: Path) -> None:
    """It lies about its size."""
    first = _breaking()
    second = File(CONTENT[: CUT // 2], size=len(CONTENT))
    with _two(work, first, second) as it, Wire(it.where()).log_in() as wire:
        _fails(wire, first, "")


@pytest.mark.parametrize("answer", ["350 From 0.", "501 No.", "550 Never."])
def test_a_server_that_does_not_restart_where_it_should_is_refused(
    answer: str, work: Path
) -> None:
    first = _breaking()
    second = File(CONTENT)
    with (
        serving("127.0.0.101", first) as one,
        serving("127.0.0.102", second, {"REST": answer}) as two,
        Cluster(work, [one, two], failover_samples=SAMPLES) as it,
        Wire(it.where()).log_in() as wire,
    ):
        # With 350 it begins at the beginning, where other bytes are.
        _fails(wire, first, r"byte \d+ differs" if answer.startswith("350") else "REST")


@pytest.mark.parametrize("answer", ["550 Not here.", "450 Busy."])
def test_a_server_that_lacks_the_file_is_refused(answer: str, work: Path) -> None:
    first = _breaking()
    with (
        serving("127.0.0.101", first) as one,
        serving("127.0.0.102", File(CONTENT), {"RETR": answer}) as two,
        Cluster(work, [one, two], failover_samples=SAMPLES, failover_timeout="2s") as it,
        Wire(it.where()).log_in() as wire,
    ):
        _fails(wire, first, "")


def test_the_third_server_has_the_file(work: Path) -> None:
    first = _breaking()
    others = [File(CONTENT + b"x"), File(_changed(*range(MIB, 3 * MIB))), File(CONTENT)]
    with contextlib.ExitStack() as running:
        servers = [
            running.enter_context(serving(f"127.0.0.{101 + number}", file))
            for number, file in enumerate([first, *others])
        ]
        it = running.enter_context(Cluster(work, servers, failover_samples=SAMPLES))
        wire = running.enter_context(Wire(it.where()).log_in())
        _succeeds(wire, first)
        assert others[0].begins == [] and len(others[1].begins) == len(others[2].begins) == 1


@pytest.mark.parametrize("samples", ["64KiB", "1MiB"])
def test_another_file_on_a_real_server(samples: str, work: Path) -> None:
    """Of the same size and time, and the same up to the first MiB."""
    size = 24 * MIB
    contents = [os.urandom(MIB) for _ in range(2)]
    same = os.urandom(MIB)
    servers = []
    for number, rest in enumerate(contents):
        server = PyFtpd(work, work / f"files-{number}", f"127.0.0.{105 + number}")
        (server.root / "file").write_bytes(same + rest * (size // MIB - 1))
        aged(server.root / "file")
        servers.append(server)
    with servers[0], servers[1], Cluster(work, servers, failover_samples=samples) as it:
        with Wire(it.where()).log_in() as wire:
            content, end, reply = fetch(wire, "RETR", at=6 * MIB, then=servers[0].kill)
            assert (end, reply.code) == ("reset", 426)
            assert re.search(r"byte \d+ differs", reply.text), reply
            assert 6 * MIB <= len(content) < size
            assert (servers[0].root / "file").read_bytes().startswith(content)
            wire.expect("PWD", 257)


# What is asked for it


def _asked(server: ScriptedServer) -> list[str]:
    return [line for line in server.commands if line.startswith(("SIZE", "MDTM"))]


def test_size_and_time_are_asked_once(work: Path) -> None:
    with serving("127.0.0.101", File(CONTENT)) as server, Cluster(work, [server]) as it:
        with Wire(it.where()).log_in() as wire:
            for _ in range(3):
                assert fetch(wire, "RETR")[0] == CONTENT
            assert sorted(_asked(server)) == ["MDTM file", "SIZE file"]
            # And before the transfer, because a lost server says nothing any more.
            first = server.commands.index("RETR file")
            assert {"MDTM file", "SIZE file"} <= set(server.commands[:first])


def test_size_and_time_are_not_asked_if_the_client_has_asked(work: Path) -> None:
    with serving("127.0.0.101", File(CONTENT)) as server, Cluster(work, [server]) as it:
        with Wire(it.where()).log_in() as wire:
            wire.expect("SIZE file", 213)
            wire.expect("MDTM file", 213)
            assert fetch(wire, "RETR")[0] == CONTENT
            assert _asked(server) == ["SIZE file", "MDTM file"]


def test_of_a_small_file_nothing_is_asked(work: Path) -> None:
    """All of it is compared."""
    small = File(CONTENT[:10_000])
    with serving("127.0.0.101", small) as server, Cluster(work, [server]) as it:
        with Wire(it.where()).log_in() as wire:
            wire.expect("SIZE file", 213)
            assert fetch(wire, "RETR")[0] == small.content
            assert _asked(server) == ["SIZE file"]


@pytest.mark.parametrize("failover", ["off", "session"])
def test_nothing_is_asked_for_downloads_that_do_not_move(failover: str, work: Path) -> None:
    with serving("127.0.0.101", File(CONTENT)) as server:
        with Cluster(work, [server], failover=failover) as it:
            with Wire(it.where()).log_in() as wire:
                assert fetch(wire, "RETR")[0] == CONTENT
                assert _asked(server) == []


@pytest.mark.parametrize("line", ["TYPE A", "MODE B", "STRU R"])
def test_nothing_is_asked_in_other_types_modes_and_structures(line: str, work: Path) -> None:
    verb = line.split()[0]
    known: dict[str, Answer] = {verb: "200 Noted."}
    with serving("127.0.0.101", File(CONTENT), known) as server:
        with Cluster(work, [server]) as it, Wire(it.where()).log_in() as wire:
            # Ballast itself may refuse it.
            wire.ask(line)
            assert fetch(wire, "RETR")[0] == CONTENT
            asked = _asked(server)
            assert asked == [] or line not in server.commands, asked


# Nobody else is there.


def test_without_another_backend_the_transfer_fails_after_failover_timeout(work: Path) -> None:
    first = _breaking()
    with (
        serving("127.0.0.101", first) as server,
        Cluster(work, [server], failover_timeout="1s") as it,
        Wire(it.where()).log_in() as wire,
    ):
        times: list[float] = []

        def end() -> None:
            times.append(time.monotonic())
            server.stop()
            assert first.may_break is not None
            first.may_break.set()

        content, how, reply = fetch(wire, "RETR", at=CUT, then=end)
        assert (how, reply.code) == ("reset", 426)
        assert content == CONTENT[: len(content)]
        assert 0.9 < time.monotonic() - times[0] < 10
        # The session has not ended. It goes on as soon as there is a server.
        server.start()
        it.wait_for_moves(1)
        wire.expect("PWD", 257)


def test_the_same_backend_may_come_back_in_time(work: Path) -> None:
    content = os.urandom(MIB) * 24
    with PyFtpd(work, work / "files", "127.0.0.107") as server:
        (server.root / "file").write_bytes(content)
        with Cluster(work, [server]) as it, Wire(it.where()).log_in() as wire:

            def restart() -> None:
                server.kill()
                server.start()

            received, end, reply = fetch(wire, "RETR", at=MIB, then=restart)
            assert (end, reply.code) == ("end", 226)
            assert received == content
            it.assert_whole("file", "alf1", "alf1")
