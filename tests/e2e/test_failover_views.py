# SPDX-License-Identifier: Apache-2.0
"""What operators see of moves: stories, events, metrics and logs."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import ballast
import operators
import waiting
from cluster import Cluster, File, fetch, serving
from scripted import ScriptedServer
from wire import Wire

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

MIB = 1 << 20
CONTENT = os.urandom(3 * MIB)
CUT = 2 * MIB + 300_000

Field = tuple[Cluster, ScriptedServer, ScriptedServer, File]


@pytest.fixture
def field(work: Path) -> Iterator[Field]:
    """The first server breaks off in every download."""
    first = File(CONTENT, breaks_after=CUT, may_break=threading.Event())
    with serving("127.0.0.151", first) as one, serving("127.0.0.152", File(CONTENT)) as two:
        settings = operators.settings(work)
        with Cluster(work, [one, two], settings=settings, failover_samples="64KiB") as it:
            yield it, one, two, first


def _download(wire: Wire, first: File) -> int:
    """The code of the reply."""
    assert first.may_break is not None
    return fetch(wire, "RETR", at=CUT, then=first.may_break.set)[2].code


def _session(work: Path) -> str:
    status, answer = operators.ask(work, "GET", "/v1/sessions")
    assert status == 200
    (session,) = answer["sessions"]
    return str(session["id"])


def _metrics(work: Path) -> dict[str, float]:
    status, page, _ = operators.ask_for(work, "GET", "/metrics")
    assert status == 200
    lines = (line for line in page.decode().splitlines() if line and line[0] != "#")
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_the_story_of_a_download_on_two_backends(field: Field, work: Path) -> None:
    it, _, _, first = field
    with Wire(it.where()).log_in() as wire:
        session = _session(work)
        assert _download(wire, first) == 226
        status, story = operators.ask(work, "GET", f"/v1/sessions/{session}/explain")
        assert status == 200
        facts = {entry["what"]: entry["fields"] for entry in story["entries"]}
        assert facts["moved"]["from"] == "alf1" and facts["moved"]["backend"] == "alf2"
        assert facts["moved"]["cause"] == "lost"
        assert facts["resumed"]["bytes"] == CUT
        said = operators.operate(work, "explain", session).stdout
        assert "went on with backend alf2 instead of alf1" in said
        assert "went on from alf1 instead of alf1" not in said


def test_the_event_of_a_move(field: Field, work: Path) -> None:
    it, one, _, _ = field
    with Wire(it.where()).log_in(), operators.Stream(work, "kind=session_moved") as stream:
        session = _session(work)
        one.stop()
        event = stream.next()
        assert (event["from"], event["backend"], event["cause"]) == ("alf1", "alf2", "lost")
        assert event["session"] == session and event["seconds"] >= 0


def test_metrics_of_moves(field: Field, work: Path) -> None:
    it, _, two, first = field
    before = _metrics(work)
    with Wire(it.where()).log_in() as wire:
        assert _download(wire, first) == 226
        after = _metrics(work)
        changes = {name: after[name] - before.get(name, 0) for name in after}
        assert changes['ballast_sessions_moved_total{cause="lost"}'] == 1
        assert changes["ballast_transfers_resumed_total"] == 1
        assert changes["ballast_resumed_bytes_total"] == CUT
        assert changes["ballast_resumption_pause_seconds_count"] == 1
        assert changes["ballast_resumption_pause_seconds_sum"] < 10
        assert not changes["ballast_sessions_not_moved_total"]
        refused = [name for name in changes if name.startswith("ballast_transfers_not_resumed")]
        assert len(refused) == 3 and not any(changes[name] for name in refused)
        two.stop()
        it.wait_for_moves(2)
    # The other backend has another file.
    first.may_break.clear()  # type: ignore[union-attr]
    two.answers["SIZE"] = "213 5"
    two.start()
    with Wire(it.where()).log_in() as wire:
        before = _metrics(work)
        assert _download(wire, first) == 426
        after = _metrics(work)
        changed = {name for name in after if after[name] != before.get(name, 0)}
        refused = [name for name in changed if name.startswith("ballast_transfers_not_resumed")]
        assert len(refused) == 1, changed
        assert after["ballast_resumed_bytes_total"] == before["ballast_resumed_bytes_total"]


def test_bytes_are_counted_for_the_backend_that_sent_them(field: Field, work: Path) -> None:
    it, _, _, first = field
    with Wire(it.where()).log_in() as wire:
        assert _download(wire, first) == 226
        entry = it.wait_for_transfer(lambda each: each["verb"] == "RETR")
        assert entry["bytes"] == len(CONTENT)
        status, answer = operators.ask(work, "GET", "/v1/backends")
        assert status == 200
        by_name = {each["backend"]: each for each in answer["backends"]}
        assert by_name["alf1"]["sessions"] == 0 and by_name["alf2"]["sessions"] == 1
        assert by_name["alf1"]["transfers"] == by_name["alf2"]["transfers"] == 0


def test_the_xferlog_has_one_line_for_one_download(field: Field, work: Path) -> None:
    it, _, _, first = field
    with Wire(it.where()).log_in() as wire:
        assert _download(wire, first) == 226
        it.wait_for_transfer(lambda each: each["verb"] == "RETR")
    waiting.until("the line", lambda: it.xferlog.read_text().endswith("\n"))
    (line,) = it.xferlog.read_text().splitlines()
    assert line.endswith(" c") and f" {len(CONTENT)} " in line
