"""What the program's sources declare, so that the chart names nothing that is not there."""

import re

from support import ROOT


def source(path):
    return (ROOT / path).read_text()


def metrics():
    """Series that /metrics can show."""
    code = source("runtime/ops/metrics.c")
    kinds = "counter|gauge|histogram"
    names = dict(re.findall(rf'"([a-z_]+)",\s*"({kinds})"', code))
    names.update(re.findall(rf"# TYPE ([a-z_]+) ({kinds})", code))
    names.update((name, "gauge") for name in re.findall(r'"stats\.[a-z]+", "([a-z_]+)"', code))
    series = set()
    for name, kind in names.items():
        series |= {name + end for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return series


def settings():
    """Environment variables that the program reads."""
    names = set()
    for path in [*ROOT.glob("runtime/*/*.c"), *ROOT.glob("app/*.c")]:
        code = path.read_text()
        names |= set(re.findall(r'\{(?:\.name = )?"([A-Z][A-Z0-9_]+)",\s*(?:\.kind = )?(?:SETTING_|&)', code))
    return names


def commands():
    table = re.search(r"commands\[\] = \{(.*?)\n\};", source("runtime/ops/main.c"), re.S).group(1)
    return set(re.findall(r'^\s*\{"([a-z]+)"', table, re.M))


def probe_paths():
    return set(re.findall(r'GET\("(/[a-z]+)"', source("runtime/ops/probes.c")))


def app_routes():
    return set(re.findall(r'GET\("(/[^"]*)"', source("app/main.c")))
