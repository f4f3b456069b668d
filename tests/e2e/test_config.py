# SPDX-License-Identifier: Apache-2.0
"""`ballast check` and what `ballast run` refuses."""

import base64
import os
import re
import socket
from pathlib import Path

import pytest

from ballast import DIRECT, LOOPBACK, Backend, Ballast, Listener, Place, Pool, run_ballast
from certificates import Authority
from ports import free_port
from servers import REPOSITORY

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

GOOD = """\
[listener.ftp]
bind = ["127.0.0.1:{port}"]
pool = "alfresco"
passive_ports = "{passive}-{passive}"

[pool.alfresco]

[[pool.alfresco.backend]]
name = "alf1"
address = "127.0.0.11:2121"
"""

# file:line:column: key: what is wrong (what would be right)
_PROBLEM = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<key>[^:]+): .+ \(.+\)$")


def _good() -> str:
    return GOOD.format(port=free_port(), passive=free_port())


def _problems(path: Path, command: str = "check") -> list[re.Match[str]]:
    done = run_ballast(command, "-c", path)
    assert done.returncode == 1, done
    said = (done.stdout + done.stderr).splitlines()
    problems = [_PROBLEM.match(line) for line in said if line.startswith(str(path))]
    assert problems and all(problems), said
    return [each for each in problems if each]


def _file(work: Path, text: str) -> Path:
    path = work / "ballast.toml"
    path.write_text(text)
    return path


def test_a_good_file_passes(work: Path) -> None:
    done = run_ballast("check", "-c", _file(work, _good()))
    assert done.returncode == 0, done


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "word"),
    [
        ("pool =", "pol =", 3, "pol", "pool"),
        ('"alfresco"', '"alfreso"', 3, "pool", "alfresco"),
        ('"alfresco"', "7", 3, "pool", "string"),
        ('["127.0.0.1', '["127.0.0.999', 2, "bind", "127.0.0.999"),
        ("passive_ports = ", 'passive_ports = "90000-1" #', 4, "passive_ports", "90000"),
        ("[pool.alfresco]\n", "[pool.alfresco]\nconnect_timeout = 3\n", 7, "timeout", "unit"),
        ("[pool.alfresco]\n", '[pool.alfresco]\nconnect_timeout = "3w"\n', 7, "timeout", "unit"),
        ("[pool.alfresco]\n", '[pool.alfresco]\nbalance = "robin"\n', 7, "balance", "round-robin"),
        ("[pool.alfresco]\n", '[pool.alfresco]\nprobe = { type = "login" }\n', 7, "probe", "user"),
        ('name = "alf1"', 'name = "alf1"\nweight = 0', 10, "weight", "0"),
        ('"127.0.0.11:2121"', '"127.0.0.11:99999"', 10, "address", "99999"),
    ],
)
def test_a_problem_is_named_with_its_place(
    old: str, new: str, line: int, key: str, word: str, work: Path
) -> None:
    text = _good()
    assert old in text
    problems = _problems(_file(work, text.replace(old, new, 1)))
    assert any(
        int(each["line"]) == line and key in each["key"] and word in each.string
        for each in problems
    ), [each.string for each in problems]


BAD = """\
workers = "many"

[listener.ftp]
bind = "0.0.0.0:21"
pool = "alfresco"
passive_ports = "20000-20099"
pubic_address = "203.0.113.21"

[listener.other]
bind = ["here"]
pool = "nowhere"
passive_ports = "20050-20150"

[pool.alfresco]
greeting_timeout = 10

[[pool.alfresco.backend]]
name = "alf1"
address = "10.0.0.1:ftp"
weight = 1000

[[pool.alfresco.backend]]
name = "alf1"
address = "10.0.0.2:2121"

[pool.empty]
"""


@pytest.mark.parametrize("command", ["check", "run"])
def test_all_problems_are_named_in_one_run(command: str, work: Path) -> None:
    problems = _problems(_file(work, BAD), command)
    lines = {int(each["line"]) for each in problems}
    # workers, bind, public_address, bind, pool, overlapping ranges, greeting_timeout, address,
    # weight, name used twice, pool without backends.
    assert lines == {1, 4, 7, 10, 11, 12, 15, 19, 20, 23, 26}, [each.string for each in problems]
    said = "\n".join(each.string for each in problems)
    assert "public_address" in said, "the nearest spelling"


@pytest.mark.parametrize("text", ["[listener.ftp\n", 'workers = 1\nworkers = 2\n', "\xff\n"])
def test_a_file_that_is_no_toml_is_one_problem(text: str, work: Path) -> None:
    path = work / "ballast.toml"
    path.write_bytes(text.encode("latin-1"))
    done = run_ballast("check", "-c", path)
    assert done.returncode == 1
    said = (done.stdout + done.stderr).strip().splitlines()
    assert len(said) == 1 and re.match(rf"{path}:\d+:\d+: ", said[0]), said


def test_a_file_that_is_not_there(work: Path) -> None:
    done = run_ballast("check", "-c", work / "missing.toml")
    assert done.returncode == 1
    assert "missing.toml" in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_port_in_use_is_found_without_starting(command: str, work: Path) -> None:
    port = free_port()
    path = _file(work, GOOD.format(port=port, passive=free_port()))
    with socket.create_server(("127.0.0.1", port)):
        done = run_ballast(command, "-c", path)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stdout + done.stderr


def test_an_unreadable_password_file_is_found_without_starting(work: Path) -> None:
    missing = work / "no-such-secret"
    probe = f'probe = {{ type = "login", user = "probe", password_file = "{missing}" }}'
    text = _good().replace("[pool.alfresco]\n", f"[pool.alfresco]\n{probe}\n")
    done = run_ballast("check", "-c", _file(work, text))
    assert done.returncode == 1
    assert str(missing) in done.stdout + done.stderr


def test_version() -> None:
    done = run_ballast("version")
    assert done.returncode == 0
    assert re.match(r"ballast \d+\.\d+\.\d+", done.stdout)


def test_sigterm_ends_it_with_0_and_without_sessions_at_once(work: Path) -> None:
    pool = Pool("pool", [Backend("only", Place("127.0.0.11", free_port()))])
    ballast = Ballast(work, [Listener("ftp", "pool", LOOPBACK)], [pool])
    ballast.start()
    # Asserts the exit status.
    ballast.stop()
    assert all(line["message"] for line in ballast.log_lines())
    listening = [line for line in ballast.log_lines() if line["message"] == "listening"]
    assert len(listening) == len(LOOPBACK)


# What the documents show has to work. Their addresses and files belong to another machine, so only
# what `check` says of the text counts here, not what it says of this machine.


def _checked_blocks() -> list[tuple[str, str]]:
    blocks = [
        (path.name, path.read_text()) for path in sorted((REPOSITORY / "examples").glob("*.toml"))
    ]
    documents = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    for document in documents:
        if not document.exists():
            continue
        for number, found in enumerate(
            re.findall(r"^```toml\n(# checked\n.*?)^```", document.read_text(), re.M | re.S), 1
        ):
            blocks.append((f"{document.name}-{number}", found))
    return blocks


def test_there_are_examples() -> None:
    assert _checked_blocks()


@pytest.mark.parametrize(("name", "text"), _checked_blocks(), ids=lambda each: each[:30])
def test_what_the_documents_show_passes(name: str, text: str, work: Path) -> None:
    done = run_ballast("check", "-c", _file(work, _adapted(text, work)))
    assert done.returncode == 0, done


def _adapted(text: str, work: Path) -> str:
    """The same with addresses, ports and files that this machine has."""

    def bind(found: re.Match[str]) -> str:
        ipv6 = "[" in found[1]
        return f'"{"[::1]" if ipv6 else "127.0.0.1"}:{free_port()}"'

    binds = re.compile(r"^(?:implicit_)?bind = .*$", re.MULTILINE)
    text = binds.sub(lambda line: re.sub(r'"([^"]*)"', bind, line[0]), text)
    secret = work / "probe.secret"
    secret.write_text("secret\n")
    text = re.sub(r'password_file = "[^"]*"', f'password_file = "{secret}"', text)
    text = _with_real_certificates(text, work)
    text = re.sub(r'"/var/log/[^"]*/([^"/]*)"', rf'"{work}/\1"', text)
    return text


def _with_real_certificates(text: str, work: Path) -> str:
    """Each pair /etc/ballast/tls/X.pem and X.key becomes a real one, X.pem without a key a file of
    trusted certificates, X.keys one of ticket keys."""
    named = set(re.findall(r'"/etc/ballast/tls/([^"]*)"', text))
    if not named:
        return text
    authority = Authority(work)
    ticket_keys = work / "ticket.keys"
    ticket_keys.write_text(base64.b64encode(os.urandom(80)).decode() + "\n")
    pairs = {name: authority.issue(name, names=[name]) for name in _without(".key", named)}
    real = {f"{name}.key": pair.key for name, pair in pairs.items()}
    real |= {f"{name}.pem": pair.certificate for name, pair in pairs.items()}
    real |= {f"{name}.keys": ticket_keys for name in _without(".keys", named)}
    for name in named:
        text = text.replace(
            f'"/etc/ballast/tls/{name}"', f'"{real.get(name, authority.certificate)}"'
        )
    return text


def _without(ending: str, names: set[str]) -> list[str]:
    return [name.removesuffix(ending) for name in sorted(names) if name.endswith(ending)]
