# SPDX-License-Identifier: Apache-2.0
# ctest: alone
"""Two balancers and an address that keepalived moves between them: what clients notice when one
fails, and when one is maintained. docs/high-availability.md has the figures."""

import base64
import contextlib
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import operators
import vrrp
import waiting
from ballast import DIRECT
from certificates import Authority
from clients import RUN_SECONDS, Client, ClientTls, Curl, Lftp, Mode, Target
from everything import random_file
from gap import Download, NewSessions
from midway import UNDER_WAY, size_of
from netns import Network
from pair import Balancer, Pair, RetryingCurl, RetryingLftp
from servers import PROBE, TESTER, Account

pytestmark = pytest.mark.skipif(DIRECT, reason="there is no pair without balancers")

SIZE = 12 << 20
RATE = 3 << 20
# Each client is another user, so that each sticks to a backend of its own.
LOOKS = Account("looks", "s3cret-Looks")
RETRY = {kind: Account(kind.name, f"s3cret-{kind.name}") for kind in (Lftp, Curl)}


@pytest.fixture(scope="module")
def pair(module_work: Path) -> Iterator[Pair]:
    identity = Authority(module_work).issue("ftp.example.com", addresses=[vrrp.ADDRESS])
    keys = module_work / "ticket.keys"
    keys.write_text(base64.b64encode(os.urandom(80)).decode() + "\n")
    keys.chmod(0o600)
    with Network() as network:
        pair = Pair(
            *(module_work, network),
            accounts=[TESTER, PROBE, LOOKS, *RETRY.values()],
            listener_tls={
                "certificate": identity.certificate,
                "key": identity.key,
                "ticket_keys": keys,
            },
            pool={"balance": "user-hash"},
        )
        try:
            pair.start()
            random_file(pair.root / "big", SIZE)
            yield pair
        finally:
            pair.kill()


class Retrying:
    """A client that downloads over TLS, and tries again until it has the file."""

    def __init__(self, pair: Pair, kind: type[Client], work: Path, ca: Path) -> None:
        account = RETRY[Lftp if issubclass(kind, Lftp) else Curl]
        self.user = account.name
        self.keeps_tickets = kind is RetryingCurl
        self._pair = pair
        self._local = work / f"{self.user}-has"
        # curl keeps one ticket, which counts once: for TLS on the data connection, if there is any.
        tls = ClientTls(ca, data=kind is RetryingLftp)
        target = Target(vrrp.ADDRESS, 21, account, tls)
        client = kind(target, Mode.EPSV, work, prefix=pair.client.prefix, rate=RATE)
        self._log = work / f"{self.user}.log"
        self._process = client.start(client.download_command("big", self._local))

    def is_under_way(self) -> bool:
        assert self._process.poll() is None, self._process.communicate()[0]
        return size_of(self._local) > UNDER_WAY

    def end(self) -> float:
        """When it had the file, which must be the right one. lftp gives it the time of the server's."""
        said, _ = self._process.communicate(timeout=RUN_SECONDS)
        self._log.write_text(said)
        assert self._process.returncode == 0, said
        digests = [
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (self._local, self._pair.root / "big")
        ]
        assert digests[0] == digests[1], said
        return self._local.stat().st_ctime

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._log.write_text(self._process.communicate()[0])


@dataclass
class Case:
    name: str
    # What happens to the balancer that has the address.
    event: Callable[[Pair, Balancer], None]
    repair: Callable[[Pair, Balancer], None]
    # At most so many seconds without new sessions, even on a busy machine.
    gap_max: float
    # The address goes to the other balancer.
    moves: bool = True
    # Transfers end as if nothing had happened.
    survives: bool = False


def _kill(_: Pair, balancer: Balancer) -> None:
    os.kill(balancer.ballast.pid, signal.SIGKILL)


def _pause(_: Pair, balancer: Balancer) -> None:
    os.kill(balancer.ballast.pid, signal.SIGSTOP)


def _resume(_: Pair, balancer: Balancer) -> None:
    os.kill(balancer.ballast.pid, signal.SIGCONT)


def _drain(_: Pair, balancer: Balancer) -> None:
    operators.operate(balancer.work, "drain", "--all", "--idle")


def _disable(_: Pair, balancer: Balancer) -> None:
    operators.operate(balancer.work, "disable", "--all")


def _ready(_: Pair, balancer: Balancer) -> None:
    operators.operate(balancer.work, "ready", "--all")


def _upgrade(_: Pair, balancer: Balancer) -> None:
    balancer.ballast.upgrade()


CASES = (
    Case("killed", _kill, lambda _, balancer: balancer.restart(), 6),
    Case("hung", _pause, _resume, 10),
    Case("cut off", Pair.cut, Pair.rejoin, 3),
    Case("upgrade", _upgrade, lambda *_: None, 1, moves=False, survives=True),
    # New clients wait for the transfers.
    Case("drain", _drain, _ready, 20, survives=True),
    Case("disable", _disable, _ready, 6),
)


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.name)
def test_clients_go_on(case: Case, pair: Pair, work: Path, module_work: Path) -> None:
    where = (vrrp.ADDRESS, 21)
    ca = module_work / "Authority-of-the-tests/ca.pem"
    had = pair.master()
    with contextlib.ExitStack() as stack:
        download = Download(pair.client, where, TESTER, "big", rate=RATE)
        stack.callback(download.stop)
        retrying = [Retrying(pair, kind, work, ca) for kind in (RetryingLftp, RetryingCurl)]
        for each in retrying:
            stack.callback(each.kill)
            waiting.until("it is under way", each.is_under_way)
        waiting.until("it is under way", lambda: download.bytes > UNDER_WAY)
        sessions = NewSessions(pair.client, where, LOOKS)
        stack.callback(sessions.stop)
        before = {each.user: had.backend_of(each.user) for each in retrying}

        began, by_clock = time.monotonic(), time.time()
        case.event(pair, had)
        stack.callback(case.repair, pair, had)
        sessions.wait_until_it_works(began)
        now = pair.other(had) if case.moves else had
        assert now.has_address
        print(f"\n{case.name}: new sessions after {sessions.gap(began):.1f} s", end="")
        assert sessions.gap(began) <= case.gap_max
        for each in retrying:
            print(f"; {each.user} has the file after {each.end() - by_clock:.1f} s", end="")
            at = had if case.survives else now
            login = at.last_login(each.user)
            assert login.backend == before[each.user]
            assert login.is_resumed == (each.keeps_tickets and not case.survives)
        if case.survives:
            waiting.until("the download ends", lambda: download.end)
            assert download.bytes == SIZE
        print(f"; a download sees {download.saw(began, SIZE)}")
    _is_whole_again(pair)


def _is_whole_again(pair: Pair) -> None:
    for each in pair.balancers:
        waiting.until("it can serve", each.can_serve)
    pair.master()
    sessions = NewSessions(pair.client, (vrrp.ADDRESS, 21), LOOKS)
    try:
        sessions.wait_until_it_works(time.monotonic())
    finally:
        sessions.stop()
