# SPDX-License-Identifier: Apache-2.0
"""Names with 0xFF, which is Telnet's IAC: each server stores the same with and without Ballast.
Ballast reads replies with Telnet commands in front."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Pool
from servers import InetutilsFtpd, ProFtpd, PureFtpd, PyFtpd, Server, Vsftpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="what is done directly is the other half")

# Telnet commands and options for some servers, a doubled byte, and letters of cp1251 and KOI8.
NAMES = [
    b"\xff\xf21.doc",
    b"a\xff\xf4b",
    b"a\xff\xfb\x01b",
    b"a\xff\xfdb",
    b"a\xff\xffb",
    b"\xff\xff\xff\xff",
    b"a\xffb",
    b"\xd1\xff\xd2",
]


class NameWire(Wire):
    """Skips Telnet commands in front of replies, like clients that support Telnet."""

    def line(self) -> bytes:
        return re.sub(rb"^(?:\xff[\xf0-\xff]?.?)+(?=\d{3}[ -])", b"", super().line())


def _make_and_remove(where: tuple[str, int], root: Path) -> list[tuple[bytes, int, set[bytes], int]]:
    """For each name: MKD's code, the directory's content, and RMD's code."""
    seen = []
    with NameWire(where).log_in() as wire:
        for name in NAMES:
            wire.send_bytes(b"MKD " + name + b"\r\n")
            made = wire.reply().code
            there = set(os.listdir(os.fsencode(root)))
            wire.send_bytes(b"RMD " + name + b"\r\n")
            seen.append((name, made, there, wire.reply().code))
            # The replies are still in step.
            wire.expect("PWD", 257)
            for left in os.listdir(os.fsencode(root)):
                os.rmdir(os.path.join(os.fsencode(root), left))
    return seen


@pytest.fixture(params=[Vsftpd, ProFtpd, PureFtpd, PyFtpd, InetutilsFtpd], ids=lambda of: of.kind)
def server(request: pytest.FixtureRequest, work: Path) -> Iterator[Server]:
    with request.param(work, work / "files", "127.0.0.83") as server:
        yield server


def test_a_name_is_the_same_with_and_without_ballast(server: Server, work: Path) -> None:
    direct = _make_and_remove((server.address, server.port), server.root)
    with contextlib.ExitStack() as stack:
        pool = Pool("pool", [Backend("only", server)])
        ballast = stack.enter_context(Ballast(work, [Listener("ftp", "pool")], [pool]))
        assert _make_and_remove(ballast.where(), server.root) == direct
    # Most servers can create most of them, so the test does not only compare refusals.
    assert sum(made == 257 and len(there) == 1 for _, made, there, _ in direct) >= 3, direct
