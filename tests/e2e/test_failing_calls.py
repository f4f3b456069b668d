# SPDX-License-Identifier: Apache-2.0
"""The system refuses a call of Ballast itself: one session may fail, politely, and nothing else.
Every call of a session is tried, one by one."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ballast import BINARY, DIRECT, NO_PROBE, TCP_PROBE, Backend, Ballast, Listener, Place, Pool
from certificates import Authority, for_loopback
from failing_calls import FailingCalls
from ports import free_port
from scripted import Conversation, ScriptedServer
from tls import Truncated, client_context
from wire import Closed, TlsWire, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="it is the balancer's calls that fail")

CONTENT = b"some bytes" * 100
# More calls of one kind than a session and the probes beside it make.
CALLS_MAX = 200
SECONDS = 10.0


def _send(conversation: Conversation, _: str) -> str:
    conversation.say("150 Here it comes.")
    with contextlib.suppress(OSError), conversation.data() as data:
        data.sendall(CONTENT)
    return "226 Sent."


def _receive(conversation: Conversation, _: str) -> str:
    conversation.say("150 Send it.")
    with contextlib.suppress(OSError), conversation.data() as data:
        read_all(data)
    return "226 Stored."


@dataclass
class Field:
    calls: FailingCalls
    ballast: Ballast


@pytest.fixture
def field(work: Path) -> Iterator[Field]:
    """A new daemon for each call, because open passive ports and pipes stay."""
    calls = FailingCalls(work)
    with ScriptedServer("127.0.0.65", {"RETR": _send, "STOR": _receive}) as server:
        listener = Listener(
            "ftp",
            "pool",
            ("127.0.0.1",),
            {"data_connect_timeout": "1s", "upload_end_grace": "0s"},
        )
        pool = Pool("pool", [Backend("only", server)], {"observe": {"failures": 1}}, TCP_PROBE)
        settings = {"workers": 1}
        prefix = calls.prefix
        ballast = Ballast(work, [listener], [pool], settings=settings, prefix=prefix)
        with ballast:
            ballast.wait_for_state("only", "up")
            yield Field(calls, ballast)


def _transfer(wire: Wire, verb: str, active: bool) -> int:
    """Returns the last reply's code."""
    if active:
        with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
            listener.settimeout(SECONDS)
            reply = wire.ask(f"EPRT |1|127.0.0.1|{listener.getsockname()[1]}|")
            if reply.code != 200:
                return reply.code
            wire.send(f"{verb} file")
            first = wire.reply(SECONDS)
            if first.code != 150:
                return first.code
            data, _ = listener.accept()
    else:
        reply = wire.ask("EPSV")
        if reply.code != 229:
            return reply.code
        port = int(reply.text.split("|")[3])
        data = socket.create_connection(("127.0.0.1", port), SECONDS)
        wire.send(f"{verb} file")
        first = wire.reply(SECONDS)
        if first.code != 150:
            data.close()
            return first.code
    is_whole = True
    with data:
        data.settimeout(SECONDS)
        try:
            if verb == "RETR":
                is_whole = read_all(data) == CONTENT
            else:
                data.sendall(CONTENT)
        except OSError:
            is_whole = False
    last = wire.reply(SECONDS)
    assert is_whole or last.code != 226, last
    return last.code


def _session(where: tuple[str, int]) -> list[int]:
    """Returns the reply codes, and 0 at the end if the connection ended."""
    codes: list[int] = []
    try:
        with Wire(where) as wire:
            codes.append(wire.reply(SECONDS).code)
            for command in ("USER tester", "PASS secret", "TYPE I"):
                if codes[-1] < 400:
                    codes.append(wire.ask(command).code)
            for verb, active in (("RETR", False), ("STOR", False), ("RETR", True)):
                if 421 not in codes and 530 not in codes:
                    codes.append(_transfer(wire, verb, active))
            if 421 not in codes:
                codes.append(wire.ask("QUIT").code)
    except (Closed, OSError) as end:
        assert not isinstance(end, TimeoutError), codes
        codes.append(0)
    return codes


WHOLE = [220, 331, 230, 200, 226, 226, 226, 221]
POLITE = {*WHOLE, 0, 421, 425, 426, 451}


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("socket", "EMFILE"),
        ("socket", "ENFILE"),
        ("socket", "ENOBUFS"),
        ("connect", "EADDRNOTAVAIL"),
        ("accept4", "EMFILE"),
        ("accept4", "EPERM"),
        ("bind", "ENOMEM"),
        ("listen", "EADDRINUSE"),
        ("epoll_ctl", "ENOSPC"),
        ("epoll_ctl", "ENOMEM"),
        ("pipe2", "EMFILE"),
        ("fcntl", "EPERM"),
        ("setsockopt", "ENOMEM"),
        ("getsockopt", "ENOBUFS"),
        ("getsockname", "ENOBUFS"),
        ("splice", "ENOMEM"),
        ("send", "ENOBUFS"),
        ("recv", "ENOMEM"),
    ],
)
def test_one_call_that_fails_hurts_one_session_at_most(
    call: str, error: str, field: Field
) -> None:
    where = field.ballast.where()
    mark = field.ballast.log_mark()
    with Wire(where).log_in() as other:
        for after in range(CALLS_MAX):
            with field.calls.one(call, error, after):
                codes = _session(where)
                has_failed = field.calls.hits > 0
            assert set(codes) <= POLITE, (after, codes)
            other.expect("NOOP", 200)
            field.ballast.assert_alive()
            if not has_failed:
                assert codes == WHOLE
                break
        else:
            raise AssertionError("a session makes ever more calls")
        assert after > 0, f"nothing calls {call}, so nothing was tried"
    assert _session(where) == WHOLE
    # Nothing was held against the backend.
    said = {line["message"] for line in field.ballast.log_lines()[mark:]}
    assert not said & {"backend down", "backend ejected"}, said


def test_a_system_that_does_not_tell_its_addresses_stops_no_start(work: Path) -> None:
    calls = FailingCalls(work)
    pool = Pool("pool", [Backend("none", Place("127.0.0.1", free_port()))])
    it = Ballast(work, [Listener("ftp", "pool")], [pool])
    it.configuration.write_text(it.text())
    command = [*calls.prefix, BINARY, "check", "-c", it.configuration]
    with calls.one("getifaddrs", "EAFNOSUPPORT", 0):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert calls.hits == 1
    assert done.returncode == 0, done.stderr
    assert "warning: cannot get this machine's addresses" in done.stderr


@pytest.mark.parametrize("call", ["SSL_new", "BIO_new"])
def test_tls_without_memory_ends_one_session_at_most(call: str, work: Path) -> None:
    calls = FailingCalls(work)
    authority = Authority(work)
    identity = for_loopback(authority, "ftp.example.com")
    tls = {"certificate": identity.certificate, "key": identity.key}
    context = client_context(authority.certificate)

    def is_whole() -> bool:
        try:
            with TlsWire(ballast.where(), context) as wire:
                wire.log_in_protected()
                wire.expect("QUIT", 221)
        except (Closed, Truncated, OSError, AssertionError):
            return False
        return True

    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ScriptedServer("127.0.0.65"))
        pool = Pool("pool", [Backend("only", server)], probe=NO_PROBE)
        ballast = Ballast(work, [Listener("ftp", "pool", tls=tls)], [pool], prefix=calls.prefix)
        stack.enter_context(ballast)
        other = stack.enter_context(TlsWire(ballast.where(), context)).log_in_protected()
        for after in range(CALLS_MAX):
            with calls.one(call, "ENOMEM", after):
                ended_well = is_whole()
                has_failed = calls.hits > 0
            other.expect("NOOP", 200)
            ballast.assert_alive()
            assert ended_well != has_failed
            if not has_failed:
                break
        else:
            raise AssertionError("a session makes ever more calls")
        assert after > 0, f"nothing calls {call}, so nothing was tried"
