# SPDX-License-Identifier: Apache-2.0
"""Long transfers through the kernel's flow table. test_flow_table.py runs these in a virtual machine,
because the machine of the tests need not have flow tables."""

import contextlib
import hashlib
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import operators
import waiting
from forwarded import Field, is_counted, logged
from netns import Network
from wire import Wire, read_all

BYTES = 48 << 20
# Long enough for the flow table.
HALF = 24 << 20
PIECE = 64 << 10


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    with Network() as network:
        field = Field(module_work, network)
        with field.running():
            yield field


def _offloaded(field: Field) -> int:
    """The connections that the flow table carries, as connection tracking says."""
    shown = [field.run("balancer", "conntrack", "-L", "-f", family) for family in ("ipv4", "ipv6")]
    return sum(each.stdout.count("[OFFLOAD]") for each in shown)


def _left(field: Field) -> int:
    """What is still awaited, or named for the flow table."""
    sets = re.findall(r"set flow\d \{.*?\n\t\}", field.rules(), re.DOTALL)
    assert len(sets) == 2
    return field.elements() + sum(each.count("expires") for each in sets)


def _content(field: Field) -> bytes:
    content = os.urandom(1 << 20) * (BYTES >> 20)
    (field.root / "long").write_bytes(content)
    return content


def _read(data: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = data.recv(min(1 << 20, count - len(parts)))
        assert part, f"ended after {len(parts)} bytes"
        parts += part
    return bytes(parts)


def _read_until_offloaded(field: Field, data: socket.socket) -> bytes:
    """Reads more all the time: a connection comes to the flow table with a packet."""
    parts = _read(data, HALF)
    while _offloaded(field) == 0:
        assert len(parts) < BYTES, "it ended before the flow table had it"
        parts += _read(data, PIECE)
    return parts


# PASV and PORT name IPv4 addresses only.
VERBS = {"ipv4": ("PASV", "EPSV", "PORT", "EPRT"), "ipv6": ("EPSV", "EPRT")}


@pytest.mark.parametrize(
    ("verb", "family"), [(verb, family) for family, verbs in VERBS.items() for verb in verbs]
)
def test_a_long_download_goes_through_the_flow_table(verb: str, family: str, field: Field) -> None:
    content = _content(field)
    before, repeated = len(field.ballast.transfers()), field.repeated()
    with field.wire(family) as wire, field.client.entered():
        if verb in ("PASV", "EPSV"):
            data = wire.passive(verb)
            wire.expect("RETR long", 150, 125)
        else:
            listening = wire.listen(verb)
            wire.expect("RETR long", 150, 125)
            data = listening.accept()[0]
            listening.close()
        data.settimeout(waiting.PATIENCE)
        first = _read_until_offloaded(field, data)
        digest = hashlib.sha256(first + read_all(data)).hexdigest()
        data.close()
        assert wire.reply().code == 226
    assert digest == hashlib.sha256(content).hexdigest()
    (transfer,) = logged(field, before, 1)
    assert (transfer["path"], transfer["result"]) == ("kernel", "whole")
    assert is_counted(BYTES, transfer["bytes"], field.repeated() - repeated)
    waiting.until("nothing is left", lambda: _offloaded(field) + _left(field) == 0)


def test_a_long_upload_goes_through_the_flow_table(field: Field) -> None:
    content = _content(field)
    before = len(field.ballast.transfers())
    with field.wire() as wire, field.client.entered():
        data = wire.passive("PASV")
        wire.expect("STOR new", 150, 125)
        data.sendall(content[:HALF])
        sent = HALF
        while _offloaded(field) == 0:
            assert sent < BYTES, "it ended before the flow table had it"
            data.sendall(content[sent : sent + PIECE])
            sent += PIECE
        data.sendall(content[sent:])
        data.close()
        assert wire.reply().code == 226
    assert (field.root / "new").read_bytes() == content
    waiting.until("nothing is left", lambda: _offloaded(field) + _left(field) == 0)
    (transfer,) = logged(field, before, 1)
    assert (transfer["path"], transfer["result"]) == ("kernel", "whole")


def test_one_that_has_carried_less_does_not(field: Field) -> None:
    _content(field)
    with field.wire() as wire, field.client.entered():
        data = wire.passive("PASV", receive_buffer=65536)
        wire.expect("RETR long", 150, 125)
        # Ballast looks once a second.
        until = time.monotonic() + 3
        while time.monotonic() < until:
            _read(data, 1024)
            assert _offloaded(field) + _left(field) == 0
        data.close()
        assert wire.reply().code in (426, 451, 226)


@contextlib.contextmanager
def _downloading(field: Field) -> Iterator[tuple[Wire, socket.socket]]:
    """Through the flow table."""
    _content(field)
    with field.wire() as wire, field.client.entered(), wire.passive("PASV") as data:
        wire.expect("RETR long", 150, 125)
        _read_until_offloaded(field, data)
        yield wire, data


def test_an_aborted_one_leaves_nothing(field: Field) -> None:
    with _downloading(field) as (wire, data):
        data.close()
        assert wire.reply().code in (426, 451, 226)
        waiting.until("nothing is left", lambda: _offloaded(field) + _left(field) == 0)


def test_an_operator_ends_one(field: Field) -> None:
    with _downloading(field) as (wire, _):
        _, answer = operators.ask(field.work, "GET", "/v1/sessions")
        (session,) = answer["sessions"]
        operators.operate(field.work, "kill", str(session["id"]), "--transfer")
        assert wire.reply().code == 426
    waiting.until("nothing is left", lambda: _offloaded(field) + _left(field) == 0)
