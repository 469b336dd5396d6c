"""A Postgres of our own: the distribution's version, in a temporary folder, gone when the run is over."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness import process
from harness.process import Failed

START_SECONDS = 20

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "autovacuum": "off",  # the table never changes while it is measured
    "max_connections": "100",
}


def server_binaries() -> Path | None:
    """Where initdb and postgres are: the newest version that is installed."""
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin/initdb") if path.parent.parent.name.isdigit()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.parent.name)).parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _unprivileged_user() -> str | None:
    """Postgres refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class Postgres:
    """Use with `with`. `url` is what every peer gets, over TCP on the loopback, as in a cluster but near."""

    def __init__(self, scratch: Path) -> None:
        binaries = server_binaries()
        if binaries is None:
            raise Failed("Postgres is not installed: apt-get install postgresql")
        self._binaries = binaries
        self._user = _unprivileged_user()
        self._home = scratch / "postgres"
        self._output = scratch / "postgres.txt"
        self.port = process.free_port()
        self.url = f"postgresql://bench@127.0.0.1:{self.port}/postgres?sslmode=disable"
        self.version = self._run("postgres", "--version").split()[2]

    def _run(self, tool: str, *arguments: str) -> str:
        as_user = {"user": self._user, "group": process.group_of(self._user), "extra_groups": []} if self._user else {}
        done = subprocess.run(
            [str(self._binaries / tool), *arguments], capture_output=True, text=True, cwd="/", check=False, **as_user
        )
        if done.returncode != 0:
            raise Failed(f"{tool} failed:\n{done.stderr.strip()}")
        return done.stdout

    @property
    def pid(self) -> int:
        return self._server.pid

    def __enter__(self) -> "Postgres":
        self._home.mkdir()
        if self._user:
            shutil.chown(self._home, self._user)
        data = self._home / "data"
        self._run("initdb", "-D", str(data), "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        options = {**SETTINGS, "port": str(self.port), "unix_socket_directories": str(self._home)}
        argv = [str(self._binaries / "postgres"), "-D", str(data)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        self._server = process.start(argv, self._output, user=self._user)
        try:
            self._await()
            self.load(Path(__file__).parent.parent / "items.sql")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process.stop(self._server, signal.SIGINT)

    def _await(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._server.poll() is None:
            try:
                self.query("select 1")
                return
            except Failed:
                time.sleep(0.05)
        raise Failed(f"Postgres did not start:\n{process.tail(self._output)}")

    def _psql(self, *arguments: str) -> str:
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url, *arguments)

    def query(self, sql: str) -> str:
        return self._psql("-c", sql).strip()

    def load(self, file: Path) -> None:
        """psql runs as the other user, which need not be able to read our files."""
        for statement in file.read_text().split(";\n"):
            if statement.strip():
                self.query(statement)
