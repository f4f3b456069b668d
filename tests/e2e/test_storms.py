# SPDX-License-Identifier: Apache-2.0
"""Masses of clients without an account: their cost for backends, for other clients and for the log.
Also a backend that is Ballast itself, for which one client is enough."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from ballast import DIRECT, NO_PROBE, Backend, Ballast, Listener, Place, Pool, run_ballast
from ports import free_port
from scripted import Conversation, ScriptedServer
from servers import TESTER
from wire import SECONDS, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the bounds are the balancer's")

STRANGER = "127.0.0.66"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer("127.0.0.166") as server:
        yield server


def _ballast(work: Path, server: ScriptedServer, **more: object) -> Ballast:
    backend = dict(more.pop("backend", {}))  # type: ignore[call-overload]
    listener = dict(more.pop("listener", {}))  # type: ignore[call-overload]
    return Ballast(
        work,
        [Listener("ftp", "files", settings=listener)],
        [Pool("files", [Backend("only", server, backend)], probe=NO_PROBE)],
        settings={"workers": 2, **more},
    )


def test_user_again_and_again_is_one_connection_to_the_backend(
    work: Path, server: ScriptedServer
) -> None:
    with _ballast(work, server) as ballast, Wire(ballast.where()) as wire:
        wire.greeting()
        codes = [wire.ask(f"USER user{i}").code for i in range(11)]
        assert codes == [331] * 10 + [421]
        assert wire.at_end()
        # The survey sends no USER.
        heard = [each.commands for each in server.conversations]
        assert sum(any(line.startswith("USER") for line in lines) for lines in heard) == 1


def test_seats_held_without_a_password_go_to_one_who_logs_in(
    work: Path, server: ScriptedServer
) -> None:
    with (
        _ballast(work, server, backend={"max_sessions": 20}) as ballast,
        ExitStack() as stack,
    ):
        held = [stack.enter_context(Wire(ballast.where(), source=STRANGER)) for _ in range(20)]
        for wire in held:
            wire.greeting()
            wire.expect(f"USER {TESTER.name}", 331)
        with Wire(ballast.where()) as wire:
            wire.greeting()
            wire.expect(f"USER {TESTER.name}", 331)
            wire.expect(f"PASS {TESTER.password}", 230)
        # The client that lost its seat can still log in.
        held[0].expect(f"PASS {TESTER.password}", 230)
        assert ballast.counters()["seats_recalled"] == 1


def test_a_denied_address_uses_up_no_rate_and_fills_no_log(
    work: Path, server: ScriptedServer
) -> None:
    with _ballast(
        work,
        server,
        listener={"deny_from": [STRANGER]},
        limits={"session_rate": 5},
    ) as ballast:
        for _ in range(300):
            with Wire(ballast.where(), source=STRANGER) as wire:
                assert "not admitted" in wire.reply().text
        with Wire(ballast.where()) as wire:
            wire.greeting()
        assert ballast.counters()["sessions_not_admitted"] == 300
        lines = [line for line in ballast.log_lines() if line["message"] == "not admitted"]
        assert 1 <= len(lines) <= 30, len(lines)


def test_a_flood_at_an_uploads_end_holds_up_neither_others_nor_a_stop(work: Path) -> None:
    ended, stored = threading.Event(), threading.Event()

    def store(conversation: Conversation, _: str) -> str:
        conversation.say("150 Send it.")
        with conversation.data() as data:
            assert read_all(data) == b"whole"
        ended.set()
        stored.wait(SECONDS)
        return "226 Stored."

    def flood(wire: Wire) -> None:
        with suppress(OSError):
            while True:
                wire.send_bytes(b"NOOP\r\n" * 10_000)

    with ExitStack() as stack:
        server = stack.enter_context(ScriptedServer("127.0.0.166", {"STOR": store}))
        stack.callback(stored.set)
        ballast = _ballast(work, server, workers=1, shutdown_timeout="500ms")
        ballast.ends_with = {0, 3}  # the flooding session is cut
        # At its end the daemon must stop within `Ballast`'s time, although the flood continues.
        with ballast:
            flooder = stack.enter_context(Wire(ballast.where())).log_in()
            other = stack.enter_context(Wire(ballast.where(), source=STRANGER)).log_in()
            with flooder.passive() as data:
                flooder.expect("STOR file", 150)
                data.sendall(b"whole")
            assert ended.wait(SECONDS)
            before = ballast.resident_bytes()
            thread = threading.Thread(target=flood, args=(flooder,))
            stack.callback(thread.join)
            thread.start()
            for _ in range(200):
                other.expect("NOOP", 200)
            ballast.assert_grown_less(16 * 2**20, since=before)


LOOP = """
[listener.ftp]
bind = ["{bind}:{port}"]
passive_ports = "{passive}-{passive}"
pool = "files"

[pool.files]
probe = {{ type = "none" }}

[[pool.files.backend]]
name = "itself"
address = "{address}:{port}"
"""


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "localhost"),
        ("0.0.0.0", "127.8.8.8"),
    ],
)
def test_a_backend_that_leads_back_is_found_by_check(bind: str, address: str, work: Path) -> None:
    path = work / "ballast.toml"
    path.write_text(
        LOOP.format(bind=bind, address=address, port=free_port(), passive=free_port())
    )
    done = run_ballast("check", "-c", path)
    assert done.returncode == 1, done
    assert "is listener.ftp itself" in done.stdout + done.stderr


def test_a_session_that_comes_from_ballast_itself_is_refused(work: Path) -> None:
    # A host name, because `run` does not look it up before it starts.
    port = free_port()
    ballast = Ballast(
        work,
        [Listener("ftp", "files", port=port, addresses=("127.0.0.1",))],
        [Pool("files", [Backend("itself", Place("localhost", port))], probe=NO_PROBE)],
        settings={"workers": 2},
    )
    with ballast, Wire(ballast.where()) as wire:
        wire.greeting()
        # The survey is tried once the name has been looked up.
        ballast.wait_for_log("the survey", lambda line: "surveyed" in line["message"])
        assert wire.ask("USER anna").code == 421
        counters = ballast.counters()
        assert counters["sessions_from_ourselves"] >= 1
        assert counters["sessions_accepted"] <= 2
