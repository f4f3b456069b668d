# SPDX-License-Identifier: Apache-2.0
"""A new process takes the old one's place: no client is refused, and no session notices."""

import dataclasses
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import operators
import waiting
from ballast import DIRECT, TCP_PROBE, Backend, Ballast, Listener, Place, Pool
from ports import free_port
from process import is_running
from servers import PyFtpd
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's own")

CONTENT = b"content" * 3_000_000
FAILED = "the upgrade failed, this process goes on"


@pytest.fixture(scope="module")
def server(module_work: Path) -> Iterator[PyFtpd]:
    with PyFtpd(module_work, module_work / "one", "127.0.0.134") as server:
        (server.root / "big").write_bytes(CONTENT)
        (server.root / "name").write_text("one")
        yield server


@pytest.fixture
def it(work: Path, server: PyFtpd) -> Iterator[Ballast]:
    backends = [Backend("one", server)]
    with Ballast(work, [Listener("ftp", "files")], [Pool("files", backends)]) as running:
        yield running


def _download(wire: Wire) -> None:
    data = wire.passive()
    wire.expect("RETR name", 150, 125)
    assert read_all(data) == b"one"
    assert wire.reply().code == 226


def _ended(pid: int) -> None:
    waiting.until(f"process {pid} has ended", lambda: not is_running(pid))


def test_sessions_of_both_processes_go_on_side_by_side(it: Ballast) -> None:
    with Wire(it.where()).log_in() as old:
        data = old.passive(receive_buffer=4096)
        old.expect("RETR big", 150, 125)
        first = it.upgrade()
        with Wire(it.where()).log_in() as new:
            _download(new)
            assert read_all(data) == CONTENT
            assert old.reply().code == 226
            # The old session borrows its ports from the new process.
            for _ in range(5):
                _download(old)
                _download(new)
            old.expect("QUIT", 221)
        _ended(first)
    with Wire(it.where()).log_in() as new:
        _download(new)


def test_a_port_that_was_announced_before_the_upgrade_still_leads_to_its_session(
    it: Ballast,
) -> None:
    with Wire(it.where()).log_in() as old, Wire(it.where()).log_in() as other:
        where, other_where = old.passive_address(), other.passive_address()
        assert where != other_where
        it.upgrade()
        with Wire(it.where()).log_in() as new:
            new_data = new.passive()
            for wire, place in ((other, other_where), (old, where)):
                data = socket.create_connection(place, 10)
                wire.expect("RETR name", 150, 125)
                assert read_all(data) == b"one"
                assert wire.reply().code == 226
            new.expect("RETR name", 150, 125)
            assert read_all(new_data) == b"one"


def test_active_mode_needs_no_port_of_the_new_process(it: Ballast) -> None:
    with Wire(it.where()).log_in() as old:
        it.upgrade()
        listening = old.listen()
        old.expect("RETR name", 150, 125)
        data, _ = listening.accept()
        assert read_all(data) == b"one"
        assert old.reply().code == 226


def test_several_generations_finish_side_by_side(it: Ballast) -> None:
    sessions, pids = [], []
    for _ in range(4):
        sessions.append(Wire(it.where()).log_in())
        pids.append(it.upgrade())
    for _ in range(3):
        for wire in sessions:
            _download(wire)
    # The eldest borrows through all the others: they stay for as long as it does.
    for wire in sessions[1:]:
        wire.close()
    _download(sessions[0])
    assert all(is_running(pid) for pid in pids)
    sessions[0].expect("QUIT", 221)
    for pid in pids:
        _ended(pid)
    with Wire(it.where()).log_in() as new:
        _download(new)


def test_an_upgrade_loads_the_configuration(it: Ballast) -> None:
    it.listeners["more"] = Listener("more", "files")
    it.configuration.write_text(it.text())
    first = it.upgrade()
    with Wire(it.where("more")).log_in() as new:
        _download(new)
    _ended(first)


def test_a_configuration_with_problems_leaves_the_old_process_serving(it: Ballast) -> None:
    good = it.text()
    it.listeners["ftp"] = dataclasses.replace(it.listeners["ftp"], settings={"max_sessions": -1})
    it.configuration.write_text(it.text())
    with Wire(it.where()).log_in() as old:
        for _ in range(2):
            mark = it.log_mark()
            os.kill(it.pid, signal.SIGUSR2)
            line = it.wait_for_log("it", lambda line: line["message"] == FAILED, since=mark)
            assert "listener.ftp.max_sessions: max_sessions is -1" in line["reason"], line
            with Wire(it.where()).log_in() as new:
                _download(new)
            _download(old)
        it.configuration.write_text(good)
        first = it.upgrade()
        _download(old)
    _ended(first)


def test_a_program_that_is_not_one_leaves_the_old_process_serving(
    work: Path, server: PyFtpd
) -> None:
    """What a package would replace is replaced by something broken, step by step."""
    binary = work / "ballast-copy"
    real = Path(os.environ["BALLAST"]).read_bytes()
    binary.write_bytes(real)
    binary.chmod(0o755)
    pools = [Pool("files", [Backend("one", server)])]
    it = Ballast(work, [Listener("ftp", "files")], pools, binary=binary)
    with it, Wire(it.where()).log_in() as old:
        for content, reason in (
            (b"#!/bin/sh\nexit 3\n", "status 3"),
            (b"#!/bin/sh\nkill -9 $$\n", "signal 9"),
            (b"nothing to execute", "Exec format error"),
            (None, "No such file"),
        ):
            binary.unlink()
            if content is not None:
                binary.write_bytes(content)
                binary.chmod(0o755)
            mark = it.log_mark()
            os.kill(it.pid, signal.SIGUSR2)
            line = it.wait_for_log("it", lambda line: line["message"] == FAILED, since=mark)
            assert reason in line["reason"], line
            with Wire(it.where()).log_in() as new:
                _download(new)
            _download(old)
        binary.write_bytes(real)
        binary.chmod(0o755)
        first = it.upgrade()
        _download(old)
    _ended(first)


def test_the_old_process_lends_again_if_the_new_one_is_killed(
    work: Path, server: PyFtpd
) -> None:
    pools = [Pool("files", [Backend("one", server)])]
    it = Ballast(work, [Listener("ftp", "files")], pools)
    it.start()
    try:
        with Wire(it.where()).log_in() as old:
            first = it.upgrade()
            _download(old)
            os.kill(it.pid, signal.SIGKILL)
            _ended(it.pid)
            for _ in range(3):
                _download(old)
            old.expect("QUIT", 221)
        _ended(first)
    finally:
        it.kill()


def test_operators_see_the_processes_that_finish(work: Path, server: PyFtpd) -> None:
    pools = [Pool("files", [Backend("one", server)])]
    settings = operators.settings(work)

    def generations() -> list[tuple[int, int]]:
        _, answer = operators.ask(work, "GET", "/v1/generations")
        return [(each["pid"], each["sessions"]) for each in answer["generations"]]

    with Ballast(work, [Listener("ftp", "files")], pools, settings=settings) as it:
        with Wire(it.where()).log_in() as old:
            first = it.pid
            operators.operate(work, "drain", "files/one")
            said = operators.operate(work, "upgrade").stdout
            it.follow(int(said.split()[2]))
            waiting.until(
                "the old process is shown with its session",
                lambda: generations() == [(it.pid, 0), (first, 1)],
            )
            # What operators have decided holds in the new process, too.
            assert operators.states(work) == {"files/one": "drain"}
            with Wire(it.where()) as refused:
                refused.greeting()
                assert refused.ask("USER tester").code == 421
            _download(old)
        _ended(first)
        waiting.until("it is shown no longer", lambda: generations() == [(it.pid, 0)])
        operators.operate(work, "ready", "files/one")
        with Wire(it.where()).log_in() as new:
            _download(new)
        # The same program again: only the configuration is loaded.
        assert operators.operate(work, "reload", "--upgrade").stdout.strip() == "reloaded"


def test_nothing_is_left_open_for_a_process_that_has_ended(it: Ballast) -> None:
    def descriptors() -> int:
        return len(os.listdir(f"/proc/{it.pid}/fd"))

    # By then all workers accept.
    for address in it.listeners["ftp"].addresses:
        with Wire(it.where(address=address)) as client:
            client.greeting()
    before = descriptors()
    _ended(it.upgrade())
    waiting.until("there are no more descriptors than before", lambda: descriptors() <= before)


def test_what_operators_ask_for_reaches_the_processes_that_finish(
    work: Path, server: PyFtpd
) -> None:
    pools = [Pool("files", [Backend("one", server)])]
    settings = operators.settings(work)
    with Ballast(work, [Listener("ftp", "files")], pools, settings=settings) as it:
        first_session = Wire(it.where()).log_in()
        first = it.upgrade()
        second_session = Wire(it.where()).log_in()
        second = it.upgrade()
        operators.wait_for_sessions(it, work, "files/one", 2)
        old_log = it.log.rename(it.log.with_suffix(".1"))
        operators.operate(work, "reopen")
        for wire in (first_session, second_session):
            wire.expect("NOOP", 200)
        waiting.until(
            "both write to the new file",
            lambda: len([line for line in it.log_lines() if line.get("line") == "NOOP"]) >= 2,
        )
        assert old_log.exists()
        operators.operate(work, "disable", "files/one")
        for wire in (first_session, second_session):
            assert wire.reply().code == 421
            assert wire.at_end()
        _ended(first)
        _ended(second)
        operators.wait_for_sessions(it, work, "files/one", 0)


def test_the_new_process_knows_which_backends_are_down(work: Path, server: PyFtpd) -> None:
    gone = Place("127.0.0.135", free_port())
    probe = {**TCP_PROBE, "interval": "60s", "rise": 1, "fall": 1}
    backends = [Backend("one", server), Backend("gone", gone)]
    pool = Pool("files", backends, {"balance": "round-robin"}, probe)
    with Ballast(work, [Listener("ftp", "files")], [pool]) as it:
        it.wait_for_state("gone", "down")
        mark = it.log_mark()
        it.upgrade()
        line = it.wait_for_state("gone", "down", since=mark)
        assert line["reason"] == "it was down before the upgrade"
        for _ in range(4):
            Wire(it.where()).log_in().close()


def test_a_stop_during_an_upgrade_ends_both_processes(work: Path, server: PyFtpd) -> None:
    pools = [Pool("files", [Backend("one", server)])]
    it = Ballast(work, [Listener("ftp", "files")], pools)
    it.start()
    try:
        process = it._process
        assert process is not None
        os.kill(it.pid, signal.SIGUSR2)
        os.kill(it.pid, signal.SIGTERM)
        assert process.wait() == 0
        waiting.until("nobody listens", lambda: not _accepts(it.where()))
    finally:
        it.kill()


def _accepts(where: tuple[str, int]) -> bool:
    try:
        socket.create_connection(where, 5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_reload_during_an_upgrade_is_refused_or_comes_before(it: Ballast) -> None:
    for _ in range(5):
        _ended(it.upgrade_by(signal.SIGHUP, signal.SIGUSR2, signal.SIGHUP))
        with Wire(it.where()).log_in() as new:
            _download(new)


def test_no_client_is_refused_during_ten_upgrades(it: Ballast) -> None:
    stop = threading.Event()
    problems: list[str] = []
    done = [0, 0, 0]

    def connect(number: int) -> None:
        while not stop.is_set():
            try:
                with Wire(it.where()) as wire:
                    assert wire.reply().code == 220
                done[number] += 1
            except Exception as failure:
                problems.append(f"connect: {failure!r}")

    def transfer(number: int) -> None:
        while not stop.is_set():
            try:
                with Wire(it.where()).log_in() as wire:
                    for _ in range(20):
                        _download(wire)
                        done[number] += 1
            except Exception as failure:
                problems.append(f"transfer: {failure!r}")

    threads = [
        threading.Thread(target=connect, args=(0,)),
        threading.Thread(target=transfer, args=(1,)),
        threading.Thread(target=transfer, args=(2,)),
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            before = list(done)
            it.upgrade()
            waiting.until(
                "clients go on", lambda: all(now > was for now, was in zip(done, before))
            )
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not problems, problems[:5]
