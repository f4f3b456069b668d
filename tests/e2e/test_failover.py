# SPDX-License-Identifier: Apache-2.0
"""Before login, clients do not notice a backend that does not work."""

import contextlib
import socket
import subprocess
import time
from pathlib import Path

import pytest

import ballast
import clients
import waiting
from ballast import Backend, Ballast, Listener, Place, Pool
from clients import Mode, Target
from netns import Network
from scripted import Answer, Conversation, FullServer, ScriptedServer
from servers import TESTER, PyFtpd
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to try the next backend")

# Every second session would choose the broken backend.
SESSIONS = 20


def _pool(*backends: Backend, probe: object = None, **settings: object) -> Pool:
    base = {"balance": "round-robin", "connect_timeout": "1s", "greeting_timeout": "1s"}
    if probe is None:
        return Pool("alfresco", backends, {**base, **settings})
    assert isinstance(probe, dict)
    return Pool("alfresco", backends, {**base, **settings}, probe)


def _log_in_and_quit(it: Ballast) -> None:
    with Wire(it.where()).log_in() as wire:
        wire.expect("QUIT", 221)


def test_no_session_fails_when_a_backend_is_killed(work: Path) -> None:
    root = work / "files"
    one, two = (PyFtpd(work, root, f"127.0.0.{address}") for address in (41, 42))
    (root / "file").write_bytes(b"the same on both")
    pool = _pool(
        Backend("alf1", one), Backend("alf2", two), probe=ballast.login_probe(work, fall=3)
    )
    with one, two, Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
        for _ in range(4):
            _log_in_and_quit(it)
        assert one.count("login tester") == two.count("login tester") == 2

        mark = it.log_mark()
        one.kill()
        # At once, before a probe can notice: the connect is refused, and the next backend is tried.
        for number in range(SESSIONS):
            curl = clients.Curl(Target(*it.where()), Mode.PASV, work)
            curl.download("file", work / "local")
            assert (work / "local").read_bytes() == b"the same on both", number
        down = it.wait_for_state("alf1", "down", since=mark)
        assert down["pool"] == "alfresco" and down["reason"]
        for _ in range(SESSIONS):
            _log_in_and_quit(it)

        mark = it.log_mark()
        before = one.count("login tester")
        one.start()
        it.wait_for_state("alf1", "up", since=mark)
        for _ in range(SESSIONS):
            _log_in_and_quit(it)
        assert one.count("login tester") - before == pytest.approx(SESSIONS / 2, abs=1)


def test_a_backend_on_ipv6_is_down_where_this_host_has_none(work: Path) -> None:
    # The error is the same as for missing source ports, which is not the backend's fault.
    with Network() as network:
        alone = network.add("alone")
        no_ipv6 = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"
        subprocess.run([*alone.prefix, "sh", "-c", no_ipv6], check=True, timeout=waiting.PATIENCE)
        pool = _pool(Backend("far", Place("2001:db8::1", 21)), probe=ballast.TCP_PROBE)
        listener = Listener("ftp", "alfresco", ["127.0.0.1"])
        with Ballast(work, [listener], [pool], prefix=alone.prefix) as it:
            assert "Cannot assign" in it.wait_for_state("far", "down")["reason"]


def test_a_backend_that_hangs_is_left_after_the_deadline_and_after_its_probes(work: Path) -> None:
    root = work / "files"
    one, two = (PyFtpd(work, root, f"127.0.0.{address}") for address in (41, 42))
    probe = ballast.login_probe(work, timeout="500ms", fall=2)
    pool = _pool(Backend("alf1", one), Backend("alf2", two), probe=probe)
    with one, two, Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
        _log_in_and_quit(it)
        mark = it.log_mark()
        # The kernel still accepts its connections.
        one.pause()
        try:
            for _ in range(4):
                _log_in_and_quit(it)
            it.wait_for_state("alf1", "down", since=mark)
            # From here on no session waits for it.
            began = time.monotonic()
            for _ in range(SESSIONS):
                _log_in_and_quit(it)
            assert time.monotonic() - began < SESSIONS / 2 * 1.0
        finally:
            one.resume()
        it.wait_for_state("alf1", "up", since=mark)


@pytest.mark.parametrize(
    "greeting",
    [
        None,
        "421 Too many connections.",
        "421-Closed\r\n for maintenance\r\n421 until tomorrow.",
        "554 No service.",
        "SSH-2.0-OpenSSH_9.2",
    ],
    ids=["silence", "421", "421-lines", "554", "not-ftp"],
)
def test_a_backend_that_does_not_welcome_is_passed_over(
    greeting: str | None, work: Path
) -> None:
    with (
        ScriptedServer("127.0.0.41", greeting=greeting) as broken,
        ScriptedServer("127.0.0.42") as good,
    ):
        pool = _pool(Backend("broken", broken), Backend("good", good))
        with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
            for _ in range(4):
                _log_in_and_quit(it)
            assert good.count("PASS") == 4
            assert broken.count("USER") == 0
            # It was asked; otherwise the test would show nothing.
            assert broken.conversations


def test_a_backend_that_does_not_accept_is_passed_over(work: Path) -> None:
    full = FullServer("127.0.0.41")
    with contextlib.closing(full), ScriptedServer("127.0.0.42") as good:
        pool = _pool(Backend("full", full), Backend("good", good))
        with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
            for _ in range(4):
                _log_in_and_quit(it)
            assert good.count("PASS") == 4


@pytest.mark.parametrize("answer", ["421 Shutting down.", None], ids=["421", "closed"])
def test_a_backend_that_ends_at_user_is_passed_over(answer: str | None, work: Path) -> None:
    def hang_up(conversation: Conversation, _: str) -> None:
        conversation.connection.shutdown(socket.SHUT_RDWR)

    user: Answer = answer or hang_up
    with (
        ScriptedServer("127.0.0.41", {"USER": user}) as broken,
        ScriptedServer("127.0.0.42") as good,
    ):
        pool = _pool(Backend("broken", broken), Backend("good", good))
        with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
            for _ in range(4):
                _log_in_and_quit(it)
            assert good.count("PASS") == 4
            assert broken.count("PASS") == 0


def test_a_refused_password_is_tried_on_one_backend_only(work: Path) -> None:
    refusal: dict[str, Answer] = {"PASS": "530 Login incorrect."}
    with (
        ScriptedServer("127.0.0.41", refusal) as one,
        ScriptedServer("127.0.0.42", refusal) as two,
    ):
        pool = _pool(Backend("alf1", one), Backend("alf2", two))
        with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
            with Wire(it.where()) as wire:
                wire.greeting()
                wire.expect("USER tester", 331)
                reply = wire.expect("PASS wrong", 530)
                assert reply.text == "530 Login incorrect."
            assert one.count("PASS") + two.count("PASS") == 1


def test_a_refused_user_is_tried_on_one_backend_only(work: Path) -> None:
    refusal: dict[str, Answer] = {"USER": "530 Not you."}
    with (
        ScriptedServer("127.0.0.41", refusal) as one,
        ScriptedServer("127.0.0.42", refusal) as two,
    ):
        pool = _pool(Backend("alf1", one), Backend("alf2", two))
        with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
            with Wire(it.where()) as wire:
                wire.greeting()
                assert wire.expect("USER tester", 530).text == "530 Not you."
            assert one.count("USER") + two.count("USER") == 1


def test_without_any_backend_the_client_hears_421_and_why(work: Path) -> None:
    # Addresses of servers that never run.
    one, two = ScriptedServer("127.0.0.41"), ScriptedServer("127.0.0.42")
    pool = _pool(Backend("alf1", one), Backend("alf2", two))
    with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
        with Wire(it.where()) as wire:
            # A backend is not needed yet.
            wire.greeting()
            wire.expect("SYST", 215)
            reply = wire.expect(f"USER {TESTER.name}", 421)
            assert len(reply.text) > len("421 ")
            assert wire.at_end()
        # As soon as a backend exists, it is used.
        with one:
            waiting.until("a session is served", lambda: _user_is_asked_on(it))


def _user_is_asked_on(it: Ballast) -> bool:
    with Wire(it.where()) as wire:
        wire.greeting()
        return wire.ask("USER tester").code == 331


def test_a_session_ends_with_421_when_its_backend_dies_between_commands(work: Path) -> None:
    with PyFtpd(work, work / "files", "127.0.0.41") as server:
        pool = _pool(Backend("alf1", server))
        with Ballast(work, [Listener("ftp", "alfresco")], [pool]) as it:
            with Wire(it.where()).log_in() as wire:
                with wire.passive() as data:
                    wire.expect("LIST", 150, 125)
                    read_all(data)
                assert wire.reply().code == 226
                server.kill()
                # At once or at the next command, but with a reply.
                wire.send("PWD")
                assert wire.reply().code == 421
                assert wire.at_end()
