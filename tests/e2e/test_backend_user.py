# SPDX-License-Identifier: Apache-2.0
"""Users that have another name on the backends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Pool
from clients import ClientError, Curl, Lftp, Mode, Target
from servers import ACCOUNTS, Account, ProFtpd, PureFtpd, PyFtpd, Server, Vsftpd

pytestmark = pytest.mark.skipif(DIRECT, reason="the server knows one name only")

SECRET = "s3cret-Sales"
KNOWN = [Account("ftp-sales", SECRET), Account("bert.corp", SECRET)]
NAMES = {"sales-*": "ftp-sales", "bert": "{user}.corp"}


@pytest.fixture(scope="module", params=[Vsftpd, ProFtpd, PureFtpd, PyFtpd], ids=lambda of: of.kind)
def server(request: pytest.FixtureRequest, module_work: Path) -> Iterator[Server]:
    root = module_work / request.param.kind
    accounts = [*ACCOUNTS, *KNOWN]
    with request.param(module_work, root, "127.0.0.93", accounts=accounts) as server:
        (server.root / "small").write_bytes(b"small file\n")
        yield server


@pytest.fixture
def ballast(server: Server, work: Path) -> Iterator[Ballast]:
    pool = Pool("pool", [Backend("only", server)], {"backend_user": NAMES})
    with Ballast(work, [Listener("ftp", "pool")], [pool]) as it:
        yield it


@pytest.mark.parametrize(
    ("name", "told"),
    [("sales-anna", "ftp-sales"), ("bert", "bert.corp"), ("tester", "tester")],
)
def test_the_backend_hears_the_other_name(
    name: str, told: str, ballast: Ballast, server: Server, work: Path
) -> None:
    own = next(each for each in server.accounts if each.name == told)
    account = Account(name, own.password)
    for client in (Curl, Lftp):
        client(Target(*ballast.where(), account), Mode.EPSV, work).download("small", work / "local")
        assert (work / "local").read_bytes() == b"small file\n"
        (work / "local").unlink()
    line = ballast.wait_for_log("the log-in", lambda line: line["message"] == "logged in")
    assert line["user"] == name
    assert line.get("backend_user", name) == told
    transfer = ballast.wait_for_transfer(lambda each: each["file"].endswith("small"))
    assert (transfer["user"], transfer["backend_user"]) == (name, told)


def test_a_wrong_password_is_wrong(ballast: Ballast, work: Path) -> None:
    account = Account("sales-anna", "wrong")
    curl = Curl(Target(*ballast.where(), account), Mode.EPSV, work)
    with pytest.raises(ClientError):
        curl.download("small", work / "local")
    line = ballast.wait_for_log("a refusal", lambda line: line["message"] == "login refused")
    assert (line["user"], line["backend_user"]) == ("sales-anna", "ftp-sales")
