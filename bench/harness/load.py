"""The load: wrk, one thread, a fixed number of keep-alive connections."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.process import Failed

SCRIPTS = Path(__file__).parent.parent / "wrk"
CONNECTIONS = 64
TIMEOUT_SECONDS = 10
ERRORS = ("connect_errors", "read_errors", "write_errors", "timeouts", "bad_statuses")


@dataclass(frozen=True)
class Load:
    requests: int
    seconds: float
    p50_us: int
    p99_us: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True)
class Request:
    """What is asked for over and over. A `{id}` in the path becomes each row's in turn."""

    method: str
    path: str
    body: str | None
    smallest_answer: int  # bytes


def apply(port: int, request: Request, seconds: float) -> Load:
    """Fails when a single request failed, or when the answers were too short to be the right ones."""
    script = SCRIPTS / ("items.lua" if "{id}" in request.path else "fixed.lua")
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    argv += ["-s", str(script), f"http://127.0.0.1:{port}/", "--", request.method, request.path]
    argv += [request.body] if request.body else []
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    summary = json.loads(done.stdout.splitlines()[-1])
    wrong = {name: summary[name] for name in ERRORS if summary[name]}
    if wrong:
        raise Failed(f"requests failed: {wrong} of {summary['requests']}")
    if summary["requests"] == 0:
        raise Failed("no request was answered")
    if summary["bytes"] < request.smallest_answer * summary["requests"]:
        raise Failed(f"answers are too short: {summary['bytes']} bytes for {summary['requests']} requests")
    return Load(summary["requests"], summary["microseconds"] / 1e6, summary["p50_us"], summary["p99_us"])
