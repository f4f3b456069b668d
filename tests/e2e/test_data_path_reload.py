# SPDX-License-Identifier: Apache-2.0
"""`data_path` across reloads: the kernel path ends with its last session, and comes back."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import waiting
from ballast import DIRECT
from forwarded import LISTENS, Field, download_known, logged
from netns import Network
from ports import free_ports
from wire import read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer's data path")

LARGE = 64 * 1024 * 1024


@pytest.fixture
def field(work: Path) -> Iterator[Field]:
    with Network() as network:
        field = Field(work, network)
        with field.running():
            (field.root / "known").write_bytes(b"known")
            with (field.root / "large").open("wb") as file:
                file.truncate(LARGE)
            yield field


def _threads(field: Field) -> set[str]:
    names = set()
    for each in Path(f"/proc/{field.ballast.pid}/task").iterdir():
        # It may have ended since.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            names.add((each / "comm").read_text().strip())
    return names


def _use(field: Field, data_path: str) -> None:
    for listener in field.ballast.listeners.values():
        listener.settings = {**listener.settings, "data_path": data_path}
    field.ballast.reload()


def _tables(field: Field) -> int:
    return len(re.findall("ballast-", field.tables()))


def test_the_kernel_path_ends_with_its_last_session_and_comes_back(field: Field) -> None:
    with field.wire() as wire:
        with field.client.entered():
            data = wire.passive("PASV", receive_buffer=4096)
        wire.expect("RETR large", 150, 125)
        first = len(data.recv(1000))
        _use(field, "relay")
        with field.wire() as other:
            download_known(other, field)
        assert logged(field, 0, 1)[0]["path"] == "relay"
        # The running transfer, and what its session does later.
        assert _tables(field) == 1
        assert first + len(read_all(data)) == LARGE
        data.close()
        assert wire.reply().code == 226
        download_known(wire, field)
        assert {each["path"] for each in logged(field, 1, 2)} == {"kernel"}
        assert _tables(field) == 1
        assert "kernel path" in _threads(field)
        wire.expect("QUIT", 221)
    waiting.until("the table is gone", lambda: _tables(field) == 0)
    waiting.until("its thread is gone", lambda: "kernel path" not in _threads(field))
    _use(field, "kernel")
    assert _tables(field) == 1
    with field.wire() as wire:
        download_known(wire, field)
    assert logged(field, 3, 1)[0]["path"] == "kernel"


def test_a_reload_that_keeps_the_kernel_path_keeps_its_table(field: Field) -> None:
    before = field.tables()
    _use(field, "auto")
    _use(field, "kernel")
    assert field.tables() == before
    with field.wire() as wire:
        download_known(wire, field)
    assert logged(field, 0, 1)[0]["path"] == "kernel"


def _tables_so_far(field: Field) -> int:
    """How many tables the balancer's network has had: each gets the next number."""
    probe = ("table", "inet", "probe")
    assert field.run("balancer", "nft", "add", *probe).returncode == 0
    shown = field.run("balancer", "nft", "-a", "list", *probe).stdout
    assert field.run("balancer", "nft", "delete", *probe).returncode == 0
    number = re.search(r"table inet probe \{ # handle (\d+)", shown)
    assert number, shown
    return int(number[1])


def test_a_refused_reload_opens_nothing_for_long(field: Field) -> None:
    """The file is right, and it is tried. What is wrong shows only when all is opened: an own data
    connection's port is to be a listener's."""
    _use(field, "relay")
    waiting.until("the table is gone", lambda: _tables(field) == 0)
    listener = field.ballast.listeners["ipv4"]
    before = _tables_so_far(field)
    with field.wire() as wire, field.client.entered():
        wanted = "{}:{}".format(*wire.passive_address("PASV"))
        first = free_ports(10)
        listener.settings = {
            "data_path": "kernel",
            "bind": [f"{LISTENS['ipv4']}:{listener.port}", wanted],
            "passive_ports": f"{first}-{first + 9}",
        }
        field.ballast.reload("the configuration was not reloaded, nothing has changed")
    # The trial's, and the one that the reload would have used, beside the probes.
    assert _tables_so_far(field) - before == 3
    waiting.until("the table is gone", lambda: _tables(field) == 0)
    waiting.until("its thread is gone", lambda: "kernel path" not in _threads(field))
    with field.wire() as wire:
        download_known(wire, field)
    assert logged(field, 0, 1)[0]["path"] == "relay"
