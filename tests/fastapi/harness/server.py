"""One server process: started with its listening socket inherited, stopped with SIGTERM."""

import os
import select
import signal
import socket
import time
from pathlib import Path

import httpx

from .outcomes import ServerFailed

STOP_SECONDS = 5.0
OUTPUT_TAIL = 4000

# systemd's protocol without LISTEN_PID, and settings that suit a test: one worker, no second port, no waiting.
SETTINGS = {
    "LISTEN_FDS": "1",
    "ADMIN_PORT": "0",
    "ACCESS_LOG": "off",
    "DRAIN_DELAY": "0",
    "WORKERS": "1",
}


class Server:
    """A process that serves one page on a socket of 127.0.0.1, and the connections to it."""

    def __init__(self, name: str, command: list[str], log: Path, timeout: float, root_path: str = "") -> None:
        self.name = name
        self.log = log
        self.status: int | None = None
        self.has_failed_a_test = False
        environment = {**os.environ, **SETTINGS}
        if root_path:
            environment["ROOT_PATH"] = root_path
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(128)
            self.port: int = listener.getsockname()[1]
            self.pid = self._spawn(command, environment, listener.fileno())
        limit = httpx.Limits(max_connections=100, max_keepalive_connections=20)
        self.transport = httpx.HTTPTransport(verify=False, trust_env=False, limits=limit)
        self.timeout = timeout

    def _spawn(self, command: list[str], environment: dict[str, str], listener: int) -> int:
        """The child gets stdin, stdout, stderr and the socket as descriptor 3; the parent's copy is closed afterwards,
        so that a child that dies refuses connections at once."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            (os.POSIX_SPAWN_DUP2, listener, 3),
        ]
        try:
            return os.posix_spawn(command[0], command, environment, file_actions=actions, setsigdef=[signal.SIGPIPE])
        except OSError as error:
            raise ServerFailed(f"{command[0]} cannot be started: {error.strerror}") from error

    def output(self) -> str:
        """The end of what the process wrote to stdout and stderr."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace")[-OUTPUT_TAIL:]
        except FileNotFoundError:
            return ""

    def _reap(self, wait_seconds: float) -> bool:
        """Whether the process has ended, after waiting at most so long."""
        if self.status is None:
            pidfd = os.pidfd_open(self.pid)
            try:
                select.select([pidfd], [], [], wait_seconds)
            finally:
                os.close(pidfd)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request as it stands, with its own Host header, to this process."""
        url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port)
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), self.timeout)
        wire = httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions={"timeout": timeout})
        try:
            return self.transport.handle_request(wire)
        except httpx.TransportError as error:
            self.has_failed_a_test = True
            ended = self._reap(0.2)
            how = f"it ended with status {self.status}" if ended else "it is still running"
            raise ServerFailed(
                f"{self.name} gave no answer to {request.method} {request.url} ({type(error).__name__}: {error}); "
                f"{how}. Its output:\n{self.output()}"
            ) from error

    def ask_to_stop(self) -> None:
        self.transport.close()
        if not self._reap(0):
            os.kill(self.pid, signal.SIGTERM)

    def wait_stopped(self, good_statuses: tuple[int, ...]) -> str | None:
        """Waits for the end; returns what was wrong with it."""
        started = time.monotonic()
        if not self._reap(STOP_SECONDS):
            os.kill(self.pid, signal.SIGKILL)
            self._reap(STOP_SECONDS)
            waited = time.monotonic() - started
            return f"{self.name} did not end within {waited:.0f} s of SIGTERM. Its output:\n{self.output()}"
        if self.status not in good_statuses and not self.has_failed_a_test:
            return f"{self.name} ended with status {self.status}, 0 was expected. Its output:\n{self.output()}"
        return None
