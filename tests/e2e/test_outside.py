# SPDX-License-Identifier: Apache-2.0
"""Backends from outside the configuration: DNS names, and files of other programs. The tests run in a
separate network with its own name server."""

import contextlib
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import clients
import waiting
from ballast import DIRECT, TCP_PROBE, Backend, Ballast, Listener, Place, Pool, backends_file
from clients import Mode, Target
from dns import NameServer, Zone
from farm import WHO, Farm
from netns import Network
from servers import PyFtpd

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's names")

NAME = "ftp.example.com"
SERVICE = "_ftp._tcp.example.com"
# All servers use this port, so that they can be addresses of one name.
PORT = 2121


class Outside:
    def __init__(self, work: Path, network: Network) -> None:
        self.names = NameServer(work, network)
        self.farm = Farm(
            *(work, ("alf1", "alf2", "alf3")), network=8, prefix=self.names.prefix, port=PORT
        )
        self.six = PyFtpd(work, work / "files-six", "::1", PORT, prefix=self.names.prefix)
        (self.six.root / WHO).write_text("six\n")

    @contextlib.contextmanager
    def balanced(
        self, work: Path, backends: Sequence[Backend], **settings: Any
    ) -> Iterator[Ballast]:
        pool = Pool(
            *("alfresco", backends),
            {"balance": "round-robin", "resolve_interval": "200ms", **settings},
        )
        it = Ballast(work, [Listener("ftp", "alfresco")], [pool], prefix=self.names.prefix)
        with it:
            yield it

    def who(self, it: Ballast, work: Path) -> str:
        """The server that a client reaches."""
        target = Target(*it.where())
        curl = clients.Curl(target, Mode.EPSV, work, prefix=self.names.prefix)
        curl.download(WHO, work / "local")
        return (work / "local").read_text().strip()

    def visits(self, it: Ballast, work: Path, times: int = 6) -> Counter[str]:
        return Counter(self.who(it, work) for _ in range(times))

    def wait_for(self, it: Ballast, work: Path, wanted: set[str]) -> None:
        """Waits until new sessions reach exactly these servers."""

        def is_so() -> bool:
            with contextlib.suppress(clients.ClientError):
                return set(self.visits(it, work, 2 * len(wanted))) == wanted
            return False

        waiting.until(f"sessions on {wanted}", is_so)

    def address(self, name: str) -> str:
        return self.farm[name].address

    def host(self, name: str) -> dict[str, list[str]]:
        return {"A": [self.address(name)]}


@pytest.fixture(scope="module")
def whole_outside(module_work: Path) -> Iterator[Outside]:
    with Network() as network:
        outside = Outside(module_work, network)
        with outside.names, outside.farm, outside.six:
            yield outside


@pytest.fixture
def outside(whole_outside: Outside) -> Outside:
    whole_outside.farm.restore()
    whole_outside.names.say({})
    return whole_outside


def _named(**settings: Any) -> list[Backend]:
    return [Backend("named", Place(NAME, PORT), settings)]


def _service(**settings: Any) -> list[Backend]:
    return [Backend("service", None, {"srv": SERVICE, **settings})]


def test_every_address_of_a_name_is_a_backend(outside: Outside, work: Path) -> None:
    addresses = [outside.address("alf1"), outside.address("alf2")]
    outside.names.say({NAME: {"A": addresses, "AAAA": ["::1"]}})
    with outside.balanced(work, _named()) as it:
        outside.wait_for(it, work, {"alf1", "alf2", "six"})
        assert outside.visits(it, work, 6) == {"alf1": 2, "alf2": 2, "six": 2}


def test_a_name_is_looked_up_again(outside: Outside, work: Path) -> None:
    names = outside.names
    names.say({NAME: outside.host("alf1")})
    with outside.balanced(work, _named()) as it:
        outside.wait_for(it, work, {"alf1"})
        names.say({NAME: {"A": [outside.address("alf1"), outside.address("alf2")]}})
        outside.wait_for(it, work, {"alf1", "alf2"})
        names.say({NAME: outside.host("alf2")})
        outside.wait_for(it, work, {"alf2"})
        names.say({NAME: {"AAAA": ["::1"]}})
        outside.wait_for(it, work, {"six"})


def test_a_session_outlives_its_backends_address(outside: Outside, work: Path) -> None:
    outside.names.say({NAME: outside.host("alf1")})
    big = outside.farm["alf1"].root / "big"
    with big.open("wb") as file:
        file.truncate(8 << 20)
    with outside.balanced(work, _named()) as it:
        outside.wait_for(it, work, {"alf1"})
        local = work / "big"
        prefix = outside.names.prefix
        curl = clients.Curl(Target(*it.where()), Mode.EPSV, work, prefix=prefix, rate=4 << 20)
        download = curl.start(curl.download_command("big", local))
        waiting.until("bytes flow", lambda: local.exists() and local.stat().st_size)
        outside.names.say({NAME: outside.host("alf2")})
        outside.wait_for(it, work, {"alf2"})
        said, _ = download.communicate(timeout=waiting.PATIENCE)
        assert download.returncode == 0, said
        assert local.stat().st_size == 8 << 20


@pytest.mark.parametrize("fault", ["unknown", "fails", "silent"])
def test_what_was_known_stays_when_nobody_answers(
    fault: str, outside: Outside, work: Path
) -> None:
    names = outside.names
    names.say({NAME: outside.host("alf1")})
    with outside.balanced(work, _named()) as it:
        outside.wait_for(it, work, {"alf1"})
        mark = it.log_mark()
        if fault == "silent":
            names.stop()
        else:
            names.say({NAME: "fails"} if fault == "fails" else {})
        it.wait_for_log("the failure", lambda line: line.get("name") == NAME, since=mark)
        assert outside.visits(it, work, 3) == {"alf1": 3}
        if fault == "silent":
            names.start()
        names.say({NAME: outside.host("alf2")})
        outside.wait_for(it, work, {"alf2"})


def _records(*records: str) -> dict[str, list[str]]:
    """Each record is priority, weight and host."""
    lines = []
    for record in records:
        priority, weight, host = record.split()
        lines.append(f"{priority} {weight} {PORT} {host}.example.com")
    return {"SRV": lines}


def _zone(outside: Outside, *records: str) -> Zone:
    hosts = {f"{name}.example.com": outside.host(name) for name in outside.farm.servers}
    return {SERVICE: _records(*records), **hosts}


def test_weights_of_srv_records(outside: Outside, work: Path) -> None:
    outside.names.say(_zone(outside, "0 3 alf1", "0 1 alf2"))
    with outside.balanced(work, _service()) as it:
        outside.wait_for(it, work, {"alf1", "alf2"})
        seen = outside.visits(it, work, 16)
        assert abs(seen["alf1"] - 12) <= 1 and abs(seen["alf2"] - 4) <= 1, seen


def test_priorities_of_srv_records(outside: Outside, work: Path) -> None:
    outside.names.say(_zone(outside, "20 1 alf3", "0 1 alf1", "10 9 alf2"))
    with outside.balanced(work, _service(), observe={"failures": 0}) as it:
        outside.wait_for(it, work, {"alf1"})
        assert outside.visits(it, work, 4) == {"alf1": 4}
        # RFC 2782: of the reachable targets, those with the lowest number.
        outside.farm["alf1"].kill()
        assert outside.visits(it, work, 4) == {"alf2": 4}
        outside.farm["alf2"].kill()
        assert outside.visits(it, work, 4) == {"alf3": 4}
        outside.farm["alf1"].start()
        assert outside.visits(it, work, 4) == {"alf1": 4}


def test_srv_records_are_looked_up_again(outside: Outside, work: Path) -> None:
    names = outside.names
    names.say(_zone(outside, "0 1 alf1"))
    with outside.balanced(work, _service()) as it:
        outside.wait_for(it, work, {"alf1"})
        names.say(_zone(outside, "0 1 alf1", "0 1 alf2"))
        outside.wait_for(it, work, {"alf1", "alf2"})
        # The priorities change.
        names.say(_zone(outside, "10 1 alf1", "0 1 alf3"))
        outside.wait_for(it, work, {"alf3"})


def test_one_srv_target_that_is_not_found_does_not_affect_others(
    outside: Outside, work: Path
) -> None:
    names = outside.names
    names.say(_zone(outside, "0 1 alf1", "0 1 nowhere"))
    asked = "udp A nowhere.example.com"
    with outside.balanced(work, _service()) as it:
        outside.wait_for(it, work, {"alf1"})
        waiting.until("it was asked often", lambda: names.heard().count(asked) >= 4)
        # It is logged once.
        lines = [line for line in it.log_lines() if line.get("name") == SERVICE]
        assert ["nowhere.example.com" in line["reason"] for line in lines] == [True]
        names.say(_zone(outside, "0 1 alf1", "0 1 alf2"))
        outside.wait_for(it, work, {"alf1", "alf2"})
        # A target that had an address keeps it.
        mark = it.log_mark()
        zone = dict(_zone(outside, "0 1 alf1", "0 1 alf2", "0 1 alf3"))
        del zone["alf2.example.com"]
        names.say(zone)
        it.wait_for_log("the failure", lambda line: line.get("name") == SERVICE, since=mark)
        outside.wait_for(it, work, {"alf1", "alf2", "alf3"})


def test_names_without_an_answer_do_not_delay_others(outside: Outside, work: Path) -> None:
    silent = [f"silent{i}.example.com" for i in range(6)]
    outside.names.say({**dict.fromkeys(silent, "silent"), NAME: outside.host("alf1")})
    # The name with an answer comes last.
    backends = [Backend(f"b{i}", Place(name, PORT)) for i, name in enumerate([*silent, NAME])]
    begun = time.monotonic()
    with outside.balanced(work, backends) as it:
        outside.wait_for(it, work, {"alf1"})
        # A single unanswered lookup would take longer.
        assert time.monotonic() - begun < 4
        begun = time.monotonic()
    # Shutdown does not wait for answers either.
    assert time.monotonic() - begun < 2


def test_a_reload_that_waits_for_names_does_not_delay_the_end(
    outside: Outside, work: Path
) -> None:
    silent = [f"silent{i}.example.com" for i in range(3)]
    outside.names.say({**dict.fromkeys(silent, "silent"), NAME: outside.host("alf1")})
    pool = Pool("alfresco", [Backend("old", Place(NAME, PORT))])
    it = Ballast(work, [Listener("ftp", "alfresco")], [pool], prefix=outside.names.prefix)
    it.start()
    try:
        pool.backends = [Backend(f"b{i}", Place(name, PORT)) for i, name in enumerate(silent)]
        it.configuration.write_text(it.text())
        os.kill(it.pid, signal.SIGHUP)
        waiting.until("it asks", lambda: any("silent" in each for each in outside.names.heard()))
        begun = time.monotonic()
        os.kill(it.pid, signal.SIGTERM)
        assert it.wait_for_end() == 0
        assert time.monotonic() - begun < 2
    finally:
        it.kill()


def test_a_long_answer_comes_over_tcp(outside: Outside, work: Path) -> None:
    many = [f"10 1 a-backup-of-the-others-{number}" for number in range(40)]
    others = {
        f"a-backup-of-the-others-{number}.example.com": {"A": [f"127.0.9.{number + 1}"]}
        for number in range(40)
    }
    outside.names.say({**_zone(outside, "0 1 alf2", *many), **others})
    with outside.balanced(work, _service(), resolve_interval="1h") as it:
        outside.wait_for(it, work, {"alf2"})
    assert f"tcp SRV {SERVICE}" in outside.names.heard()


# Files.


def _listed(outside: Outside, *names: str, **settings: Any) -> list[Backend]:
    return [Backend(name, outside.farm[name], settings) for name in names]


def test_a_file_of_backends_is_watched(outside: Outside, work: Path) -> None:
    path = backends_file(work / "backends.toml", _listed(outside, "alf1"))
    with outside.balanced(work, [], backends_file=path) as it:
        outside.wait_for(it, work, {"alf1"})
        backends_file(path, _listed(outside, "alf1", "alf2"))
        outside.wait_for(it, work, {"alf1", "alf2"})
        backends_file(path, _listed(outside, "alf2", "alf3"))
        outside.wait_for(it, work, {"alf2", "alf3"})


def test_weights_in_a_file_change(outside: Outside, work: Path) -> None:
    path = backends_file(work / "backends.toml", _listed(outside, "alf1", "alf2"))
    with outside.balanced(work, [], backends_file=path) as it:
        outside.wait_for(it, work, {"alf1", "alf2"})
        heavy = [*_listed(outside, "alf1", weight=5), *_listed(outside, "alf2")]
        mark = it.log_mark()
        backends_file(path, heavy)
        it.wait_for_log(
            "the file", lambda line: line["message"] == "backends file loaded", since=mark
        )
        seen = outside.visits(it, work, 12)
        assert abs(seen["alf1"] - 10) <= 1, seen


def test_a_file_and_the_configuration_add_up(outside: Outside, work: Path) -> None:
    path = backends_file(work / "backends.toml", _listed(outside, "alf2"))
    settings = {"backends_file": path, "may_be_empty": True}
    with outside.balanced(work, _listed(outside, "alf1"), **settings) as it:
        outside.wait_for(it, work, {"alf1", "alf2"})
        backends_file(path, [])
        outside.wait_for(it, work, {"alf1"})


def test_names_in_a_file(outside: Outside, work: Path) -> None:
    outside.names.say({NAME: outside.host("alf3")})
    path = backends_file(work / "backends.toml", _listed(outside, "alf1"))
    with outside.balanced(work, [], backends_file=path) as it:
        outside.wait_for(it, work, {"alf1"})
        backends_file(path, _named())
        outside.wait_for(it, work, {"alf3"})


@pytest.mark.parametrize(
    "content",
    [
        "[[backend]\n",
        '[[backend]]\nname = "alf2"\n',
        '[[backend]]\nname = "alf2"\naddress = "127.0.8.12:2121"\nwieght = 2\n',
        None,
        "",
        "# to be filled\n",
    ],
    ids=["not-toml", "no-address", "unknown-key", "removed", "empty", "comment"],
)
def test_a_bad_file_changes_nothing(content: str | None, outside: Outside, work: Path) -> None:
    path = backends_file(work / "backends.toml", _listed(outside, "alf1"))
    with outside.balanced(work, [], backends_file=path) as it:
        outside.wait_for(it, work, {"alf1"})
        mark = it.log_mark()
        if content is None:
            path.unlink()
        else:
            path.write_text(content)
        it.wait_for_log(
            "the complaint",
            lambda line: line["level"] == "warning" and line.get("pool") == "alfresco",
            since=mark,
        )
        assert outside.visits(it, work, 3) == {"alf1": 3}
        backends_file(path, _listed(outside, "alf2"))
        outside.wait_for(it, work, {"alf2"})


def test_a_file_that_is_being_written_is_read_when_it_is_quiet(
    outside: Outside, work: Path
) -> None:
    """Each state of the file is valid, but only the last one must be loaded."""
    path = backends_file(work / "backends.toml", _listed(outside, "alf1"))
    with outside.balanced(work, [], backends_file=path) as it:
        outside.wait_for(it, work, {"alf1"})
        mark = it.log_mark()
        whole = backends_file(work / "whole.toml", _listed(outside, "alf2", "alf3")).read_text()
        half = whole[: whole.index("[[backend]]", 1)]
        begun = written = time.monotonic()
        longest = 0.0
        # Write more often than Ballast looks, for longer than two looks.
        while time.monotonic() < begun + 3:
            longest = max(longest, time.monotonic() - written)
            written = time.monotonic()
            path.write_text(half + f"# {written}\n")
            Event().wait(0.1)
        path.write_text(whole)

        def is_loaded(line: dict[str, Any]) -> bool:
            return line["message"] == "backends file loaded"

        it.wait_for_log(
            "the file", lambda line: is_loaded(line) and line["backends"] == 2, since=mark
        )
        first = next(line for line in it.log_lines()[mark:] if is_loaded(line))
        # If this machine paused that long, the file was quiet.
        assert first["backends"] == 2 or longest > 0.7, (first, longest)
        outside.wait_for(it, work, {"alf2", "alf3"})


@pytest.mark.parametrize("text", ["[[backend]\n", ""])
def test_a_file_that_is_bad_at_the_start_is_refused(
    text: str, outside: Outside, work: Path
) -> None:
    path = work / "backends.toml"
    path.write_text(text)
    pool = Pool("alfresco", [], {"backends_file": path}, TCP_PROBE)
    it = Ballast(work, [Listener("ftp", "alfresco")], [pool], prefix=outside.names.prefix)
    with pytest.raises(AssertionError, match="backends.toml"):
        it.start()
    it.kill()


def _announced(outside: Outside, it: Ballast, work: Path) -> str:
    """The address in PASV's reply to a client that downloads a file; empty if PASV is refused. curl
    connects to the control connection's address, whatever the 227 says."""
    target = Target(*it.where())
    curl = clients.Curl(target, Mode.PASV, work, prefix=outside.names.prefix)
    try:
        curl.download(WHO, work / "local")
    except clients.ClientError:
        assert "< 425 " in curl.dialog
        return ""
    numbers = re.search(r"^< 227 .*?(\d+,\d+,\d+,\d+),", curl.dialog, re.MULTILINE)
    assert numbers, curl.dialog
    return numbers[1].replace(",", ".")


def test_pasv_announces_the_present_address_of_a_name(outside: Outside, work: Path) -> None:
    names = outside.names
    names.say({NAME: {"AAAA": ["2001:db8::7"]}})
    listener = Listener(
        "ftp", "alfresco", settings={"public_address": NAME, "resolve_interval": "200ms"}
    )
    pool = Pool("alfresco", [outside.farm.backend("alf1")])
    with Ballast(work, [listener], [pool], prefix=names.prefix) as it:

        def wait_until(address: str) -> None:
            waiting.until(address, lambda: _announced(outside, it, work) == address)

        def wait_for(message: str, since: int) -> None:
            it.wait_for_log(message, lambda line: message in line["message"], since=since)

        wait_for("cannot be looked up, PASV is refused", 0)
        assert _announced(outside, it, work) == ""
        assert outside.who(it, work) == "alf1"  # by EPSV, which announces no address
        names.say({NAME: {"A": ["203.0.113.21"], "AAAA": ["2001:db8::7"]}})
        wait_until("203.0.113.21")
        # The address stays while the name still has it, and while the name cannot be looked up.
        mark = it.log_mark()
        names.say({NAME: "fails"})
        wait_for("keeping its last address", mark)
        assert _announced(outside, it, work) == "203.0.113.21"
        mark = it.log_mark()
        names.say({NAME: {"A": ["203.0.113.9", "203.0.113.21"]}})
        wait_for("can be looked up again", mark)
        assert _announced(outside, it, work) == "203.0.113.21"
        names.say({NAME: {"A": ["203.0.113.22"]}})
        wait_until("203.0.113.22")
