# SPDX-License-Identifier: Apache-2.0
"""Balancers that share a store: one probes for all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import waiting
from ballast import DIRECT, Pool, login_probe
from farm import Farm, who
from servers import ACCOUNTS
from store import Node, Redis, running

pytestmark = pytest.mark.skipif(DIRECT, reason="this is about balancers")


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ("alf1",), accounts=ACCOUNTS, network=2) as farm:
        yield farm


def _nodes(work: Path, redis: Redis, farm: Farm, probes: str) -> tuple[Node, Node]:
    pool = Pool("alfresco", farm.backends(), probe=login_probe(work))
    more: dict[str, Any] = {"cluster": {"probes": probes}}
    return Node(work, "a", redis, [pool], **more), Node(work, "b", redis, [pool], **more)


def _last_probe(node: Node) -> dict[str, Any]:
    """A node that has just started has none yet."""
    none: dict[str, Any] = {"passed": False, "steps": []}
    return max(node.shown("probes"), key=lambda probe: str(probe["at"]), default=none)


def _probes_itself(node: Node) -> bool:
    """Who has not made a probe does not know its steps."""
    probe = _last_probe(node)
    return bool(probe["passed"] and probe["steps"])


def _hears_of_probes(node: Node) -> bool:
    probe = _last_probe(node)
    return bool(probe["passed"] and not probe["steps"])


def _who_probes(nodes: tuple[Node, Node]) -> tuple[Node, Node]:
    """The one that probes, and the one that does not."""
    a, b = nodes

    def told() -> tuple[Node, Node] | None:
        for one, other in ((a, b), (b, a)):
            if _probes_itself(one) and _hears_of_probes(other):
                return one, other
        return None

    found = waiting.until("one node probes for both", told)
    assert found is not None
    return found


def _health(node: Node) -> tuple[str, str]:
    backend = node.shown("backends")[0]
    return backend["health"], backend["reason"]


def test_one_node_probes_for_all(farm: Farm, redis: Redis, work: Path) -> None:
    nodes = _nodes(work, redis, farm, "one")
    with running(*nodes):
        active, silent = _who_probes(nodes)
        farm["alf1"].kill()
        waiting.until("it is down at both", lambda: {_health(each)[0] for each in nodes} == {"down"})
        # They have it from the same probe.
        assert _health(silent) == _health(active)
        farm["alf1"].start()
        waiting.until("it is up at both", lambda: {_health(each)[0] for each in nodes} == {"up"})
        assert _hears_of_probes(silent)
        assert who(silent.where()) == "alf1"


def test_the_next_node_probes_when_the_first_is_gone(
    farm: Farm, redis: Redis, work: Path
) -> None:
    nodes = _nodes(work, redis, farm, "one")
    with running(*nodes):
        active, silent = _who_probes(nodes)
        active.kill()
        waiting.until("the other probes", lambda: _probes_itself(silent))
        farm["alf1"].kill()
        waiting.until("it is down", lambda: _health(silent)[0] == "down")
        farm["alf1"].start()
        waiting.until("it is up", lambda: _health(silent)[0] == "up")
        active.start()


def test_without_the_store_each_node_probes(farm: Farm, redis: Redis, work: Path) -> None:
    nodes = _nodes(work, redis, farm, "one")
    with running(*nodes):
        _, silent = _who_probes(nodes)
        redis.kill()
        waiting.until("the other probes", lambda: _probes_itself(silent))
        farm["alf1"].kill()
        for node in nodes:
            waiting.until("it is down", lambda node=node: _health(node)[0] == "down")
        farm["alf1"].start()
        for node in nodes:
            waiting.until("it is up", lambda node=node: _health(node)[0] == "up")


def test_by_default_each_node_probes(farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _nodes(work, redis, farm, "each")
    with running(a, b):
        for node in (a, b):
            waiting.until("it probes", lambda node=node: _probes_itself(node))
        assert all(probe["steps"] for node in (a, b) for probe in node.shown("probes"))
