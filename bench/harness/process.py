"""Processes: starting and stopping them, and what a tree of them costs in CPU time and memory."""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import threading
from pathlib import Path

SAMPLE_SECONDS = 0.1
STOP_SECONDS = 10


class Failed(Exception):
    """The run cannot be trusted any more: a request, a server or a tool failed."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(argv: list[str], output: Path, env: dict[str, str] | None = None, user: str | None = None) -> subprocess.Popen:
    """Both streams go to `output`. A user other than ours is for root only."""
    with output.open("wb") as sink:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            user=user,
            group=user and group_of(user),
            extra_groups=[] if user else None,
        )


def group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def stop(process: subprocess.Popen, with_signal: int = signal.SIGTERM) -> None:
    if process.poll() is None:
        process.send_signal(with_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(output: Path, lines: int = 12) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(output.read_text(errors="replace").splitlines()[-lines:])
    return ""


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def tree(root: int) -> list[int]:
    """The process and everything below it."""
    found = [root]
    for pid in found:
        found += _children(pid)
    return found


def resident_bytes(root: int) -> int:
    """RSS of the whole tree; pages that its processes share count once for each."""
    total = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
    return total


def open_sockets(root: int) -> int:
    count = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    count += os.readlink(entry.path).startswith("socket:")
    return count


class CpuMeter:
    """Nanoseconds on a CPU, by every task of a process tree, those included that came or went meanwhile.

    A task that ends takes its figure with it, so all are read ten times a second, and the last reading stands.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._first: dict[tuple[int, int], int] = {}
        self._last: dict[tuple[int, int], int] = {}
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._watch, daemon=True)

    def _read(self) -> dict[tuple[int, int], int]:
        reading = {}
        for pid in tree(self._root):
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    with contextlib.suppress(OSError):
                        spent = Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0]
                        reading[pid, int(task)] = int(spent)
        return reading

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self._last.update(self._read())

    def __enter__(self) -> "CpuMeter":
        self._first = self._read()
        self._last = dict(self._first)
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._sampler.join()
        self._last.update(self._read())

    @property
    def nanoseconds(self) -> int:
        return sum(self._last.values()) - sum(self._first.values())
