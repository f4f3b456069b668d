# SPDX-License-Identifier: Apache-2.0
"""`ballast check`, `run` and `manual`: what an operator is told before anything starts."""

import re
import socket
from pathlib import Path

import pytest

import waiting
from ballast import Backend, Ballast, Listener, Place, Pool, run_ballast
from ports import free_port, free_ports
from process import Process
from ballast import BINARY
from servers import REPOSITORY

PLACE = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<rest>.+) \((?P<fix>.+)\)$")


def with_free_ports(text: str, folder: Path) -> str:
    """The same configuration on ports and addresses that this machine can bind now."""
    first = free_ports(20)
    ranges: dict[str, str] = {}

    def passive(found: re.Match[str]) -> str:
        known = ranges.setdefault(found[1], f"{first + len(ranges)}")
        return f'passive_ports = "{known}"'

    text = re.sub(r'passive_ports = "([\d-]+)"', passive, text)
    text = re.sub(r'"(?:0\.0\.0\.0|\d+\.\d+\.\d+\.\d+):(\d+)"(?=[^\n]*\]|,)', _loopback("127.0.0.1"), text)
    text = re.sub(r'"\[[0-9a-f:]*\]:(\d+)"(?=[^\n]*\]|,)', _loopback("[::1]"), text)
    text = text.replace("/var/log/ballast/", f"{folder}/")
    secret = REPOSITORY / "README.md"  # any file that can be read
    return re.sub(r'password_file = "[^"]+"', f'password_file = "{secret}"', text)


def _loopback(address: str):  # type: ignore[no-untyped-def]
    return lambda _: f'"{address}:{free_port()}"'


def documented() -> list[tuple[str, str]]:
    """Every TOML block of the documents that says it is a whole configuration."""
    found = []
    for page in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))):
        for block in re.findall(r"^```toml\n(.*?)^```", page.read_text(), re.M | re.S):
            if block.startswith("# checked"):
                found.append((page.name, block))
    return found


def examples() -> list[Path]:
    return sorted((REPOSITORY / "examples").glob("*.toml"))


def test_there_are_examples_and_a_documented_configuration() -> None:
    assert len(examples()) >= 3
    assert documented()


@pytest.mark.parametrize("example", examples(), ids=lambda path: path.name)
def test_the_examples_pass_check(example: Path, work: Path) -> None:
    copy = work / example.name
    copy.write_text(with_free_ports(example.read_text(), work))
    done = run_ballast("check", "-c", copy)
    assert done.returncode == 0, done.stderr
    assert "ok" in done.stdout


@pytest.mark.parametrize("page, block", documented(), ids=lambda value: str(value)[:12])
def test_the_documents_examples_pass_check(page: str, block: str, work: Path) -> None:
    copy = work / "documented.toml"
    copy.write_text(with_free_ports(block, work))
    done = run_ballast("check", "-c", copy)
    assert done.returncode == 0, f"{page}: {done.stderr}"


def test_the_manual_is_the_programs_own() -> None:
    done = run_ballast("manual")
    assert done.returncode == 0
    assert done.stdout == (REPOSITORY / "docs/configuration.md").read_text()


def test_the_version_is_said() -> None:
    done = run_ballast("version")
    assert done.returncode == 0
    assert re.fullmatch(r"ballast \d+\.\d+\.\d+\n", done.stdout)


def test_all_problems_are_said_in_one_run_each_with_its_place(work: Path) -> None:
    file = work / "bad.toml"
    file.write_text(
        """\
[listener.ftp]
bind = ["127.0.0.1:21000", "not an address"]
pool = "alfresc"
passive_ports = "20000-20099"
idle_timout = "5m"

[listener.other]
bind = ["127.0.0.1:21001"]
pool = "empty"
passive_ports = "20050-20150"

[pool.alfresco]
balance = "round-robbin"
probe = { type = "login", user = "probe", password_file = "/x", interval = 5 }
[[pool.alfresco.backend]]
name = "alf1"
address = "10.0.0.11:99999"
weight = "heavy"

[pool.empty]
"""
    )
    done = run_ballast("check", "-c", file)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    problems = {}
    for line in lines:
        found = PLACE.match(line)
        assert found, f"no place or no remedy: {line}"
        assert found["file"] == str(file)
        problems[int(found["line"])] = line
    # One for each mistake, in the order of the file, and nothing was started.
    assert sorted(problems) == [2, 3, 5, 10, 13, 14, 17, 18, 20], done.stderr
    assert [int(PLACE.match(line)["line"]) for line in lines] == sorted(problems)  # type: ignore[index]
    assert "idle_timeout" in problems[5]  # the nearest spelling
    assert "alfresco" in problems[3]
    assert "round-robin" in problems[13]
    for command in ("check", "run"):
        assert run_ballast(command, "-c", file).stderr == done.stderr


@pytest.mark.parametrize(
    "text, line",
    [('[listener.ftp]\nbind = [\n', 2), ('[pool.a]\nbalance = "x"\nbalance = "y"\n', 3)],
    ids=["syntax", "duplicate key"],
)
def test_a_syntax_error_ends_at_the_first(text: str, line: int, work: Path) -> None:
    file = work / "broken.toml"
    file.write_text(text)
    done = run_ballast("check", "-c", file)
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert re.match(rf"{re.escape(str(file))}:\d+:\d+: ", said)
    assert int(said.split(":")[1]) in (line, line + 1)


def test_a_file_that_is_not_there(work: Path) -> None:
    done = run_ballast("check", "-c", work / "nowhere.toml")
    assert done.returncode == 1
    assert "nowhere.toml" in done.stderr


def ballast_on(work: Path, port: int, **settings: object) -> Ballast:
    pool = Pool("alfresco", [Backend("alf1", Place("127.0.0.11", 2121))])
    listener = Listener("ftp", "alfresco", ["127.0.0.1"], settings, port=port)
    return Ballast(work, [listener], [pool])


def test_check_says_what_would_fail_at_start_without_starting(work: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ballast = ballast_on(work, port)
        text = ballast.text().replace(str(ballast.xferlog), str(work / "no/such/folder/xferlog"))
        ballast.configuration.write_text(text)
        done = run_ballast("check", "-c", ballast.configuration)
        assert done.returncode == 1
        assert f"127.0.0.1:{port}" in done.stderr and "in use" in done.stderr
        assert "no/such/folder/xferlog" in done.stderr
        # Run says the same, and nothing was started.
        assert run_ballast("run", "-c", ballast.configuration).stderr == done.stderr
    assert not ballast.transfer_log.exists()


def test_an_unreadable_password_file_is_said(work: Path) -> None:
    ballast = ballast_on(work, free_port())
    probe = f'{{ type = "login", user = "probe", password_file = "{work}/missing.secret" }}'
    text = re.sub(r"probe = .*", f"probe = {probe}", ballast.text())
    ballast.configuration.write_text(text)
    done = run_ballast("check", "-c", ballast.configuration)
    assert done.returncode == 1
    assert "missing.secret" in done.stderr


def test_both_wildcards_stand_side_by_side(work: Path) -> None:
    port = free_port()
    pool = Pool("alfresco", [Backend("alf1", Place("127.0.0.11", 2121))])
    ballast = Ballast(work, [Listener("ftp", "alfresco", ["0.0.0.0", "::"], port=port)], [pool])
    with ballast:
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, port), 10) as client:
                assert client.recv(4) == b"220 "


def test_the_log_is_readable_text_on_a_terminal(work: Path) -> None:
    ballast = ballast_on(work, free_port())
    text = re.sub(r"\[log\]\n(.+\n)+", '[log]\nlevel = "info"\n', ballast.text())
    ballast.configuration.write_text(text)
    terminal = work / "terminal"
    shown = Process(
        ["script", "-qefc", f"{BINARY} run -c {ballast.configuration}", terminal],
        work / "output.log",
    )
    try:
        said = waiting.until(
            "ready is said",
            lambda: (t := terminal.read_text() if terminal.exists() else "") and " ready " in t and t,
        )
    finally:
        shown.kill()
    assert isinstance(said, str)
    assert re.search(r"^\S+Z info +ready version=", said, re.M), said
