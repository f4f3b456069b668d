# SPDX-License-Identifier: Apache-2.0
"""The command line: commands, help, unknown words, and exit statuses."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool, run_ballast
from ports import free_port
from servers import REPOSITORY

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

# For the running daemon.
FOR_DAEMON = (
    *("status", "health", "nodes", "listeners", "pools", "backends", "sessions", "transfers", "top"),
    *("events", "explain", "probes", "limits", "certificates", "bans", "stickiness"),
    *("drain", "disable", "ready", "weight", "kill", "unban", "forget"),
    *("reload", "upgrade", "reopen"),
)
COMMANDS = (
    *("run", "check", *FOR_DAEMON),
    *("import", "version", "manual", "schema", "completion", "man", "help"),
)


@pytest.mark.parametrize("word", ["version", "--version", "-V"])
def test_version(word: str) -> None:
    done = run_ballast(word)
    assert done.returncode == 0 and done.stderr == ""
    assert re.fullmatch(r"ballast \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("words", [("help",), ("--help",), ("-h",)])
def test_help_names_every_command(words: Sequence[str]) -> None:
    done = run_ballast(*words)
    assert done.returncode == 0 and done.stderr == ""
    for command in COMMANDS:
        assert re.search(rf"^ +{command} ", done.stdout, re.M), (command, done.stdout)


@pytest.mark.parametrize("words", [("help", "check"), ("check", "--help"), ("check", "-h")])
def test_help_of_a_command_names_its_options(words: Sequence[str]) -> None:
    done = run_ballast(*words)
    assert done.returncode == 0 and done.stderr == ""
    for option in ("--config", "--user", "--print"):
        assert option in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    asked = run_ballast("help", command)
    assert asked.returncode == 0 and f"ballast {command}" in asked.stdout
    assert run_ballast(command, "--help").stdout == asked.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "ballast: a command is missing"),
        (("chekc",), "ballast: unknown command 'chekc' (did you mean 'check'?)"),
        (("chekc", "-c", "file"), "ballast: unknown command 'chekc' (did you mean 'check'?)"),
        (("bench",), "ballast: unknown command 'bench' (use run, check,"),
        (("help", "chekc"), "ballast: unknown command 'chekc' (did you mean 'check'?)"),
        (("--versoin",), "ballast: unknown option '--versoin' (did you mean --version?)"),
        (("-x",), "ballast: unknown option '-x' (use "),
        (("check", "--pirnt"), "ballast check: unknown option '--pirnt' (did you mean --print?)"),
        (("check", "--usr=nobody"), "unknown option '--usr=nobody' (did you mean --user?)"),
        (("run", "--print"), "ballast run: unknown option '--print' (use "),
        (("-c", "file", "check"), "(write it after the command: ballast check -c)"),
        (("check", "file"), "unknown argument 'file' (a configuration is named with -c)"),
        (("version", "now"), "ballast version: unknown argument 'now' (remove it)"),
        (("check", "-c"), "ballast check: --config: 1 required FILE missing"),
        (("check", "run"), "ballast check: unknown argument 'run'"),
        (("drain",), "ballast drain: the backend is missing (name it as POOL/BACKEND, or --all"),
        (("ready", "f1"), "ballast ready: 'f1' is not a backend (name it as POOL/BACKEND, or --all"),
        (("ready", "/f1"), "ballast ready: '/f1' is not a backend"),
        (("disable", "a/b", "--all"), "ballast disable: 'a/b' and --all cannot be combined"),
        (("disable", "a/b", "--idle"), "ballast disable: unknown option '--idle'"),
        (("drain", "a/b", "--move", "--idle"), "ballast drain: --move and --idle cannot be combined"),
        (("drain", "--all", "--move"), "ballast drain: --move is for one backend"),
        (("weight", "a/b"), "ballast weight: the weight is missing (write 0 to 256, or configured)"),
        (("weight", "a/b", "-1"), "ballast weight: '-1' is not a weight"),
        (("weight", "a/b", "257"), "ballast weight: '257' is not a weight"),
        (("weight", "a", "1"), "ballast weight: 'a' is not a backend"),
        (("kill",), "ballast kill: the session is missing (`ballast sessions` lists them)"),
        (("unban",), "ballast unban: the address is missing (`ballast bans` lists them)"),
        (("stickiness",), "ballast stickiness: the pool is missing (`ballast pools` lists them)"),
        (("forget", "files"), "ballast forget: say whom to forget (with one of --client, --user"),
        (("forget", "files", "--all", "--user", "anna"), "ballast forget: say whom to forget"),
        (("explain", "x", "--user", "y"), "ballast explain: a session and a search cannot be combined"),
        (("import",), "ballast import: the language is missing (use keepalived"),
        (("import", "nginx", "x"), "ballast import: 'nginx' cannot be imported (use keepalived"),
        (("import", "ipvsadm"), "ballast import: the file is missing (`-` is standard input)"),
        (("import", "ipvsadm", "x", "--report", "xml"), "'xml' is not a form of the report (use text or json)"),
        (("import", "ipvsadm", "-", "--vrrp-out", "x"), "--vrrp-out is for keepalived only"),
        (("import", "ipvsadm", "-", "--id", "x"), "--id is for keepalived only"),
        (("che\x1bck",), r"unknown command 'che\x1bck'"),
    ],
)
def test_what_is_not_understood_is_said_and_ends_with_2(words: Sequence[str], said: str) -> None:
    done = run_ballast(*words)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[0]
    assert "--help" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["version", "manual", "schema", "help"])
def test_output_that_cannot_be_written_is_a_failure(command: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [str(BINARY), command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=waiting.PATIENCE,
            check=False,
        )
    assert done.returncode == 1
    assert "standard output could not be written" in done.stderr


def _configuration(work: Path, listeners: int, pools: int) -> Path:
    it = Ballast(
        work,
        [Listener(f"l{number}", "p0", ["127.0.0.1"]) for number in range(listeners)],
        [
            Pool(f"p{number}", [Backend("b", Place("127.0.0.11", free_port()))])
            for number in range(pools)
        ],
    )
    it.configuration.write_text(it.text())
    return it.configuration


@pytest.mark.parametrize(
    ("listeners", "pools", "said"),
    [
        (1, 1, "1 listener, 1 pool"),
        (2, 1, "2 listeners, 1 pool"),
        # The warning is about an unused pool.
        (1, 2, "1 listener, 2 pools, 1 warning"),
        (1, 3, "1 listener, 3 pools, 2 warnings"),
    ],
)
def test_check_counts_in_plain_words(listeners: int, pools: int, said: str, work: Path) -> None:
    file = _configuration(work, listeners, pools)
    done = run_ballast("check", "-c", file)
    assert done.returncode == 0, done
    assert done.stdout == f"{file}: ok, {said}\n"


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_configuration_that_cannot_be_used_ends_with_1(command: str, work: Path) -> None:
    bad = work / "bad.toml"
    bad.write_text("workers = 'many'\n")
    for file in (bad, work / "missing.toml"):
        done = run_ballast(command, "-c", file)
        assert done.returncode == 1 and str(file) in done.stderr


def test_the_page_of_exit_codes_names_every_command() -> None:
    page = (REPOSITORY / "docs/exit-codes.md").read_text()
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| ")][2:]
    named = " ".join(row[0] for row in rows)
    for command in COMMANDS:
        assert re.search(rf"`(ballast )?{command}`", named), command
    assert {row[1].strip() for row in rows} == {"0", "1", "2", "3"}
