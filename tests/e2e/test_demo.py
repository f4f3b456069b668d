# SPDX-License-Identifier: Apache-2.0
"""`./run demo --pair`, and `--keep` with its page. ./run bare runs the one without."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import clients
import waiting
from ballast import BINARY, DIRECT
from browser import Browser
from process import DIES_WITH_US
from servers import REPOSITORY

pytestmark = pytest.mark.skipif(DIRECT, reason="it has balancers of its own")

DEMO = REPOSITORY / "demo/demo.py"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "BALLAST": str(BINARY)}
LONG = 2 * clients.RUN_SECONDS


@dataclass
class Kept:
    """A demo that runs until it is told to end, and the page whose address it has printed."""

    said: str
    process: subprocess.Popen[bytes]
    output: Path
    page: Browser

    def word(self, pattern: str) -> str:
        found = re.search(pattern, self.said)
        assert found, f"no {pattern} in:\n{self.said}"
        return found[1]


@pytest.fixture(scope="module")
def kept(module_work: Path) -> Iterator[Kept]:
    output = module_work / "demo.log"
    with output.open("w") as file:
        process = subprocess.Popen(
            [*DIES_WITH_US, sys.executable, DEMO, "--keep"],
            env=ENVIRONMENT,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:

        def is_kept() -> bool:
            assert process.poll() is None, output.read_text()
            return "To try it by hand" in output.read_text()

        waiting.until("the demo goes on", is_kept, LONG)
        with Browser(module_work) as page:
            yield Kept(output.read_text(), process, output, page)
    finally:
        process.kill()
        process.wait()


def test_the_printed_address_is_the_page(kept: Kept) -> None:
    page, address = kept.page, kept.word(r"(http://127\.0\.0\.1:\d+/)")
    page.open(address)
    page.wait(".status .mark.good", "live")
    page.wait(".sentence.good", "All 2 backends serve.")
    # What the demo did before anybody looked.
    page.wait(".event", "backend down")
    for file in ("from-curl", "from-lftp", "from-ftplib", "large"):
        page.open(f"{address}#/stories?file={file}")
        page.click("[role=row] a", "anonymous")
        page.wait(".entry", f"RETR {file}")
        assert page.complaints() == []


def test_the_page_shows_what_moves_now(kept: Kept) -> None:
    page = kept.page
    page.open(kept.word(r"(http://127\.0\.0\.1:\d+/)") + "#/transfers")
    page.wait(".empty", "No transfers now.")
    # As it says: "to try it by hand".
    url = kept.word(r"(ftp://\S+)/") + "/large"
    slow = ["curl", "--silent", "--limit-rate", "100K", "--output", "/dev/null"]
    command = [*DIES_WITH_US, *slow, "-u", kept.word(r"curl -u (\S+)"), url]
    with subprocess.Popen(command) as curl:
        try:
            row = "[aria-label=Transfers] [role=row]:has-text('large')"
            page.wait(row, " %")
            page.go("#/overview")
            page.wait(".chart:nth-child(3) strong", "1")
            page.go("#/sessions")
            page.wait("[role=row]:has-text('anonymous')", "transfers")
            # With the token that is printed.
            page.click(".status button", "Sign in")
            page.fill("input[type=password]", kept.word(r"Sign in to change something: (\S+)"))
            page.press("Enter")
            page.click("[role=row]:has-text('anonymous') button", "End")
            page.click("dialog button.harsh")
            page.wait(".empty", "No sessions now.")
        finally:
            curl.kill()


def test_it_ends_when_it_is_told_to(kept: Kept) -> None:
    kept.process.send_signal(signal.SIGINT)
    assert kept.process.wait(waiting.PATIENCE) == 0, kept.output.read_text()
    assert "Verdict: it works." in kept.output.read_text()


def test_a_balancer_of_a_pair_can_be_killed() -> None:
    done = subprocess.run(
        [sys.executable, DEMO, "--pair"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("kill -9", "new sessions work after", ", the same", "Verdict: it works."):
        assert words in done.stdout, done.stdout
