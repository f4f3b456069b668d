# SPDX-License-Identifier: Apache-2.0
"""./run demo --pair: two balancers with a store, and keepalived, which gives the address for clients
to one of them. That one is killed in the middle of a download, and the client goes on at the other
one, from the same server."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import servers
import vrrp
import waiting
from certificates import Authority
from clients import ClientTls, Mode, Target
from gap import NewSessions
from midway import UNDER_WAY, size_of
from netns import Network
from pair import BACKENDS, STORE, Pair, RetryingLftp
from servers import PROBE, TESTER, Account

SIZE_MB = 24
RATE = 6_000_000
OTHER = Account("other", "s3cret-Other")


class PairDemo:
    def __init__(self, work: Path, network: Network) -> None:
        self.work = work
        identity = Authority(work).issue("ftp.example.com", addresses=[vrrp.ADDRESS])
        self.ca = work / "Authority-of-the-tests/ca.pem"
        self.pair = Pair(
            *(work, network),
            accounts=[TESTER, PROBE, OTHER],
            file="multicast.conf",
            listener_tls={"certificate": identity.certificate, "key": identity.key},
            pool={"balance": "round-robin", "stick": {"by": "user"}},
        )

    def start(self) -> None:
        self.pair.start()
        for name, address in BACKENDS.items():
            print(f"  {name}: vsftpd {servers.version(servers.Vsftpd)} on {address}")
        print(f"  store: redis-server on {STORE}")
        for each, address in zip(self.pair.balancers, vrrp.OWN, strict=True):
            has = f", and has {vrrp.ADDRESS}" if each.has_address else ""
            print(f"  {each.name}: ballast and keepalived on {address}{has}")

    def run(self) -> bool:
        whole, local = self.pair.root / "large", self.work / "downloaded"
        whole.write_bytes(os.urandom(SIZE_MB * 1_000_000))
        where = (vrrp.ADDRESS, 21)
        target = Target(*where, TESTER, ClientTls(self.ca))
        lftp = RetryingLftp(
            target, Mode.EPSV, self.work, prefix=self.pair.client.prefix, rate=RATE
        )
        print("\nThe balancer that has the address is killed in the middle of a download:\n")
        sessions = NewSessions(self.pair.client, where, OTHER)
        began = time.monotonic()
        with lftp.start(lftp.download_command("large", local)) as process:
            try:
                return self._kill_in_the_middle(process, sessions, began, whole, local)
            finally:
                process.kill()
                sessions.stop()

    def _kill_in_the_middle(
        self,
        process: subprocess.Popen[str],
        sessions: NewSessions,
        began: float,
        whole: Path,
        local: Path,
    ) -> bool:
        waiting.until("the download is under way", lambda: size_of(local) > UNDER_WAY)
        had = self.pair.master()
        other = self.pair.other(had)
        waiting.until(f"{other.name} knows", lambda: other.knows(TESTER.name))
        server = had.backend_of(TESTER.name)
        pid = had.ballast.pid
        megabytes = size_of(local) / 1_000_000
        print(f"  lftp has {megabytes:.1f} of {SIZE_MB} MB, through {had.name} from {server}")
        print(f"  $ kill -9 {pid}")
        killed = time.monotonic()
        had.ballast.kill()
        sessions.wait_until_it_works(killed)
        now = self.pair.master()
        print(f"  new sessions work after {sessions.gap(killed):.1f} s, through {now.name}")
        said, _ = process.communicate(timeout=2 * waiting.PATIENCE)
        took = time.monotonic() - began
        print(f"  lftp ends with status {process.returncode} after {took:.1f} s")
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (whole, local)]
        is_same = digests[0] == digests[1]
        print(f"  SHA-256 of the file       {digests[0]}")
        print(f"  SHA-256 of what lftp has  {digests[1]}, {'the same' if is_same else 'WRONG'}")
        backend = now.last_login(TESTER.name).backend
        print(f"  {now.name} got it from {backend}, as {had.name} had done")
        is_well = process.returncode == 0 and is_same and now is not had and backend == server
        if not is_well:
            print(said[-2000:], file=sys.stderr)
        return is_well

    def end(self) -> None:
        self.pair.kill()


def _works(work: Path) -> bool:
    print(
        "Two balancers that share a store, and two FTP servers with the same files, each in a\n"
        "network of its own:\n"
    )
    with Network() as network:
        demo = PairDemo(work, network)
        try:
            demo.start()
            return demo.run()
        except (AssertionError, RuntimeError) as error:
            print(f"\n{error}", file=sys.stderr)
            return False
        finally:
            demo.end()


def show(work: Path) -> int:
    """The exit status."""
    try:
        worked = _works(work)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    if worked:
        print("\nVerdict: it works. The client went on at the other balancer, and its file is whole.")
        shutil.rmtree(work)
        return 0
    print(f"\nVerdict: it does NOT work. Logs and configuration are in {work}.")
    return 1
