# SPDX-License-Identifier: Apache-2.0
"""Balancers that share a store: what operators see and do from any of them, what they know of each
other, and what becomes of it without the store."""

import contextlib
import ftplib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import operators
import waiting
from ballast import DIRECT, Pool, run_ballast
from farm import Farm, Visit, refusal, who
from openapi import Description
from servers import ACCOUNTS, TESTER
from store import Node, Redis, running
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is about balancers")


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ("alf1", "alf2"), accounts=ACCOUNTS, network=2) as farm:
        yield farm


def _pool(farm: Farm, settings: Any = None, **alf1: Any) -> Pool:
    return Pool(
        "alfresco", farm.backends({"alf1": {"max_sessions": 100, **alf1}}), {"balance": "first", **(settings or {})}
    )


def _pair(work: Path, redis: Redis, pool: Pool, **more: Any) -> tuple[Node, Node]:
    return Node(work, "a", redis, [pool], **more), Node(work, "b", redis, [pool], **more)


def test_nodes_see_each_other(farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _pair(work, redis, _pool(farm))
    with running(a, b):
        with contextlib.closing(Visit(b.where())):
            waiting.until("a sees b's session", lambda: a.knows()["b"]["sessions"] == 1)
        known = a.knows()
        assert known["a"]["self"] and not known["b"]["self"]
        assert known["b"]["state"] == "ready"
        assert known["b"]["version"] == run_ballast("version").stdout.split()[1]
        assert 0 <= known["b"]["heartbeat_age"] < 5
        assert known["a"]["heartbeat_age"] is None
        b.operate("drain", "--all")
        waiting.until("a sees that b drains", lambda: a.knows()["b"]["state"] == "drain")
        # The balancer's own state is a node's own.
        assert a.knows()["a"]["state"] == "ready"
        b.stop()
        # It has said goodbye.
        waiting.until("b is gone", lambda: "b" not in a.knows(), 3)
        b.start()


def test_without_a_store_there_is_one_node(farm: Farm, redis: Redis, work: Path) -> None:
    alone = Node(work, "a", redis, [_pool(farm)], cluster={"store": "memory"})
    with alone:
        assert [(each["name"], each["store"]) for each in alone.shown("nodes")] == [("a", "none")]
        done = operators.operate(alone.home, "sessions", "--node", "b", status=1)
        assert "this Ballast knows no other" in done.stderr
        done = operators.operate(alone.home, "nodes", "--rules", status=1)
        assert "does not know the other nodes: it has no store" in done.stderr
    assert redis.keys() == []


def test_what_is_decided_at_one_node_holds_at_all(farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _pair(work, redis, _pool(farm))
    with running(a, b):
        a.operate("drain", "alfresco/alf1")
        b.wait_for_state_of("alf1", "drain")
        line = b.wait_for_log(
            "b's log", lambda line: line["message"] == "an operator has decided at another node"
        )
        assert (line["node"], line["backend"], line["state"]) == ("a", "alf1", "drain")
        assert who(b.where()) == "alf2"
        a.operate("weight", "alfresco/alf2", "7")
        waiting.until(
            "b has the weight", lambda: {each["weight"] for each in b.shown("backends")} == {1, 7}
        )
        # A reload does not bring back what was before.
        b.reload()
        assert b.state_of("alf1") == "drain"
    # All have ended. The store remembers.
    with running(a, b):
        a.wait_for_state_of("alf1", "drain")
        b.wait_for_state_of("alf1", "drain")
        assert {each["weight"] for each in a.shown("backends")} == {1, 7}
        # The latest decision holds, wherever it is made.
        b.operate("ready", "alfresco/alf1")
        a.wait_for_state_of("alf1", "ready")


def test_a_node_that_was_away_follows_the_latest(farm: Farm, redis: Redis, work: Path) -> None:
    state_file = work.parent / f"{work.name[-6:]}-state"
    a = Node(work, "a", redis, [_pool(farm)])
    settings = {"admin": {**operators.settings(work.parent / f"{work.name[-6:]}-b")["admin"],
                          "state_file": str(state_file)}}
    b = Node(work, "b", redis, [_pool(farm)], settings=settings)
    with running(a, b):
        b.operate("drain", "alfresco/alf1")
        a.wait_for_state_of("alf1", "drain")
        b.stop()
        a.operate("ready", "alfresco/alf1")
        # Its own file still says that alf1 drains.
        assert "drain" in state_file.read_text()
        b.start()
        b.wait_for_nodes("a", "b")
        b.wait_for_state_of("alf1", "ready")
        assert a.state_of("alf1") == "ready"
        waiting.until("the file follows", lambda: "drain" not in state_file.read_text())


def test_sessions_are_found_at_their_nodes(farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _pair(work, redis, _pool(farm))
    with running(a, b), contextlib.closing(Visit(a.where())), contextlib.closing(
        Visit(b.where(), ACCOUNTS[1])
    ) as visit:
        assert visit.who() == "alf1"
        found = a.shown("sessions", "--node", "all")
        assert [(each["node"], each["user"]) for each in found] == [
            ("a", TESTER.name),
            ("b", ACCOUNTS[1].name),
        ]
        assert [each["user"] for each in a.shown("sessions", "--node", "b")] == [ACCOUNTS[1].name]
        one_by_one = a.shown("sessions", "--node", "all", "--limit", "1")
        assert [each["node"] for each in one_by_one] == ["a"]
        table = a.operate("sessions", "--node", "all").splitlines()
        assert table[0].startswith("NODE") and [line[0] for line in table[1:]] == ["a", "b"]
        session = found[1]["id"]
        api = Description(a.home)
        for path in ("sessions", "transfers", "explain", "nodes", "generations", "bans"):
            api.ask("GET", f"/v1/{path}?node=b" if path == "nodes" else f"/v1/{path}?node=*")
        for path in (f"sessions/{session}", f"sessions/{session}/explain"):
            assert api.ask("GET", f"/v1/{path}")["node"] == "b"
        story = a.operate("explain", session)
        assert f"session {session}" in story and "node b" in story
        assert a.operate("kill", session) == f"session {session} is ended at node b\n"
        with pytest.raises(ftplib.error_temp, match="421"):
            visit.voidresp()
        waiting.until("it is gone", lambda: not b.shown("sessions"))
        line = b.wait_for_log(
            "who did it",
            lambda line: line["message"] == "an operator's request, by another node",
        )
        assert line["by"].endswith("at a'") and "DELETE" in line["request"], line
        done = operators.operate(a.home, "kill", session, status=1)
        assert "there is no session" in done.stderr


def test_long_lists_come_from_other_nodes(farm: Farm, redis: Redis, work: Path) -> None:
    """An answer of this size goes in several parts, and there is more than one page."""
    count = 1100
    a, b = _pair(work, redis, _pool(farm))
    with running(a, b), contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(Wire(b.where())).greeting()
        for words in (("--node", "b"), ("--node", "all")):
            found = a.shown("sessions", *words)
            assert len({each["id"] for each in found}) == count
        assert {each["node"] for each in found} == {"b"}


def test_a_node_that_hangs_is_missing_in_lists(farm: Farm, redis: Redis, work: Path) -> None:
    pool = _pool(farm)
    long = {"heartbeat": "10s"}
    a, b = _pair(work, redis, pool, cluster=long)
    with running(a, b):
        os.kill(b.pid, signal.SIGSTOP)
        try:
            answer = Description(a.home).ask("GET", "/v1/sessions?node=*")
            [missing] = answer["unanswered"]
            assert missing["node"] == "b" and "does not answer" in missing["reason"]
            done = operators.operate(a.home, "sessions", "--node", "all")
            assert "does not answer" in done.stderr
        finally:
            os.kill(b.pid, signal.SIGCONT)


def test_any_request_reaches_the_named_node(farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _pair(work, redis, _pool(farm))
    with running(a, b):
        a.operate("drain", "--all", "--node", "b")
        assert b.knows()["b"]["state"] == "drain"
        assert a.knows()["a"]["state"] == "ready"
        assert a.operate("reload", "--node", "b") == "reloaded\n"
        status = json.loads(a.operate("status", "--node", "b", "--json"))
        assert status["generations"][0]["pid"] == b.pid
        status_, body, type_ = operators.ask_for(a.home, "GET", "/metrics?node=b")
        assert status_ == 200 and type_.startswith("text/plain")
        assert b"\nballast_state 0" in body or b"ballast_" in body


def test_a_limit_of_a_backend_holds_at_all_nodes(farm: Farm, redis: Redis, work: Path) -> None:
    """Within one heartbeat."""
    pool = Pool("alfresco", farm.backends({"alf1": {"max_sessions": 2}})[:1], {})
    a, b = _pair(work, redis, pool)
    with running(a, b):
        first, second = Visit(a.where()), Visit(a.where(), ACCOUNTS[1])
        waiting.until("b knows", lambda: b.knows()["a"]["sessions"] == 2)
        assert refusal(b.where()).startswith("421")
        first.leave()
        waiting.until("b knows", lambda: b.knows()["a"]["sessions"] == 1)
        assert who(b.where()) == "alf1"
        second.leave()


def test_a_client_returns_to_its_backend_at_any_node(
    farm: Farm, redis: Redis, work: Path
) -> None:
    pool = _pool(farm, {"stick": {"by": "network"}}, max_sessions=1)
    a, b = _pair(work, redis, pool)
    near = "127.0.41.7"
    with running(a, b):
        other = Visit(a.where(), ACCOUNTS[1], source="127.0.99.99")
        assert other.who() == "alf1"
        assert who(a.where(), source=near) == "alf2"
        other.leave()
        waiting.until(
            "b knows where it was",
            lambda: '"alf2"' in b.operate("stickiness", "alfresco", "--json"),
        )
        assert who(b.where(), source=near) == "alf2"
        # `first` sends everybody else to the first, which is free again.
        waiting.until("b knows that", lambda: b.knows()["a"]["sessions"] == 0)
        assert who(b.where(), source="127.0.43.7") == "alf1"


@pytest.mark.parametrize("how", ["hung", "killed"])
def test_without_the_store_nodes_go_on(how: str, farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _pair(work, redis, _pool(farm))
    with running(a, b), Wire(a.where()).log_in() as wire, wire.passive() as upload:
        wire.expect("STOR slow", 150, 125)
        upload.sendall(b"before ")
        a.operate("drain", "alfresco/alf2")
        b.wait_for_state_of("alf2", "drain")
        if how == "hung":
            redis.pause()
        else:
            redis.kill()
        for node in (a, b):
            node.wait_for_store("lost")
        upload.sendall(b"without ")
        for node in (a, b):
            assert who(node.where()) == "alf1"
            # What others are is as it was last seen.
            assert set(node.knows()) == {"a", "b"}
        # One says that it cannot be asked, the other decides for itself.
        done = operators.operate(a.home, "sessions", "--node", "b", status=1)
        assert "does not answer" in done.stderr
        b.operate("ready", "alfresco/alf2")
        assert a.state_of("alf2") == "drain"
        for node in (a, b):
            warnings = [
                line
                for line in node.log_lines()
                if line["level"] == "warning" and "store" in line["message"]
            ]
            assert len(warnings) == 1, warnings
        if how == "hung":
            redis.resume()
        else:
            redis.start()
        for node in (a, b):
            node.wait_for_nodes("a", "b")
        a.wait_for_state_of("alf2", "ready")
        upload.sendall(b"after")
        upload.close()
        assert wire.reply().code == 226
        assert (farm["alf1"].root / "slow").read_bytes() == b"before without after"


def test_a_wiped_store_is_told_again(farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _pair(work, redis, _pool(farm))
    with running(a, b):
        a.operate("drain", "alfresco/alf1")
        b.wait_for_state_of("alf1", "drain")
        redis.ask("FLUSHALL")
        waiting.until("it is told again", lambda: redis.keys("*:states:*"))
        with Node(work, "c", redis, [_pool(farm)]) as c:
            c.wait_for_nodes("a", "b", "c")
            c.wait_for_state_of("alf1", "drain")
        waiting.until("c is gone", lambda: set(a.knows()) == {"a", "b"})


def test_a_full_store_is_as_good_as_none(farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _pair(work, redis, _pool(farm))
    with running(a, b):
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        for node in (a, b):
            node.wait_for_store("lost")
            assert who(node.where()) == "alf1"
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        for node in (a, b):
            node.wait_for_nodes("a", "b")


def test_what_another_version_says_is_ignored(farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _pair(work, redis, _pool(farm))
    with running(a, b):
        log = next(each for each in redis.keys() if each.endswith(":v1:log"))
        own = next(each for each in redis.keys() if ":v1:nodes:" in each)
        redis.ask("SET", own.replace(":v1:", ":v2:"), "nobody knows")
        redis.ask("SET", own.replace(":nodes:a", ":nodes:x").replace(":nodes:b", ":nodes:x"), "?")
        redis.ask("SET", own.replace(":nodes:", ":weather:"), "rain")
        redis.ask("XADD", log, "*", "kind", "weather", "body", "rain")
        redis.ask("XADD", log, "*", "x", "y")
        a.operate("drain", "alfresco/alf1")
        b.wait_for_state_of("alf1", "drain")
        assert set(a.knows()) == {"a", "b"}


def test_nothing_secret_is_in_the_store(farm: Farm, redis: Redis, work: Path) -> None:
    pool = _pool(farm, {"stick": {"by": "user"}})
    a, b = _pair(work, redis, pool)
    with running(a, b):
        assert who(a.where()) == "alf1"
        a.operate("drain", "alfresco/alf2")
        b.wait_for_state_of("alf2", "drain")
        waiting.until(
            "b knows the user", lambda: "alf1" in b.operate("stickiness", "alfresco", "--json")
        )
        redis.ask("SAVE")
        dump = (work / "redis/dump.rdb").read_bytes()
        for word in (TESTER.name, TESTER.password, "127.0.0.1", "alf1", "alf2", "drain"):
            assert word.encode() not in dump, word


def test_an_upgrade_keeps_the_name(farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _pair(work, redis, _pool(farm))
    with running(a, b), contextlib.closing(Visit(a.where())) as visit:
        former = a.upgrade()
        b.wait_for_nodes("a", "b", f"a.{former}")
        a.wait_for_nodes("a", "b", f"a.{former}")
        old = b.knows()[f"a.{former}"]
        assert (old["state"], old["sessions"]) == ("replaced", 1)
        assert b.knows()["a"]["sessions"] == 0
        # Its sessions are found, too.
        found = b.shown("sessions", "--node", "all")
        assert [each["node"] for each in found] == [f"a.{former}"]
        assert visit.who() == "alf1"
        visit.leave()
        b.wait_for_nodes("a", "b")
        for node in (a, b):
            assert not [line for line in node.log_lines() if "same name" in line["message"]]
