"""`app dev` on a copy of the sources, which a test may edit."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from .server import BUILD, PATIENCE, ROOT, SANITIZED, until

BUILT = PATIENCE * (10 if SANITIZED else 2)  # seconds that a build may take on a busy machine


class Tree:
    """What a user has: the application, the library, and what was built of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("Makefile", "app", "runtime", "scripts", f"build/{BUILD.name}", "build/assets", "build/tools.stamp"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", str(ROOT / name), str(folder / name)], check=True)

    @property
    def program(self) -> Path:
        return self.folder / "build" / BUILD.name / "app" / "app"

    def read(self, name: str = "app/main.c") -> str:
        return (self.folder / name).read_text()

    def write(self, text: str, name: str = "app/main.c") -> None:
        (self.folder / name).write_text(text)

    def greet(self, text: str) -> None:
        """Saves a handler that says this."""
        line = next(line for line in self.read().splitlines() if line.strip().startswith("out->message = ") and "key" not in line)
        self.write(self.read().replace(line, f'    out->message = APUS_STR("{text}");'))


class Dev:
    """A running `app dev`. Its own words and the servers' lines are read all the time."""

    def __init__(self, tree: Tree, *arguments: str, terminal: int | None = None, **settings: object) -> None:
        self.tree = tree
        environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "PORT", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        environment.update({"HOST": "127.0.0.1", "PORT": "0", "ADMIN_PORT": "0", "WORKERS": "1", "LOG_FORMAT": "json",
                            "DEV_BUILD": f"make -s VARIANT={BUILD.name} app"})
        environment.update({k: str(v) for k, v in settings.items()})
        self.process = subprocess.Popen([str(tree.program), "dev", *arguments], cwd=tree.folder, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE if terminal is None else terminal)
        self.text, self.lines = "", []
        self._readers = [threading.Thread(target=self._read_lines, daemon=True)]
        if terminal is None:
            self._readers.append(threading.Thread(target=self._read_text, daemon=True))
        for reader in self._readers:
            reader.start()

    def _read_text(self) -> None:
        for line in self.process.stderr:
            self.text += line.decode(errors="replace")

    def _read_lines(self) -> None:
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                self.lines.append(json.loads(line))

    def says(self, words: str, times: int = 1, seconds: float = BUILT) -> None:
        """Waits until it has said so."""
        def said() -> bool:
            assert self.process.poll() is None or words in self.text, self.text
            return self.text.count(words) >= times

        until(said, seconds)

    def logged(self, message: str) -> list[dict]:
        return [line for line in self.lines if line.get("message") == message]

    @property
    def port(self) -> int:
        self.says("dev: http")
        return int(self.text.split("://localhost:", 1)[1].split(",", 1)[0])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=BUILT, trust_env=False)

    def state(self) -> dict:
        return self.get("/_dev/state").json()

    def answers(self, text: str, seconds: float = BUILT) -> float:
        """Waits until the greeting is this; for how long it did."""
        began = time.monotonic()
        until(lambda: text in self.get("/").text, seconds, every=0.005)
        return time.monotonic() - began

    def answers_again(self, text: str) -> None:
        """The same after a crash, when connections may still be cut off."""
        def answered() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return text in self.get("/").text
            return False

        until(answered, BUILT)

    @property
    def server(self) -> int:
        """The process that serves."""
        return until(lambda: self.logged("listening"))[-1]["pid"]

    def stop(self, number: int = signal.SIGINT) -> None:
        """Ends it; what it started must be gone then."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
        for reader in self._readers:
            reader.join(PATIENCE)
        assert "Sanitizer" not in self.text and "runtime error" not in self.text, self.text
        assert status == 0, self.text
        assert processes_in(self.tree.folder) == []


def processes_in(folder: Path) -> list[str]:
    """Command lines of the processes that work in this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if Path(os.readlink(entry / "cwd")) == folder.resolve():
                found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


@contextlib.contextmanager
def developing(tree: Tree, *arguments: str, **settings: object) -> Iterator[Dev]:
    dev = Dev(tree, *arguments, **settings)
    try:
        yield dev
    except BaseException:
        dev.process.kill()
        print(dev.text)
        raise
    dev.stop()
