# SPDX-License-Identifier: Apache-2.0
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import own_network
import sanitizers
from ballast import BINARY, DIRECT
from farm import Farm
from servers import REPOSITORY, UNPACKED
from store import Redis

# A thousand sessions need many descriptors: here, in the balancer and in the server.
_, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))


def pytest_configure(config: pytest.Config) -> None:
    if not UNPACKED.is_dir():
        where = UNPACKED.relative_to(REPOSITORY)
        pytest.exit(f"no servers in {where}: ./run setup unpacks them", 2)
    if not DIRECT and not BINARY.is_file():
        pytest.exit(f"no {BINARY}: ./run build makes it, or BALLAST names another", 2)
    if os.geteuid() != 0:
        pytest.exit("the servers need accounts and networks of their own: run as root", 2)
    try:
        own_network.enter()
    except OSError as why:
        pytest.exit(f"no network namespace for the tests: {why}", 2)


@pytest.fixture(scope="session")
def _everything(request: pytest.FixtureRequest) -> Iterator[Path]:
    # Not pytest's own directory: the servers' accounts cannot read that one.
    directory = Path(tempfile.mkdtemp(prefix="ballast-e2e-"))
    directory.chmod(0o755)
    yield directory
    if request.session.testsfailed:
        print(f"\nlogs and configurations are left in {directory}")
    else:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def reports(_everything: Path) -> Path:
    directory = _everything / "reports"
    directory.mkdir()
    # The daemon may have become another user.
    directory.chmod(0o1777)
    sanitizers.report_into(directory)
    return directory


@pytest.fixture(scope="module", autouse=True)
def _no_reports_of_the_module(reports: Path) -> Iterator[None]:
    """First of a module's fixtures, so last at its end."""
    yield
    _assert_no_reports(reports)


@pytest.fixture(autouse=True)
def _no_reports(reports: Path) -> Iterator[None]:
    yield
    _assert_no_reports(reports)


def _assert_no_reports(directory: Path) -> None:
    reports = sanitizers.take_reports(directory)
    assert not reports, reports


@pytest.fixture(scope="module")
def module_work(_everything: Path, request: pytest.FixtureRequest) -> Path:
    """A directory for all tests of a file, open to all accounts."""
    directory = Path(tempfile.mkdtemp(prefix=request.module.__name__ + "-", dir=_everything))
    directory.chmod(0o755)
    return directory


@pytest.fixture
def work(_everything: Path, request: pytest.FixtureRequest) -> Path:
    """A directory for one test, open to all accounts."""
    name = "".join(c if c.isalnum() or c in "_-" else "_" for c in request.node.name)[:60]
    directory = Path(tempfile.mkdtemp(prefix=name + "-", dir=_everything))
    directory.chmod(0o755)
    return directory


@pytest.fixture
def farm(whole_farm: Farm) -> Farm:
    """The module's farm, reset for each test."""
    whole_farm.restore()
    return whole_farm


@pytest.fixture
def redis(work: Path) -> Iterator[Redis]:
    """A store of the test's own."""
    with Redis(work) as redis:
        yield redis
