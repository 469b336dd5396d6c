#!/usr/bin/env python3
"""Makes chart/README.md from the comments of values.yaml and the words in readme.md.in.

usage: tests/chart/readme.py

A comment that begins with "# -- " describes the key that follows; "# @section -- " begins a table.
"""

import json
import re
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
CHART = HERE.parents[1] / "chart"


def entries():
    """(section, path, description) of each described key."""
    section, parents, words = "", [], []
    for line in (CHART / "values.yaml").read_text().splitlines():
        comment = re.match(r"\s*# ?(.*)", line)
        key = re.match(r"(\s*)([A-Za-z0-9]+):", line)
        if comment:
            begin = comment[1]
            if begin.startswith("@section -- "):
                section = begin.removeprefix("@section -- ")
            elif begin.startswith("-- "):
                words = [begin.removeprefix("-- ")]
            elif words:
                words.append(begin)
        elif key:
            parents = [each for each in parents if each[0] < len(key[1])] + [(len(key[1]), key[2])]
            if words:
                yield section, tuple(name for _, name in parents), " ".join(words)
            words = []
        else:
            words = []


def described_paths():
    return {path for _, path, _ in entries()}


def is_leaf(path, described):
    return path in described and not any(len(other) > len(path) and other[: len(path)] == path for other in described)


def value_at(values, path):
    for key in path:
        values = values[key]
    return values


def cell(words):
    return words.replace("|", "\\|")


def tables():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    lines, current = [], None
    for section, path, words in entries():
        if section != current:
            lines += ["", f"### {section}", "| key | default | |", "| --- | --- | --- |"]
            current = section
        default = json.dumps(value_at(values, path), ensure_ascii=False)
        lines.append(f"| `{'.'.join(path)}` | `{cell(default)}` | {cell(words)} |")
    return "\n".join(lines).strip()


def text():
    return (HERE / "readme.md.in").read_text().replace("@TABLES@", tables())


if __name__ == "__main__":
    (CHART / "README.md").write_text(text())
