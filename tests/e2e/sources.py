# SPDX-License-Identifier: Apache-2.0
"""What the sources say to clients and to the log, for the pages that must list it."""

import re
from collections.abc import Iterator
from pathlib import Path

from servers import REPOSITORY

_LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
# The level is in the name of the function, or it is an argument.
_LOG_CALL = re.compile(
    r"(?:\breport(?:_fault)?|log::(?:error|warning|info|debug|write\w*|caught)|(?<!\w)(?:error|warning|info|write_out))\("
)


def _files() -> Iterator[tuple[Path, str]]:
    for path in sorted((REPOSITORY / "src").rglob("*")):
        # These rooms speak of the configuration file.
        if path.suffix in (".cpp", ".h") and path.parent.name not in ("config", "migrate", "cli"):
            yield path, re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M)


def _joined(code: str) -> str:
    """The code with adjacent literals as one: "a" "b" is "ab"."""
    return re.sub(r'(?<!\\)"\s*\n\s*"', "", code)


def _until(code: str, start: int, ends: str) -> str:
    """Up to the first of these characters that is in no parenthesis and no literal. `start` is
    behind an opening parenthesis."""
    depth, at = 0, start
    while at < len(code):
        char = code[at]
        literal = _LITERAL.match(code, at)
        if literal:
            at = literal.end()
            continue
        if depth == 0 and char in ends:
            break
        depth += (char in "([{") - (char in ")]}")
        at += 1
    return code[start:at]


def _literals(code: str) -> list[str]:
    return [each.replace('\\"', '"') for each in _LITERAL.findall(code)]


def log_messages() -> dict[str, str]:
    """Each message of the log, and the name of the file that writes it."""
    return {message: file for message, _, file in _log_calls()}


def log_warnings() -> dict[str, str]:
    """Those that can have the level `warning` or `error`."""
    return {message: file for message, is_warning, file in _log_calls() if is_warning}


def _log_calls() -> Iterator[tuple[str, bool, str]]:
    for path, text in _files():
        code = _joined(text)
        for call in _LOG_CALL.finditer(code):
            name = call.group().rstrip("(").rpartition("::")[2]
            if name in ("error", "warning", "info", "write_out") and "log::" not in call.group():
                # Only base/log.cpp may say it so.
                if path.name != "log.cpp":
                    continue
            first = _until(code, call.end(), ",)")
            message, level = first, name
            if name == "report" and "Level::" not in first:
                continue
            if "Level::" in first or first.strip() == "level":
                level = first
                message = _until(code, call.end() + len(first) + 1, ",)")
            elif name == "report_fault":
                level = "warning"
                message = _until(code, call.end() + len(first) + 1, ",)")
            is_warning = any(word in level for word in ("error", "warning", "caught")) or (
                level.strip() == "level"
            )
            for each in _literals(message):
                yield each, is_warning, path.name
        # Constants: struct fields `message`, and what is reported for another part.
        for each in re.findall(r"\.message = (\"[^;,]*\")", code):
            for one in _literals(each):
                yield one, True, path.name


def log_fields() -> set[str]:
    """The names of the fields of log lines."""
    found: set[str] = set()
    for path, text in _files():
        code = _joined(text)
        parts = [_until(code, call.end(), ")") for call in _LOG_CALL.finditer(code)]
        # Fields that are put together before.
        parts += re.findall(r"\blog::Field\b[^;]*;", code)
        if "log::" in code or path.name == "log.cpp":
            parts += re.findall(r"\bpush_back\(\s*\{\"[^;]*;", code)
        for part in parts:
            found |= set(re.findall(r'\{"([a-z_]+)",\s', part))
    return found


def replies() -> dict[str, str]:
    """Each reply that Ballast itself gives, with its code and "{}" for what differs, and the name of
    the file that gives it."""
    found: dict[str, str] = {}

    def add(code: str, text: str, file: str) -> None:
        if text:
            found[f"{code} {text}"] = file

    for path, text in _files():
        code = _joined(text)
        name = path.name
        # answer(425, "..."), make_reply(425, fmt::format("...")), and whole lines.
        for match in re.finditer(r"\b([1-5]\d\d),\s+(?=[a-z:]*\(?\s*\")", code):
            first = _until(code, match.end(), ",)}")
            literals = _literals(first)
            if literals:
                add(match[1], literals[0], name)
        for number, words in re.findall(r'"([1-5]\d\d) ([A-Z][^"]*?)(?:\\r\\n)?"', code):
            if "(" not in words:
                add(number, words, name)
        for match in re.finditer(r"\bend_with\(", code):
            for each in _literals(_until(code, match.end(), ")")):
                add("421", each, name)
        for each in re.findall(r"\b\w+_text =\s*\"([^\"]*)\"", code):
            add("421", each, name)
            # It ends a transfer, too.
            if "connection to the server was lost" in each:
                add("451", each, name)
    return found


def function(path: str, head: str) -> list[str]:
    """The literals of a function in this file of src/, up to the next one."""
    code = _joined((REPOSITORY / "src" / path).read_text())
    body = code[code.index(head) :]
    return _literals(body[: body.index("\n}\n")])


def limits() -> list[str]:
    """The texts of all limits."""
    code = _joined((REPOSITORY / "src/guard/limit.cpp").read_text())
    return re.findall(r"\{Limit::\w+,\s*(?:Counter::\w+|std::nullopt),\s*\"([^\"]+)\"", code)
