"""Instructions per request in user space, counted by valgrind's callgrind: repeatable where the clock is not.

Counting is off while the server starts and warms up; then a fixed number of requests, one after the other on one
connection, is counted. What the kernel does is not seen.
"""

import contextlib
import dataclasses
import http.client
import os
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from harness.peers import Peer
from harness.process import Failed
from harness.server import Bench, Server, running

WARM_UP = 300
COUNTED = 1000
DUMP_SECONDS = 20
FUNCTIONS_SHOWN = 25
PROFILE_LINE = re.compile(r"^\s*([\d,]+) \(.*?%\)\s+\S*?:(\S.*?)(?:'\d+)?(?: \[(.*)\])?$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Count:
    each: float
    profile: str


def available() -> bool:
    return shutil.which("valgrind") is not None and shutil.which("callgrind_control") is not None


def _control(order: str, server: Server, env: dict[str, str]) -> None:
    """The pipe to valgrind is named after USER and HOST, so both sides must see the same ones."""
    argv = ["callgrind_control", order, str(server.pid)]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **env}, check=False)
    if done.returncode != 0 or "OK." not in done.stdout or "error" in done.stderr:
        raise Failed(f"callgrind_control {order}: {done.stdout.strip()} {done.stderr.strip()}")


def _requests(connection: http.client.HTTPConnection, path: str, count: int) -> None:
    for _ in range(count):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise Failed(f"{path}: status {response.status} under callgrind")


def _dump(out: Path) -> tuple[Path, int]:
    """Waits for the file with what was counted. Returns it and its total."""
    deadline = time.monotonic() + DUMP_SECONDS
    while time.monotonic() < deadline:
        for dump in out.parent.glob(f"{out.name}.*"):
            if found := re.search(r"^totals: (\d+)$", dump.read_text(), re.MULTILINE):
                return dump, int(found[1])
        time.sleep(0.1)
    raise Failed("callgrind wrote no dump")


def _profile(dump: Path, total: int) -> str:
    """The functions that cost most by themselves, without what they call: instructions per request, share, name, object."""
    argv = ["callgrind_annotate", "--auto=no", "--threshold=100", str(dump)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    spent: Counter[str] = Counter()
    for count, name, found_in in PROFILE_LINE.findall(done.stdout):
        spent[f"{name}  {Path(found_in).name}".rstrip()] += int(count.replace(",", ""))
    return "\n".join(
        f"{count / COUNTED:10.1f}  {count / total:6.1%}  {name}" for name, count in spent.most_common(FUNCTIONS_SHOWN)
    )


def per_request(peer: Peer, row: str, bench: Bench, path: str = "/") -> Count:
    """`peer` is started under callgrind in the row's usual way."""
    out = bench.scratch / f"callgrind.{peer.name}"
    valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    watched = dataclasses.replace(peer, argv=lambda launch: [*valgrind, *peer.argv(launch)])
    with running(watched, row, bench) as server, _connected(server.port) as connection:
        env = peer.env(server.launch)
        _control("--instr=on", server, env)
        _requests(connection, path, WARM_UP)
        _control("--zero", server, env)
        _requests(connection, path, COUNTED)
        _control("--dump", server, env)
        dump, total = _dump(out)
        return Count(total / COUNTED, _profile(dump, total))


@contextlib.contextmanager
def _connected(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()
