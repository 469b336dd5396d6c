"""The program under test, started as a user would start it, on sockets that the test has bound."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / os.environ.get("APUS_BUILD", "build/release")
APP = BUILD / "app" / "app"
SANITIZED = BUILD.name in ("asan", "tsan")
PATIENCE = 30.0  # seconds that anything may take on a busy machine


def build_program(name: str) -> Path:
    """A program of these tests' own, tests/blackbox/support/NAME.c, built as the application is."""
    source = f"tests/blackbox/support/{name}.c"
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    subprocess.run(["make", "-s", "-j2", f"VARIANT={BUILD.name}", f"BENCH_C={source}", "bench-programs"], cwd=ROOT, env=environment, check=True)
    return BUILD / source.removesuffix(".c")


def until(condition: Callable[[], object], seconds: float = PATIENCE, every: float = 0.01) -> object:
    """The condition's first true value; fails when it stays false."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(every)


def crowding():
    """By how much other work on this machine stretches a computation: 1 when it has a core to itself."""
    wall, cpu = time.perf_counter(), time.process_time()
    while time.process_time() - cpu < 0.5:
        pass
    return max(1.0, (time.perf_counter() - wall) / 0.5)


def within(seconds: float, attempt: Callable[[], float], tries: int = 3) -> None:
    """One of a few attempts takes no longer: a machine that stands still for a moment does so hardly each time."""
    took = [attempt()]
    while took[-1] >= seconds and len(took) < tries:
        took.append(attempt())
    assert took[-1] < seconds, f"it took {took} s"


def listening_socket() -> socket.socket:
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    s.listen(1024)
    return s


class Server:
    """A running server. Its log is read all the time, line by line."""

    def __init__(self, program: Path | None = None, arguments: tuple[str, ...] = (),
                 preexec: Callable[[], None] | None = None, output: int = subprocess.PIPE, binds: bool = False,
                 sockets: tuple[socket.socket, socket.socket] | None = None, **settings: object) -> None:
        """`binds`: it binds its ports itself, instead of inheriting sockets; `sockets`: it inherits these, which stay the test's too."""
        main, admin = (s.dup() for s in sockets) if sockets else (listening_socket(), listening_socket())
        self.port, self.admin_port = main.getsockname()[1], admin.getsockname()[1]
        environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "PORT")}
        environment.update({"WORKERS": "1", "DRAIN_DELAY": "0", "LOG_FORMAT": "json"})
        if binds:
            environment.update({"HOST": "127.0.0.1", "PORT": str(self.port), "ADMIN_PORT": str(self.admin_port)})
            main.close()
            admin.close()
        else:
            environment["LISTEN_FDS"] = "2"
        environment.update({k: str(v) for k, v in settings.items()})

        def prepare() -> None:
            if not binds:
                for place, s in ((103, main), (104, admin)):
                    os.dup2(s.fileno(), place)
                for place in (3, 4):
                    os.dup2(place + 100, place)
            if preexec:
                preexec()

        self.process = subprocess.Popen([str(program or APP), *arguments], env=environment, stdin=subprocess.DEVNULL,
                                        stdout=output, stderr=subprocess.PIPE, preexec_fn=prepare,
                                        pass_fds=() if binds else (3, 4), cwd=ROOT)
        main.close()
        admin.close()
        self.lines: list[dict] = []
        self.errors = b""
        self._readers = [threading.Thread(target=self._read_log, daemon=True),
                         threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self._readers:
            reader.start()

    def _read_log(self) -> None:
        for line in self.process.stdout or ():
            with contextlib.suppress(ValueError):
                self.lines.append(json.loads(line))

    def _read_errors(self) -> None:
        for line in self.process.stderr:
            self.errors += line

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False, **options)

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def admin(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        _, text = self.admin("/metrics")
        values = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(values)

    def logged(self, message: str) -> list[dict]:
        return [line for line in self.lines if line.get("message") == message]

    def until_ready(self, seconds: float = PATIENCE) -> "Server":
        def ready() -> bool:
            assert self.process.poll() is None, f"the server ended: {self.errors.decode()} {self.lines[-3:]}"
            return bool(self.logged("listening") or not self.process.stdout) and self.admin("/readyz")[0] == 200

        until(ready, seconds)
        return self

    def memory(self) -> int:
        """Resident bytes."""
        text = Path(f"/proc/{self.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGESIZE")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        status = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(PATIENCE)
        return status

    def stop(self) -> int:
        """SIGTERM and its exit status; whatever the sanitizers reported fails the test."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        text = self.errors.decode(errors="replace")
        assert "Sanitizer" not in text and "runtime error" not in text, text
        return status


@contextlib.contextmanager
def serving(**settings: object) -> Iterator[Server]:
    """A server that is ready, and stopped cleanly at the end."""
    server = Server(**settings)
    try:
        server.until_ready()
        yield server
    except BaseException:
        server.process.kill()
        server.wait()
        raise
    assert server.stop() == 0


def run(*arguments: str, **settings: object) -> subprocess.CompletedProcess:
    """Runs a command of the program and gives its output."""
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "PORT")}
    environment.update({k: str(v) for k, v in settings.items()})
    return subprocess.run([str(APP), *arguments], env=environment, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT)
