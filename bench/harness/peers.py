"""Who is measured: how each is built and started, and which rows it takes part in."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness import build
from harness.build import OUTPUT, PEERS, ROOT, Missing

POOL_SIZE = 15
MAX_CONNECTIONS = 12_000
KEEP_ALIVE_SECONDS = 75


@dataclass(frozen=True)
class Launch:
    """What a server is started with."""

    row: str
    port: int
    second_port: int
    workers: int
    database: str
    scratch: Path
    access_log: bool

    @property
    def output(self) -> Path:
        return self.scratch / "output.txt"


def _nothing(_: Launch) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Peer:
    name: str
    title: str
    rows: frozenset[str]
    build: Callable[[], None]
    argv: Callable[[Launch], list[str]]
    version: Callable[[], str]
    env: Callable[[Launch], dict[str, str]] = _nothing
    ready: str = "/"
    access_log: Callable[[Launch], Path] = field(default=lambda launch: launch.output)
    missing: Callable[[str], str | None] = field(default=lambda row: None)


APP_ROWS = {"hello", "item", "log", "workers", "idle", "start", "instructions"}
SERVICE_ROWS = {"typed-get", "typed-post", "twenty"}
HELLO_ROWS = {"hello", "idle", "start"}
DATABASE_ROWS = {"typed-get", "typed-post", "item", "twenty"}

app = ROOT / "build" / "release" / "app" / "app"
service = ROOT / "build" / "release" / "bench" / "service"


def _our_binary(row: str) -> Path:
    return service if row in SERVICE_ROWS else app


def _our_missing(row: str) -> str | None:
    binary = _our_binary(row)
    if binary.exists():
        return None
    shown = binary.relative_to(ROOT) if binary.is_relative_to(ROOT) else binary
    return f"{shown} is not built"


def _our_env(launch: Launch) -> dict[str, str]:
    return {
        "HOST": "127.0.0.1",
        "PORT": str(launch.port),
        "ADMIN_PORT": str(launch.second_port),  # metrics are on
        "WORKERS": str(launch.workers),
        "DATABASE_URL": launch.database,
        "DB_POOL_MAX": str(POOL_SIZE),
        "ACCESS_LOG": "on" if launch.access_log else "off",
        "LOG_FORMAT": "json",
        "MAX_CONNECTIONS": str(MAX_CONNECTIONS),
        "KEEP_ALIVE_TIMEOUT": str(KEEP_ALIVE_SECONDS),
        "DRAIN_DELAY": "0",
        "APP_ENV": "bench",
    }


def _first_line(*argv: str) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return (done.stdout or done.stderr).strip().split("\n")[0]


def _our_version() -> str:
    return _first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty")


def _c_version() -> str:
    return _first_line("cc", "--version")


def _libh2o_version() -> str:
    return "libh2o " + _first_line("pkg-config", "--modversion", "libh2o-evloop")


def _nginx_argv(launch: Launch) -> list[str]:
    log = str(_nginx_log(launch)) if launch.access_log else "off"
    fill = {"PORT": launch.port, "WORKERS": launch.workers, "SCRATCH": launch.scratch, "ACCESS_LOG": log}
    template = (PEERS / "nginx" / "nginx.conf").read_text()
    config = launch.scratch / "nginx.conf"
    config.write_text(re.sub(r"@(\w+)@", lambda match: str(fill[match[1]]), template))
    return ["nginx", "-p", str(launch.scratch), "-e", "stderr", "-c", str(config)]


def _nginx_log(launch: Launch) -> Path:
    return launch.scratch / "access.log"


def _fastapi_argv(launch: Launch) -> list[str]:
    return [
        str(OUTPUT / "fastapi" / "bin" / "uvicorn"),
        "main:app",
        *("--app-dir", str(PEERS / "fastapi")),
        *("--host", "127.0.0.1", "--port", str(launch.port)),
        *("--loop", "uvloop", "--http", "httptools", "--workers", str(launch.workers)),
        *("--timeout-keep-alive", str(KEEP_ALIVE_SECONDS)),
        "--access-log" if launch.access_log else "--no-access-log",
    ]


def _fastapi_version() -> str:
    wanted = ("fastapi", "uvicorn", "uvloop", "asyncpg")
    lines = (PEERS / "fastapi" / "requirements.txt").read_text().split()
    python = _first_line(str(OUTPUT / "fastapi" / "bin" / "python"), "--version")
    return ", ".join([python, *(line.replace("==", " ") for line in lines if line.partition("==")[0] in wanted)])


def _axum_version() -> str:
    locked = dict(re.findall(r'name = "(.*)"\nversion = "(.*)"', (PEERS / "axum" / "Cargo.lock").read_text()))
    crates = [f"{name} {locked[name]}" for name in ("axum", "tokio-postgres", "deadpool-postgres")]
    return ", ".join([_first_line("rustc", "--version"), *crates])


def _go_version() -> str:
    pgx = re.search(r"pgx/v5 (v\S+)", (PEERS / "go" / "go.mod").read_text())[1]
    return f"{_first_line('go', 'version')}, pgx {pgx}"


def _go_env(launch: Launch) -> dict[str, str]:
    return {"PORT": str(launch.port), "DATABASE_URL": launch.database, "GOMAXPROCS": str(launch.workers)}


def _axum_env(launch: Launch) -> dict[str, str]:
    """Beside Postgres tokio does best with its default, a thread for each core; Go does better with one."""
    threads = {} if launch.row in ("item", "twenty") else {"TOKIO_WORKER_THREADS": str(launch.workers)}
    return {"PORT": str(launch.port), "DATABASE_URL": launch.database, **threads}


ALL = [
    Peer(
        name="apus",
        title="Apus",
        rows=frozenset(APP_ROWS | SERVICE_ROWS),
        build=lambda: None,
        argv=lambda launch: [str(_our_binary(launch.row))],
        env=_our_env,
        version=_our_version,
        ready="/readyz",
        missing=_our_missing,
    ),
    Peer(
        name="raw-epoll",
        title="raw epoll loop",
        rows=frozenset(HELLO_ROWS | {"log", "workers", "instructions"}),
        build=build.raw_epoll,
        argv=lambda launch: [str(OUTPUT / "raw-epoll"), str(launch.port), str(launch.workers)],
        version=_c_version,
    ),
    Peer(
        name="libh2o",
        title="bare libh2o",
        rows=frozenset(HELLO_ROWS | {"instructions"}),
        build=build.libh2o,
        argv=lambda launch: [str(OUTPUT / "libh2o"), str(launch.port)],
        version=_libh2o_version,
    ),
    Peer(
        name="nginx",
        title="nginx return 200",
        rows=frozenset(HELLO_ROWS | {"log", "workers"}),
        build=build.nginx,
        argv=_nginx_argv,
        version=lambda: _first_line("nginx", "-v"),
        access_log=_nginx_log,
    ),
    Peer(
        name="axum",
        title="axum",
        rows=frozenset(HELLO_ROWS | DATABASE_ROWS | {"workers", "instructions"}),
        build=build.axum,
        argv=lambda launch: [str(OUTPUT / "axum" / "release" / "axum-peer")],
        env=_axum_env,
        version=_axum_version,
        ready="/items/1",
    ),
    Peer(
        name="go",
        title="Go net/http",
        rows=frozenset(HELLO_ROWS | DATABASE_ROWS | {"workers"}),
        build=build.go,
        argv=lambda launch: [str(OUTPUT / "go" / "go-peer")],
        env=_go_env,
        version=_go_version,
        ready="/items/1",
    ),
    Peer(
        name="fastapi",
        title="FastAPI, uvicorn",
        rows=frozenset(HELLO_ROWS | DATABASE_ROWS | {"log", "workers"}),
        build=build.fastapi,
        argv=_fastapi_argv,
        env=lambda launch: {"DATABASE_URL": launch.database},
        version=_fastapi_version,
        ready="/items/1",
    ),
]

NAMES = [peer.name for peer in ALL]


def prepare(chosen: list[Peer], tell: Callable[[str], None]) -> tuple[list[Peer], dict[str, str]]:
    """Builds the chosen peers. Returns those that are there, and for each other one why it is not."""
    there, missing = [], {}
    for peer in chosen:
        tell(f"building {peer.name}")
        try:
            peer.build()
        except Missing as why:
            missing[peer.name] = str(why)
        else:
            there.append(peer)
    return there, missing
