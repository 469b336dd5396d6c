"""Where two JSON documents differ, in words: a whole OpenAPI document is too long to read twice."""

from collections.abc import Iterator
from typing import Any

MOST_LINES = 25
LONGEST_VALUE = 160


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _differences(answer: Any, expected: Any, where: str) -> Iterator[str]:
    if isinstance(answer, dict) and isinstance(expected, dict):
        for key in expected.keys() - answer.keys():
            yield f"{where}[{key!r}] is missing: {_short(expected[key])}"
        for key in answer.keys() - expected.keys():
            yield f"{where}[{key!r}] is not expected: {_short(answer[key])}"
        for key in sorted(answer.keys() & expected.keys(), key=str):
            yield from _differences(answer[key], expected[key], f"{where}[{key!r}]")
    elif isinstance(answer, list) and isinstance(expected, list) and len(answer) == len(expected):
        for index, (left, right) in enumerate(zip(answer, expected, strict=True)):
            yield from _differences(left, right, f"{where}[{index}]")
    elif answer != expected:
        yield f"{where} is {_short(answer)}, expected {_short(expected)}"


def explain(answer: Any, expected: Any) -> list[str] | None:
    """Lines for pytest's report of a failed `==`, or None to leave it to pytest."""
    if not isinstance(answer, dict | list) or not isinstance(expected, dict | list):
        return None
    lines = list(_differences(answer, expected, "answer"))
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more differences"]
    return ["the answer is not what FastAPI's test expects", *lines]
