"""One server of one peer, from start to stop."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import check, machine, process
from harness.peers import Launch, Peer
from harness.postgres import Postgres
from harness.process import Failed


@dataclass
class Bench:
    """What one run of the benchmark owns."""

    scratch: Path
    postgres: Postgres
    cores: machine.Cores
    seconds: float
    warm_up: float
    open_files: int


@dataclass(frozen=True)
class Server:
    pid: int
    port: int
    launch: Launch


def _last_words(server: subprocess.Popen, output: Path) -> str:
    said = process.tail(output)
    ended = "" if server.poll() is None else f"\nit ended by itself, status {server.returncode}"
    return ended + (f"\nits output ends:\n{said}" if said else "")


@contextlib.contextmanager
def running(peer: Peer, row: str, bench: Bench, workers: int = 1, ready: str | None = None) -> Iterator[Server]:
    """The peer's server, on the cores that the caller is pinned to, ready for requests; stopped on leaving."""
    scratch = bench.scratch / f"{peer.name}-{row}"
    scratch.mkdir()
    scratch.chmod(0o777)  # nginx's workers are another user when root starts it
    launch = Launch(
        row=row,
        port=process.free_port(),
        second_port=process.free_port(),
        workers=workers,
        database=bench.postgres.url,
        scratch=scratch,
        access_log=row == "log",
    )
    server = process.start(peer.argv(launch), launch.output, peer.env(launch))
    try:
        check.until_ready(launch.port, ready or peer.ready, lambda: server.poll() is None)
        yield Server(server.pid, launch.port, launch)
        if server.poll() is not None:
            raise Failed("the server stopped working")
    except (Failed, OSError) as failure:
        raise Failed(f"{peer.name}, {row}: {failure}{_last_words(server, launch.output)}") from failure
    finally:
        process.stop(server)
        shutil.rmtree(scratch, ignore_errors=True)
