# SPDX-License-Identifier: Apache-2.0
"""Each kind of probe against a real server that fails in exactly that step, and recovers."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import servers
import waiting
from ballast import Backend, Ballast, Listener, Pool, login_probe
from scripted import ScriptedServer

CONTENT = b"the canary sings\n" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
QUICK = {"interval": "200ms", "timeout": "2s", "rise": 1, "fall": 1}


@contextmanager
def balanced(
    work: Path, probe: dict[str, Any], *backends: Backend
) -> Iterator[Ballast]:
    pool = Pool("files", list(backends), probe=probe)
    with Ballast(work, [Listener("ftp", "files")], [pool]) as ballast:
        yield ballast


class Changes:
    """Reads the changes of the backend `only` from the log, one after the other."""

    def __init__(self, ballast: Ballast) -> None:
        self._ballast = ballast
        self._since = 0

    def wait_for(self, state: str, reason: str = "") -> None:
        line = self._ballast.wait_for_state("only", state, since=self._since)
        assert reason in line["reason"], line
        self._since = self._ballast.log_lines().index(line) + 1

    def breaks_and_mends(
        self, breaks: Callable[[], None], mends: Callable[[], None], reason: str
    ) -> None:
        self.wait_for("up")
        breaks()
        self.wait_for("down", reason)
        mends()
        self.wait_for("up")


def writes(path: Path, content: bytes) -> Callable[[], None]:
    def write() -> None:
        new = path.with_name(path.name + ".new")
        new.write_bytes(content)
        new.rename(path)

    return write


@pytest.fixture
def server(work: Path) -> Iterator[servers.PyFtpd]:
    server = servers.PyFtpd(work, work / "files", "127.0.0.11")
    server.start()
    (server.root / "canary").write_bytes(CONTENT)
    (server.root / "listed").mkdir()
    yield server
    server.kill()


def test_a_listing_fails_with_its_directory(server: servers.PyFtpd, work: Path) -> None:
    listed = server.root / "listed"
    probe = login_probe(work, **QUICK, pwd=True, list="listed")
    with balanced(work, probe, Backend("only", server)) as ballast:
        Changes(ballast).breaks_and_mends(listed.rmdir, listed.mkdir, "list: LIST was answered 550")


def test_a_canary_fails_with_its_file_and_with_its_content(
    server: servers.PyFtpd, work: Path
) -> None:
    canary = server.root / "canary"
    probe = login_probe(work, **QUICK, canary="canary", canary_sha256=DIGEST)
    with balanced(work, probe, Backend("only", server)) as ballast:
        changes = Changes(ballast)
        changes.breaks_and_mends(
            canary.unlink, writes(canary, CONTENT), "canary: RETR was answered 550"
        )
        writes(canary, CONTENT + b"!")()
        changes.wait_for("down", "canary: the digest of canary is")


def test_a_log_in_fails_with_its_password(server: servers.PyFtpd, work: Path) -> None:
    probe = login_probe(work, **QUICK)
    Path(probe["password_file"]).write_text("wrong\n")
    with balanced(work, probe, Backend("only", server)) as ballast:
        Changes(ballast).wait_for("down", "login: PASS was answered 530")


def test_a_quiet_probe_logs_in_once(server: servers.PyFtpd, work: Path) -> None:
    probe = login_probe(work, **QUICK, canary="canary", quiet=True)
    canary = server.root / "canary"
    with balanced(work, probe, Backend("only", server)):
        waiting.until("three probes", lambda: server.count(f"sent {canary}") >= 3)
        # One of the logins is the survey's.
        assert server.count("login probe") == 2


def test_backends_that_differ_are_reported(work: Path) -> None:
    pair = [servers.PyFtpd(work, work / f"files-{n}", f"127.0.0.1{n}") for n in (1, 2)]
    try:
        for each in pair:
            each.start()
        (pair[0].root / "canary").write_bytes(b"old")
        (pair[1].root / "canary").write_bytes(b"newer")
        backends = [Backend(f"b{n}", each) for n, each in enumerate(pair)]
        with balanced(work, login_probe(work, **QUICK, canary="canary"), *backends) as ballast:
            told = ballast.wait_for_log(
                "a warning",
                lambda line: line["message"].startswith("backends of one pool have different"),
            )
            assert told["file"] == "canary"
            assert "b0 has size 3" in told["found"] and "b1 has size 5" in told["found"]
    finally:
        for each in pair:
            each.kill()


def test_a_banner_fails_with_its_greeting(work: Path) -> None:
    with ScriptedServer("127.0.0.12") as server:
        probe = {"type": "banner", **QUICK}
        with balanced(work, probe, Backend("only", server)) as ballast:

            def greet(words: str) -> Callable[[], None]:
                return lambda: setattr(server, "greeting", words)

            Changes(ballast).breaks_and_mends(
                greet("530 Go away."), greet("220 Welcome."), "greeted with 530 Go away."
            )


def test_a_script_fails_with_its_status_and_is_killed_when_it_hangs(
    server: servers.PyFtpd, work: Path
) -> None:
    script = work / "probe.sh"
    verdict = work / "verdict"
    # The script writes its input to one file and reads its verdict from another.
    script.write_text(
        f'#!/bin/sh\necho "$1 $2 $BALLAST_POOL/$BALLAST_BACKEND" > {work}/told\n. {verdict}\n'
    )
    script.chmod(0o755)

    def says(line: str) -> Callable[[], None]:
        return writes(verdict, line.encode() + b"\n")

    says("exit 0")()
    probe = {"type": "script", "script": str(script), **QUICK}
    with balanced(work, probe, Backend("only", server)) as ballast:
        changes = Changes(ballast)
        changes.breaks_and_mends(
            says("echo disk full; exit 2"), says("exit 0"), "script: exited with 2: disk full"
        )
        told = (work / "told").read_text()
        assert told == f"{server.address} {server.port} files/only\n"
        says("echo waiting; sleep 1000")()
        changes.wait_for("down", "script: killed after 2000 ms: waiting")


@pytest.mark.parametrize(
    ("version", "header"),
    [("v1", b"PROXY UNKNOWN\r\n"), ("v2", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0")],
)
def test_probes_begin_with_a_proxy_header(version: str, header: bytes, work: Path) -> None:
    heard: list[bytes] = []

    def take_header(conversation: Any, _: str) -> str:
        got = b""
        while len(got) < len(header):
            got += conversation.plain.recv(len(header) - len(got))
        heard.append(got)
        return "220 Welcome."

    with ScriptedServer("127.0.0.13", greeting=take_header) as server:
        probe = {"type": "banner", "proxy": version, **QUICK}
        with balanced(work, probe, Backend("only", server)) as ballast:
            Changes(ballast).wait_for("up")
            assert set(heard) == {header}
