# SPDX-License-Identifier: Apache-2.0
"""A bare Debian 12 that systemd has booted, with the Debian package, and the package itself."""

import functools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ballast import BINARY
from machine import Machine
from servers import REPOSITORY

# tools/debian_image.sh makes it.
IMAGE = BINARY.parent / "debian-12"
# To make a package, and to examine it.
_SECONDS = 300


def output(*words: str | Path, **environment: str) -> str:
    """What a command of this machine prints. It must succeed."""
    done = subprocess.run(
        list(map(str, words)),
        cwd=REPOSITORY,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, (words, done)
    return done.stdout


class DebianMachine(Machine):
    """Its changes are in memory, and the image stays as it is."""

    def _make_files(self) -> list[str]:
        assert IMAGE.is_dir(), f"no {IMAGE}: tools/debian_image.sh {BINARY} {IMAGE} makes it"
        return [f"--directory={IMAGE}", "--volatile=overlay"]


@dataclass(frozen=True)
class Package:
    file: Path

    def field(self, name: str) -> str:
        return output("dpkg-deb", "--field", self.file, name).strip()

    @functools.cached_property
    def files(self) -> dict[str, str]:
        """The path of each file and folder, and its mode as `ls` has it."""
        lines = output("dpkg-deb", "--contents", self.file).splitlines()
        # A link is "PATH -> TARGET".
        return {line.split()[5].removeprefix("."): line.split()[0] for line in lines}

    def unpacked(self, folder: Path) -> Path:
        """With its control files in DEBIAN/."""
        output("dpkg-deb", "--raw-extract", self.file, folder)
        return folder

    def next_one(self, folder: Path) -> "Package":
        """A later version: another program file, and another ballast.toml."""
        root = self.unpacked(folder / "next")
        control = root / "DEBIAN/control"
        version = self.field("Version")
        text = control.read_text()
        assert f"Version: {version}\n" in text
        control.write_text(text.replace(f"Version: {version}\n", f"Version: {version}+next\n"))
        with (root / "etc/ballast/ballast.toml").open("a") as configuration:
            configuration.write("# Of the next version.\n")
        file = folder / "ballast-next.deb"
        output("dpkg-deb", "--root-owner-group", "-Znone", "--build", root, file)
        return Package(file)


def make_packages(folder: Path) -> dict[str, Package]:
    """By name. They hold the program under test."""
    output(
        *("tools/package.sh", BINARY.parent, folder),
        # Of the time that dpkg-deb takes, this leaves a tenth.
        DPKG_DEB_COMPRESSOR_LEVEL="1",
    )
    found = [Package(each) for each in sorted(folder.glob("*.deb"))]
    return {each.field("Package"): each for each in found}
