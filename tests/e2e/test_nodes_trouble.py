# SPDX-License-Identifier: Apache-2.0
"""Balancers that share a store, in trouble: a slow store, a node apart from it, dead nodes, wrong
clocks, another secret, upgrades that fail."""

import base64
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import waiting
from ballast import DIRECT, TCP_PROBE, Pool, run_ballast
from certificates import Authority, for_loopback
from farm import Farm, Visit, refusal, who
from gate import Gate
from servers import ACCOUNTS
from store import Node, Redis, running

pytestmark = pytest.mark.skipif(DIRECT, reason="this is about balancers")


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ("alf1", "alf2"), accounts=ACCOUNTS, network=2) as farm:
        yield farm


@pytest.fixture
def pool(farm: Farm) -> Pool:
    return Pool("alfresco", farm.backends({"alf1": {"max_sessions": 2}})[:1], {})


def _gate(redis: Redis) -> Gate:
    return Gate("127.0.0.1", ("127.0.0.1", redis.port))


def _behind(gate: Gate) -> dict[str, Any]:
    return {"store": f"redis://127.0.0.1:{gate.port}"}


def test_three_nodes_count_together(redis: Redis, pool: Pool, work: Path) -> None:
    nodes = [Node(work, name, redis, [pool]) for name in ("a", "b", "c")]
    a, b, c = nodes
    with running(*nodes):
        visits = [Visit(a.where()), Visit(b.where(), ACCOUNTS[1])]
        waiting.until(
            "c knows", lambda: [c.knows()[each]["sessions"] for each in ("a", "b")] == [1, 1]
        )
        assert refusal(c.where()).startswith("421")
        for visit in visits:
            visit.leave()
        waiting.until(
            "c knows", lambda: [c.knows()[each]["sessions"] for each in ("a", "b")] == [0, 0]
        )
        assert who(c.where()) == "alf1"


def test_a_slow_store_delays_news_and_no_client(redis: Redis, pool: Pool, work: Path) -> None:
    with _gate(redis) as gate:
        gate.control.delay = 0.1
        a = Node(work, "a", redis, [pool])
        b = Node(work, "b", redis, [pool], cluster={**_behind(gate), "timeout": "5s"})
        with running(a, b):
            a.operate("drain", "alfresco/alf1")
            b.wait_for_state_of("alf1", "drain")
            b.operate("ready", "alfresco/alf1")
            a.wait_for_state_of("alf1", "ready")
            for node in (a, b):
                assert who(node.where()) == "alf1"


def test_a_node_apart_from_the_store_goes_on_and_comes_back(
    redis: Redis, pool: Pool, work: Path
) -> None:
    """It keeps the sessions of others as it has last seen them, and they forget its own."""
    with _gate(redis) as gate:
        a = Node(work, "a", redis, [pool])
        b = Node(work, "b", redis, [pool], cluster=_behind(gate))
        with running(a, b), contextlib.closing(Visit(a.where())), contextlib.closing(
            Visit(b.where())
        ):
            waiting.until("b knows", lambda: b.knows()["a"]["sessions"] == 1)
            gate.control.stall()
            b.wait_for_store("lost")
            waiting.until("a misses b", lambda: "b" not in a.knows())
            # b goes on counting: one here, one at a.
            assert refusal(b.where()).startswith("421")
            # For a there is room again.
            assert who(a.where()) == "alf1"
            a.operate("drain", "alfresco/alf1")
            assert b.state_of("alf1") == "ready"
            gate.control.release()
            gate.cut()
            b.wait_for_nodes("a", "b")
            b.wait_for_state_of("alf1", "drain")
            a.wait_for_nodes("a", "b")


def test_what_a_dead_node_had_is_free_after_five_heartbeats(
    redis: Redis, pool: Pool, work: Path
) -> None:
    a, b = Node(work, "a", redis, [pool]), Node(work, "b", redis, [pool])
    with running(a):
        b.start()
        try:
            a.wait_for_nodes("a", "b")
            visits = [Visit(b.where()), Visit(b.where(), ACCOUNTS[1])]
            waiting.until("a knows", lambda: a.knows()["b"]["sessions"] == 2)
            assert refusal(a.where()).startswith("421")
        finally:
            b.kill()
        waiting.until("b is taken for dead", lambda: "b" not in a.knows(), 5)
        assert who(a.where()) == "alf1"
        for visit in visits:
            visit.close()


def test_a_wrong_clock_does_no_harm(redis: Redis, pool: Pool, work: Path) -> None:
    """The clock of b is an hour fast, that of c a day slow. The latest decision holds."""
    library = work / "wrong_clock.so"
    source = Path(__file__).with_name("wrong_clock.c")
    command = ["clang-19", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True, timeout=60)

    def wrong(name: str, seconds: int) -> Node:
        prefix = ("env", f"LD_PRELOAD={library}", f"WRONG_CLOCK={seconds}")
        return Node(work, name, redis, [pool], prefix=prefix)

    nodes = [Node(work, "a", redis, [pool]), wrong("b", 3600), wrong("c", -86400)]
    with running(*nodes):
        times = [node.log_lines()[0]["time"] for node in nodes]
        assert times[2] < times[0] < times[1], "the clocks are not wrong"
        for decider in (1, 2, 0, 2, 1, 0):
            for state in ("drain", "ready"):
                nodes[decider].operate(state, "alfresco/alf1")
                for node in nodes:
                    node.wait_for_state_of("alf1", state)
        for node in nodes:
            assert all(
                each["heartbeat_age"] < 5 for each in node.shown("nodes") if not each["self"]
            )


def test_a_node_with_another_secret_goes_on_alone(redis: Redis, pool: Pool, work: Path) -> None:
    other = work / "other.secret"
    other.write_text(base64.b64encode(os.urandom(48)).decode())
    other.chmod(0o600)
    a = Node(work, "a", redis, [pool])
    b = Node(work, "b", redis, [pool], cluster={"secret_file": str(other)})
    with a, b:
        for node in (a, b):
            warning = node.wait_for_log(
                "the warning",
                lambda line: line["level"] == "warning" and "secret" in line["message"],
            )
            assert warning["node"] != node.name
        b.operate("drain", "alfresco/alf1")
        assert set(a.knows()) == {"a"} and set(b.knows()) == {"b"}
        assert a.state_of("alf1") == "ready"
        assert who(a.where()) == "alf1"


def test_a_reload_reads_the_password_of_the_store_again(
    redis: Redis, pool: Pool, work: Path
) -> None:
    password = work / "password"

    def change_to(word: str) -> None:
        redis.ask("CONFIG", "SET", "requirepass", word)
        redis.password = word

    change_to("one")
    password.write_text("one\n")
    password.chmod(0o600)
    with Node(work, "a", redis, [pool], cluster={"password_file": str(password)}) as a:
        a.wait_for_store("connected")
        assert "nodes         1\n" in a.operate("status")
        change_to("two")
        redis.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        a.wait_for_store("lost")
        assert "nodes         the store does not answer" in a.operate("status")
        a.reload()
        password.write_text("two\n")
        a.reload()
        a.wait_for_store("connected")
        # A bad file changes nothing.
        password.write_text("\n")
        a.reload("the configuration was not reloaded, nothing has changed")
        problem = a.wait_for_log("it", lambda line: line["message"] == "configuration error")
        assert problem["key"] == "cluster.password_file"
        assert "holds no password" in problem["reason"]
        assert a.knows()["a"]["store"] == "connected"


def test_the_store_is_verified(pool: Pool, work: Path) -> None:
    authority = Authority(work, "Authority of the store")
    other = Authority(work, "Another authority")
    with Redis(work, identity=for_loopback(authority, "store")) as redis:

        def node(name: str, trusted: Authority) -> Node:
            cluster = {
                "store": f"rediss://127.0.0.1:{redis.tls_port}",
                "ca": str(trusted.certificate),
            }
            return Node(work, name, redis, [pool], cluster=cluster)

        with running(node("a", authority), node("b", authority)), node("c", other) as c:
            lost = c.wait_for_log("the warning", lambda line: "store has failed" in line["message"])
            assert "certificate" in lost["problem"], lost
            assert who(c.where()) == "alf1"


def test_a_hung_store_does_not_hold_up_the_end(redis: Redis, pool: Pool, work: Path) -> None:
    a, b = Node(work, "a", redis, [pool]), Node(work, "b", redis, [pool])
    with running(a, b):
        redis.pause()
        begun = time.monotonic()
        a.stop()
        # Its timeout is half a second.
        assert time.monotonic() - begun < 5
        redis.resume()
        waiting.until("a is gone", lambda: set(b.knows()) == {"b"})
        a.start()


def test_a_check_reads_what_the_store_needs(redis: Redis, pool: Pool, work: Path) -> None:
    node = Node(work, "a", redis, [pool], cluster={"secret_file": str(work / "nothing")})
    node.configuration.write_text(node.text())
    done = run_ballast("check", "-c", node.configuration)
    assert done.returncode == 1
    assert "cluster.secret_file" in done.stderr + done.stdout, done


def test_an_upgrade_that_fails_keeps_the_name(redis: Redis, pool: Pool, work: Path) -> None:
    a, b = Node(work, "a", redis, [pool]), Node(work, "b", redis, [pool])
    with running(a, b):
        good = a.configuration.read_text()
        a.configuration.write_text(good.replace("alf1", "alf1\nnonsense"))
        mark = a.log_mark()
        os.kill(a.pid, signal.SIGUSR2)
        a.wait_for_log(
            "the failure",
            lambda line: line["message"].startswith("the upgrade failed"),
            since=mark,
        )
        a.configuration.write_text(good)
        b.operate("drain", "alfresco/alf1")
        a.wait_for_state_of("alf1", "drain")
        b.wait_for_nodes("a", "b")


def test_a_reload_shares_new_pools(farm: Farm, redis: Redis, pool: Pool, work: Path) -> None:
    a, b = Node(work, "a", redis, [pool]), Node(work, "b", redis, [pool])
    with running(a, b):
        more = Pool("more", farm.backends()[1:])
        a.pools["more"] = more
        a.listeners["ftp"].routes = [{"match": {"user": "more-*"}, "pool": "more"}]
        a.reload()
        a.operate("drain", "more/alf2")
        # b learns what it means when it has the pool itself.
        b.pools["more"] = more
        b.listeners["ftp"].routes = [{"match": {"user": "more-*"}, "pool": "more"}]
        b.reload()
        b.wait_for_state_of("alf2", "drain")


def test_one_node_probes_for_all(farm: Farm, redis: Redis, work: Path) -> None:
    pool = Pool("alfresco", farm.backends()[:1], {}, {**TCP_PROBE, "type": "banner"})
    a, b = (Node(work, name, redis, [pool], cluster={"probes": "one"}) for name in ("a", "b"))
    with running(a, b):

        def makes_probes(node: Node) -> bool:
            """What another node has found out has no steps."""
            return bool(node.shown("probes")[-1]["steps"])

        for node in (a, b):
            node.wait_for_state("alf1", "up")
        waiting.until("one of them probes", lambda: makes_probes(a) != makes_probes(b))
        marks = [node.log_mark() for node in (a, b)]
        farm["alf1"].kill()
        try:
            for node, mark in zip((a, b), marks, strict=True):
                node.wait_for_state("alf1", "down", since=mark)
        finally:
            farm["alf1"].start()
        for node, mark in zip((a, b), marks, strict=True):
            node.wait_for_state("alf1", "up", since=mark)
        # Without the store each probes itself.
        redis.kill()
        for node in (a, b):
            node.wait_for_store("lost")
            waiting.until(f"{node.name} probes", lambda node=node: makes_probes(node))
        marks = [node.log_mark() for node in (a, b)]
        farm["alf1"].kill()
        try:
            for node, mark in zip((a, b), marks, strict=True):
                node.wait_for_state("alf1", "down", since=mark)
        finally:
            farm["alf1"].start()
