# SPDX-License-Identifier: Apache-2.0
"""Balancers that share a store: limits, bans and TLS sessions that hold at all of them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import waiting
from ballast import DIRECT, Pool
from certificates import Authority, for_loopback
from farm import Farm, Visit, refusal, who
from servers import ACCOUNTS, TESTER
from store import Node, Redis, running
from tls import client_context
from wire import Closed, TlsWire, Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is about balancers")


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ("alf1",), accounts=ACCOUNTS, network=2) as farm:
        yield farm


def _pair(work: Path, redis: Redis, farm: Farm, **more: Any) -> tuple[Node, Node]:
    pool = Pool("alfresco", farm.backends())
    return Node(work, "a", redis, [pool], **more), Node(work, "b", redis, [pool], **more)


def _fails(node: Node, user: str) -> int:
    with Wire(node.where()) as wire:
        wire.greeting()
        reply = wire.ask(f"USER {user}")
        return wire.ask("PASS wrong").code if reply.code == 331 else reply.code


def _is_let_in(node: Node, source: str | None = None) -> bool:
    try:
        with Wire(node.where(), source=source) as wire:
            wire.log_in()
    except (AssertionError, Closed, ConnectionResetError):
        return False
    return True


def test_a_ban_holds_at_all_nodes(farm: Farm, redis: Redis, work: Path) -> None:
    limits = {"limits": {"failed_logins_per_address": 2, "ban_time": "60s"}}
    a, b = _pair(work, redis, farm, settings=limits)
    with running(a, b):
        for user in ("one", "two"):
            assert _fails(a, user) == 530
        waiting.until("b knows the ban", lambda: not _is_let_in(b))
        line = b.wait_for_log("the ban", lambda line: line["message"].startswith("banned at"))
        assert line["client"] == "127.0.0.1"
        assert 0 < line["seconds"] <= 60
        assert _is_let_in(b, "127.0.0.9")
        # Lifted at one node, lifted at all.
        b.operate("unban", "127.0.0.1")
        assert _is_let_in(b)
        waiting.until("a lifts it", lambda: _is_let_in(a))


def test_failed_logins_at_several_nodes_count_together(
    farm: Farm, redis: Redis, work: Path
) -> None:
    limits = {"limits": {"failed_logins_per_address": 4, "ban_time": "60s"}}
    a, b = _pair(work, redis, farm, settings=limits)
    with running(a, b):
        for node, user in ((a, "one"), (b, "two"), (a, "three"), (b, "four")):
            assert _fails(node, user) == 530
        for node in (a, b):
            waiting.until("it is banned", lambda node=node: not _is_let_in(node))


@pytest.mark.parametrize("limit", ["sessions_per_user", "sessions_per_address"])
def test_sessions_at_all_nodes_count(limit: str, farm: Farm, redis: Redis, work: Path) -> None:
    a, b = _pair(work, redis, farm, settings={"limits": {limit: 1}})
    with running(a, b):
        visit = Visit(a.where())
        waiting.until("b knows", lambda: not _is_let_in(b))
        visit.leave()
        waiting.until("b knows", lambda: _is_let_in(b))


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_client_resumes_its_tls_session_at_another_node(
    version: str, farm: Farm, redis: Redis, work: Path
) -> None:
    authority = Authority(work)
    front = for_loopback(authority, "front")
    tls = {"certificate": front.certificate, "key": front.key}
    a, b = _pair(work, redis, farm, tls=tls)
    context = client_context(authority.certificate, version=version)
    with running(a, b):

        def resumes() -> bool:
            with TlsWire(a.where(), context).log_in_protected() as wire:
                assert wire.download("who") == b"alf1\n"
                session = wire.tls.session
            with TlsWire(b.where(), context) as wire:
                wire.greeting()
                wire.secure(session=session)
                wire.expect("NOOP", 200, 530)
                return wire.tls.resumed

        waiting.until("it resumes", resumes)
