# SPDX-License-Identifier: Apache-2.0
"""The log of real clients and servers, at its default level unless a test says otherwise."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool
from certificates import Authority, for_loopback
from clients import Curl, Mode, Target
from ports import free_port
from process import DIES_WITH_US
from servers import REPOSITORY, TESTER, PyFtpd
from sources import log_fields, log_messages
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's log")


@pytest.fixture
def server(work: Path) -> Iterator[PyFtpd]:
    server = PyFtpd(work, work / "files", "127.0.0.31", free_port())
    server.start()
    yield server
    server.kill()


def _balanced(work: Path, server: PyFtpd, **settings: Any) -> Ballast:
    pool = Pool("files", [Backend("only", server)])
    return Ballast(work, [Listener("ftp", "files", settings=settings)], [pool])


def _line(it: Ballast, message: str, **fields: Any) -> dict[str, Any]:
    return it.wait_for_log(
        f"{message} {fields}",
        lambda line: line["message"] == message
        and all(line.get(key) == value for key, value in fields.items()),
    )


def test_a_transfer_and_its_session(work: Path, server: PyFtpd) -> None:
    (server.root / "data").write_bytes(b"x" * 5000)
    with _balanced(work, server) as it:
        curl = Curl(Target(*it.where()), Mode.EPSV, work)
        curl.download("data", work / "downloaded")
        transfer = _line(it, "transfer ended", verb="RETR")
        assert transfer["level"] == "info" and transfer["backend"] == "only"
        assert transfer["bytes"] == 5000 and transfer["result"] == "whole"
        end = _line(it, "session ended", session=transfer["session"])
        assert end["level"] == "info" and end["reason"] == "the client said QUIT"
        assert end["backend"] == "only" and end["user"] == TESTER.name
        assert end["bytes"] == 5000 and end["transfers"] == 1 and end["seconds"] > 0


def test_refusals(work: Path, server: PyFtpd) -> None:
    with _balanced(work, server) as it:
        with Wire(it.where()) as client:
            client.greeting()
            client.expect(f"USER {TESTER.name}", 331)
            client.expect("PASS Wrong-And-Secret", 530)
            client.expect(f"USER {TESTER.name}", 331)
            client.expect(f"PASS {TESTER.password}", 230)
            client.expect("PORT 192,0,2,1,200,1", 501)
            client.expect("EPSV", 229)
            client.expect("RETR missing", 550)
        refused = _line(it, "login refused", reason="the backend", code=530)
        assert refused["name"] == TESTER.name and refused["text"] and refused["level"] == "info"
        assert _line(it, "command refused", verb="PORT")["level"] == "info"
        assert _line(it, "transfer ended", result="refused")["level"] == "info"
        assert "Secret" not in it.log.read_text()


def test_a_failure_says_whose_fault_it_was_and_what_the_session_was_doing(
    work: Path, server: PyFtpd
) -> None:
    (server.root / "data").write_bytes(b"x" * 5000)
    settings = {"data_connect_timeout": "200ms", "command_bytes_max": "512B"}
    with _balanced(work, server, **settings) as it:
        with Wire(it.where()).log_in() as client:
            # A firewall: no data connection comes.
            client.expect("EPSV", 229)
            client.expect("RETR data", 150, 125)
            assert client.reply().code == 425
            missing = _line(it, "transfer ended", fault="network")
            assert missing["command"] == "RETR data" and missing["level"] == "warning"
            client.expect("X" * 600, 500)
            limit = _line(it, "a limit is reached", fault="client")
            assert limit["session"] == missing["session"] and limit["user"] == TESTER.name
            server.kill()
            assert client.reply().code == 421
        lost = _line(it, "backend lost", fault="backend")
        assert lost["phase"] == "idle" and lost["backend"] == "only"
        assert lost["session"] == missing["session"] and lost["level"] == "warning"
        with Wire(it.where()) as client:
            client.greeting()
            client.expect(f"USER {TESTER.name}", 421)
        failed = _line(it, "backend failed before login, the next is tried", fault="backend")
        assert failed["command"] == f"USER {TESTER.name}" and failed["phase"] == "choosing"
        assert _line(it, "no backend for a session", fault="backend")["last"]


def test_the_dialog_with_the_backend_at_debug(work: Path, server: PyFtpd) -> None:
    with _balanced(work, server) as it:
        with Wire(it.where()) as client:
            client.log_in()
            client.expect("PWD", 257)
        sent = _line(it, "to the backend", line="PWD")
        assert sent["level"] == "debug" and sent["session"]
        heard = it.wait_for_log(
            "the reply",
            lambda line: line["message"] == "from the backend"
            and line.get("session") == sent["session"],
            since=it.log_lines().index(sent),
        )
        assert heard["line"].startswith("257 ")
        _line(it, "to the backend", line="PASS ***", session=sent["session"])
        assert TESTER.password not in it.log.read_text()


def test_a_client_of_implicit_tls_at_the_plain_port(work: Path, server: PyFtpd) -> None:
    with _balanced(work, server) as it:
        address, port = it.where()
        done = subprocess.run(
            ["curl", "-sS", "-k", f"ftps://{address}:{port}/"],
            capture_output=True,
            timeout=waiting.PATIENCE,
            check=False,
        )
        assert done.returncode != 0
        _line(it, "a client began TLS where plain text comes first", listener="ftp")


def test_the_default_probe_finds_a_backend_down_that_has_no_tls(
    work: Path, server: PyFtpd
) -> None:
    """Every login would fail there."""
    authority = Authority(work)
    for_loopback(authority, "ftp.example.com")
    tls = {"mode": "explicit", "ca": authority.certificate}
    pool = Pool("files", [Backend("only", server)], probe={"interval": "250ms"}, tls=tls)
    with Ballast(work, [Listener("ftp", "files")], [pool]) as it:
        assert "AUTH TLS" in it.wait_for_state("only", "down")["reason"]


def test_a_failed_survey_shows(work: Path, server: PyFtpd) -> None:
    probe = {"type": "tcp", "interval": "250ms"}
    tls = {"mode": "explicit", "verify": "none"}
    pool = Pool("files", [Backend("only", server)], probe=probe, tls=tls)
    with Ballast(work, [Listener("ftp", "files")], [pool]) as it:
        line = _line(it, "backend could not be surveyed", backend="only")
        assert line["level"] == "info" and "AUTH TLS" in line["reason"]
        it.wait_for_state("only", "up")
        assert it.counters()["surveys_failed"] >= 1


@pytest.mark.parametrize(
    ("form", "is_journal"), [("automatic", True), ("json", True), ("automatic", False)]
)
def test_lines_to_the_journal_have_priorities(form: str, is_journal: bool, work: Path) -> None:
    """Where its socket is not there, as here, or is not wanted."""
    nobody = Place("127.0.0.1", free_port())
    it = Ballast(work, [Listener("ftp", "pool")], [Pool("pool", [Backend("none", nobody)])])
    text = it.text().replace(f'file = "{it.log}"\n', "")
    it.configuration.write_text(text.replace('format = "json"', f'format = "{form}"'))
    # JOURNAL_STREAM names the daemon's standard error, or something else.
    stream = "$(stat -L -c %d:%i /dev/stderr)" if is_journal else "8:12345"
    script = f'JOURNAL_STREAM={stream} exec "$0" run -c "$1"'
    with it.output.open("wb") as output:
        daemon = subprocess.Popen(
            [*DIES_WITH_US, "sh", "-c", script, BINARY, it.configuration], stderr=output
        )
        try:
            waiting.until("it is ready", lambda: re.search(r"\bpid\b", it.output.read_text()))
        finally:
            daemon.terminate()
            assert daemon.wait(waiting.PATIENCE) == 0
    lines = it.output.read_text().splitlines()
    # Text is for people: the journal shows it.
    begin = {"automatic": "<[3467]>20", "json": "<[3467]>{"}[form] if is_journal else "{"
    assert all(re.match(begin, line) for line in lines), lines


def test_every_line_of_the_log_is_on_its_page() -> None:
    page = (REPOSITORY / "docs/log.md").read_text()
    messages = log_messages()
    assert len(messages) > 100
    missing = {message: file for message, file in messages.items() if f"`{message}`" not in page}
    assert not missing


def test_every_field_is_on_the_page_of_the_log() -> None:
    page = (REPOSITORY / "docs/log.md").read_text()
    fields = log_fields()
    assert {"reason", "session", "fault", "left_out"} <= fields
    assert not {field for field in fields if f"`{field}`" not in page}
