"""What was measured, as a table, as goals reached or missed, and as JSON."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness.peers import Peer
from harness.rows import Row, Sample

MEGABYTE = 1e6
ROOMY_CORES = 4  # two for the workers, two for the client and the rest

# heading, the sample's figure, how to write it, what to divide it by
Column = tuple[str, str, str, float]
SHARED_COLUMNS: list[Column] = [
    ("requests/s", "requests_per_second", ",.0f", 1),
    ("p50 ms", "p50_us", ".2f", 1e3),
    ("p99 ms", "p99_us", ".2f", 1e3),
    ("RSS MB", "rss_bytes", ".1f", MEGABYTE),
]
HTTP_COLUMNS: list[Column] = [("CPU µs", "cpu_us", ".2f", 1), *SHARED_COLUMNS]
DATABASE_COLUMNS: list[Column] = [
    ("CPU µs", "cpu_us", ".1f", 1),
    ("server µs", "server_us", ".1f", 1),
    ("Postgres µs", "postgres_us", ".1f", 1),
    *SHARED_COLUMNS,
]
COLUMNS: dict[str, list[Column]] = {
    "hello": HTTP_COLUMNS,
    "typed-get": HTTP_COLUMNS,
    "typed-post": HTTP_COLUMNS,
    "item": DATABASE_COLUMNS,
    "twenty": DATABASE_COLUMNS,
    "log": HTTP_COLUMNS[:-1],
    "workers": [
        ("two ÷ one", "ratio", ".3f", 1),
        ("one µs", "one_us", ".2f", 1),
        ("two µs", "two_us", ".2f", 1),
        ("throughput ×", "throughput_ratio", ".2f", 1),
    ],
    "idle": [
        ("bytes each", "bytes_each", ",.0f", 1),
        ("connections", "connections", ",.0f", 1),
        ("RSS MB", "rss_bytes", ".1f", MEGABYTE),
    ],
    "start": [
        ("ms", "milliseconds", ".1f", 1),
        ("fastest", "fastest", ".1f", 1),
        ("slowest", "slowest", ".1f", 1),
    ],
    "instructions": [("instructions", "instructions", ",.0f", 1)],
}


class Results:
    """Samples by row and peer, in the order of measuring; and why what is not there is not there."""

    def __init__(self, rows: list[Row], peers: list[Peer]) -> None:
        self.rows, self.peers = rows, peers
        self.samples: dict[str, dict[str, list[Sample]]] = {row.name: {} for row in rows}
        self.missing: dict[str, dict[str, str]] = {row.name: {} for row in rows}

    def add(self, row: str, peer: str, sample: Sample) -> None:
        self.samples[row].setdefault(peer, []).append(sample)

    def miss(self, row: str, peer: str, why: str) -> None:
        self.missing[row][peer] = why

    def figure(self, row: str, peer: str, name: str) -> float | None:
        """The median over the rounds."""
        values = [sample[name] for sample in self.samples.get(row, {}).get(peer, []) if name in sample]
        return median(values) if values else None

    def ratio(self, row: str, peer: str, base: str, figure: str) -> float | None:
        """How many times the base's figure: the median over the rounds, each compared with itself."""
        pairs = zip(self.samples.get(row, {}).get(peer, []), self.samples.get(row, {}).get(base, []), strict=False)
        ratios = [mine[figure] / other[figure] for mine, other in pairs if other.get(figure)]
        return median(ratios) if ratios else None

    def as_json(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for row in self.rows:
            entry: dict[str, object] = {"title": row.title, "figure": row.figure, "unit": row.unit, "base": row.base or None}
            entry["peers"] = {
                peer: {
                    "median": {name: self.figure(row.name, peer, name) for name in samples[0]},
                    "ratio": self.ratio(row.name, peer, row.base, row.figure),
                    "samples": samples,
                }
                for peer, samples in self.samples[row.name].items()
            }
            entry["missing"] = self.missing[row.name]
            found[row.name] = entry
        return found


@dataclass(frozen=True)
class Goal:
    text: str
    at_most: float
    reached: float

    @property
    def held(self) -> bool:
        return self.reached <= self.at_most

    @property
    def verdict(self) -> str:
        return "reached" if self.held else f"missed by {(self.reached / self.at_most - 1) * 100:.0f} %"


def goals(results: Results) -> Iterator[Goal]:
    """Those of the goals for which this run has the figures."""

    def over(row: str, *others: str) -> float | None:
        """Above the best of the others, all of which must be there."""
        ratios = [results.ratio(row, "apus", other, "cpu_us") for other in others]
        return None if None in ratios else max(ratios)

    def ours(row: str, figure: str, divisor: float = 1) -> float | None:
        value = results.figure(row, "apus", figure)
        return None if value is None else value / divisor

    throughput = ours("workers", "throughput_ratio")
    candidates = [
        ("/ ÷ raw epoll", 1.20, over("hello", "raw-epoll")),
        ("/ ÷ nginx without a log", 1.00, over("hello", "nginx")),
        ("/ with access log ÷ raw epoll", 1.30, over("log", "raw-epoll")),
        ("/ with access log ÷ nginx with access_log", 1.00, over("log", "nginx")),
        ("typed GET ÷ axum", 0.85, over("typed-get", "axum")),
        ("typed GET ÷ FastAPI", 1 / 20, over("typed-get", "fastapi")),
        ("typed POST ÷ axum", 0.85, over("typed-post", "axum")),
        ("typed POST ÷ FastAPI", 1 / 20, over("typed-post", "fastapi")),
        ("one row, server + Postgres ÷ axum", 0.45, over("item", "axum")),
        ("one row, server + Postgres ÷ FastAPI", 1 / 20, over("item", "fastapi")),
        ("twenty rows ÷ the better of axum and Go", 0.60, over("twenty", "axum", "go")),
        ("RSS after load, pool of 15, MB", 16, ours("item", "rss_bytes", MEGABYTE)),
        ("an idle connection of 10,000, KB", 10, ours("idle", "bytes_each", 1e3)),
        ("start → ready, ms", 30, ours("start", "milliseconds")),
        ("two workers' CPU/request ÷ one's", 1.05, ours("workers", "ratio")),
    ]
    for text, at_most, reached in candidates:
        if reached is not None:
            yield Goal(text, at_most, reached)
    if throughput is not None and len(os.sched_getaffinity(0)) >= ROOMY_CORES:
        yield Goal("one worker's throughput × 1.9 ÷ two workers'", 1.0, 1.9 / throughput)


def _align(headings: list[str], lines: list[list[str]]) -> str:
    """The first column to the left, the others to the right."""
    columns = []
    for number, cells in enumerate(zip(headings, *lines, strict=True)):
        width = max(map(len, cells))
        columns.append([cell.rjust(width) if number else cell.ljust(width) for cell in cells])
    return "\n".join("  " + "  ".join(line) for line in zip(*columns, strict=True))


def _spread(samples: list[Sample], name: str, form: str) -> str:
    values = [sample[name] for sample in samples]
    return f"{min(values):{form}}–{max(values):{form}}" if len(values) > 1 else ""


def _row_table(results: Results, row: Row, titles: dict[str, str]) -> str:
    samples = results.samples[row.name]
    (first, name, form, _), *others = COLUMNS[row.name]
    has_base = row.base in samples
    headings = ["", first, "lowest–highest", *([f"× {titles[row.base]}"] if has_base else []), *(column[0] for column in others)]
    lines = []
    for peer in sorted(samples, key=lambda peer: results.figure(row.name, peer, row.figure) or 0):
        line = [titles[peer], f"{results.figure(row.name, peer, name):{form}}", _spread(samples[peer], name, form)]
        if has_base:
            line.append(f"{results.ratio(row.name, peer, row.base, row.figure):.2f}")
        line += [f"{results.figure(row.name, peer, other) / scale:{form}}" for _, other, form, scale in others]
        lines.append(line)
    return _align(headings, lines)


def table(results: Results) -> str:
    titles = {peer.name: peer.title for peer in results.peers}
    parts = []
    for row in results.rows:
        parts.append(f"{row.title} ({row.unit})")
        if results.samples[row.name]:
            parts.append(_row_table(results, row, titles))
        parts += [f"  {titles[peer]}: missing: {why}" for peer, why in results.missing[row.name].items()]
        parts.append("")
    lines = [[goal.text, f"{goal.at_most:.3g}", f"{goal.reached:.3g}", goal.verdict] for goal in goals(results)]
    if lines:
        parts += ["Goals", _align(["", "at most", "measured", ""], lines)]
    return "\n".join(parts).rstrip()


def write(path: Path, document: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
