# SPDX-License-Identifier: Apache-2.0
"""The form of packaging/container/Containerfile. No container engine runs here, so nothing builds it."""

import re
import subprocess
from pathlib import PurePosixPath

import pytest

from ballast import DIRECT
from servers import REPOSITORY

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's own")

FOLDER = REPOSITORY / "packaging/container"
INSTRUCTIONS = {
    *("FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL"),
    *("HEALTHCHECK", "ENTRYPOINT", "CMD"),
}
# Of the last stage. Debian has them; building and testing do not need them.
ONLY_INSIDE = {"libcap2-bin", "systemd-standalone-sysusers"}
ONLY_FOR_CHECKS = {
    *("libclang-rt-19-dev", "llvm-19", "ccache", "clang-format-19", "clang-tidy-19", "python3"),
    *("lintian", "debootstrap"),
}


def _instructions() -> list[tuple[str, str]]:
    text = (FOLDER / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in whole.splitlines()]


def _sources(words: str) -> list[str]:
    return words.split()[:-1]


def test_every_instruction_is_known_and_each_stage_begins_with_an_image() -> None:
    names = [name for name, _ in _instructions()]
    assert set(names) <= INSTRUCTIONS
    assert names[0] == "FROM"
    for name, words in _instructions():
        if name == "FROM":
            assert re.fullmatch(r"docker\.io/library/debian:12-slim( AS [a-z]+)?", words), words
        # The last instructions start the program itself, not a shell: signals must reach it.
        if name in ("ENTRYPOINT", "CMD"):
            assert words.startswith("["), words


def test_everything_that_it_copies_exists() -> None:
    copies = [words for name, words in _instructions() if name == "COPY"]
    assert copies
    for words in copies:
        if words.startswith("--from=build "):
            (source,) = _sources(words.removeprefix("--from=build "))
            # Where tools/package.sh leaves it.
            assert PurePosixPath(source).match("build/package/ballast_*.deb"), source
            continue
        for source in _sources(words):
            assert (REPOSITORY / source).exists(), source


def test_the_build_has_all_that_cmake_reads() -> None:
    copied = {
        source
        for name, words in _instructions()
        if name == "COPY" and not words.startswith("--")
        for source in _sources(words)
    }
    cmake = (REPOSITORY / "CMakeLists.txt").read_text()
    folders = {each.split("/")[0] for each in re.findall(r"add_subdirectory\(([^ )]+)", cmake)}
    # Only the sanitizer's tree has the fuzzers.
    assert folders - {"fuzz"} <= copied
    script = (REPOSITORY / "tools/package.sh").read_text()
    packed = re.search(r"^cp -r --preserve=mode (.*) \"\$source\"$", script, re.M)
    assert packed and set(packed[1].split()) <= copied


def _installed() -> set[str]:
    form = r"apt-get install --yes --no-install-recommends ([^&]+)"
    runs = [words for name, words in _instructions() if name == "RUN"]
    found = [each[1] for words in runs if (each := re.search(form, words))]
    assert len(found) == 2
    names = {name for each in found for name in each.split()}
    return {name for name in names if not name.startswith("/")}


def _listed() -> set[str]:
    lines = (REPOSITORY / "tools/packages.txt").read_text().splitlines()
    return {line.split()[0] for line in lines if line and not line.startswith("#")}


def test_its_packages_exist() -> None:
    assert _installed() - _listed() == ONLY_INSIDE
    for name in ONLY_INSIDE:
        known = subprocess.run(["apt-cache", "show", name], capture_output=True, check=False)
        assert known.returncode == 0, known


def test_its_packages_are_all_that_the_build_needs() -> None:
    """What tools/packages.txt lists above the tests, less what only checks use."""
    text = (REPOSITORY / "tools/packages.txt").read_text()
    above, heading, _ = text.partition("\n# Tests\n")
    assert heading
    lines = [line for line in above.splitlines() if line and not line.startswith("#")]
    needed = {line.split()[0] for line in lines} - ONLY_FOR_CHECKS
    # CMake configures the unit tests and the benchmarks, too.
    assert needed | {"libgtest-dev", "libgmock-dev", "libbenchmark-dev"} <= _installed()


def test_the_documents_say_that_it_has_not_been_run() -> None:
    assert "never been built or run" in (FOLDER / "README.md").read_text()
    assert "has not been run" in (REPOSITORY / "docs/installing.md").read_text()
