# SPDX-License-Identifier: Apache-2.0
"""What no real client does on its own: ABOR in the middle, and a session that stays for long."""

import hashlib
import random
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from clients import Target
from field import SIZES, Files
from outcomes import Outcomes, cause_of
from tls import TlsStream, Truncated, client_context
from wire import Closed, TlsWire, Wire

STAYS_SECONDS = 40.0
# Each is a failure that the client sees. An AssertionError is a reply that it did not want.
SEEN = (OSError, ssl.SSLError, Closed, Truncated, AssertionError)


def _log_in(target: Target) -> Wire:
    where = (target.address, target.port)
    if target.tls is None:
        return Wire(where).log_in()
    wire = TlsWire(where, client_context(target.tls.ca))
    try:
        return wire.log_in_protected()
    except BaseException:
        wire.close()
        raise


@contextmanager
def _failures_are_seen(what: str, outcomes: Outcomes) -> Iterator[None]:
    try:
        yield
    except SEEN as error:
        outcomes.saw_failure(what, cause_of(f"{type(error).__name__}: {error}"))


def _begin(wire: Wire, name: str) -> socket.socket | TlsStream:
    """A download whose data is still to come."""
    plain = wire.passive()
    try:
        wire.expect(f"RETR fixed/{name}", 150, 125)
        return wire.protected(plain) if isinstance(wire, TlsWire) else plain
    except BaseException:
        plain.close()
        raise


def _download(wire: Wire, name: str, files: Files) -> str:
    """Says what is wrong if the data ended properly and is not the file. A download that breaks
    raises one of `SEEN`."""
    content = bytearray()
    with _begin(wire, name) as data:
        while part := data.recv(65536):
            content += part
    reply = wire.reply()
    right = hashlib.sha256(content).hexdigest() == files.digests[name]
    # A server may refuse data without a byte after their proper end.
    if not right and (content or reply.code == 226):
        return f"{name} ended properly after {len(content)} bytes, then: {reply}"
    assert reply.code == 226, reply
    return ""


def _answer_to_abort(wire: Wire) -> None:
    """One reply for the transfer and one for ABOR."""
    first = wire.reply()
    assert first.code in (426, 451, 226, 225), first
    second = wire.reply()
    assert second.code in (225, 226), second


def abort(target: Target, files: Files, choice: random.Random, outcomes: Outcomes) -> None:
    what = f"abort wire {'plain' if target.tls is None else 'explicit'}"
    name = f"file-{SIZES[-1]}"
    with _failures_are_seen(what, outcomes), _log_in(target) as wire:
        with _begin(wire, name) as data:
            wanted, content = choice.randrange(SIZES[-1] // 2), bytearray()
            while len(content) < wanted:
                part = data.recv(65536)
                if not part:
                    break
                content += part
            wire.send("ABOR")
            ended = _ends_properly(data, content)
        if ended and hashlib.sha256(content).hexdigest() != files.digests[name]:
            outcomes.violated(f"{what}: the data ended properly after {len(content)} bytes")
        _answer_to_abort(wire)
        problem = _download(wire, "file-1000", files)
        if problem:
            outcomes.violated(f"{what}, the next download: {problem}")
        outcomes.took_for_whole(what, 1000)
        wire.expect("QUIT", 221)


def _ends_properly(data: socket.socket | TlsStream, content: bytearray) -> bool:
    try:
        while part := data.recv(65536):
            content += part
    except (ConnectionError, Truncated, ssl.SSLError):
        return False
    return True


def stay(
    target: Target,
    files: Files,
    choice: random.Random,
    outcomes: Outcomes,
    stopping: threading.Event,
) -> None:
    """A session with many downloads, across reloads and upgrades."""
    what = f"stay wire {'plain' if target.tls is None else 'explicit'}"
    left = choice.uniform(5, STAYS_SECONDS)
    with _failures_are_seen(what, outcomes), _log_in(target) as wire:
        while left > 0 and not stopping.is_set():
            name = f"file-{choice.choice(SIZES[:5])}"
            problem = _download(wire, name, files)
            if problem:
                outcomes.violated(f"{what}: {problem}")
            outcomes.took_for_whole(what, len(name))
            pause = choice.uniform(0.2, 4)
            stopping.wait(pause)
            left -= pause
            wire.expect("NOOP", 200)
        wire.expect("QUIT", 221)
