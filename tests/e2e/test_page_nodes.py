# SPDX-License-Identifier: Apache-2.0
"""What the page of a balancer shows of others that share its store, in a real browser.

BALLAST_SCREENSHOTS=docs/images writes the picture of docs/page.md. BALLAST_SESSIONS says how many
sessions the other node has when the cost of their list is measured (pytest -s prints it).
"""

import contextlib
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import operators
import waiting
from ballast import DIRECT, Pool
from browser import Browser
from farm import Farm
from ports import free_port
from process import processor_seconds
from servers import ACCOUNTS, TESTER, Account
from store import Node, Redis, running
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is about balancers")

TOKEN = "0123456789abcdef-may-do-all"
READER = "fedcba9876543210-may-look"
OTHER = ACCOUNTS[1]
LARGE = 40_000_000
# More than one page of an answer.
MANY = int(os.environ.get("BALLAST_SESSIONS", "1500"))
ALL = "?node=all"


@dataclass
class Stage:
    a: Node
    b: Node
    browser: Browser
    address: str
    redis: Redis
    farm: Farm

    def show(self, hash: str, **settings: object) -> Browser:
        """The page of a, signed in."""
        self.browser.sign_in(f"{self.address}#/{hash}", TOKEN, **settings)
        return self.browser


@pytest.fixture(scope="module")
def stage(module_work: Path) -> Iterator[Stage]:
    work = module_work / "main"
    work.mkdir()
    tokens = {"token_file": (work / "all", TOKEN), "read_token_file": (work / "read", READER)}
    for path, token in tokens.values():
        path.write_text(token + "\n")
        path.chmod(0o600)
    port = free_port()
    with contextlib.ExitStack() as stack:
        farm = stack.enter_context(Farm(work, ("alf1", "alf2"), accounts=ACCOUNTS, network=2))
        for name in ("alf1", "alf2"):
            (farm[name].root / "large").write_bytes(bytes(LARGE))
        redis = stack.enter_context(Redis(work))
        pool = Pool("alfresco", farm.backends({}), {})
        # A node that hangs is missed before it counts as dead.
        slow = {"heartbeat": "2s"}
        home = work.parent / f"{work.name[-6:]}-a"
        page = {"bind": [f"127.0.0.1:{port}"], **{key: str(path) for key, (path, _) in tokens.items()}}
        settings = {"admin": {**operators.settings(home)["admin"], **page}}
        a = Node(work, "a", redis, [pool], settings=settings, cluster=slow)
        b = Node(work, "b", redis, [pool], cluster=slow)
        stack.enter_context(running(a, b))
        browser = stack.enter_context(Browser(work))
        yield Stage(a, b, browser, f"http://127.0.0.1:{port}/", redis, farm)


@pytest.fixture
def sessions(stage: Stage) -> Iterator[tuple[Wire, Wire]]:
    """One at a, and one of another user at b."""
    with _session(stage.a, TESTER) as here, _session(stage.b, OTHER) as there:
        yield here, there
    for node in (stage.a, stage.b):
        waiting.until("its sessions are gone", lambda: not node.shown("sessions"))


@contextlib.contextmanager
def _session(node: Node, account: Account) -> Iterator[Wire]:
    with contextlib.closing(Wire(node.where()).log_in(account)) as wire:
        yield wire


@contextlib.contextmanager
def _slow_download(wire: Wire) -> Iterator[socket.socket]:
    data = wire.passive(receive_buffer=4096)
    wire.send("RETR large")
    assert wire.reply().code in (125, 150)
    with data:
        yield data


def _picture(stage: Stage, name: str, work: Path) -> None:
    path = work / f"{name}.png"
    stage.browser.resize(1280, 420)
    stage.browser.screenshot(path)
    if "BALLAST_SCREENSHOTS" in os.environ:
        shutil.copy(path, os.environ["BALLAST_SCREENSHOTS"])


def test_sessions_of_all_nodes(stage: Stage, sessions: tuple[Wire, Wire], work: Path) -> None:
    page = stage.show("sessions")
    page.wait("[role=row]", TESTER.name)
    page.wait("select option:checked", "this node", state="attached")
    assert page.count(f"[role=row]:has-text('{OTHER.name}')") == 0
    assert "Node" not in page.texts("[role=columnheader]")
    page.choose(".filter select", "all")
    page.wait("option:checked", "all 2 nodes", state="attached")
    page.wait("[role=row]", OTHER.name)
    assert page.url().endswith(f"#/sessions{ALL}")
    for account, node in ((TESTER, "a"), (OTHER, "b")):
        cell = f"[role=row]:has-text('{account.name}') [data-title=Node]"
        assert page.text(cell) == node
    page.wait("h1", "2")
    # Nobody tells the page that one more comes. It asks again.
    with _session(stage.b, TESTER):
        page.wait("h1", "3")
        _picture(stage, "all-nodes", work)
    page.wait("h1", "2")
    assert page.evaluate("document.querySelector('.table').scrollWidth") <= 1280
    # The address can be sent to a colleague.
    page = stage.show(f"sessions{ALL}&search={OTHER.name}")
    page.wait("[role=status]", "1 session found")
    page.wait("[role=row]", OTHER.name)
    page.choose(".filter select", "")
    page.gone("[role=row]", OTHER.name)
    assert page.url().endswith(f"#/sessions?search={OTHER.name}")
    assert page.complaints() == []


def test_the_story_of_a_session_at_another_node(stage: Stage, sessions: tuple[Wire, Wire]) -> None:
    page = stage.show(f"sessions{ALL}")
    page.click("[role=row] a", OTHER.name)
    page.wait(".entry.good", "logged in")
    assert "b" in page.texts(".pairs div:has(dt:text-is('Node')) dd")
    page.click("main p a", "Sessions")
    page.wait("[role=row]", OTHER.name)
    assert page.url().endswith(f"#/sessions{ALL}")
    # It has ended: "my upload failed", and nobody knows at which node.
    sessions[1].close()
    page.gone("[role=row]", OTHER.name)
    page.click(".filter a", "Ended sessions")
    page.wait(".filter option:checked", "all 2 nodes", state="attached")
    page.wait("[role=row]:has([data-title=Node] bdi:text-is('b'))", OTHER.name)
    page.click("[role=row]:has([data-title=Node] bdi:text-is('b')) a", OTHER.name)
    page.wait(".sentence-small", "ended after")
    assert page.complaints() == []


def test_an_operator_ends_what_is_at_another_node(
    stage: Stage, sessions: tuple[Wire, Wire]
) -> None:
    here, there = sessions
    page = stage.show(f"transfers{ALL}")
    with _slow_download(there):
        row = "[aria-label=Transfers] [role=row]:has([data-title=Node] bdi:text-is('b'))"
        page.wait(row, "large")
        # It is asked for twice, and no byte has moved.
        page.wait(f"{row} .mark.warn", "stalled")
        page.click(f"{row} button", "End")
        page.click("dialog button.harsh")
        page.wait(".notice", "The transfer has ended.")
        assert there.reply().code == 426
    page.go(f"#/sessions{ALL}")
    row = "[role=row]:has([data-title=Node] bdi:text-is('b'))"
    page.click(f"{row} button", "End")
    page.wait("dialog", OTHER.name)
    page.click("dialog button.harsh")
    page.wait(".notice", "has ended.")
    page.gone("[role=row]", OTHER.name)
    assert there.reply().code == 421
    here.expect("NOOP", 200)
    assert page.complaints() == []


def test_a_node_that_hangs_is_named(stage: Stage, sessions: tuple[Wire, Wire]) -> None:
    page = stage.show(f"sessions{ALL}")
    page.wait("[role=row]", OTHER.name)
    os.kill(stage.b.pid, signal.SIGSTOP)
    try:
        page.wait(".problem", "What b has is missing")
        page.wait("[role=row]", TESTER.name)
        page.wait(".status .mark.good", "live")
    finally:
        os.kill(stage.b.pid, signal.SIGCONT)
    page.wait("[role=row]", OTHER.name)
    page.gone(".problem")


def test_many_sessions_at_another_node(stage: Stage, sessions: tuple[Wire, Wire]) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(MANY):
            source = (f"127.1.{number // 250}.{number % 250 + 1}", 0)
            connect = socket.create_connection(stage.b.where(), source_address=source)
            stack.enter_context(contextlib.closing(connect))
        page = stage.show(f"sessions{ALL}")
        page.wait("h1", f"{MANY + 2:,}")
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
        page.wait(f"[aria-rowindex='{MANY // 2}'] [data-title=Node]", "b")
        page.evaluate("scrollTo(0, 0)")
        page.fill("input[type=search]", TESTER.name)
        page.wait("[role=status]", "1 session found")
        page.wait("[role=row] [data-title=Node]", "a")
        if MANY >= 9000:
            _measure(stage.a, stage.b)


def _measure(*nodes: Node) -> None:
    """While several lists are asked for, with a release build. This measures; it does not wait for
    anything."""
    before = [processor_seconds(each.pid) for each in nodes]
    began = time.monotonic()
    threading.Event().wait(20)
    took = time.monotonic() - began
    for node, seconds in zip(nodes, before, strict=True):
        cost = (processor_seconds(node.pid) - seconds) / took
        print(f"{MANY} sessions at b, of which a shows a list: {node.name} {cost:.2%} of a core")
        assert cost < 0.02, node.name


def test_it_fits_a_phone_and_is_in_nobodys_way(stage: Stage, sessions: tuple[Wire, Wire]) -> None:
    with _slow_download(sessions[1]):
        page = stage.show(f"sessions{ALL}", bypass=True, width=360, height=740)
        for view in ("sessions", "transfers", "stories"):
            page.go(f"#/{view}{ALL}")
            page.wait("[role=row] [data-title=Node]", "b")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
            assert page.axe() == [], view
