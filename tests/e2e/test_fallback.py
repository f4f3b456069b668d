# SPDX-License-Identifier: Apache-2.0
"""A fallback pool: a server that apologises while the others are down."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ballast import DIRECT, NO_PROBE, TCP_PROBE, Ballast, Listener, Pool
from farm import Farm, Visit, refusal, who

pytestmark = pytest.mark.skipif(DIRECT, reason="nobody falls back")


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ("alf1", "alf2", "sorry"), network=4) as farm:
        yield farm


@contextlib.contextmanager
def _with_fallback(
    farm: Farm, work: Path, probe: dict[str, object] = TCP_PROBE, **each: object
) -> Iterator[Ballast]:
    main = Pool(
        "main",
        [farm.backend("alf1", **each), farm.backend("alf2", **each)],
        {"fallback": "sorry", "balance": "round-robin"},
        probe,
    )
    sorry = Pool("sorry", [farm.backend("sorry")], probe=probe)
    with Ballast(work, [Listener("ftp", "main")], [main, sorry]) as it:
        yield it


def test_it_serves_while_all_are_down(farm: Farm, work: Path) -> None:
    with _with_fallback(farm, work) as it:
        assert {who(it.where()) for _ in range(4)} == {"alf1", "alf2"}
        farm["alf1"].kill()
        it.wait_for_state("alf1", "down")
        # One backend is enough.
        assert {who(it.where()) for _ in range(4)} == {"alf2"}
        farm["alf2"].kill()
        it.wait_for_state("alf2", "down")
        assert {who(it.where()) for _ in range(4)} == {"sorry"}
        stays = Visit(it.where())
        mark = it.log_mark()
        farm["alf1"].start()
        it.wait_for_state("alf1", "up", since=mark)
        assert {who(it.where()) for _ in range(4)} == {"alf1"}
        # A session on the fallback stays there.
        assert stays.who() == "sorry"
        stays.leave()


def test_it_serves_at_once_when_none_can_be_reached(farm: Farm, work: Path) -> None:
    with _with_fallback(farm, work, NO_PROBE) as it:
        assert who(it.where()) in ("alf1", "alf2")
        farm["alf1"].kill()
        farm["alf2"].kill()
        # No probe has noticed yet. This session finds the backends down, unseen by the client.
        assert who(it.where()) == "sorry"


def test_without_a_server_in_it_the_client_hears_421(farm: Farm, work: Path) -> None:
    with _with_fallback(farm, work) as it:
        for name, server in farm.servers.items():
            server.kill()
            it.wait_for_state(name, "down")
        assert refusal(it.where()).startswith("421 ")
