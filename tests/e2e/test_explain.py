# SPDX-License-Identifier: Apache-2.0
"""The stories of sessions, as operators get them, with real clients and servers."""

import datetime
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

import operators
import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Place, Pool
from farm import Farm, Visit
from operators import ask
from ports import free_port
from servers import TESTER
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Any:
    with Farm(module_work, ["f1", "f2"]) as farm:
        yield farm


def _balancer(work: Path, farm: Farm, more: list[Backend] | None = None, **admin: Any) -> Ballast:
    pool = Pool("files", [*(more or []), *farm.backends(max_sessions=100)], {"balance": "first"})
    return Ballast(
        work, [Listener("ftp", "files")], [pool], settings=operators.settings(work, **admin)
    )


def _find(work: Path, **query: str) -> list[dict[str, Any]]:
    status, answer = ask(work, "GET", f"/v1/explain?{urlencode(query, quote_via=quote)}")
    assert status == 200, answer
    return answer["stories"]


def _only(work: Path, **query: str) -> dict[str, Any]:
    found = _find(work, **query)
    assert len(found) == 1, found
    return found[0]


def _explain(work: Path, session: str) -> dict[str, Any]:
    status, answer = ask(work, "GET", f"/v1/sessions/{session}/explain")
    assert status == 200, answer
    return answer


def _wait_for_end(work: Path, **query: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        found = _find(work, **query)
        return found[0] if found and found[0]["ended_at"] else None

    return waiting.until("the session has ended", ended)


def _entries(story: dict[str, Any], what: str) -> list[dict[str, Any]]:
    return [each for each in story["entries"] if each["what"] == what]


def test_a_story_tells_a_session_from_accept_to_now(work: Path, farm: Farm) -> None:
    with _balancer(work, farm) as it:
        visit = Visit(it.where("ftp"))
        visit.storbinary("STOR report.csv", io.BytesIO(b"x" * 100_000))
        visit.voidcmd("NOOP")
        head = _only(work, user=TESTER.name)
        assert head["ended_at"] is None and head["backend"] == "f1" and head["transfers"] == 1
        story = _explain(work, head["session"])
        kinds = [each["what"] for each in story["entries"]]
        assert kinds[0] == "accepted" and kinds[-1] == "now", kinds
        for kind in ("routed", "chosen", "connected", "logged_in", "command", "transfer"):
            assert kind in kinds, kinds
        assert [each["fields"]["backend"] for each in _entries(story, "candidate")] == ["f1", "f2"]
        (transfer,) = _entries(story, "transfer")
        assert transfer["fields"]["result"] == "whole" and transfer["fields"]["bytes"] == 100_000
        assert transfer["fields"]["code"] == 226
        assert transfer["fields"]["file"].endswith("report.csv")
        assert "first_byte" in transfer["fields"], transfer
        assert transfer["text"].startswith("STOR report.csv")
        lines = [each["fields"]["line"] for each in _entries(story, "command")]
        assert lines[:2] == [f"USER {TESTER.name}", "PASS"] and lines[-1] == "NOOP", lines
        assert TESTER.password not in json.dumps(story)
        afters = [each["after"] for each in story["entries"]]
        assert afters == sorted(afters)
        visit.leave()
        ended = _wait_for_end(work, user=TESTER.name)
        assert ended["reason"] == "the client said QUIT"
        assert _explain(work, head["session"])["entries"][-1]["what"] == "ended"


def test_why_a_backend_was_passed_over(work: Path, farm: Farm) -> None:
    nobody = Backend("nobody", Place("127.0.0.1", free_port()), {"max_sessions": 100})
    with _balancer(work, farm, [nobody]) as it:
        visit = Visit(it.where("ftp"))
        story = _explain(work, _only(work, user=TESTER.name)["session"])
        (failed,) = _entries(story, "attempt_failed")
        assert failed["fields"]["backend"] == "nobody"
        assert "Connection refused" in failed["fields"]["reason"]
        assert [each["fields"]["backend"] for each in _entries(story, "chosen")] == ["nobody", "f1"]
        assert "nobody" in [each["fields"]["backend"] for each in _entries(story, "not_candidate")]
        assert _find(work, backend="nobody") and not _find(work, backend="f2")
        visit.leave()


def test_a_failed_upload_is_found_an_hour_later(work: Path, farm: Farm) -> None:
    with _balancer(work, farm) as it:
        with Wire(it.where("ftp")) as client:
            client.log_in()
            data = client.passive()
            client.expect("STOR broken report.csv", 150, 125)
            data.sendall(b"x" * 1000)
            client.close()
            data.close()
        with Wire(it.where("ftp")) as client:
            client.log_in()
            client.expect("QUIT", 221)
        head = _wait_for_end(work, file="broken report.csv", failed="true")
        assert head["failed_transfers"] == 1
        (match,) = head["entries"]
        assert match["fields"]["result"] == "failed" and "control connection" in match["text"]
        at = datetime.datetime.fromisoformat(match["at"])
        minute = datetime.timedelta(minutes=1)
        before, after = ((at + each).isoformat() for each in (-minute, minute))
        assert _find(work, failed="true", **{"from": before, "to": after})
        assert not _find(work, failed="true", **{"from": after})
        assert not _find(work, failed="true", to=before)
        assert not _find(work, file="other report.csv")
        assert not _find(work, user="nobody")
        client_address = head["client"].rpartition(":")[0]
        assert len(_find(work, client=client_address.strip("[]"))) == 2


def test_names_of_peers_are_safe_in_the_answer(work: Path, farm: Farm) -> None:
    with _balancer(work, farm) as it, Wire(it.where("ftp")) as client:
        client.log_in()
        client.send_bytes(b'CWD a\x1b[31m\xff"\\\r\n')
        client.reply()
        story = _explain(work, _only(work, user=TESTER.name)["session"])
        assert _entries(story, "command")[-1]["fields"]["line"] == 'CWD a\x1b[31m\xff"\\'


def test_the_oldest_stories_go_first(work: Path, farm: Farm) -> None:
    with _balancer(work, farm, explain_memory="32KiB") as it:
        first = None
        for number in range(150):
            visit = Visit(it.where("ftp"), None)
            if number == 0:
                first = _only(work)["session"]
            visit.leave()

        def settled() -> dict[str, Any] | None:
            status, answer = ask(work, "GET", "/v1/explain?limit=1000")
            assert status == 200
            return answer if all(each["ended_at"] for each in answer["stories"]) else None

        answer = waiting.until("all have ended", settled)
        memory = answer["memory"]
        assert memory["limit"] == 32768 and memory["ended"] <= 32768 and memory["running"] == 0
        assert 30 < memory["stories"] < 150 and len(answer["stories"]) == memory["stories"]
        status, refusal = ask(work, "GET", f"/v1/sessions/{first}/explain")
        assert status == 404 and "explain_memory" in refusal["detail"]
        # Page by page, the newest first.
        seen: list[str] = []
        after = ""
        while True:
            status, page = ask(work, "GET", f"/v1/explain?limit=7{after}")
            assert status == 200 and len(page["stories"]) <= 7
            seen += [each["session"] for each in page["stories"]]
            if "next" not in page:
                break
            after = f"&after={page['next']}"
        assert seen == [each["session"] for each in answer["stories"]]


def test_no_stories_are_kept_without_memory(work: Path, farm: Farm) -> None:
    with _balancer(work, farm, explain_memory="0B") as it:
        visit = Visit(it.where("ftp"))
        assert _find(work) == []
        visit.leave()
        status, answer = ask(work, "GET", "/v1/sessions/1/explain")
        assert status == 404 and "no stories are kept" in answer["detail"]


@pytest.mark.parametrize(
    "query", ["from=yesterday", "limit=0", "limit=1001", "failed=perhaps", "after=x", "name=anna"]
)
def test_a_wrong_search_is_refused(query: str, work: Path, farm: Farm) -> None:
    with _balancer(work, farm):
        status, answer = ask(work, "GET", f"/v1/explain?{query}")
        assert status == 400 and answer["detail"], answer
