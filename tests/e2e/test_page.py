# SPDX-License-Identifier: Apache-2.0
"""The page of the daemon in a real browser, while real clients and servers do what it shows.

BALLAST_SCREENSHOTS=docs/images writes the pictures of docs/page.md. BALLAST_SESSIONS and
BALLAST_TRANSFERS say how many the page is to list when its cost is measured (pytest -s prints it).
"""

import contextlib
import gzip
import http.client
import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import operators
import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Place, Pool, login_probe
from browser import Browser
from ports import free_port
from process import processor_seconds
from sanitizers import SANITIZER
from servers import ACCOUNTS, Account, Vsftpd
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

WRITER = "0123456789abcdef-may-do-all"
READER = "fedcba9876543210-may-look"
ANNA = Account("anna", "s3cret-Anna")
BEN = Account("benedikt-from-accounting-in-the-second-building", "s3cret-Ben")
SIZE = 40_000_000
MANY = int(os.environ.get("BALLAST_SESSIONS", "2000" if SANITIZER else "9000"))
TRANSFERS = int(os.environ.get("BALLAST_TRANSFERS", "10"))
VIEWS = [
    *("overview", "backends", "transfers", "sessions", "stories", "waiting", "limits"),
    *("certificates", "events?with=sessions", "nodes"),
]
# What no name may do: run, break out of its place, or change how others are read.
HOSTILE_FILE = "<img src=x onerror=alert(1)>"
TURNING_FILE = "invoice\u202efdp.exe"
LONG_FILE = "long-" + "x" * 240
HOSTILE_USER = '"><script>alert(2)</script>'
HOSTILE_REPLY = "421 <b onmouseover=alert(3)>full</b>\r\n"


class Refuser:
    """A backend that greets everybody with a refusal."""

    def __init__(self, address: str) -> None:
        self._listener = socket.create_server((address, 0))
        self.place = Place(address, self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.sendall(HOSTILE_REPLY.encode())

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@dataclass
class Stage:
    it: Ballast
    work: Path
    port: int
    servers: dict[str, Vsftpd]
    files: Path
    browser: Browser
    pictures: Path
    opened: list[Wire] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def show(self, hash: str = "#/overview", token: str = WRITER, **settings: Any) -> Browser:
        """A new page, signed in, in the view of `hash`."""
        self.browser.sign_in(self.address + hash, token, **settings)
        return self.browser

    def client(self, account: Account = ANNA) -> Wire:
        wire = Wire(self.it.where("ftp")).log_in(account)
        self.opened.append(wire)
        return wire

    def picture(self, name: str, *, full: bool = False) -> None:
        path = self.work / f"{name}.png"
        bottom = "Math.round(document.querySelector('main').getBoundingClientRect().bottom)"
        width, height = self.browser.evaluate("[innerWidth, innerHeight]")
        if not full:
            self.browser.resize(width, max(400, min(height, self.browser.evaluate(bottom))))
        self.browser.screenshot(path, full=full)
        self.browser.resize(width, height)
        assert path.stat().st_size > 5_000
        if self.pictures != self.work:
            shutil.copy(path, self.pictures / path.name)

    def backends(self) -> dict[str, dict[str, Any]]:
        _, answer = operators.ask(self.work, "GET", "/v1/backends")
        return {each["backend"]: each for each in answer["backends"]}

    def put(self, backend: str, what: str, value: Any) -> None:
        status, answer = operators.ask(
            self.work, "PUT", f"/v1/backends/files/{backend}/{what}", {what: value}
        )
        assert status == 200, answer


@pytest.fixture(scope="module")
def stage(module_work: Path) -> Iterator[Stage]:
    work = module_work / "main"
    work.mkdir()
    files = work / "files"
    names = {"alf1": "127.0.0.11", "alf2": "127.0.0.12", "alf3": "127.0.0.13"}
    accounts = [*ACCOUNTS, ANNA, BEN]
    servers = {
        name: Vsftpd(work, files, address, accounts=accounts) for name, address in names.items()
    }
    backends = [
        Backend(name, server, {"max_sessions": 5000}) for name, server in servers.items()
    ]
    pool = Pool(
        *("files", backends),
        {"balance": "round-robin", "queue": {"length": 20, "timeout": "5s"}},
        login_probe(work),
    )
    port = free_port()
    for name, token in {"all": WRITER, "read": READER}.items():
        (work / name).write_text(token + "\n")
        (work / name).chmod(0o600)
    settings = operators.settings(
        work,
        bind=[f"127.0.0.1:{port}"],
        token_file=str(work / "all"),
        read_token_file=str(work / "read"),
    )
    settings["limits"] = {"sessions": 12_000}
    listeners = [
        Listener("ftp", "files", ["127.0.0.1"], {"login_timeout": "1h"}),
    ]
    it = Ballast(work, listeners, [pool], settings=settings)
    pictures = Path(os.environ.get("BALLAST_SCREENSHOTS", work)).resolve()
    with contextlib.ExitStack() as stack:
        for server in servers.values():
            server.start()
            stack.callback(server.kill)
        for name in ("report.csv", HOSTILE_FILE, TURNING_FILE, LONG_FILE):
            (files / name).write_bytes(os.urandom(1000) * (SIZE // 1000))
        it.start()
        stack.callback(it.kill)
        for name in servers:
            it.wait_for_state(name, "up")
        browser = stack.enter_context(Browser(work))
        yield Stage(it, work, port, servers, files, browser, pictures)
        it.stop()


@pytest.fixture(autouse=True)
def _in_order(stage: Stage) -> Iterator[None]:
    """Everything runs and is ready; sessions of the test before are gone."""
    yield
    for wire in stage.opened:
        wire.close()
    stage.opened.clear()
    for name, server in stage.servers.items():
        if server.is_down:
            server.start()
        stage.put(name, "state", "ready")
        stage.put(name, "weight", None)

    def is_quiet() -> bool:
        backends = stage.backends()
        up = all(backends[name]["health"] == "up" for name in stage.servers)
        return up and not any(each["sessions"] for each in backends.values())

    waiting.until("everything is as before", is_quiet)


@contextlib.contextmanager
def _slow_download(wire: Wire, name: str) -> Iterator[socket.socket]:
    """A download of which nobody has read anything yet."""
    data = wire.passive(receive_buffer=4096)
    wire.send(f"RETR {name}")
    assert wire.reply().code in (125, 150)
    with data:
        yield data


def _read(data: socket.socket, size: int) -> int:
    """At least so much, or all that is left."""
    got = 0
    while got < size and (part := data.recv(1 << 16)):
        got += len(part)
    return got


# What it looks like


def test_empty_views_say_so(stage: Stage) -> None:
    page = stage.show("#/transfers")
    page.wait(".empty", "No transfers now.")
    page.wait(".empty", "None yet.")
    stage.picture("no-transfers")
    page.go("#/sessions")
    page.wait(".empty", "No sessions now.")
    page.go("#/waiting")
    page.wait(".empty", "Nobody is banned.")
    page.wait(".empty", "This pool remembers nobody.")
    page.go("#/certificates")
    page.wait(".empty", "There are no certificates")
    page.go("#/sessions/4711")
    page.wait(".problem", "no story of a session '4711' is kept")
    # The refusal is what this test asks for, and browsers report it.
    assert [each for each in page.complaints() if "404" not in each] == []


# Transfers


def test_a_transfer_appears_and_progresses_to_its_end(stage: Stage) -> None:
    page = stage.show("#/transfers")
    page.wait(".empty", "No transfers now.")
    wire = stage.client()
    row = "[aria-label=Transfers] [role=row]:has-text('report.csv')"
    with _slow_download(wire, "report.csv") as data:
        page.wait(row, " %")
        _read(data, SIZE // 2)

        def percent() -> int:
            found = re.search(r"(\d+) %", page.text(row))
            return int(found[1]) if found else 0

        waiting.until("half of it is there", lambda: 50 <= percent() < 100)
        assert page.count(f"{row} progress") == 1
        page.wait(f"{row} .mark.warn", "stalled")
        stage.picture("transfers")
        _read(data, SIZE)
    assert wire.reply().code == 226
    page.gone("[aria-label=Transfers] [role=row] a", "report.csv")
    page.wait("[aria-label='Transfers that have ended'] [role=row]", "whole")
    assert page.complaints() == []


def test_an_operator_ends_a_transfer(stage: Stage) -> None:
    wire = stage.client()
    with _slow_download(wire, "report.csv"):
        page = stage.show("#/transfers")
        page.click("button", "End")
        page.wait("dialog", "This cannot be undone.")
        page.click("dialog button.harsh")
        page.wait(".notice", "The transfer has ended.")
        assert wire.reply().code == 426
    page.wait("[aria-label='Transfers that have ended'] .mark.bad")
    wire.expect("NOOP", 200)


def test_an_upload_that_fails_is_explained(stage: Stage) -> None:
    page = stage.show()
    wire = stage.client()
    data = wire.passive()
    wire.send("STOR lost.bin")
    assert wire.reply().code in (125, 150)
    data.sendall(b"x" * 100_000)
    name = next(each for each, state in stage.backends().items() if state["transfers"])
    stage.servers[name].kill()
    with data, contextlib.suppress(OSError):
        data.sendall(b"x" * 100_000)
    assert wire.reply().code in (421, 426, 451)
    page.click(".panels li:has-text('lost.bin') a", "1 broken transfer")
    page.wait(".entry.bad", "STOR lost.bin")
    page.wait(".entry.bad .told", "failed")
    page.wait(".entry.good", "logged in")
    page.wait(".entry", "accepted")
    stage.picture("explain", full=True)
    address = page.url()
    assert re.search(r"#/sessions/\w+$", address)
    # The address can be sent to a colleague, and the search too.
    page = stage.show("#/stories?file=lost.bin&failed=true")
    page.wait("[role=row]", "1 broken of 1")
    page.click("[role=row] a", ANNA.name)
    page.wait(".entry.bad", "STOR lost.bin")
    assert page.url() == address


# Backends


def test_draining_a_backend_moves_new_sessions(stage: Stage) -> None:
    page = stage.show("#/backends")
    page.click("[aria-label='Drain alf1 of pool files']")
    page.wait("dialog", "Drain alf1?")
    stage.picture("drain")
    page.click("dialog button", "Cancel")
    page.gone("dialog")
    assert stage.backends()["alf1"]["state"] == "ready"
    page.click("[aria-label='Drain alf1 of pool files']")
    page.click("dialog button.main", "Drain")
    page.wait(".notice", "alf1 drains")
    page.wait("[role=row]:has([aria-label='Make ready alf1 of pool files']) .mark.warn", "draining")
    # All of each action can be seen.
    cut = "[...document.querySelectorAll('.table')].some((each) => each.scrollWidth > each.clientWidth)"
    assert page.evaluate(cut) is False
    stage.picture("backends")
    for _ in range(4):
        stage.client()
    sessions = [stage.backends()[name]["sessions"] for name in ("alf1", "alf2", "alf3")]
    assert sessions[0] == 0 and sum(sessions) == 4, sessions
    page.wait("[role=row]:has-text('alf2') .number", f"{sessions[1]} / 5,000")
    page.click(".notice button", "Undo")
    page.wait("[aria-label='Drain alf1 of pool files']")
    assert stage.backends()["alf1"]["state"] == "ready"
    for _ in range(3):
        stage.client()
    assert stage.backends()["alf1"]["sessions"] >= 1


def test_weight_is_changed_and_changed_back(stage: Stage) -> None:
    page = stage.show("#/backends")
    page.click("[aria-label='Weight of alf2 of pool files']")
    page.fill("dialog input", "257")
    assert page.attribute("dialog button.main", "disabled") is not None
    page.fill("dialog input", "7")
    page.press("Enter")
    page.wait(".notice", "alf2 has weight 7.")
    assert stage.backends()["alf2"]["weight"] == 7
    page.click(".notice button", "Undo")
    page.wait(".notice", "alf2 has weight 1.")
    assert stage.backends()["alf2"]["weight"] == 1


def test_a_dead_backend_turns_red_with_its_cause_and_green_again(stage: Stage) -> None:
    page = stage.show("#/backends")
    row = "[role=row]:has([aria-label='Drain alf2 of pool files'])"
    page.wait(f"{row} .mark.good", "up for")
    stage.servers["alf2"].kill()
    page.wait(f"{row} .mark.bad", "down for")
    page.wait(f"{row} .cause", "Connection refused")
    page.go("#/overview")
    page.wait(".sentence.bad", "alf2 down for")
    page.wait(".sentence", "Connection refused")
    stage.picture("backend-down")
    page.go("#/backends")
    page.wait(f"{row} .mark.bad")
    stage.servers["alf2"].start()
    page.wait(f"{row} .mark.good", "up for")
    assert page.count(f"{row} .cause") == 0


# The overview


def test_the_overview_says_whether_anything_is_wrong(stage: Stage) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(_slow_download(stage.client(), "report.csv"))
        stage.client(BEN)
        page = stage.show()
        page.wait(".sentence.good", "All 3 backends serve.")
        page.wait(".panels li", "alf1 ● up for")
        page.wait(".panels", "No limit is near.")
        page.wait(".panels", "None within 30 days.")
        page.wait(".event", "backend up")
        # The charts have the minutes before the page was opened.
        page.wait(".chart canvas")
        page.wait(".chart:nth-child(2) strong", "2")
        label = str(page.attribute(".chart:nth-child(2) .plot", "aria-label"))
        assert label.startswith("Sessions over the last minutes: now 2, at most "), label
        stage.picture("overview")
        assert page.complaints() == []
        assert all(each.startswith(stage.address) for each in page.requests())


# Who may do what


def test_a_token_for_looking_hides_the_actions(stage: Stage) -> None:
    stage.client()
    page = stage.show("#/backends", READER)
    page.wait("[role=row]", "alf3")
    assert page.count(".actions button") == 0
    page.wait(".status button", "looks only")
    page.go("#/sessions")
    page.wait("[role=row]", ANNA.name)
    assert page.count("[role=row] button") == 0


def test_a_token_is_asked_for_and_kept_in_memory_only(stage: Stage) -> None:
    page = stage.browser
    page.open(stage.address + "#/backends")
    page.wait("h1", "This Ballast asks for a token")
    stage.picture("sign-in")
    assert page.count("[role=row]") == 0
    page.fill("input[type=password]", "not-the-right-token")
    page.press("Enter")
    page.wait(".problem", "this token is not known here")
    page.fill("input[type=password]", WRITER)
    page.press("Enter")
    # The view of the address, not the first one.
    page.wait("[aria-label='Drain alf1 of pool files']")
    stored = "JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])"
    assert page.evaluate(stored) == '["",{},{}]'
    page.click(".status button", "Sign out")
    page.wait("h1", "This Ballast asks for a token")
    page.evaluate("location.reload()")
    page.wait("h1", "This Ballast asks for a token")


def test_the_files_of_the_page_are_strict_and_small(stage: Stage) -> None:
    total = 0
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", stage.port)) as connection:
        for path in ("/", "/page.js", "/page.css", "/icon.svg"):
            connection.request("GET", path)
            reply = connection.getresponse()
            body = reply.read()
            assert reply.status == 200 and reply.headers["Content-Encoding"] == "gzip"
            total += len(body)
            text = gzip.decompress(body).decode()
            # Neither inline script nor inline style, and nothing from elsewhere.
            assert "innerHTML=" not in text.replace(" ", "") or path == "/page.js"
            if path == "/":
                assert not re.search(r"<script(?! type=\"module\" src=\"/)|<style|style=| on\w+=", text)
            policy = reply.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert "require-trusted-types-for 'script'" in policy
            assert reply.headers["Referrer-Policy"] == "no-referrer"
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            connection.request("GET", path, headers={"If-None-Match": reply.headers["ETag"]})
            again = connection.getresponse()
            assert again.status == 304 and again.read() == b""
    print(f"the page has {total} bytes, compressed")
    assert total < 150 * 1024


# Names that peers have chosen


@contextlib.contextmanager
def _hostile_backend(stage: Stage) -> Iterator[None]:
    """Its name is as long as names may be, and what it says is shown as the cause."""
    with contextlib.closing(Refuser("127.0.0.14")) as refuser:
        backend = Backend("a" * 64, refuser.place)
        stage.it.pools["archive"] = Pool("archive", [backend], {}, login_probe(stage.work))
        stage.it.listeners["old"] = Listener("old", "archive", ["127.0.0.1"])
        stage.it.reload()
        try:
            stage.it.wait_for_state(backend.name, "down")
            yield
        finally:
            del stage.it.pools["archive"], stage.it.listeners["old"]
            stage.it.reload()


def test_hostile_names_stay_names(stage: Stage) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(_hostile_backend(stage))
        for name in (HOSTILE_FILE, TURNING_FILE, LONG_FILE):
            stack.enter_context(_slow_download(stage.client(), name))
        for user in (HOSTILE_USER, "\u202eevil", "u" * 4000):
            wire = Wire(stage.it.where("ftp"))
            stage.opened.append(wire)
            wire.greeting()
            wire.send_bytes(f"USER {user}\r\n".encode())
            wire.reply()
        raw = Wire(stage.it.where("ftp"))
        stage.opened.append(raw)
        raw.greeting()
        raw.send_bytes(b"USER \xfe\x80\xc3(\r\n")
        raw.reply()
        page = stage.show("#/transfers")
        page.wait("[role=row]", HOSTILE_FILE)
        page.wait("[role=row]", "invoice\\u{202e}fdp.exe")
        page.wait("[role=row]", LONG_FILE)
        assert page.evaluate("document.querySelectorAll('main img').length") == 0
        stage.picture("hostile")
        page.go("#/sessions")
        page.wait("[role=row]", HOSTILE_USER)
        page.wait("[role=row]", "\\u{202e}evil")
        page.wait("[role=row]", "\u00fe")
        for view in VIEWS:
            page.go(f"#/{view}")
            page.wait("h1")
            assert page.evaluate("document.querySelectorAll('main script, main b').length") == 0
        page.go("#/backends")
        page.wait(".cause", "<b onmouseover=alert(3)>full</b>")
        page.go("#/overview")
        page.wait(".sentence.bad", "3 of 4 backends serve; " + "a" * 64 + " down")
        stage.picture("long-names")
        # No dialog, no refused script, no exception.
        assert page.complaints() == []
        for width in (360, 1280):
            page.resize(width, 800)
            for view in VIEWS:
                page.go(f"#/{view}")
                page.wait("h1")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (view, width)


# Many sessions


def _cost(stage: Stage, seconds: float = 5) -> tuple[float, float]:
    """Of the daemon and of the page, in cores. This measures; it does not wait for anything."""
    before = (processor_seconds(stage.it.pid), stage.browser.effort(), time.monotonic())
    threading.Event().wait(seconds)
    took = time.monotonic() - before[2]
    daemon = (processor_seconds(stage.it.pid) - before[0]) / took
    return daemon, (stage.browser.effort() - before[1]) / took


def test_a_user_is_found_among_thousands(stage: Stage) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(MANY):
            source = (f"127.1.{number // 250}.{number % 250 + 1}", 0)
            stack.enter_context(
                contextlib.closing(
                    socket.create_connection(stage.it.where("ftp"), source_address=source)
                )
            )
        for _ in range(TRANSFERS):
            stack.enter_context(_slow_download(stage.client(), "report.csv"))
        with _slow_download(stage.client(BEN), "report.csv"):
            stage.browser.open("about:blank")
            # Probes and sessions cost something without the page, too.
            alone, _ = _cost(stage)
            page = stage.show("#/sessions")
            total = MANY + TRANSFERS + 1
            page.wait("h1", f"{total:,}")
            # Only those that can be seen exist.
            assert page.count("[role=row]") < 120
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
            middle = f"[aria-rowindex='{total // 2}']"
            page.wait(middle)
            page.evaluate("scrollTo(0, 0)")
            page.fill("input[type=search]", "BENEDIKT")
            page.wait("[role=status]", "1 session found")
            page.wait("[role=row]", BEN.name)
            assert page.count("[role=row]") == 2
            assert page.url().endswith("#/sessions?search=BENEDIKT")
            stage.picture("search")
            page.fill("input[type=search]", "")
            page.wait(middle, state="detached")
            stage.picture("sessions")
            # What comes and goes is there at once.
            new = stage.client()
            page.wait("h1", f"{total + 1:,}")
            page.wait("[aria-rowindex='2']", ANNA.name)
            new.close()
            page.wait("h1", f"{total:,}")
            for view in ("sessions", "transfers", "overview"):
                page.go(f"#/{view}")
                page.wait("h1", state="attached")
                daemon, browser = _cost(stage)
                print(
                    f"{MANY} sessions, {TRANSFERS} transfers, {view}: daemon {daemon:.2%}"
                    f" ({alone:.2%} without the page), page {browser:.2%} of a core"
                )
                if MANY >= 9000:
                    assert daemon - alone < 0.02, view


# The daemon ends and begins


def test_the_page_survives_a_restart_and_an_upgrade(stage: Stage) -> None:
    page = stage.show("#/backends")
    page.wait("[aria-label='Drain alf1 of pool files']")
    stage.it.stop()
    page.wait(".banner.bad", "Ballast does not answer. What you see is from")
    page.wait(".status", "not live")
    # What was known is still there to be read.
    page.wait("[role=row]", "alf1")
    stage.picture("no-answer")
    mark = stage.it.log_mark()
    stage.it.start()
    for name in stage.servers:
        stage.it.wait_for_state(name, "up", since=mark)
    page.gone(".banner.bad")
    page.wait(".status .mark.good", "live")
    page.wait("[role=row]:has([aria-label='Drain alf1 of pool files']) .mark.good", "up for")
    stage.it.upgrade()
    stage.put("alf3", "state", "drain")
    page.wait("[role=row]:has([aria-label='Make ready alf3 of pool files']) .mark.warn", "draining")
    page.wait(".status .mark.good", "live")


# Everybody can use it


def test_everything_fits_a_phone(stage: Stage) -> None:
    with _slow_download(stage.client(BEN), LONG_FILE):
        page = stage.show("#/overview", width=360, height=740)
        for view in VIEWS:
            page.go(f"#/{view}")
            page.wait("h1", state="attached")
            page.wait("nav a[aria-current]", state="attached")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
        page.go("#/overview")
        page.wait(".panels li", "alf1")
        page.wait(".chart:nth-child(3) strong", "1")
        stage.picture("phone-overview")
        page.go("#/transfers")
        page.wait("[role=row]", BEN.name)
        stage.picture("phone-transfers")
        page.go("#/backends")
        page.wait("[role=row]", "alf1")
        stage.picture("phone-backends")


def test_the_keyboard_is_enough(stage: Stage) -> None:
    page = stage.browser
    page.open(stage.address)
    page.wait("input[type=password]:focus")
    page.type(WRITER)
    page.press("Enter")
    page.wait(".status .mark.good", "live")

    def focus() -> str:
        return str(
            page.evaluate(
                "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || ''"
            )
        ).strip()

    def tab_to(name: str) -> None:
        seen = []
        for _ in range(60):
            page.press("Tab")
            seen.append(focus())
            if seen[-1].startswith(name):
                return
        raise AssertionError(f"Tab does not lead to {name}, but to {seen}")

    tab_to("Backends")
    page.press("Enter")
    page.wait("[aria-label='Drain alf1 of pool files']")
    tab_to("Drain alf1")
    # Where the focus is can be seen.
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("Enter")
    page.wait("dialog[open]")
    page.press("Escape")
    page.gone("dialog")
    assert focus() == "Drain alf1 of pool files"
    page.press("Enter")
    page.wait("dialog[open]")
    page.press("Enter")
    page.wait(".notice", "alf1 drains")
    tab_to("Undo")
    page.press("Enter")
    page.wait(".notice", "alf1 is ready")
    assert stage.backends()["alf1"]["state"] == "ready"


@pytest.mark.parametrize("scheme", ["light", "dark", "phone"])
def test_nothing_serious_is_in_the_way(stage: Stage, scheme: str) -> None:
    size = {"width": 360, "height": 740} if scheme == "phone" else {}
    with _slow_download(stage.client(), "report.csv"):
        page = stage.show("#/overview", bypass=True, dark=scheme == "dark", **size)
        page.wait(".sentence.good")
        ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (ground == "rgb(15, 18, 21)") == (scheme == "dark"), ground
        if scheme == "dark":
            page.wait(".chart:nth-child(3) strong", "1")
            stage.picture("dark")
        for view in VIEWS:
            page.go(f"#/{view}")
            page.wait("h1", state="attached")
            page.wait("main :is([role=row], .empty, .lines li, .entry)", state="attached")
            assert page.axe() == [], view
        page.go("#/backends")
        page.click("[aria-label='Drain alf1 of pool files']")
        page.wait("dialog[open]")
        assert page.axe() == []


def test_the_description_of_the_api_is_what_the_page_was_built_from(stage: Stage) -> None:
    """The page asks for nothing that the API does not have."""
    page = stage.show()
    for view in VIEWS:
        page.go(f"#/{view}")
        page.wait("h1", state="attached")
        page.wait("nav a[aria-current]", state="attached")
    _, document = operators.ask(stage.work, "GET", "/openapi.json")
    known = [re.sub(r"\{[^}]*\}", "[^/]+", path) + "$" for path in document["paths"]]
    asked = {each.removeprefix(stage.address.rstrip("/")).split("?")[0] for each in page.requests()}
    of_api = {each for each in asked if each.startswith("/v1/")}
    assert "/v1/backends" in of_api, asked
    assert not [each for each in of_api if not any(re.match(path, each) for path in known)]
    assert asked - of_api <= {"/", "/page.js", "/page.css", "/icon.svg"}, asked
    assert json.dumps(page.complaints()) == "[]"
