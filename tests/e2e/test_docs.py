# SPDX-License-Identifier: Apache-2.0
"""Runs the shell commands of the pages, in a directory that stands for the machine."""

import re
import subprocess
import textwrap
from pathlib import Path

import pytest

import operators
import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool, backends_file
from ports import free_port
from servers import REPOSITORY

pytestmark = pytest.mark.skipif(DIRECT, reason="these are the balancer's pages")

# Stubs for commands that would change this machine or need more. Each records its call.
STUBS = ("systemctl", "useradd", "chown", "ss", "vi", "keepalived")


def _blocks(mark: str = "# checked") -> list[tuple[str, str]]:
    blocks = []
    for page in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))):
        found = re.findall(rf"^ *```sh\n *{mark}\n(.*?)^ *```", page.read_text(), re.M | re.S)
        blocks += [
            (f"{page.name}-{number}", textwrap.dedent(text)) for number, text in enumerate(found, 1)
        ]
    return blocks


def _machine(root: Path) -> None:
    """A machine with Ballast installed, and a new build in the source directory."""
    documents = "usr/share/doc/ballast"
    for directory in (
        *("usr/bin", "etc/ballast", "etc/keepalived", "etc/systemd/system", "build", "stubs"),
        *("etc/sysctl.d", "etc/modules-load.d"),
        documents,
    ):
        (root / directory).mkdir(parents=True)
    for place in ("usr/bin/ballast", "build/ballast"):
        (root / place).symlink_to(BINARY)
    # A file of its own: cp does not copy a file onto itself.
    old = root / "usr/bin/ballast.old"
    old.write_text(f'#!/bin/sh\nexec {BINARY} "$@"\n')
    old.chmod(0o755)
    for directory in ("examples", "packaging"):
        (root / directory).symlink_to(REPOSITORY / directory)
    (root / documents / "examples").symlink_to(REPOSITORY / "packaging")
    nobody = Place("127.0.0.1", free_port())
    it = Ballast(root, [Listener("ftp", "pool")], [Pool("pool", [Backend("none", nobody)])])
    (root / "etc/ballast/ballast.toml").write_text(it.text())
    backends_file(root / "etc/ballast/backends.toml", [Backend("none", nobody)])
    for name in STUBS:
        stub = root / "stubs" / name
        stub.write_text(f'#!/bin/sh\necho {name} "$@" >> {root}/called\n')
        stub.chmod(0o755)


def test_the_new_pages_have_examples() -> None:
    pages = {name.rpartition("-")[0] for name, _ in _blocks()}
    assert {"installing.md", "changing.md", "maintenance.md"} <= pages


@pytest.mark.parametrize(("name", "text"), _blocks(), ids=lambda each: each[:30])
def test_the_commands_of_the_pages_work(name: str, text: str, work: Path) -> None:
    root = work / "machine"
    _machine(root)
    kept = (root / "etc/ballast/ballast.toml").read_text()
    script = re.sub(r"(?<![\w.~])/(etc|usr/bin|usr/share|var/lib|var/log)/", rf"{root}/\1/", text)
    script = script.replace("cd /etc/ballast", f"cd {root}/etc/ballast")
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=root,
        env={"PATH": f"{root}/stubs:{root}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )
    assert done.returncode == 0, (script, done)
    # The installed program still works.
    version = subprocess.run([root / "usr/bin/ballast", "version"], capture_output=True, check=True)
    assert version.stdout.startswith(b"ballast ")
    configuration = root / "etc/ballast/ballast.toml"
    example = (REPOSITORY / "examples/alfresco.toml").read_text()
    assert configuration.read_text() in (kept, example)


@pytest.mark.parametrize(
    ("name", "text"), _blocks("# checked, while Ballast runs"), ids=lambda each: each[:30]
)
def test_the_commands_for_the_running_daemon_work(name: str, text: str, work: Path) -> None:
    pool = Pool("files", [Backend("f1", Place("127.0.0.1", free_port()))])
    settings = operators.settings(work)
    with Ballast(work, [Listener("ftp", "files")], [pool], settings=settings) as it:
        # The pages use the default socket.
        socket = str(operators.socket_path(work))
        page = text.replace("/run/ballast/admin.sock", socket)
        script = f'ballast() {{ {BINARY} "$@" --socket {socket}; }}\n{page}'
        done = subprocess.run(
            ["sh", "-eu", "-c", script],
            capture_output=True,
            text=True,
            timeout=waiting.PATIENCE,
            check=False,
        )
        assert done.returncode == 0, (script, done)
        # The commands may have upgraded it.
        _, answer = operators.ask(work, "GET", "/v1/generations")
        serving = answer["generations"][0]["pid"]
        if serving != it.pid:
            it.follow(serving)


def test_the_pages_are_in_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    for page in (REPOSITORY / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in readme, page.name


def test_links_between_pages_lead_somewhere() -> None:
    for page in (REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")):
        for target, anchor in re.findall(r"\]\(([\w./-]*\.md)?(?:#([\w-]+))?\)", page.read_text()):
            path = (page.parent / target) if target else page
            assert path.exists(), (page.name, target)
            headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
            anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert not anchor or anchor in anchors, (page.name, target, anchor)
