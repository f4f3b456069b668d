# SPDX-License-Identifier: Apache-2.0
"""A real browser, headless, with one page. It is driven by browser.mjs."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from servers import REPOSITORY

MODULES = REPOSITORY / "web/node_modules"
DRIVER = Path(__file__).with_name("browser.mjs")


class Browser:
    """Every question waits, with a deadline, until the page can answer it."""

    def __init__(self, work: Path) -> None:
        chromium, node = shutil.which("chromium"), shutil.which("node")
        assert chromium, "there is no chromium: ./run setup installs it"
        assert node, "there is no node: ./run setup installs it"
        self._output = (work / "browser.log").open("w")
        self._process = subprocess.Popen(
            [node, DRIVER, MODULES, chromium],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            text=True,
        )

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._output.close()

    def _ask(self, what: str, **arguments: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser has ended: see browser.log"
        answer = json.loads(line)
        assert "problem" not in answer, f"{what} {arguments}: {answer['problem']}"
        return answer["ok"]

    def open(self, url: str, **settings: Any) -> None:
        """Forgets the page before."""
        self._ask("open", url=url, **settings)

    def sign_in(self, url: str, token: str, **settings: Any) -> None:
        """Opens the page of a balancer."""
        self.open(url, **settings)
        self.fill("input[type=password]", token)
        self.press("Enter")
        self.wait(".status .mark.good", "live")

    def go(self, hash: str) -> None:
        """To another view."""
        self._ask("go", hash=hash)

    def wait(self, selector: str, text: str | None = None, state: str = "visible") -> None:
        self._ask("wait", selector=selector, state=state, **({} if text is None else {"text": text}))

    def gone(self, selector: str, text: str | None = None) -> None:
        self._ask("gone", selector=selector, **({} if text is None else {"text": text}))

    def click(self, selector: str, text: str | None = None) -> None:
        self._ask("click", selector=selector, **({} if text is None else {"text": text}))

    def fill(self, selector: str, value: str) -> None:
        self._ask("fill", selector=selector, value=value)

    def choose(self, selector: str, value: str) -> None:
        self._ask("choose", selector=selector, value=value)

    def press(self, key: str) -> None:
        self._ask("press", key=key)

    def type(self, text: str) -> None:
        self._ask("type", text=text)

    def text(self, selector: str) -> str:
        return str(self._ask("text", selector=selector))

    def texts(self, selector: str) -> list[str]:
        return list(self._ask("texts", selector=selector))

    def count(self, selector: str) -> int:
        return int(self._ask("count", selector=selector))

    def attribute(self, selector: str, name: str) -> str | None:
        return self._ask("attribute", selector=selector, name=name)

    def url(self) -> str:
        return str(self._ask("url"))

    def evaluate(self, script: str) -> Any:
        return self._ask("evaluate", script=script)

    def media(self, *, dark: bool) -> None:
        self._ask("media", dark=dark)

    def resize(self, width: int, height: int) -> None:
        self._ask("resize", width=width, height=height)

    def screenshot(self, path: Path, *, full: bool = False) -> None:
        self._ask("screenshot", path=str(path), full=full)

    def complaints(self) -> list[str]:
        """What the page has said on its console, and what it has thrown."""
        return list(self._ask("complaints"))

    def requests(self) -> list[str]:
        return list(self._ask("requests"))

    def axe(self) -> list[str]:
        """Serious and critical findings. The page must be opened with `bypass`."""
        return list(self._ask("axe"))

    def effort(self) -> float:
        """Seconds of processor time that the page has taken."""
        return float(self._ask("effort"))
