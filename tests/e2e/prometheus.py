# SPDX-License-Identifier: Apache-2.0
"""Debian's Prometheus, and the balancer's page of metrics."""

import http.client
import json
import re
import subprocess
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import operators
import waiting
from ports import free_port
from process import Process

Labels = Mapping[str, str]

_SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def page(work: Path) -> str:
    """What GET /metrics answers."""
    connection = operators.connect(work)
    connection.request("GET", "/metrics")
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    assert reply.status == 200
    assert reply.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    return text


def families(text: str) -> dict[str, str]:
    """The types by the names of the metrics."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))


def value(text: str, name: str, **labels: str) -> float:
    """The sum of all samples that have these labels."""
    found = []
    for line in text.splitlines():
        if sample := _SAMPLE.fullmatch(line):
            own = dict(_LABEL.findall(sample[2] or ""))
            if sample[1] == name and labels.items() <= own.items():
                found.append(float(sample[3]))
    assert found, (name, labels)
    return sum(found)


def promtool(*words: str | Path, text: str = "") -> str:
    """The whole output of a command that must succeed."""
    done = subprocess.run(
        ["promtool", *map(str, words)],
        input=text,
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout + done.stderr


class Prometheus:
    """Runs with this configuration on a port of its own, with its data in `work`."""

    def __init__(self, work: Path, configuration: Path) -> None:
        self.work = work
        self.port = free_port()
        self._command = [
            "prometheus",
            f"--config.file={configuration}",
            f"--storage.tsdb.path={work / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def __enter__(self) -> "Prometheus":
        self._process = Process(self._command, self.work / "prometheus.log")
        waiting.until("Prometheus is ready", self._is_ready)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()

    def _get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, waiting.PATIENCE)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def _is_ready(self) -> bool:
        assert self._process.exit_status() is None, (self.work / "prometheus.log").read_text()
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def ask(self, path: str, **parameters: str) -> Any:
        status, text = self._get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(text)
        assert status == 200 and answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        result = self.ask("query", query=expression)["result"]
        return [(each["metric"], float(each["value"][1])) for each in result]

    def alerts(self, name: str) -> list[dict[str, str]]:
        """The labels of those that fire."""
        return [
            each["labels"]
            for each in self.ask("alerts")["alerts"]
            if each["labels"]["alertname"] == name and each["state"] == "firing"
        ]
