# SPDX-License-Identifier: Apache-2.0
"""`ballast check`, and configurations that `ballast run` refuses."""

import base64
import copy
import functools
import json
import os
import re
import socket
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ballast import DIRECT, LOOPBACK, Backend, Ballast, Listener, Place, Pool, run_ballast
from certificates import Authority
from ports import FIRST, free_port
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

# file:line:column: [warning: ]key: what is wrong (what would be right)
_PROBLEM = re.compile(
    r"^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (warning: )?(?P<key>[^:]+): .+ \(.+\)$"
)


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
        ('name = "alf1"', 'name = "alf1"\nweight = 300', 10, "weight", "300"),
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


@pytest.mark.parametrize("command", ["check", "run"])
def test_an_error_hides_nothing_that_is_wrong_with_the_machine(command: str, work: Path) -> None:
    """A missing file does not hide another one either."""
    busy = free_port()
    text = f"""\
worker = 1

[listener.ftp]
bind = ["nowhere", "127.0.0.1:{busy}"]
pool = "alfresco"
tls = {{ certificate = ["{work}/one.pem", "{work}/two.pem"], client_ca = "{work}/ca.pem" }}

[log]
file = "{work}/missing/ballast.log"

[pool.alfresco]
backends_file = "{work}/backends.toml"
probe = {{ type = "login", user = "probe", password_file = "{work}/probe.secret" }}
tls = {{ mode = "explicit", ca = "{work}/backends.pem", certificate = "{work}/own.pem" }}

[[pool.alfresco.backend]]
name = "alf1"
address = "127.0.0.11:2121"
wieght = 2
"""
    with socket.create_server(("127.0.0.1", busy)):
        problems = _problems(_file(work, text), command)
    said = [(int(each["line"]), each["key"]) for each in problems]
    tls = "listener.ftp.tls"
    assert said == [
        (1, "worker"),
        (4, "listener.ftp.bind"),
        (4, "listener.ftp.bind[0]"),
        (6, f"{tls}.certificate[0]"),
        (6, f"{tls}.certificate[1]"),
        (6, f"{tls}.client_ca"),
        (6, f"{tls}.client_ca"),
        (9, "log.file"),
        (12, "pool.alfresco.backends_file"),
        (13, "pool.alfresco.probe.password_file"),
        (14, "pool.alfresco.tls.ca"),
        (14, "pool.alfresco.tls.certificate"),
        (19, "pool.alfresco.backend[0].wieght"),
    ], [each.string for each in problems]
    assert "client_ca has no effect" in problems[6].string + problems[5].string


def _with_a_warning(work: Path) -> Ballast:
    """The warning: everybody can read a secret."""
    secret = work / "probe.secret"
    secret.write_text("secret\n")
    secret.chmod(0o644)
    probe = {"type": "login", "user": "probe", "password_file": str(secret)}
    pool = Pool("pool", [Backend("only", Place("127.0.0.11", free_port()))], probe=probe)
    ballast = Ballast(work, [Listener("ftp", "pool", LOOPBACK)], [pool])
    ballast.configuration.write_text(ballast.text())
    return ballast


def _is_the_warning(text: str, work: Path) -> bool:
    expected = re.escape(
        "warning: pool.pool.probe.password_file: every user of this machine can read "
        f"{work}/probe.secret (let only root and Ballast's group read it: chmod 640)"
    )
    return bool(re.fullmatch(rf"{work}/[^:]+:\d+:\d+: {expected}\n", text))


def test_a_warning_counts_only_with_strict(work: Path) -> None:
    path = _with_a_warning(work).configuration
    done = run_ballast("check", "-c", path)
    assert done.returncode == 0 and _is_the_warning(done.stderr, work), done
    assert done.stdout.endswith(", 1 warning\n")
    done = run_ballast("check", "--print", "-c", path)
    assert done.returncode == 0 and _is_the_warning(done.stderr, work), done
    tomllib.loads(done.stdout)
    done = run_ballast("check", "--strict", "-c", path)
    warning, _, last = done.stderr[:-1].rpartition("\n")
    assert done.returncode == 1 and _is_the_warning(warning + "\n", work), done
    assert last == f"{path}: 1 warning, and --strict counts warnings as errors"
    assert done.stdout == ""
    (work / "probe.secret").chmod(0o600)
    done = run_ballast("check", "--strict", "-c", path)
    assert done.returncode == 0 and done.stderr == "", done


def test_a_warning_stops_no_start_and_is_logged(work: Path) -> None:
    with _with_a_warning(work) as ballast:
        lines = [
            line for line in ballast.log_lines() if line["message"] == "configuration warning"
        ]
    assert len(lines) == 1
    line = lines[0]
    assert line["level"] == "warning" and line["key"] == "pool.pool.probe.password_file"
    assert line["file"] == str(ballast.configuration) and line["line"] > 1
    assert line["reason"] == f"every user of this machine can read {work}/probe.secret"
    assert line["cure"].endswith("chmod 640")


@pytest.mark.parametrize("text", ["[listener.ftp\n", 'workers = 1\nworkers = 2\n', "\xff\n"])
def test_a_file_that_is_not_toml_is_one_problem(text: str, work: Path) -> None:
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


def test_sigterm_ends_it_with_0_and_without_sessions_at_once(work: Path) -> None:
    pool = Pool("pool", [Backend("only", Place("127.0.0.11", free_port()))])
    ballast = Ballast(work, [Listener("ftp", "pool", LOOPBACK)], [pool])
    ballast.start()
    # Asserts the exit status.
    ballast.stop()
    assert all(line["message"] for line in ballast.log_lines())
    listening = [line for line in ballast.log_lines() if line["message"] == "listening"]
    assert len(listening) == len(LOOPBACK)


# The documents' examples must work. Their addresses and files belong to another machine, so only
# `check`'s errors about the text count here, not those about this machine.


def test_every_test_that_the_documents_name_is_there() -> None:
    named = {
        each
        for document in (REPOSITORY / "docs").glob("*.md")
        for each in re.findall(r"`(test_\w+\.py)::(test_\w+)`", document.read_text())
    }
    assert named
    for file, name in named:
        path = REPOSITORY / "tests/e2e" / file
        assert path.exists() and f"def {name}(" in path.read_text(), (file, name)


def _checked_blocks() -> list[tuple[str, str]]:
    blocks = [
        (path.name, path.read_text()) for path in sorted((REPOSITORY / "examples").glob("*.toml"))
    ]
    packaged = (REPOSITORY / "packaging/ballast.toml").read_text()
    blocks.append(("packaged", packaged))
    # What it has as a suggestion begins right behind the "#".
    blocks.append(("packaged, all of it", re.sub(r"^#(?=[\w\[])", "", packaged, flags=re.M)))
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
def test_ranges_in_the_documents_keep_clear_of_the_ports_of_tests(name: str, text: str) -> None:
    ends = [int(last) for last in re.findall(r'"\d+-(\d+)"', text)]
    assert all(last < FIRST for last in ends), (name, ends)


@pytest.mark.parametrize(("name", "text"), _checked_blocks(), ids=lambda each: each[:30])
def test_what_the_documents_show_passes(name: str, text: str, work: Path) -> None:
    done = run_ballast("check", "-c", _file(work, _adapted(text, work)))
    assert done.returncode == 0, done


def _adapted(text: str, work: Path) -> str:
    """The text with addresses, ports and files of this machine."""

    def bind(found: re.Match[str]) -> str:
        ipv6 = "[" in found[1]
        return f'"{"[::1]" if ipv6 else "127.0.0.1"}:{free_port()}"'

    binds = re.compile(r"^(?:implicit_)?bind = .*$", re.MULTILINE)
    text = binds.sub(lambda line: re.sub(r'"([^"]*)"', bind, line[0]), text)
    secret = work / "secret"
    secret.touch(mode=0o600)
    secret.write_text(base64.b64encode(os.urandom(48)).decode() + "\n")
    text = re.sub(r'\b((?:password|secret|token)_file) = "[^"]*"', rf'\1 = "{secret}"', text)
    backends = work / "backends.toml"
    backends.write_text('[[backend]]\nname = "listed"\naddress = "127.0.0.12:2121"\n')
    text = re.sub(r'backends_file = "[^"]*"', f'backends_file = "{backends}"', text)
    text = _with_real_certificates(text, work)
    text = re.sub(r'"/var/(?:log|lib)/[^"]*/([^"/]*)"', rf'"{work}/\1"', text)
    return text


def _with_real_certificates(text: str, work: Path) -> str:
    """Each pair /etc/ballast/tls/X.pem and X.key becomes a real pair, X.pem without a key a file
    of trusted certificates, X.keys a file of ticket keys."""
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


# The schema, which editors use to check a file.


@functools.cache
def _schema() -> jsonschema.Draft202012Validator:
    done = run_ballast("schema")
    assert done.returncode == 0, done
    schema = json.loads(done.stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _misfits(config: dict[str, Any]) -> list[str]:
    return [f"{each.json_path}: {each.message}" for each in _schema().iter_errors(config)]


@pytest.mark.parametrize(("name", "text"), _checked_blocks(), ids=lambda each: each[:30])
def test_what_the_documents_show_fits_the_schema(name: str, text: str) -> None:
    assert _misfits(tomllib.loads(text)) == []


def test_every_key_of_the_manual_is_in_the_schema() -> None:
    """The schema has no other key."""
    manual = (REPOSITORY / "docs" / "configuration.md").read_text()
    sections = re.split(r"^## ", manual, flags=re.MULTILINE)[1:]
    documented = {}
    for section in sections:
        rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        header = re.match(r"`\[+([^\]]*)\]+`|Top of the file", section)
        if rows and header:
            documented[header[1] or "top"] = set(rows)
    definitions = _schema().schema["$defs"]
    assert definitions.keys() == documented.keys()
    for path, definition in definitions.items():
        nested = {key for key, value in definition["properties"].items() if not _is_setting(value)}
        assert definition["properties"].keys() - nested == documented[path]
        assert not nested & documented[path]


def _is_setting(value: dict[str, Any]) -> bool:
    return "description" in value


def _choices() -> dict[str, Any]:
    config = tomllib.loads((REPOSITORY / "examples" / "choices.toml").read_text())
    config["listener"]["ftp"]["tls"] = {"certificate": "/c.pem"}
    assert _misfits(config) == []
    return config


def _at(config: Any, path: str) -> tuple[Any, str]:
    """The table or list that holds the last key of the path, and that key."""
    *parents, last = path.split("/")
    for key in parents:
        config = config[int(key) if key.isdigit() else key]
    return config, last


def _set(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        table, key = _at(config, path)
        table[key] = value

    return change


def _drop(*paths: str) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        for path in paths:
            table, key = _at(config, path)
            del table[key]

    return change


FTP = "listener/ftp"
SALES = "pool/sales"
SALES1 = "pool/sales/backend/0"

_WRONG = {
    "unknown key": _set("worker", 1),
    "unknown key of a listener": _set(f"{FTP}/pol", "archive"),
    "unknown key of its tls": _set(f"{FTP}/tls/cert", "/c.pem"),
    "unknown key of a route": _set(f"{FTP}/route/0/users", "a"),
    "unknown key of a match": _set(f"{FTP}/route/0/match/users", "a"),
    "unknown key of a pool": _set(f"{SALES}/sticky", "user"),
    "unknown key of a probe": _set(f"{SALES}/probe/raise", 2),
    "unknown key of a backend": _set(f"{SALES1}/wieght", 2),
    "unknown key of a backend's tls": _set(f"{SALES1}/tls", {"cert": "/c.pem"}),
    "a string for an integer": _set("workers", "4"),
    "a float for an integer": _set("workers", 1.5),
    "a string for a boolean": _set(f"{FTP}/allow_fxp", "yes"),
    "an integer for a string": _set(f"{FTP}/greeting", 220),
    "an integer for a duration": _set(f"{SALES}/slow_start", 60),
    "an integer for an optional duration": _set(f"{SALES}/probe/down_interval", 60),
    "a string for an array": _set(f"{FTP}/bind", "0.0.0.0:21"),
    "an integer in an array": _set(f"{FTP}/bind", [21]),
    "a table for an array of tables": _set(f"{FTP}/route", {"pool": "sales"}),
    "an array of tables for a table": _set(f"{SALES}/queue", [{"length": 5}]),
    "a string for a table": _set(f"{SALES}/probe", "tcp"),
    "above the range": _set("workers", 257),
    "below the range": _set(f"{SALES1}/max_sessions", -1),
    "far above the range": _set(f"{SALES}/hash_load_percent", 10001),
    "a prefix too long": _set(f"{SALES}/stick/ipv4_prefix", 33),
    "a port too high": _set(f"{FTP}/active_source_port", 65536),
    "a text too long": _set(f"{FTP}/greeting", "a" * 501),
    "an empty text": _set(f"{FTP}/greeting", ""),
    "a text of two lines": _set(f"{FTP}/greeting", "a\r\n220 b"),
    "an unknown word": _set(f"{SALES}/balance", "least-conn"),
    "another unknown word": _set(f"{SALES}/probe/type", "ping"),
    "a word of another key": _set(f"{SALES}/stick/by", "refuse"),
    "no unit": _set(f"{SALES}/slow_start", "60"),
    "a unit of something else": _set(f"{SALES}/slow_start", "60KiB"),
    "a size without a unit": _set(f"{FTP}/command_bytes_max", "8192"),
    "no address": _set(f"{FTP}/bind", ["here"]),
    "no ports": _set(f"{FTP}/passive_ports", "some"),
    "no data ports": _set(f"{SALES}/data_ports", "30000:30099"),
    "no network": _set(f"{FTP}/route/1/match/network", "warehouse"),
    "no peer": _set(f"{SALES}/data_peer", "all"),
    "no negative reply": _set(f"{FTP}/route/0/reject", "230 Welcome."),
    "no digest": _set(f"{SALES}/probe/canary_sha256", "b5bb9d80"),
    "no host name": _set("pool/archive/backend/0/srv", "_ftp._tcp.example.com:21"),
    "no name": _set(f"{SALES1}/name", "sales 1"),
    "no name of a pool": _set("pool/a pool", {"backends_file": "/f"}),
    "no listener": _drop("listener"),
    "no listener in the table": _set("listener", {}),
    "no pool": _drop("pool"),
    "a listener that leads nowhere": _drop(f"{FTP}/pool", f"{FTP}/route"),
    "a route that leads nowhere": _drop(f"{FTP}/route/1/pool"),
    "a pool without backends": _drop(f"{SALES}/backend"),
    "a backend without a name": _drop(f"{SALES1}/name"),
    "a backend without an address": _drop(f"{SALES1}/address"),
    "tls without a certificate": _drop(f"{FTP}/tls/certificate"),
}


@pytest.mark.parametrize("change", _WRONG.values(), ids=_WRONG.keys())
def test_what_is_wrong_does_not_fit_the_schema(change: Callable[[dict[str, Any]], None]) -> None:
    config = copy.deepcopy(_choices())
    change(config)
    assert len(_misfits(config)) == 1


_RIGHT = {
    "one of several forms": _set(f"{FTP}/tls/certificate", ["/c.pem", "/d.pem"]),
    "a fixed port": _set(f"{FTP}/active_source_port", 20),
    "addresses by network": _set(
        f"{FTP}/public_address", {"10.0.0.0/8": "local", "default": "203.0.113.21"}
    ),
    "IPv6": _set(f"{FTP}/bind", ["[::]:21", "[fe80::1%eth0]:21"]),
    "a network": _set(f"{SALES}/data_peer", "2001:db8::/32"),
    "none": _set(f"{SALES}/fallback", ""),
    "no route that matches": _drop(f"{FTP}/pool"),
    "a backend's tls": _set(f"{SALES1}/tls", {"mode": "off"}),
    "a file of backends": _set("pool/files", {"backends_file": "/f"}),
}


@pytest.mark.parametrize("change", _RIGHT.values(), ids=_RIGHT.keys())
def test_what_is_right_fits_the_schema(change: Callable[[dict[str, Any]], None]) -> None:
    config = copy.deepcopy(_choices())
    change(config)
    assert _misfits(config) == []


def test_defaults_fit_the_schema() -> None:
    for path, definition in _schema().schema["$defs"].items():
        for key, value in definition["properties"].items():
            if "default" in value:
                assert jsonschema.Draft202012Validator(value).is_valid(value["default"]), (path, key)
