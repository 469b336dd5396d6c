"""The machine that is measured on: its cores, its limits, and what to call it."""

import contextlib
import os
import platform
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BUSY_LOAD = 0.7

Facts = dict[str, str | int]


@dataclass(frozen=True)
class Cores:
    """Who runs where. `shared` is for rows in which Postgres works too; `pair` is for two workers."""

    server: frozenset[int]
    client: frozenset[int]
    shared: frozenset[int]
    pair: frozenset[int]
    pair_client: frozenset[int]


def cores() -> Cores:
    ours = sorted(os.sched_getaffinity(0))
    everything = frozenset(ours)
    if len(ours) < 2:
        raise SystemExit("bench: two cores are needed, one for the server and one for the client")
    roomy = len(ours) >= 4
    return Cores(
        server=frozenset(ours[:1]),
        client=frozenset(ours[1:2]),
        shared=everything,
        pair=frozenset(ours[:2]),
        pair_client=frozenset(ours[2:]) if roomy else everything,
    )


@contextlib.contextmanager
def pinned(to: frozenset[int]) -> Iterator[None]:
    """Processes and threads that are started inside run on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, to)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_open_files_limit() -> int:
    """Ten thousand connections need a file descriptor each, here and in the server. Returns the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _first_value(path: str, key: str, separator: str) -> str:
    for line in Path(path).read_text().splitlines():
        name, found, value = line.partition(separator)
        if found and name.strip() == key:
            return value.strip().strip('"')
    return "unknown"


def busy() -> str | None:
    """A warning when others are using the machine."""
    load = os.getloadavg()[0]
    return f"other work is running here (load {load:.1f}): the figures are rough" if load > BUSY_LOAD else None


def describe() -> Facts:
    return {
        "cpu": _first_value("/proc/cpuinfo", "model name", ":"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _first_value("/proc/meminfo", "MemTotal", ":"),
        "kernel": platform.release().partition("-")[0],
        "system": _first_value("/etc/os-release", "PRETTY_NAME", "="),
        "architecture": platform.machine(),
        "load_before": f"{os.getloadavg()[0]:.2f}",
        "virtual": "yes" if " hypervisor" in _first_value("/proc/cpuinfo", "flags", ":") else "no",
    }
