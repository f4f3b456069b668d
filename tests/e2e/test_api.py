# SPDX-License-Identifier: Apache-2.0
"""What operators see of sessions, transfers and backends by the HTTP API, and do to them."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import operators
import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Place, Pool, login_probe, run_ballast
from certificates import Authority, for_loopback
from farm import Farm, who
from openapi import Description
from ports import free_port
from servers import PROBE, TESTER, Account, PyFtpd, ServerTls
from tls import client_context
from wire import TlsWire, Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

# More than all buffers on the way hold.
SIZE = 64 * 1024 * 1024
SMALL_BUFFER = 65536
OTHER = Account("other", "s3cret-Other")


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ["f1", "f2"], accounts=(TESTER, PROBE, OTHER)) as farm:
        for server in farm.servers.values():
            (server.root / "large").write_bytes(bytes(SIZE))
        yield farm


@pytest.fixture
def it(work: Path, farm: Farm) -> Iterator[Ballast]:
    pool = Pool(
        "files",
        farm.backends(max_sessions=100),
        {"balance": "first", "stick": {"by": "user"}, "queue": {"length": 1}},
        login_probe(work, interval="200ms", list="/"),
    )
    settings = operators.settings(work) | {"limits": {"failed_logins_per_user": 2}}
    with Ballast(work, [Listener("ftp", "files")], [pool], settings=settings) as ballast:
        ballast.wait_for_state("f1", "up")
        ballast.wait_for_state("f2", "up")
        yield ballast


@pytest.fixture
def api(it: Ballast, work: Path) -> Description:
    return Description(work)


def _downloading(client: Wire) -> socket.socket:
    """A download that has begun and waits for the client to read."""
    data = client.passive(receive_buffer=SMALL_BUFFER)
    client.expect("RETR large", 150, 125)
    assert data.recv(1) == b"\0"
    return data


def test_a_session_and_its_transfer_are_seen_and_ended(it: Ballast, api: Description) -> None:
    with Wire(it.where()).log_in() as client, Wire(it.where()).log_in() as other:
        sessions = api.ask("GET", "/v1/sessions")["sessions"]
        assert len(sessions) == 2
        [mine] = [
            each for each in sessions if each["client"].endswith(f":{client.socket.getsockname()[1]}")
        ]
        assert mine["phase"] == "idle" and mine["user"] == TESTER.name
        assert mine["pool"] == "files" and mine["backend"] == "f1"
        assert not api.ask("GET", "/v1/transfers")["transfers"]
        data = _downloading(client)
        [transfer] = waiting.until(
            "the transfer is seen",
            lambda: api.ask("GET", f"/v1/transfers?session={mine['id']}")["transfers"],
        )
        assert transfer["verb"] == "RETR" and transfer["file"] == "large"
        assert transfer["direction"] == "download" and transfer["backend"] == "f1"
        assert 0 < transfer["bytes"] < SIZE
        assert api.ask("GET", f"/v1/sessions/{mine['id']}")["transferring"]
        assert not api.ask("GET", "/v1/transfers?file=*small*")["transfers"]

        api.ask("DELETE", f"/v1/transfers/{mine['id']}")
        assert client.reply().code == 426
        with pytest.raises(ConnectionResetError):
            read_all(data)
        client.expect("PWD", 257)
        api.ask("DELETE", f"/v1/transfers/{mine['id']}", status=409)

        api.ask("DELETE", f"/v1/sessions/{mine['id']}")
        assert client.reply().code == 421
        assert client.at_end()
        api.ask("DELETE", f"/v1/sessions/{mine['id']}", status=404)
        other.expect("NOOP", 200)


def test_many_sessions_come_page_by_page(it: Ballast, api: Description) -> None:
    clients = [Wire(it.where()).log_in() for _ in range(25)]
    ids: list[str] = []
    target = "/v1/sessions?fields=id&limit=10"
    after = ""
    while True:
        page = api.ask("GET", target + after)
        ids += [each["id"] for each in page["sessions"]]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert len(ids) == 25 and ids == sorted(set(ids))
    assert len(api.ask("GET", "/v1/sessions?backend=f1&phase=idle")["sessions"]) == 25
    for client in clients:
        client.close()


def test_a_backend_is_tuned(it: Ballast, api: Description) -> None:
    def of(backend: str) -> dict[str, object]:
        [found] = api.ask("GET", f"/v1/backends?backend={backend}")["backends"]
        return dict(found)

    api.ask("PUT", "/v1/backends/files/f1/max_sessions", {"max_sessions": 1})
    api.ask("PUT", "/v1/backends/files/f2/weight", {"weight": 7})
    assert of("f1")["max_sessions"] == 1 and of("f2")["weight"] == 7
    api.ask("DELETE", "/v1/pools/files/stickiness")
    with Wire(it.where()).log_in():
        assert who(it.where(), OTHER) == "f2"
    it.reload()
    assert of("f1")["max_sessions"] == 1 and of("f2")["weight"] == 7
    it.follow(api.ask("POST", "/v1/upgrade")["pid"])
    assert of("f1")["max_sessions"] == 1 and of("f2")["weight"] == 7
    api.ask("PUT", "/v1/backends/files/f1/max_sessions", {"max_sessions": None})
    api.ask("PUT", "/v1/backends/files/f2/weight", {"weight": None})
    assert of("f1")["max_sessions"] == 100 and of("f2")["weight"] == 1


def test_sessions_of_a_replaced_process_are_seen_and_ended(it: Ballast, api: Description) -> None:
    def both() -> list[dict[str, Any]] | None:
        found = api.ask("GET", "/v1/generations")["generations"]
        return list(found) if len(found) == 2 else None

    with Wire(it.where()).log_in() as client:
        [mine] = api.ask("GET", "/v1/sessions")["sessions"]
        it.follow(api.ask("POST", "/v1/upgrade")["pid"])
        assert not api.ask("GET", "/v1/sessions")["sessions"]
        generations = waiting.until("the former process tells of itself", both)
        assert generations is not None
        serving, replaced = generations
        assert serving["socket"] == str(operators.socket_path(api.work))
        socket_of_replaced = Path(replaced["socket"])
        assert socket_of_replaced.name.endswith(f".{replaced['pid']}")
        said = run_ballast("sessions", "--json", "--socket", socket_of_replaced)
        assert mine["id"] in said.stdout, said
        said = run_ballast("explain", mine["id"], "--socket", socket_of_replaced)
        assert "logged in" in said.stdout, said
        said = run_ballast("kill", mine["id"], "--socket", socket_of_replaced)
        assert said.returncode == 0, said
        assert client.reply().code == 421
    waiting.until("it has ended and its socket is gone", lambda: not socket_of_replaced.exists())

    def pids() -> list[int]:
        return [each["pid"] for each in api.ask("GET", "/v1/generations")["generations"]]

    # It takes a moment until its end is noticed.
    waiting.until("only the serving one is left", lambda: pids() == [serving["pid"]])


def test_a_ban_is_seen_and_lifted(it: Ballast, api: Description) -> None:
    for _ in range(2):
        with Wire(it.where()) as client:
            client.greeting()
            client.ask("USER tester")
            client.expect("PASS wrong", 530)
    [ban] = api.ask("GET", "/v1/bans")["bans"]
    assert ban["client"] == "127.0.0.1" and ban["user"] == "tester" and ban["seconds_left"] > 0
    with Wire(it.where()) as client:
        client.greeting()
        assert client.ask("USER tester").code in (421, 530)
    assert api.ask("DELETE", "/v1/bans/127.0.0.1?user=other") == {"lifted": 0}
    assert api.ask("DELETE", "/v1/bans/127.0.0.1") == {"lifted": 1}
    Wire(it.where()).log_in().close()


def test_a_backend_is_probed_now(farm: Farm, work: Path) -> None:
    pool = Pool("files", farm.backends(), probe=login_probe(work, interval="1h"))
    settings = operators.settings(work)
    with Ballast(work, [Listener("ftp", "files")], [pool], settings=settings) as it:
        it.wait_for_state("f1", "up")
        api = Description(work)

        def probes() -> list[dict[str, object]]:
            return list(api.ask("GET", "/v1/probes?backend=f1")["probes"])

        [first] = probes()
        assert first["passed"] and [each["name"] for each in first["steps"]] == ["connect", "login"]  # type: ignore[attr-defined]
        farm["f1"].kill()
        api.ask("POST", "/v1/backends/files/f1/probe")
        second = waiting.until("the second probe", lambda: probes()[1:])[0]
        assert not second["passed"] and "refused" in str(second["reason"])
        it.assert_alive()
    farm["f1"].start()


def test_readiness_follows_the_pools(it: Ballast, farm: Farm, api: Description) -> None:
    assert api.ask("GET", "/readyz") == {"ready": True, "pools": ["files"]}
    for server in farm.servers.values():
        server.kill()
    waiting.until(
        "it is not ready", lambda: operators.ask_for(api.work, "GET", "/readyz")[0] == 503
    )
    assert api.ask("GET", "/livez") == {"alive": True}
    [pool] = api.ask("GET", "/v1/pools")["pools"]
    assert pool["serving"] == 0 and not pool["can_serve"]
    for each in api.ask("GET", "/v1/backends?health=down")["backends"]:
        assert "refused" in each["reason"] and each["health_since"]
    for server in farm.servers.values():
        server.start()
    waiting.until("it is ready", lambda: operators.ask_for(api.work, "GET", "/readyz")[0] == 200)


# What the others show: events of each kind (test_events.py), and a reload that upgrades because the
# installed program is another one (test_upgrade.py).
SHOWN_ELSEWHERE = {
    ("GET", "/v1/events"),
    ("GET", "/v1/events/recent"),
    ("POST", "/v1/reload"),
}


@pytest.fixture
def protected(work: Path) -> Iterator[tuple[Ballast, Authority]]:
    """TLS on both sides, and a pool whose only backend is dead."""
    front, behind = Authority(work, "Authority of the front"), Authority(work, "Authority behind")
    identity = for_loopback(front, "ftp.example.com")
    servers = [
        PyFtpd(
            *(work, work / "files-behind", address),
            tls=ServerTls(for_loopback(behind, f"{name}.example.com", address)),
        )
        for name, address in (("f1", "127.0.1.21"), ("f2", "127.0.1.23"))
    ]
    dead = Pool("dead", [Backend("gone", Place("127.0.1.22", free_port()))])
    with servers[0], servers[1]:
        (servers[0].root / "large").write_bytes(bytes(SIZE))
        backends = [Backend("f1", servers[0]), Backend("f2", servers[1])]
        pool = Pool(
            "files",
            backends,
            {"stick": {"by": "user"}},
            login_probe(work, interval="200ms"),
            tls={"mode": "explicit", "ca": behind.certificate},
        )
        listeners = [
            Listener("ftp", "files", tls={"certificate": identity.certificate, "key": identity.key}),
            Listener("dead", "dead"),
        ]
        settings = operators.settings(work) | {"limits": {"failed_logins_per_user": 1}}
        with Ballast(work, listeners, [pool, dead], settings=settings) as it:
            it.wait_for_state("f1", "up")
            it.wait_for_state("f2", "up")
            yield it, front


def test_every_route_and_field_is_as_it_is_described(
    protected: tuple[Ballast, Authority], work: Path
) -> None:
    it, authority = protected
    api = Description(work)
    for name in ("one", "two"):
        with Wire(it.where("ftp")) as guesser:
            guesser.greeting()
            guesser.ask(f"USER {name}")
            guesser.expect("PASS wrong", 530)
    with Wire(it.where("dead")) as client:
        client.greeting()
        client.expect("USER anybody", 421)
    with Wire(it.where("ftp")).log_in(PROBE) as another:
        another.expect("QUIT", 221)
    wires = [TlsWire(it.where("ftp"), client_context(authority.certificate)) for _ in range(2)]
    data = []
    for wire in wires:
        wire.log_in_protected()
        wire.expect("PROT C", 200)
        data.append(_downloading(wire))
    waiting.until("two transfers", lambda: len(api.ask("GET", "/v1/transfers")["transfers"]) == 2)
    mine = api.ask("GET", "/v1/transfers")["transfers"][0]["session"]
    for method, path in sorted(api.operations()):
        if method != "GET" or "{" in path:
            continue
        if path == "/v1/events":  # it does not end
            api.tried.add((method, path))
            continue
        api.ask(method, path)
        if ".next" in api.fields((method, path)):
            api.ask(method, f"{path}?limit=1")
    backend = "/v1/backends/files/f2"
    for target in (
        *(f"/v1/sessions/{mine}", f"/v1/sessions/{mine}/explain", f"{backend}/state"),
        *("/v1/backends/dead/gone/state", "/v1/pools/files/stickiness?limit=1"),
    ):
        api.ask("GET", target)
    gone = "/v1/backends/dead/gone"
    api.ask("PUT", f"{gone}/state", {"state": "drain"})
    api.ask("PUT", f"{gone}/weight", {"weight": 2})
    api.ask("PUT", f"{gone}/max_sessions", {"max_sessions": 2})
    api.ask("POST", f"{backend}/probe")
    api.ask("PUT", "/v1/state", {"state": "ready"})
    api.ask("DELETE", "/v1/pools/files/stickiness?user=nobody")
    level = api.ask("GET", "/v1/log")["level"]
    api.ask("PUT", "/v1/log", {"level": "error"})
    assert api.ask("PUT", "/v1/log", {"level": level}) == {"level": level}
    api.ask("DELETE", "/v1/bans/192.0.2.1")
    api.ask("DELETE", f"/v1/transfers/{mine}")
    waiting.until(
        "its story has the transfer",
        lambda: api.ask("GET", "/v1/explain?file=*large")["stories"],
    )
    api.ask("DELETE", f"/v1/sessions/{mine}")
    for each in (*data, *wires):
        each.close()
    for action in ("reload", "reopen"):
        api.ask("POST", f"/v1/{action}")
    generations = "/v1/generations"
    it.follow(api.ask("POST", "/v1/upgrade")["pid"])
    assert not api.operations() - api.tried
    # One name's states are one page, and one process has no second page.
    one_page = {
        ("GET", generations),
        ("GET", "/v1/nodes"),
        *((method, path) for method, path in api.operations() if path.startswith("/v1/backends/{")),
    }
    for operation in api.operations() - SHOWN_ELSEWHERE:
        fields = api.fields(operation)
        # With others, see test_nodes.py.
        of_other_nodes = {
            each for each in fields if each.endswith(".node") or each.startswith(".unanswered")
        }
        unseen = fields - of_other_nodes - api.seen.get(operation, set())
        assert unseen <= ({".next"} if operation in one_page else set()), (operation, unseen)
