"""What is measured: one function per kind of row, each of which measures one peer once."""

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from harness import callgrind, check, load, payloads, process
from harness.machine import pinned
from harness.payloads import Exchange
from harness.peers import Peer
from harness.process import CpuMeter, Failed
from harness.server import Bench, running

IDLE_CONNECTIONS = 10_000
FILES_KEPT_FREE = 500
SETTLE_SECONDS = 0.1
STARTS_PER_ROUND = 5
LOGGED_SHARE = 0.99

Sample = dict[str, float]


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    measure: Callable[["Row", Peer, Bench], Sample]
    exchanges: list[Exchange] = field(default_factory=lambda: payloads.HELLO)
    load_path: str = ""  # other than the first exchange's
    base: str = "raw-epoll"  # the peer that the ratios refer to
    figure: str = "cpu_us"  # the sample's main figure
    unit: str = "CPU µs/request"
    once: bool = False  # repeatable to the digit: one round is enough

    @property
    def request(self) -> load.Request:
        first = self.exchanges[0]
        smallest = min(len(exchange.answer) for exchange in self.exchanges if exchange.answer)
        return load.Request(first.method, self.load_path or first.path, first.body, smallest)


def _sample(applied: load.Load, cpu: CpuMeter) -> Sample:
    if cpu.nanoseconds <= 0:
        raise Failed("the kernel does not count CPU time in /proc/PID/task/*/schedstat (CONFIG_SCHED_INFO)")
    return {
        "cpu_us": cpu.nanoseconds / applied.requests / 1e3,
        "requests_per_second": applied.per_second,
        "requests": applied.requests,
        "p50_us": applied.p50_us,
        "p99_us": applied.p99_us,
    }


def http(row: Row, peer: Peer, bench: Bench) -> Sample:
    """The server has a core to itself, and so has the client."""
    with contextlib.ExitStack() as stack:
        with pinned(bench.cores.server):
            server = stack.enter_context(running(peer, row.name, bench))
        with pinned(bench.cores.client):
            check.answers(server.port, row.exchanges)
            load.apply(server.port, row.request, bench.warm_up)
            with CpuMeter(server.pid) as cpu:
                applied = load.apply(server.port, row.request, bench.seconds)
                time.sleep(SETTLE_SECONDS)
        return {**_sample(applied, cpu), "rss_bytes": process.resident_bytes(server.pid)}


def logged(row: Row, peer: Peer, bench: Bench) -> Sample:
    """As above, with the access log going to a file. The raw loop keeps none: it is what the others are compared with."""
    with contextlib.ExitStack() as stack:
        with pinned(bench.cores.server):
            server = stack.enter_context(running(peer, row.name, bench))
        with pinned(bench.cores.client):
            check.answers(server.port, row.exchanges)
            warm = load.apply(server.port, row.request, bench.warm_up)
            with CpuMeter(server.pid) as cpu:
                applied = load.apply(server.port, row.request, bench.seconds)
                time.sleep(SETTLE_SECONDS)
        log = peer.access_log(server.launch)
        time.sleep(1)
        with log.open("rb") as file:
            lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
        if peer.name != "raw-epoll" and lines < LOGGED_SHARE * (warm.requests + applied.requests):
            raise Failed(f"the access log has {lines} lines for {warm.requests + applied.requests} requests")
        return _sample(applied, cpu)


def database(row: Row, peer: Peer, bench: Bench) -> Sample:
    """Server, Postgres and client share the cores; what the first two spend is counted apart."""
    with pinned(bench.cores.shared), running(peer, row.name, bench) as server:
        check.answers(server.port, row.exchanges)
        load.apply(server.port, row.request, bench.warm_up)
        with CpuMeter(server.pid) as cpu, CpuMeter(bench.postgres.pid) as postgres:
            applied = load.apply(server.port, row.request, bench.seconds)
            time.sleep(SETTLE_SECONDS)
        sample = _sample(applied, cpu)
        sample["server_us"] = sample["cpu_us"]
        sample["postgres_us"] = postgres.nanoseconds / applied.requests / 1e3
        sample["cpu_us"] = sample["server_us"] + sample["postgres_us"]
        return {**sample, "rss_bytes": process.resident_bytes(server.pid)}


def workers(row: Row, peer: Peer, bench: Bench) -> Sample:
    """The same load on one worker and on two, both free to use two cores."""
    found: dict[int, Sample] = {}
    for count in (1, 2):
        with contextlib.ExitStack() as stack:
            with pinned(bench.cores.pair):
                server = stack.enter_context(running(peer, row.name, bench, workers=count))
            with pinned(bench.cores.pair_client):
                check.answers(server.port, row.exchanges)
                load.apply(server.port, row.request, bench.warm_up)
                with CpuMeter(server.pid) as cpu:
                    applied = load.apply(server.port, row.request, bench.seconds)
                    time.sleep(SETTLE_SECONDS)
            found[count] = _sample(applied, cpu)
    one, two = found[1], found[2]
    return {
        "one_us": one["cpu_us"],
        "two_us": two["cpu_us"],
        "ratio": two["cpu_us"] / one["cpu_us"],
        "throughput_ratio": two["requests_per_second"] / one["requests_per_second"],
    }


def _idle_connection(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    received = b""
    while b'"}' not in received:
        chunk = connection.recv(4096)
        if not chunk:
            raise Failed(f"connection closed after {received!r}")
        received += chunk
    if not received.startswith(b"HTTP/1.1 200 "):
        raise Failed(f"instead of 200: {received[:100]!r}")
    return connection


def idle(row: Row, peer: Peer, bench: Bench) -> Sample:
    """Ten thousand keep-alive connections that have sent one request each; RSS with them less RSS before."""
    count = min(IDLE_CONNECTIONS, bench.open_files - FILES_KEPT_FREE)
    connections: list[socket.socket] = []
    with pinned(bench.cores.shared), running(peer, row.name, bench) as server:
        load.apply(server.port, row.request, bench.warm_up)
        time.sleep(SETTLE_SECONDS)
        before = process.resident_bytes(server.pid)
        try:
            for _ in range(count):
                connections.append(_idle_connection(server.port))
            after = process.resident_bytes(server.pid)
            if process.open_sockets(server.pid) < count:
                raise Failed(f"of {count} idle connections the server closed some")
            connections[0].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if not connections[0].recv(4096).startswith(b"HTTP/1.1 200 "):
                raise Failed("the first of the idle connections is not served any more")
        except OSError as error:
            raise Failed(f"connection {len(connections) + 1}: {error}") from error
        finally:
            for connection in connections:
                connection.close()
        return {"bytes_each": (after - before) / count, "connections": count, "rss_bytes": after}


def start(row: Row, peer: Peer, bench: Bench) -> Sample:
    """From asking for the process to its first answer that says it is ready: its probe, or else a row from Postgres."""
    taken = []
    with pinned(bench.cores.shared):
        for _ in range(STARTS_PER_ROUND):
            began = time.perf_counter()
            with running(peer, row.name, bench):
                taken.append((time.perf_counter() - began) * 1e3)
    return {"milliseconds": sorted(taken)[len(taken) // 2], "fastest": min(taken), "slowest": max(taken)}


def instructions(row: Row, peer: Peer, bench: Bench) -> Sample:
    return {"instructions": callgrind.per_request(peer, row.name, bench).each}


ALL = [
    Row("hello", "GET /", http),
    Row("typed-get", "GET /typed/42?q=…&limit=…", http, payloads.TYPED_GET, base="axum"),
    Row("typed-post", "POST /typed, 51 bytes", http, payloads.TYPED_POST, base="axum"),
    Row("item", "GET /items/{id}, one row", database, payloads.ITEM, "/items/{id}", base="axum"),
    Row("twenty", "GET /twenty, twenty rows", database, payloads.TWENTY_ITEMS, base="axum"),
    Row("log", "GET /, access log to a file", logged),
    Row("workers", "GET /, two workers", workers, figure="ratio", unit="× one worker's CPU/request", base=""),
    Row("idle", "10,000 idle connections", idle, figure="bytes_each", unit="bytes each", base=""),
    Row("start", "start → ready", start, figure="milliseconds", unit="ms", base=""),
    Row(
        "instructions",
        "GET /, user-space instructions",
        instructions,
        figure="instructions",
        unit="instructions/request",
        once=True,
    ),
]

NAMES = [row.name for row in ALL]
