# SPDX-License-Identifier: Apache-2.0
"""docs/troubleshooting.md against the sources: nothing is missing, and nothing is made up."""

import re

import sources
from servers import REPOSITORY

PAGE = (REPOSITORY / "docs/troubleshooting.md").read_text()
LISTED = set(re.findall(r"`([^`\n]+)`", PAGE))
LISTED_REPLIES = {each for each in LISTED if re.match(r"[1-5]\d\d [A-Z].*(?<!\.\.)$", each)}


def _section(heading: str) -> str:
    """Up to the next heading of the same rank."""
    rank = re.match("#+", heading)
    assert rank
    rest = PAGE[PAGE.index(f"\n{heading}\n") + len(heading) + 2 :]
    return re.split(rf"^{rank.group()} ", rest, maxsplit=1, flags=re.M)[0]


def _first_cells(section: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.M))


def _replies() -> set[str]:
    """With "{}" for what differs."""
    said = {text for text, file in sources.replies().items() if file not in ADMIN}
    said |= {
        f"421 Service not available: {text}."
        for text in sources.function("pool/refusal.cpp", "to_string(Refusal")
        if text != "?"
    }
    said |= {f"421 {text}" for text in sources.function("session/placement.cpp", "std::string text_of") if text[0].isupper() and "{}" not in text}
    said |= {f"425 {text}" for text in sources.function("session/client_end.cpp", "ClientEnd::claim") if text}
    codes = ("425", "426", "451")
    said |= {
        f"{code} {text}: {{}}."
        for code, text in zip(codes, sources.function("session/transfer_outcome.cpp", "std::string_view failure_text"), strict=True)
    }
    for text in sources.function("session/transfer_outcome.cpp", "Transfer::refusal_in_words"):
        said.add(f"{522 if 'TLS' in text else 425} {text}")
    said.add("522 The server refuses this protection of data connections.")
    return said


# What they say is said to operators.
ADMIN = {path.name for path in (REPOSITORY / "src/admin").glob("*")}


def _fits(template: str, reply: str) -> bool:
    parts = [re.escape(part) for part in template.split("{}")]
    return re.fullmatch(".+?".join(parts), reply) is not None


def test_every_reply_is_explained() -> None:
    replies = _replies()
    assert len(replies) > 90
    missing = {each for each in replies if not any(_fits(each, one) for one in LISTED_REPLIES)}
    assert not missing


def test_no_reply_is_made_up() -> None:
    replies = _replies() | {f"{code} Try again later: {text}." for text in sources.limits() for code in (421, 425, 530)}
    unknown = {one for one in LISTED_REPLIES if not any(_fits(each, one) for each in replies)}
    assert not unknown


def test_every_limit_is_explained() -> None:
    limits = sources.limits()
    assert len(limits) == 15
    missing = [text for text in limits if f": {text}.`" not in PAGE and f"`{text}`" not in PAGE]
    assert not missing


def test_the_reasons_of_transfers_are_those_of_the_source() -> None:
    said = set(sources.function("session/transfer_terms.cpp", "to_string(TransferReason")) - {"", "?"}
    assert _first_cells(_section("## Reasons of transfers")) == said


def test_the_messages_are_the_warnings_and_errors_of_the_source() -> None:
    assert _first_cells(_section("## Messages")) == set(sources.log_warnings())
