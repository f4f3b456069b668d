# SPDX-License-Identifier: Apache-2.0
"""Completion in real shells, and the manual pages."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

import operators
import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool, run_ballast
from ports import free_port
from servers import REPOSITORY
from terminal import Terminal

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

PACKAGING = REPOSITORY / "packaging"
COMPLETION = {"bash": "ballast.bash", "zsh": "_ballast", "fish": "ballast.fish"}
PAGES = ("ballast.8", "ballast.toml.5")


def _run(*words: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        input=text,
        env={**os.environ, "PATH": f"{BINARY.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("shell", COMPLETION)
def test_the_packaged_completion_is_current(shell: str) -> None:
    printed = run_ballast("completion", shell).stdout
    assert printed == (PACKAGING / "completion" / COMPLETION[shell]).read_text()


@pytest.mark.parametrize("page", PAGES)
def test_the_packaged_manual_pages_are_current(page: str) -> None:
    assert run_ballast("man", page).stdout == (PACKAGING / "man" / page).read_text()


@pytest.mark.parametrize("page", PAGES)
def test_the_manual_pages_have_no_mistakes(page: str) -> None:
    done = _run("groff", "-man", "-Tutf8", "-ww", "-z", PACKAGING / "man" / page)
    assert done.returncode == 0 and done.stderr == ""


def test_the_manual_page_names_every_command_and_option() -> None:
    page = _run("groff", "-man", "-Tascii", "-P-cbou", PACKAGING / "man/ballast.8").stdout
    listed = run_ballast("help").stdout
    commands = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
    for command in commands:
        if command.startswith("-"):
            continue
        assert f"ballast {command}" in page
        for word in run_ballast("help", command).stdout.split():
            if word.startswith("--") and word != "--help":
                assert word.split(",")[0] in page, (command, word)


def _completed(line: str, more: str = "") -> set[str]:
    """What bash offers for a line whose last word is not complete."""
    words = line.split(" ")
    script = f"""
        source {shlex.quote(str(PACKAGING / "completion/ballast.bash"))}
        {more}
        COMP_WORDS=({" ".join(shlex.quote(each) for each in words)})
        COMP_CWORD={len(words) - 1}
        compopt() {{ :; }}
        _ballast
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = _run("bash", "--norc", "-u", "-c", script)
    assert done.returncode == 0 and done.stderr == "", done
    return set(done.stdout.split())


def test_bash_completes_commands_and_their_options() -> None:
    assert _completed("ballast dr") == {"drain"}
    assert {"run", "check", "drain", "--version"} <= _completed("ballast ")
    assert _completed("ballast drain --w") == {"--wait"}
    assert _completed("ballast drain --st") == set()
    assert _completed("ballast completion ") == {"--help", "bash", "zsh", "fish"}
    assert "drain" in _completed("ballast help dr")
    assert _completed("ballast import keep") == {"keepalived"}


def test_bash_completes_files(work: Path) -> None:
    (work / "ballast.toml").touch()
    assert _completed(f"ballast check -c {work}/ball") == {f"{work}/ballast.toml"}
    assert _completed(f"ballast check --config {work}/ball") == {f"{work}/ballast.toml"}
    assert _completed(f"ballast import keepalived {work}/ball") == {f"{work}/ballast.toml"}


def test_bash_completes_the_backends_of_the_daemon_that_the_line_means(work: Path) -> None:
    pool = Pool("files", [Backend(each, Place("127.0.0.1", free_port())) for each in ("f1", "f2")])
    with Ballast(work, [Listener("ftp", "files")], [pool], settings=operators.settings(work)):
        socket = operators.socket_path(work)
        assert _completed(f"ballast drain --socket {socket} f") == {"files/f1", "files/f2"}
        assert _completed(f"ballast ready --socket {socket} files/f2") == {"files/f2"}
    assert _completed(f"ballast drain --socket {work}/none f") == set()


def test_an_interactive_bash_completes_what_is_typed() -> None:
    script = shlex.quote(str(PACKAGING / "completion/ballast.bash"))
    path = f"{BINARY.parent}:{os.environ['PATH']}"
    with Terminal("--norc", "-i", program=Path("/bin/bash"), PATH=path, PS1="$ ") as bash:
        bash.type(f"bind 'set enable-bracketed-paste off'; source {script}; echo so''urced\n")
        bash.read_until("sourced\r\n")
        bash.type("ballast rel\t--up\t")
        bash.read_until("ballast reload --upgrade ")
        bash.type("\x03exit\n")


def test_zsh_and_fish_understand_theirs(work: Path) -> None:
    done = _run("zsh", "-n", PACKAGING / "completion/_ballast")
    assert done.returncode == 0 and done.stderr == ""
    done = _run(
        "fish",
        "--no-config",
        "-c",
        f"source {PACKAGING}/completion/ballast.fish; complete -C 'ballast dra'; "
        "complete -C 'ballast drain --w'",
    )
    assert done.returncode == 0 and done.stderr == "", done
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["drain", "--wait"]


@pytest.mark.parametrize("words", [("completion",), ("completion", "tcsh"), ("man", "ballast.1")])
def test_what_there_is_not_is_said(words: tuple[str, ...]) -> None:
    done = run_ballast(*words)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"ballast {words[0]}: ")
