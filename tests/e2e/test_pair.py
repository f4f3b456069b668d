# SPDX-License-Identifier: Apache-2.0
# ctest: alone
"""Two balancers and an address that keepalived moves between them: what clients notice when one
fails, and when one is maintained. docs/high-availability.md has the figures."""

import contextlib
import hashlib
import os
import signal
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
from clients import RUN_SECONDS, Client, ClientTls, Mode, Target
from everything import random_file
from gap import Download, NewSessions
from midway import UNDER_WAY, size_of
from netns import Network
from pair import Balancer, Pair, RetryingCurl, RetryingLftp
from servers import PROBE, TESTER, Account

pytestmark = pytest.mark.skipif(DIRECT, reason="there is no pair without balancers")

SIZE = 12 << 20
RATE = 3 << 20
LOOKS = Account("looks", "s3cret-Looks")


@dataclass(frozen=True)
class Way:
    """How a client moves a file, trying again until it is whole."""

    name: str
    kind: type[Client]
    uploads: bool = False
    protects_data: bool = True
    # curl keeps one ticket, which counts once: for TLS on the data connection, if there is any.
    keeps_tickets: bool = False

    def account(self, case: "Case") -> Account:
        """Another one in each case, whose backend only one balancer knows by itself."""
        name = f"{self.name}-{case.name.replace(' ', '-')}"
        return Account(name, f"s3cret-{name}")


WAYS = (
    Way("lftp-get", RetryingLftp),
    Way("lftp-put", RetryingLftp, uploads=True),
    Way("curl", RetryingCurl, protects_data=False, keeps_tickets=True),
)


class Retrying:
    """A client that moves a file over TLS."""

    def __init__(self, pair: Pair, way: Way, case: "Case", work: Path, ca: Path) -> None:
        self.way = way
        account = way.account(case)
        self.user = account.name
        self._log = work / f"{way.name}.log"
        tls = ClientTls(ca, data=way.protects_data)
        target = Target(vrrp.ADDRESS, 21, account, tls)
        client = way.kind(target, Mode.EPSV, work, prefix=pair.client.prefix, rate=RATE)
        if way.uploads:
            self._from = random_file(work / "to-put", SIZE)
            self._to = pair.root / f"put-{work.name}"
            command = client.upload_command(self._from, self._to.name)
        else:
            self._from, self._to = pair.root / "big", work / f"{way.name}-has"
            command = client.download_command("big", self._to)
        self._process = client.start(command)

    def is_under_way(self) -> bool:
        assert self._process.poll() is None, self._process.communicate()[0]
        return size_of(self._to) > UNDER_WAY

    def end(self) -> float:
        """When the file was whole, with the right bytes. Clients may change its mtime."""
        said, _ = self._process.communicate(timeout=RUN_SECONDS)
        self._log.write_text(said)
        assert self._process.returncode == 0, said
        digests = [
            hashlib.sha256(path.read_bytes()).hexdigest() for path in (self._from, self._to)
        ]
        assert digests[0] == digests[1], said
        return self._to.stat().st_ctime

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
    _end_sessions(balancer)


def _rejoin(pair: Pair, balancer: Balancer) -> None:
    # Its probes fail, too.
    waiting.until("it gives the address up by itself", lambda: not balancer.has_address)
    pair.rejoin(balancer)
    _end_sessions(balancer)


def _end_sessions(balancer: Balancer) -> None:
    """Their clients have gone on at the other one, but TCP may notice only in minutes."""
    operators.operate(balancer.work, "disable", "--all")
    waiting.until("they have ended", balancer.is_empty)
    operators.operate(balancer.work, "ready", "--all")


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
    Case("cut off", Pair.cut, _rejoin, 3),
    Case("upgrade", _upgrade, lambda *_: None, 1, moves=False, survives=True),
    # New clients wait for the transfers.
    Case("drain", _drain, _ready, 20, survives=True),
    Case("disable", _disable, _ready, 6),
)


@pytest.fixture(scope="module")
def pair(module_work: Path) -> Iterator[Pair]:
    identity = Authority(module_work).issue("ftp.example.com", addresses=[vrrp.ADDRESS])
    with Network() as network:
        pair = Pair(
            *(module_work, network),
            accounts=[
                *(TESTER, PROBE, LOOKS),
                *(way.account(case) for way in WAYS for case in CASES),
            ],
            listener_tls={"certificate": identity.certificate, "key": identity.key},
            pool={"balance": "round-robin", "stick": {"by": "user"}},
        )
        try:
            pair.start()
            random_file(pair.root / "big", SIZE)
            yield pair
        finally:
            pair.kill()


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.name)
def test_clients_go_on(case: Case, pair: Pair, work: Path, module_work: Path) -> None:
    where = (vrrp.ADDRESS, 21)
    ca = module_work / "Authority-of-the-tests/ca.pem"
    had = pair.master()
    with contextlib.ExitStack() as stack:
        download = Download(pair.client, where, TESTER, "big", rate=RATE)
        stack.callback(download.stop)
        retrying = [Retrying(pair, way, case, work, ca) for way in WAYS]
        for each in retrying:
            stack.callback(each.kill)
            waiting.until("it is under way", each.is_under_way)
        waiting.until("it is under way", lambda: download.bytes > UNDER_WAY)
        by_family = [
            NewSessions(pair.client, (address, 21), LOOKS)
            for address in (vrrp.ADDRESS, vrrp.ADDRESS_IPV6)
        ]
        for sessions in by_family:
            stack.callback(sessions.stop)
        before = {each.user: had.backend_of(each.user) for each in retrying}
        for each in retrying:
            # It hears of it within a heartbeat.
            waiting.until("the other one knows", lambda each=each: pair.other(had).knows(each.user))

        began, by_clock = time.monotonic(), time.time()
        case.event(pair, had)
        stack.callback(case.repair, pair, had)
        for sessions in by_family:
            sessions.give_up_present()
        for sessions in by_family:
            sessions.wait_until_it_works(began)
            assert sessions.gap(began) <= case.gap_max
            if not case.moves:
                # A busy machine may be late.
                assert sessions.problems(began) <= {"TimeoutError: timed out"}
        now = pair.other(had) if case.moves else had
        assert now.has_address
        gaps = " and ".join(f"{each.gap(began):.1f} s" for each in by_family)
        print(f"\n{case.name}: new sessions after {gaps}", end="")
        for each in retrying:
            print(f"; {each.way.name} is done after {each.end() - by_clock:.1f} s", end="")
            at = had if case.survives else now
            login = at.last_login(each.user)
            assert login.backend == before[each.user]
            assert login.is_resumed == (each.way.keeps_tickets and not case.survives)
        if case.survives:
            waiting.until("the download ends", lambda: download.end)
            assert download.bytes == SIZE
        print(f"; a download sees {download.saw(began, SIZE)}")
    _is_whole_again(pair)


def test_both_have_the_address_for_a_while(pair: Pair) -> None:
    """They do not see each other, but clients see both."""
    first, second = pair.balancers
    sessions = NewSessions(pair.client, (vrrp.ADDRESS, 21), LOOKS)
    try:
        with pair.unseen(second):
            waiting.until("both have it", lambda: first.has_address and second.has_address)
            sessions.wait_until_it_works(time.monotonic())
        healed = time.monotonic()
        waiting.until("the one of lower priority gives it up", lambda: not second.has_address)
        sessions.wait_until_it_works(healed)
        assert first.has_address
        print(f"\nhealed: new sessions after {sessions.gap(healed):.1f} s")
        # Without vrrp_higher_prio_send_advert it takes 2 s and more.
        assert sessions.gap(healed) <= 1.5
    finally:
        sessions.stop()


def test_keepalived_is_killed_and_started_again(pair: Pair) -> None:
    had = pair.master()
    other = pair.other(had)
    had.keepalived.kill()
    waiting.until("the other one takes the address", lambda: other.has_address)
    # Nobody has taken it away here.
    assert had.has_address
    _works(pair)
    had.keepalived.start()
    assert pair.master() is other
    _works(pair)


def _works(pair: Pair) -> None:
    sessions = NewSessions(pair.client, (vrrp.ADDRESS, 21), LOOKS)
    try:
        sessions.wait_until_it_works(time.monotonic())
    finally:
        sessions.stop()


def _is_whole_again(pair: Pair) -> None:
    for each in pair.balancers:
        waiting.until("it can serve", each.can_serve)
    pair.master()
    _works(pair)
