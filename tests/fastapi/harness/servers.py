"""The servers of a test file: one per imported page, as Python has one application per imported module."""

import os
from dataclasses import dataclass
from pathlib import Path

from .outcomes import NotPorted, NotSelected
from .pages import Pages
from .server import Server
from .stubs import PortApp

REFERENCE_SECONDS = 30.0
PORT_SECONDS = 10.0


@dataclass(frozen=True)
class Choice:
    """What a run is about."""

    selected: frozenset[str]
    reference: str
    """The Python that serves FastAPI's own pages instead of ports, or empty."""
    binaries: Path
    sources: Path

    def is_ported(self, page: str) -> bool:
        """A port is a binary together with its source: a binary whose source has gone is left over."""
        if self.reference:
            return True
        return os.access(self.binaries / page, os.X_OK) and (self.sources / f"{page}.c").is_file()


class Servers:
    """Starts servers when they are first asked for, and stops those of a test file together."""

    def __init__(self, pages: Pages, choice: Choice, logs: Path) -> None:
        self.pages = pages
        self.choice = choice
        self.logs = logs
        self.running: dict[tuple[int, str], tuple[PortApp, Server]] = {}
        self.started = 0
        self.bad_ends: list[tuple[str, str]] = []
        self.used_pages: list[str] = []

    def begin_instance(self) -> None:
        self.used_pages = []

    def require(self, page: str) -> None:
        """Raises NotPorted or NotSelected for a page that this run has no port for."""
        if page not in self.choice.selected:
            if self.choice.is_ported(page):
                raise NotSelected(page)
            raise NotPorted(page)

    def get(self, app: PortApp, root_path: str = "") -> Server:
        """The server of an application, started if it is not running."""
        page = self.pages.page_of(app.module)
        self.used_pages.append(page)
        self.require(page)
        key = (id(app), root_path)
        if key not in self.running:
            self.running[key] = (app, self._start(app.module, page, root_path))
        return self.running[key][1]

    def _start(self, module: str, page: str, root_path: str) -> Server:
        self.started += 1
        log = self.logs / f"{self.started:04}-{module}.log"
        if self.choice.reference:
            program = Path(__file__).with_name("reference.py")
            return Server(module, [self.choice.reference, str(program), module], log, REFERENCE_SECONDS, root_path)
        return Server(page, [str(self.choice.binaries / page)], log, PORT_SECONDS, root_path)

    def restart(self, app: PortApp, root_path: str) -> None:
        self.stop(app, root_path)
        self.get(app, root_path)

    def stop(self, app: PortApp, root_path: str) -> None:
        found = self.running.pop((id(app), root_path), None)
        if found:
            self._stop_all([found])

    def stop_all(self) -> None:
        found = list(self.running.values())
        self.running.clear()
        self._stop_all(found)

    def _stop_all(self, found: list[tuple[PortApp, Server]]) -> None:
        """Asks all of them first, then waits. uvicorn raises the signal again after its shutdown; a port returns 0."""
        good_statuses = (0, -15) if self.choice.reference else (0,)
        for _, server in found:
            server.ask_to_stop()
        for app, server in found:
            complaint = server.wait_stopped(good_statuses)
            if complaint:
                self.bad_ends.append((self.pages.page_of(app.module), complaint))

    def output(self) -> str:
        """What the running servers wrote, for a failure's report."""
        parts = [(server.name, server.output()) for _, server in self.running.values()]
        return "\n".join(f"{name}:\n{text}" for name, text in parts if text)
