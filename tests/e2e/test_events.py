# SPDX-License-Identifier: Apache-2.0
"""What happens, as those hear it who listen."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import operators
import waiting
from ballast import DIRECT, TCP_PROBE, Ballast, Listener, Pool
from certificates import Authority
from farm import Farm, Visit
from operators import Stream, ask, operate
from servers import TESTER

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ["f1", "f2"]) as farm:
        yield farm


def _balancer(work: Path, farm: Farm) -> Ballast:
    pool = Pool("files", farm.backends(max_sessions=100), {"balance": "first"}, probe=TCP_PROBE)
    return Ballast(work, [Listener("ftp", "files")], [pool], settings=operators.settings(work))


def _recent(work: Path, query: str = "") -> list[dict[str, Any]]:
    status, answer = ask(work, "GET", f"/v1/events/recent?{query}")
    assert status == 200, answer
    return answer["events"]


def _wait_for(work: Path, query: str) -> dict[str, Any]:
    def came() -> dict[str, Any] | None:
        events = _recent(work, query)
        return events[-1] if events else None

    return waiting.until(f"the event {query}", came)


def test_recent_events_tell_what_happened_to_backends(work: Path, farm: Farm) -> None:
    with _balancer(work, farm):
        up = _wait_for(work, "kind=backend_up&backend=f1")
        assert up["pool"] == "files" and up["at"].endswith("Z")
        farm["f1"].kill()
        down = _wait_for(work, "kind=backend_down&backend=f1")
        assert "Connection refused" in down["reason"]
        operate(work, "drain", "files/f2")
        drained = _wait_for(work, "kind=backend_drained")
        assert drained["backend"] == "f2" and drained["state"] == "drain"
        kinds = [each["kind"] for each in _recent(work, "backend=f2")]
        assert kinds[-2:] == ["backend_state", "backend_drained"], kinds
        # What came after an event, and the latest ones.
        later = _recent(work, f"last_id={down['id']}")
        assert [each["id"] for each in later] == [
            each["id"] for each in _recent(work) if each["at"] >= drained["at"] or each in later
        ]
        assert _recent(work, "limit=1")[0] == _recent(work)[-1]


def test_reloads_and_listeners_are_events(work: Path, farm: Farm) -> None:
    with _balancer(work, farm) as it:
        opened = _recent(work, "kind=listener_opened")
        assert [each["listener"] for each in opened] == ["ftp", "ftp"]
        it.reload()
        assert _wait_for(work, "kind=reload_applied")["file"] == str(it.configuration)
        it.configuration.write_text("nonsense = 1\n")
        operate(work, "reload", status=1)
        refused = _wait_for(work, "kind=reload_refused")
        assert refused["problems"] >= 1 and "ballast.toml" in refused["reason"]


def test_upgrades_are_events_of_the_process_that_serves(work: Path, farm: Farm) -> None:
    with _balancer(work, farm) as it:
        good = it.configuration.read_text()
        it.configuration.write_text("nonsense = 1\n")
        assert "nonsense" in operate(work, "upgrade", status=1).stderr
        failed = _wait_for(work, "kind=upgrade_failed")
        assert failed["reason"]
        it.configuration.write_text(good)
        it.upgrade()
        # Events belong to their process, which is another one now.
        done = _wait_for(work, "kind=upgrade_done")
        assert done["pid"] == it.pid
        assert _recent(work, "kind=upgrade_failed") == []


def test_a_certificate_that_expires_soon_is_an_event(work: Path, farm: Farm) -> None:
    authority = Authority(work)
    paths = [
        authority.issue("soon", addresses=["127.0.0.1"], ends=timedelta(days=days), file=name)
        for name, days in (("first", 3), ("second", 5))
    ]
    tls = {"certificate": str(paths[0].certificate), "key": str(paths[0].key)}
    pool = Pool("files", farm.backends(), probe=TCP_PROBE)
    listener = Listener("ftp", "files", tls=tls)
    with Ballast(work, [listener], [pool], settings=operators.settings(work)):
        event = _wait_for(work, "kind=certificate_expires")
        assert event["listener"] == "ftp" and event["file"] == tls["certificate"]
        assert event["days_left"] in (2, 3)
        assert _recent(work, "kind=certificate_replaced") == []
        for old, new in ((paths[0].key, paths[1].key), (paths[0].certificate, paths[1].certificate)):
            Path(old).write_bytes(Path(new).read_bytes())
        assert _wait_for(work, "kind=certificate_replaced")["listener"] == "ftp"
        waiting.until(
            "the other one is near its end, too",
            lambda: [each["days_left"] for each in _recent(work, "kind=certificate_expires")][1:]
            in ([4], [5]),
        )


@pytest.mark.parametrize("query", ["kind=backend", "limit=0", "limit=1001", "name=x"])
def test_a_wrong_question_is_refused(query: str, work: Path, farm: Farm) -> None:
    with _balancer(work, farm):
        status, answer = ask(work, "GET", f"/v1/events/recent?{query}")
        assert status == 400 and answer["detail"], answer


def test_a_stream_passes_on_sessions_and_transfers(work: Path, farm: Farm) -> None:
    with _balancer(work, farm) as it, Stream(work, f"user={TESTER.name}") as stream:
        visit = Visit(it.where("ftp"))
        assert stream.next()["kind"] == "session_logged_in"
        visit.storbinary("STOR new", io.BytesIO(b"x" * 1000))
        began = stream.next()
        assert began["kind"] == "transfer_began" and began["file"].endswith("new")
        ended = stream.next()
        assert ended["kind"] == "transfer_ended" and ended["bytes"] == 1000
        assert ended["result"] == "whole" and ended["backend"] == "f1"
        visit.leave()
        assert stream.next()["kind"] == "session_ended"
        # They are not kept.
        assert _recent(work, f"user={TESTER.name}") == []


def test_a_stream_goes_on_where_it_was_cut(work: Path, farm: Farm) -> None:
    with _balancer(work, farm):
        with Stream(work, "kind=backend_state") as stream:
            operate(work, "drain", "files/f1")
            first = stream.next()
        operate(work, "ready", "files/f1")
        operate(work, "disable", "files/f2")
        with Stream(work, "kind=backend_state", first["id"]) as stream:
            assert [stream.next()["state"] for _ in range(2)] == ["ready", "disabled"]
