"""The figures as an SVG that reads well on a light page and on a dark one."""

from html import escape

NOTES = {
    "hello": "server",
    "log": "server; the raw loop keeps no log",
    "typed-get": "server",
    "typed-post": "server",
    "item": "server, then Postgres in a fainter shade",
    "twenty": "server, then Postgres in a fainter shade",
}

COLUMNS = 2
WIDTH = 920
MARGIN = 24
GUTTER = 36
HEADER = 74
FOOTER = 62
PANEL_WIDTH = (WIDTH - 2 * MARGIN - GUTTER) / COLUMNS
LABEL_WIDTH = 112
VALUE_WIDTH = 104
BAR_WIDTH = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH
LINE = 22
BAR = 12
PANEL_HEADER = 34
PANEL_GAP = 20

STYLE = """
text { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; fill: #1f2328; }
.page { fill: #ffffff; stroke: #d0d7de; }
.title { font-size: 17px; font-weight: 600; }
.panel { font-size: 13px; font-weight: 600; }
.muted { fill: #59636e; }
.ours { font-weight: 600; }
.bar { fill: #8c959f; }
.bar-ours { fill: #0969da; }
.postgres { fill-opacity: 0.45; }
.axis { stroke: #d0d7de; }
"""

DARK_STYLE = """
text { fill: #f0f6fc; }
.page { fill: #0d1117; stroke: #3d444d; }
.muted { fill: #9198a1; }
.bar { fill: #7d8590; }
.bar-ours { fill: #4493f8; }
.axis { stroke: #3d444d; }
"""


def _text(x: float, y: float, text: str, classes: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}" text-anchor="{anchor}">{escape(text)}</text>'


def _bar(x: float, y: float, width: float, classes: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{BAR}" class="{classes}"/>'


def _value(microseconds: float, ours: float | None) -> str:
    shown = f"{microseconds:,.0f}" if microseconds >= 100 else f"{microseconds:.1f}"
    if ours is None:
        return shown
    times = microseconds / ours
    digits = 0 if times >= 9.95 else 1 if times >= 1.95 else 2
    return f"{shown}  ({times:.{digits}f}×)"


def _panel(x: float, y: float, name: str, row: dict, titles: dict[str, str]) -> list[str]:
    medians = {peer: found["median"] for peer, found in row["peers"].items()}
    parts = [_text(x, y + 12, row["title"], "panel")]
    parts.append(_text(x, y + 27, NOTES[name], "muted"))
    longest = max((figures["cpu_us"] for figures in medians.values()), default=1)
    ours = medians.get("apus", {}).get("cpu_us")
    left, top = x + LABEL_WIDTH, y + PANEL_HEADER
    by_cost = sorted(medians, key=lambda peer: medians[peer]["cpu_us"])
    for line, peer in enumerate(by_cost):
        figures = medians[peer]
        is_ours = peer == "apus"
        bar, word = ("bar-ours", "ours") if is_ours else ("bar", "")
        middle = top + line * LINE + LINE / 2
        server = figures.get("server_us", figures["cpu_us"]) / longest * BAR_WIDTH
        parts.append(_text(left - 8, middle + 4, titles[peer], word, "end"))
        parts.append(_bar(left, middle - BAR / 2, server, bar))
        if "postgres_us" in figures:
            postgres = figures["postgres_us"] / longest * BAR_WIDTH
            parts.append(_bar(left + server, middle - BAR / 2, postgres, f"{bar} postgres"))
        end = left + figures["cpu_us"] / longest * BAR_WIDTH
        parts.append(_text(end + 6, middle + 4, _value(figures["cpu_us"], None if is_ours else ours), word))
    for line, peer in enumerate(row["missing"], len(by_cost)):
        middle = top + line * LINE + LINE / 2
        parts.append(_text(left - 8, middle + 4, titles[peer], "muted", "end"))
        parts.append(_text(left + 6, middle + 4, "missing", "muted"))
    bottom = top + LINE * _lines(row)
    parts.append(f'<line x1="{left:.1f}" y1="{top:.1f}" x2="{left:.1f}" y2="{bottom:.1f}" class="axis"/>')
    return parts


def _lines(row: dict) -> int:
    return len(row["peers"]) + len(row["missing"])


def _height(rows: list[dict]) -> float:
    return PANEL_HEADER + LINE * max(map(_lines, rows)) + PANEL_GAP


def _footer(found: dict) -> tuple[str, str]:
    machine, settings = found["machine"], found["settings"]
    kind = "virtual cores" if machine["virtual"] == "yes" else "cores"
    where = f"{machine['cpu']}, {machine['cores']} {kind}, {machine['system']}, kernel {machine['kernel']}"
    how = (
        f"medians of {settings['rounds']} interleaved rounds of {settings['seconds']} s, "
        f"{settings['connections']} keep-alive connections, pool of {settings['pool']}, Postgres {settings['postgres']}"
    )
    return f"{found['date']} · {where}", how


def draw(found: dict) -> str:
    """`found` is what result.json holds."""
    titles = {name: peer["title"] for name, peer in found["peers"].items()}
    shown = [(name, found["rows"][name]) for name in NOTES if name in found["rows"] and _lines(found["rows"][name])]
    with_ratio = any("apus" in row["peers"] for _, row in shown)
    parts: list[str] = []
    y = float(HEADER)
    for start in range(0, len(shown), COLUMNS):
        pair = shown[start : start + COLUMNS]
        for column, (name, row) in enumerate(pair):
            x = MARGIN + column * (PANEL_WIDTH + GUTTER)
            parts += _panel(x, y, name, row, titles)
        y += _height([row for _, row in pair])
    height = y + FOOTER
    where, how = _footer(found)
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        "<title>CPU time per request of Apus and its peers</title>",
        f"<style>{STYLE}@media (prefers-color-scheme: dark) {{{DARK_STYLE}}}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8" class="page"/>',
        _text(MARGIN, 34, "CPU time per request, microseconds (less is better)", "title"),
        _text(MARGIN, 54, "in brackets: times what Apus takes" if with_ratio else "on one core; beside Postgres on all", "muted"),
    ]
    foot = [_text(MARGIN, height - 38, where, "muted"), _text(MARGIN, height - 18, how, "muted"), "</svg>"]
    return "\n".join([*head, *parts, *foot]) + "\n"
