# SPDX-License-Identifier: Apache-2.0
"""The balancer's own description of its API, and what has been tried of it."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema

import operators


def _contents_of(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the answer, and of the body if there is one."""
    places = [operation["responses"]["200"], operation.get("requestBody", {"content": {}})]
    return [content for place in places for content in place["content"].values()]


class Description:
    """Asks the API, holds each answer against the description, and remembers what it has seen."""

    def __init__(self, work: Path) -> None:
        self.work = work
        status, self.document = operators.ask(work, "GET", "/openapi.json")
        assert status == 200
        assert self.document["openapi"].startswith("3.1.")
        for operation in self._operations():
            for content in _contents_of(operation):
                jsonschema.Draft202012Validator.check_schema(content["schema"])
        self.tried: set[tuple[str, str]] = set()
        self.seen: dict[tuple[str, str], set[str]] = {}

    def _operations(self) -> list[dict[str, Any]]:
        return [each for methods in self.document["paths"].values() for each in methods.values()]

    def operations(self) -> set[tuple[str, str]]:
        return {
            (method.upper(), path)
            for path, methods in self.document["paths"].items()
            for method in methods
        }

    def _path_of(self, method: str, target: str) -> str:
        path = urlsplit(target).path
        for known, methods in self.document["paths"].items():
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]*", re.escape(known))
            if method.lower() in methods and re.fullmatch(pattern, path):
                return str(known)
        raise AssertionError(f"{method} {target} is not in the description")

    def ask(self, method: str, target: str, body: Any = None, status: int = 200) -> Any:
        got, answer, kind = operators.ask_for(self.work, method, target, body)
        assert got == status, (method, target, got, answer)
        path = self._path_of(method, target)
        operation = self.document["paths"][path][method.lower()]
        if status != 200:
            assert kind == "application/problem+json"
            problem = json.loads(answer)
            assert problem["status"] == status and problem["detail"], problem
            return problem
        self.tried.add((method, path))
        [(described, content)] = operation["responses"]["200"]["content"].items()
        assert kind.split(";")[0] == described.split(";")[0], (target, kind)
        if described != "application/json":
            return answer
        found = json.loads(answer)
        jsonschema.Draft202012Validator(content["schema"]).validate(found)
        self._note((method, path), "", found, content["schema"])
        return found

    def _note(self, operation: tuple[str, str], place: str, found: Any, schema: Any) -> None:
        for part in schema.get("anyOf", []):
            if found is not None:
                self._note(operation, place, found, part)
        if isinstance(found, dict):
            for name, value in found.items():
                inner = schema.get("properties", {}).get(name, {})
                self.seen.setdefault(operation, set()).add(f"{place}.{name}")
                self._note(operation, f"{place}.{name}", value, inner)
        elif isinstance(found, list):
            for each in found:
                self._note(operation, place, each, schema.get("items", {}))

    def fields(self, operation: tuple[str, str]) -> set[str]:
        method, path = operation
        answer = self.document["paths"][path][method.lower()]["responses"]["200"]
        [content] = answer["content"].values()
        found: set[str] = set()

        def walk(place: str, schema: Any) -> None:
            for part in schema.get("anyOf", []):
                walk(place, part)
            for name, inner in schema.get("properties", {}).items():
                found.add(f"{place}.{name}")
                walk(f"{place}.{name}", inner)
            if "items" in schema:
                walk(place, schema["items"])

        walk("", content["schema"])
        return found
