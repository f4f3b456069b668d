# SPDX-License-Identifier: Apache-2.0
"""What Prometheus sees of the balancer: the page of metrics, the alerts, and the dashboard."""

import contextlib
import ftplib
import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import operators
import prometheus
import waiting
from ballast import DIRECT, TCP_PROBE, Backend, Ballast, Listener, Place, Pool, run_ballast
from certificates import Authority, for_loopback
from farm import Farm, Visit
from ports import free_port
from prometheus import Prometheus, families, page, promtool, value
from servers import REPOSITORY, TESTER, Account
from tls import client_context

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's own")

PACKAGED = REPOSITORY / "packaging"
RULES = PACKAGED / "prometheus/ballast.rules.yml"
DASHBOARD = PACKAGED / "grafana/ballast.json"
CONTENT = b"content" * 100_000
ADMIN = f"127.0.0.1:{free_port()}"

# Where nothing sets such a limit.
OPTIONAL = {
    "ballast_transfers_max",
    "ballast_backend_sessions_max",
    "ballast_nodes",
    "ballast_store_reachable",
}
WITH_TLS = {
    "ballast_certificate_expiry_timestamp_seconds",
    "ballast_backend_certificate_expiry_timestamp_seconds",
}


@pytest.fixture(scope="module")
def farm(module_work: Path) -> Iterator[Farm]:
    with Farm(module_work, ["f1", "f2"]) as running:
        for server in running.servers.values():
            (server.root / "big").write_bytes(CONTENT)
        yield running


def _balancer(work: Path, farm: Farm, **pool: object) -> Ballast:
    settings = operators.settings(work, bind=[ADMIN])
    pools = [Pool("files", farm.backends(), pool, probe=TCP_PROBE)]
    return Ballast(work, [Listener("ftp", "files")], pools, settings=settings)


@pytest.fixture
def it(work: Path, farm: Farm) -> Iterator[Ballast]:
    with _balancer(work, farm) as running:
        yield running


def _documented() -> dict[str, str]:
    """The types by the names of the metrics, as docs/metrics.md has them."""
    text = (REPOSITORY / "docs/metrics.md").read_text()
    return dict(re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", text, re.M))


def _download(visit: Visit) -> None:
    received = io.BytesIO()
    visit.retrbinary("RETR big", received.write)
    assert received.getvalue() == CONTENT


# The page


def test_promtool_has_no_complaint_and_the_manual_knows_every_metric(
    it: Ballast, work: Path
) -> None:
    with contextlib.closing(Visit(it.where())) as visit:
        _download(visit)
        visit.leave()
    text = page(work)
    assert promtool("check", "metrics", text=text) == ""
    shown = families(text)
    missing = WITH_TLS | OPTIONAL
    assert shown == {name: kind for name, kind in _documented().items() if name not in missing}


def test_the_table_of_the_manual_is_the_programs() -> None:
    done = run_ballast("manual", "--metrics")
    assert done.returncode == 0
    assert done.stdout in (REPOSITORY / "docs/metrics.md").read_text()


def test_the_page_counts_what_a_session_does(it: Ballast, work: Path) -> None:
    def of_backends(text: str, name: str, **labels: str) -> float:
        return value(text, name, pool="files", **labels)

    before = page(work)
    with contextlib.closing(Visit(it.where())) as visit:
        during = page(work)
        assert value(during, "ballast_sessions") == 1
        assert value(during, "ballast_listener_sessions", listener="ftp") == 1
        assert of_backends(during, "ballast_backend_sessions") == 1
        assert value(during, "ballast_worker_sessions") == 1
        _download(visit)
        visit.storbinary("STOR new", io.BytesIO(b"12345"))
        with pytest.raises(ftplib.error_perm):
            visit.retrbinary("RETR nowhere.bin", lambda _: None)
        with pytest.raises(ftplib.error_perm):
            visit.voidcmd("XYZZY")
        visit.leave()
    with pytest.raises(ftplib.error_perm):
        Visit(it.where(), Account(TESTER.name, "wrong"))
    after = page(work)

    def grown(name: str, **labels: str) -> float:
        counted = value(after, name, **labels)
        # Of commands only those are there that have occurred.
        is_new = name == "ballast_commands_total" and name + "{" not in before
        return counted if is_new else counted - value(before, name, **labels)

    assert grown("ballast_sessions_begun_total") == 2
    assert grown("ballast_listener_sessions_begun_total", listener="ftp") == 2
    assert grown("ballast_logins_total", result="accepted") == 1
    assert grown("ballast_logins_total", result="refused") == 1
    assert grown("ballast_backend_logins_total", result="accepted") == 1
    assert grown("ballast_backend_logins_total", result="refused") == 1
    assert grown("ballast_backend_login_seconds_count") == 1
    assert grown("ballast_backend_connect_seconds_count") == 2
    assert grown("ballast_backend_greeting_seconds_count") == 2
    assert grown("ballast_backend_first_byte_seconds_count") == 1
    assert grown("ballast_transfers_total", direction="download", result="whole") == 1
    assert grown("ballast_transfers_total", direction="download", result="refused") == 1
    assert grown("ballast_transfers_total", direction="upload", result="whole") == 1
    assert grown("ballast_backend_transfers_total", direction="upload", result="whole") == 1
    assert grown("ballast_backend_transferred_bytes_total", direction="download") == len(CONTENT)
    assert grown("ballast_backend_transferred_bytes_total", direction="upload") == 5
    assert grown("ballast_transferred_bytes_total", leg="client") == len(CONTENT)
    assert grown("ballast_transferred_bytes_total", leg="backend") == 5
    assert grown("ballast_relayed_bytes_total") == len(CONTENT) + 5
    assert grown("ballast_transfer_size_bytes_sum") == len(CONTENT) + 5
    assert grown("ballast_commands_total", verb="RETR", **{"class": "2xx"}) == 1
    assert grown("ballast_commands_total", verb="RETR", **{"class": "5xx"}) == 1
    assert grown("ballast_commands_total", verb="PASS", **{"class": "5xx"}) == 1
    assert grown("ballast_commands_total", verb="other", **{"class": "5xx"}) == 1
    assert grown("ballast_commands_total", verb="QUIT", **{"class": "2xx"}) == 1
    assert value(after, "ballast_sessions") <= 1  # the refused one may still say goodbye
    # The dictionaries of an attacker would fill Prometheus.
    for chosen_by_client in (TESTER.name, "XYZZY", "nowhere.bin", "127.0.0.1:"):
        assert chosen_by_client not in re.sub(r'address="[^"]*"', "", after)


def test_figures_of_a_backend_stay_over_a_reload_and_reloads_are_counted(
    it: Ballast, work: Path
) -> None:
    with contextlib.closing(Visit(it.where())) as visit:
        _download(visit)
        visit.leave()
    it.reload()
    text = page(work)
    assert value(text, "ballast_backend_logins_total", result="accepted") == 1
    assert value(text, "ballast_backend_transferred_bytes_total") == len(CONTENT)
    assert value(text, "ballast_listener_sessions_begun_total", listener="ftp") == 1
    assert value(text, "ballast_reloads_total", result="applied") == 1
    assert value(text, "ballast_config_last_reload_successful") == 1
    good = it.configuration.read_text()
    it.configuration.write_text("nonsense")
    done = run_ballast("reload", "--socket", operators.socket_path(work))
    assert done.returncode == 1
    broken = page(work)
    assert value(broken, "ballast_reloads_total", result="refused") == 1
    assert value(broken, "ballast_config_last_reload_successful") == 0
    applied_at = "ballast_config_last_reload_success_timestamp_seconds"
    assert value(broken, applied_at) == value(text, applied_at)
    it.configuration.write_text(good)


def test_states_of_the_balancer_and_its_backends_are_shown(
    it: Ballast, work: Path, farm: Farm
) -> None:
    def state(name: str, **labels: str) -> float:
        return value(page(work), name, **labels)

    waiting.until(
        "both are up", lambda: state("ballast_backend_health", health="up") == len(farm.servers)
    )
    assert state("ballast_pool_serving_backends", pool="files") == 2
    operators.operate(work, "drain", "files/f1")
    assert state("ballast_backend_state", backend="f1", state="drain") == 1
    assert state("ballast_backend_serving", backend="f1") == 0
    assert state("ballast_pool_serving_backends", pool="files") == 1
    assert state("ballast_pool_backends", pool="files") == 2
    operators.operate(work, "ready", "files/f1")
    operators.operate(work, "drain", "--all")
    assert state("ballast_state", state="drain") == 1
    assert state("ballast_state", state="ready") == 0
    operators.operate(work, "ready", "--all")


def test_tls_and_certificates_are_shown(work: Path, farm: Farm) -> None:
    authority = Authority(work)
    identity = for_loopback(authority, "ftps.example")
    tls = {"certificate": str(identity.certificate), "key": str(identity.key)}
    listener = Listener("ftps", "files", tls=tls)
    pools = [Pool("files", farm.backends())]
    with Ballast(work, [listener], pools, settings=operators.settings(work)) as it:
        client = ftplib.FTP_TLS(context=client_context(authority.certificate))
        with contextlib.closing(client):
            client.connect(*it.where("ftps"), timeout=waiting.PATIENCE)
            client.login(TESTER.name, TESTER.password)
            client.quit()
        text = page(work)
        assert value(text, "ballast_tls_handshakes_total", leg="client", connection="control") == 1
        assert value(text, "ballast_tls_versions_total", leg="client", version="1.3") == 1
        expiry = value(
            text,
            "ballast_certificate_expiry_timestamp_seconds",
            listener="ftps",
            file=str(identity.certificate),
        )
        assert expiry > value(text, "process_start_time_seconds")
        status, answer = operators.ask(work, "GET", "/v1/certificates")
        assert status == 200
        (listed,) = answer["certificates"]
        assert listed["listener"] == "ftps" and listed["file"] == str(identity.certificate)
        days = (expiry - time.time()) / (24 * 60 * 60)
        assert abs(days - listed["days_left"]) < 1.1


def test_an_upgrade_begins_new_counts_and_shows_what_still_runs_in_the_old_process(
    it: Ballast, work: Path
) -> None:
    with contextlib.closing(Visit(it.where())) as visit:
        backend = visit.who()
        it.upgrade()
        waiting.until(
            "the former process tells of its session",
            lambda: value(page(work), "ballast_replaced_process_sessions") == 1,
        )
        text = page(work)
        assert value(text, "ballast_replaced_processes") == 1
        assert value(text, "ballast_sessions") == 0
        assert value(text, "ballast_backend_sessions", backend=backend) == 1
        assert value(text, "ballast_logins_total") == 0
        visit.leave()
    waiting.until(
        "the former process has ended",
        lambda: value(page(work), "ballast_replaced_processes") == 0,
    )


# Prometheus


def _names_in(expression: str) -> set[str]:
    """The metrics that an expression asks for."""
    without_strings = re.sub(r'"[^"]*"', "", expression)
    without_labels = re.sub(r"\{[^}]*\}|\b(by|on|without|ignoring) *\([^)]*\)", "", without_strings)
    return set(re.findall(r"\b(?:ballast|process)_\w+", without_labels))


def _samples() -> set[str]:
    """The names that samples have."""
    parts = ("_bucket", "_sum", "_count")
    return {
        name + part
        for name, kind in _documented().items()
        for part in (parts if kind == "histogram" else ("",))
    }


def _rule_expressions() -> list[str]:
    expressions = []
    for found in re.finditer(r"^ +expr: (\|\n(?: {10,}.*\n)+|.*\n)", RULES.read_text(), re.M):
        expressions.append(found[1].removeprefix("|").strip())
    return expressions


def _dashboard_expressions() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text())
    targets = [each["expr"] for panel in dashboard["panels"] for each in panel.get("targets", ())]
    notes = [each["expr"] for each in dashboard["annotations"]["list"]]
    filled = []
    for each in targets + notes:
        text = each.replace("$__rate_interval", "1m")
        filled.append(text.replace("$instance", ".*").replace("$pool", ".*"))
    return filled


def test_rules_and_dashboard_ask_only_for_metrics_that_exist() -> None:
    rules = _rule_expressions()
    assert len(rules) == RULES.read_text().count("alert:") > 15
    panels = _dashboard_expressions()
    assert len(panels) > 40
    samples = _samples()
    for expression in rules + panels:
        names = _names_in(expression)
        assert names or expression.startswith("up{"), expression
        assert names <= samples, expression


def test_each_variable_of_the_dashboard_is_set_by_a_metric_that_exists() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            assert _names_in(variable["definition"]) <= _samples()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_each_alert_has_what_a_person_needs_at_night() -> None:
    blocks = RULES.read_text().split("- alert: ")[1:]
    for block in blocks:
        for key in ("severity:", "summary:", "description:", "runbook:"):
            assert key in block, block.splitlines()[0]
        assert re.search(r"severity: (critical|warning|info)$", block, re.M), block


def test_the_manual_names_every_alert() -> None:
    text = (REPOSITORY / "docs/metrics.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \((\w+)\) \|", text, re.M)
    rules = re.findall(r"- alert: (\w+)\n.*?severity: (\w+)", RULES.read_text(), re.S)
    assert listed == rules


def test_promtool_accepts_the_rules_and_their_tests() -> None:
    assert "SUCCESS" in promtool("check", "rules", RULES)
    assert "SUCCESS" in promtool("check", "config", PACKAGED / "prometheus/prometheus.yml")
    assert "SUCCESS" in promtool("test", "rules", PACKAGED / "prometheus/ballast.rules.test.yml")


@pytest.fixture
def observed(it: Ballast, work: Path) -> Iterator[Prometheus]:
    """Prometheus with the packaged files, but in a hurry."""
    folder = work / "prometheus"
    folder.mkdir()
    packaged = (PACKAGED / "prometheus/prometheus.yml").read_text()
    assert "127.0.0.1:8021" in packaged
    text = packaged.replace("127.0.0.1:8021", ADMIN).replace("15s", "1s")
    (folder / "prometheus.yml").write_text(text)
    rules = re.sub(r"^( +for:) .*$", r"\1 1s", RULES.read_text(), flags=re.M)
    (folder / RULES.name).write_text(rules)
    with Prometheus(folder, folder / "prometheus.yml") as running:
        waiting.until(
            "Prometheus has read the page",
            lambda: running.query('up{job="ballast"} == 1') and running.query("ballast_sessions"),
        )
        yield running


def test_every_expression_is_one_that_prometheus_answers(observed: Prometheus) -> None:
    for expression in _rule_expressions() + _dashboard_expressions():
        observed.query(expression)
    # Without a session and without trouble there are answers too.
    for name in ("ballast_build_info", "ballast_backend_serving", "ballast_worker_lag_seconds_count"):
        assert observed.query(name), name


def test_a_backend_that_dies_fires_an_alert_and_its_return_ends_it(
    observed: Prometheus, farm: Farm
) -> None:
    firing = "BallastBackendDown"
    assert observed.alerts(firing) == []
    farm["f2"].kill()
    try:
        fired = waiting.until("the alert fires", lambda: observed.alerts(firing), seconds=60)
        assert [each["backend"] for each in fired] == ["f2"]
        assert fired[0]["severity"] == "warning" and fired[0]["pool"] == "files"
        assert observed.alerts("BallastPoolDown") == []
    finally:
        farm["f2"].start()
    waiting.until("the alert has ended", lambda: not observed.alerts(firing), seconds=60)


def test_a_pool_without_backends_that_serve_fires_an_alert(work: Path) -> None:
    settings = operators.settings(work)
    pools = [Pool("files", [Backend("f1", Place("127.0.0.1", free_port()))], probe=TCP_PROBE)]
    with Ballast(work, [Listener("ftp", "files")], pools, settings=settings) as it:
        waiting.until(
            "no backend serves",
            lambda: prometheus.value(page(work), "ballast_pool_serving_backends") == 0,
        )
        with pytest.raises(ftplib.Error):
            Visit(it.where())
        text = page(work)
        assert value(text, "ballast_sessions_refused_total", reason="no_backend") == 1
        assert value(text, "ballast_backend_probes_total", result="failed") >= 1
