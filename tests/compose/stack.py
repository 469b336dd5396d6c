"""`docker compose up --watch` on a copy of the sources, under a project name and on ports of its own."""

import calendar
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
from support.server import ROOT, until

STARTED = 1500  # seconds that the first image may take, packages included
REBUILT = 60
LOG_LINE = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+Z) +\w+ +dev: (.*)")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Stack:
    """The project; `up` runs it in the foreground as a user does, its output is read all the time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, f"apus-compose-{os.getpid()}"
        for name in ("compose.yaml", "Dockerfile", ".dockerignore", "Makefile", "app", "runtime", "scripts"):
            source = ROOT / name
            shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy2(source, folder / name)
        self.port, self.mail_port = free_port(), free_port()
        self.environment = {**os.environ, "PORT": str(self.port), "MAIL_PORT": str(self.mail_port), "COMPOSE_ANSI": "never"}
        for name in ("COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"):
            self.environment.pop(name, None)
        self.text, self.process = "", None

    def compose(self, *arguments: str, check: bool = True, seconds: float = 300) -> str:
        command = ["docker", "compose", "--project-name", self.project, *arguments]
        result = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=seconds,
                                stdin=subprocess.DEVNULL)
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def up(self, *options: str) -> None:
        command = ["docker", "compose", "--project-name", self.project, *options, "up", "--watch"]
        self.text = ""
        self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        self.says("Watch enabled", STARTED)
        until(lambda: self.get("/readyz", quiet=True) == 200, REBUILT, every=0.1)

    def _read(self, process: subprocess.Popen) -> None:
        for line in process.stdout:
            self.text += line.decode(errors="replace")

    def says(self, words: str, seconds: float = REBUILT, times: int = 1) -> None:
        def said() -> bool:
            assert self.process.poll() is None, self.text[-6000:]
            return self.text.count(words) >= times

        try:
            until(said, seconds)
        except AssertionError:
            print(self.text[-6000:])
            raise

    def interrupt(self) -> None:
        """Ctrl-C."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            self.process.wait(60)

    def remove(self) -> None:
        try:
            self.interrupt()
        finally:
            self.compose("--profile", "debug", "down", "--volumes", "--rmi", "local", "--timeout", "5", check=False)

    def get(self, path: str, quiet: bool = False, **headers: str):
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=20, trust_env=False)
        except httpx.HTTPError:
            if not quiet:
                raise
            return 0
        return answer.status_code if quiet else answer

    def read(self, name: str = "app/main.c") -> str:
        return (self.folder / name).read_text()

    def write(self, text: str, name: str = "app/main.c") -> None:
        (self.folder / name).write_text(text)

    def greet(self, text: str) -> float:
        """Saves a handler that says this; when it was saved."""
        line = next(line for line in self.read().splitlines() if line.strip().startswith("out->message = ") and "key" not in line)
        self.write(self.read().replace(line, f'    out->message = APUS_STR("{text}");'))
        return time.time()

    def answers(self, text: str, seconds: float = REBUILT) -> float:
        """Waits until the greeting is this; the time when it was."""
        with httpx.Client(timeout=20, trust_env=False) as client:
            until(lambda: text in client.get(f"http://127.0.0.1:{self.port}/").text, seconds, every=0.01)
        return time.time()

    def said_at(self, words: str) -> float:
        """When `app dev` last said this, by its own clock, which is this machine's."""
        found = [at for at, said in LOG_LINE.findall(self.text) if said.startswith(words)]
        whole, part = found[-1].rstrip("Z").split(".")
        return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + part)

    def services(self) -> dict[str, dict]:
        lines = self.compose("--profile", "debug", "ps", "--format", "json").splitlines()
        return {one["Service"]: one for one in map(json.loads, lines)}
