# SPDX-License-Identifier: Apache-2.0
"""The test of every pair of a client and a server."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import clients
from clients import Client, Mode, Target

SIZE = 5_000_000
LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1"}


@dataclass(frozen=True)
class Case:
    client: type[Client]
    mode: Mode
    family: str

    def __str__(self) -> str:
        return f"{self.client.name}-{self.mode.name}-{self.family}"

    @property
    def loopback(self) -> str:
        return LOOPBACK[self.family]


def cases_on_loopback() -> list[Case]:
    return [
        *(Case(client, mode, "ipv4") for client in clients.ALL for mode in client.modes_ipv4),
        *(Case(each, mode, "ipv6") for each in clients.ALL for mode in each.modes_loopback_ipv6),
    ]


def random_file(path: Path, size: int = SIZE) -> Path:
    path.write_bytes(os.urandom(size))
    return path


def works(
    case: Case,
    target: Target,
    data: Path,
    root: Path,
    work: Path,
    *,
    prefix: tuple[str, ...] = (),
    rest_in_feat: bool = True,
) -> None:
    """Upload, download, listing, rename, both resumes and delete, as far as the client can do
    them. `root` is the server's directory, `work` a directory for this case, `data` a file of
    `SIZE` bytes."""
    client = case.client(target, case.mode, work, prefix=prefix)
    whole = data.read_bytes()
    local = work / "local"
    # Unique names, because one server serves many cases.
    one, two = f"{work.name}-1", f"{work.name}-2"

    if client.writes:
        client.upload(data, one)
        assert client.modes_seen() == {case.mode}, client.dialog
    else:
        shutil.copyfile(data, root / one)
    assert (root / one).read_bytes() == whole

    client.download(one, local)
    assert local.read_bytes() == whole
    assert client.modes_seen() == {case.mode}, client.dialog

    listing = client.listing()
    assert one in listing and str(SIZE) in listing
    assert client.modes_seen() == {case.mode}, client.dialog

    # Without REST in FEAT tnftp does not resume.
    resumes = rest_in_feat or case.client is not clients.Tnftp
    if resumes:
        # RFC 3659 5: the rest of the file, from an offset inside a buffer.
        local.write_bytes(whole[:1_234_567])
        client.resume_download(one, local)
        assert "REST 1234567" in client.dialog
        assert local.read_bytes() == whole

    if not client.writes:
        return
    client.rename(one, two)
    assert not (root / one).exists() and (root / two).exists()

    if resumes:
        os.truncate(root / two, 2_345_678)
        client.resume_upload(data, two, 2_345_678)
        assert (root / two).read_bytes() == whole

    client.delete(two)
    assert not (root / two).exists()
