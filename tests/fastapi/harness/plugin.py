"""The pytest plugin that lets FastAPI's own test files judge a server outside their process.

`run` starts pytest with this plugin and a description of the run (`--harness`, a JSON file); the verdict of every
instance goes back to it as JSON.
"""

import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from . import client, differences
from .outcomes import ListedInProcess, NoVerdict
from .pages import Pages
from .servers import Choice, Servers
from .stubs import PageFinder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--harness", type=Path, required=True, help="the run's description, a JSON file")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Judge(json.loads(config.getoption("harness").read_text(encoding="utf-8"))))


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> list[str] | None:
    return differences.explain(left, right) if op == "==" else None


class Judge:
    """Runs the instances and keeps a verdict on each."""

    def __init__(self, run: dict[str, Any]) -> None:
        sdist = Path(run["sdist"])
        choice = Choice(frozenset(run["selected"]), run["reference"], Path(run["binaries"]), Path(run["sources"]))
        self.pages = Pages(sdist, run["aliases"])
        self.reference = bool(run["reference"])
        self.in_process: dict[str, str] = run["in_process"]
        self.report = Path(run["report"])
        self.servers = Servers(self.pages, choice, Path(run["logs"]))
        self.verdicts: list[dict[str, str]] = []
        self.imported: list[str] = []
        client.install(self.servers)
        sys.meta_path.insert(0, PageFinder(sdist, self.imported.append))

    def reason_in_process(self, item: pytest.Item) -> str | None:
        """A line of in_process.tsv names a test with all its instances, or one instance."""
        return self.in_process.get(item.nodeid) or self.in_process.get(item.nodeid.split("[")[0])

    def pages_of(self, item: pytest.Item) -> list[str]:
        """The pages whose ports an instance used; if none, those that its parameters or its file name."""
        imported = [module for module in self.imported if module in self.pages.applications]
        used = self.servers.used_pages or [self.pages.page_of(module) for module in imported]
        if used:
            return sorted(set(used))
        modules = self.pages.applications_named_in(item.path)
        parameters = getattr(item, "callspec", None)
        for value in parameters.params.values() if parameters else ():
            modules = [module for module in modules if f".{value}." in f"{module}."] or modules
        return sorted({self.pages.page_of(module) for module in modules})

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.servers.begin_instance()
        self.imported.clear()
        reason = self.reason_in_process(item)
        if reason and (not self.reference or reason.startswith("race:")):
            for page in self.pages_of(item):
                self.servers.require(page)
            raise ListedInProcess(reason)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        result = yield
        if not self.servers.used_pages:
            pytest.fail("the test passed without one request to a port, so it says nothing about it", pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, NoVerdict):
            self.leave_out(item, report, error.category, str(error))
        elif self.reference and self.reason_in_process(item):
            self.check_that_listed_fails(item, report)
        elif report.outcome != "passed":
            if output := self.servers.output():
                report.sections.append(("output of the servers", output))
            self.record(item, "failed", str(report.longrepr) if report.skipped else "")
            report.outcome = "failed"
        elif report.when == "call":
            self.record(item, "passed")
        return report

    def leave_out(self, item: pytest.Item, report: pytest.TestReport, category: str, reason: str) -> None:
        report.outcome = "skipped"
        report.longrepr = (str(item.path), 0, f"{category}: {reason}")
        self.record(item, category, reason)

    def check_that_listed_fails(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Against FastAPI itself the listed instances run: one that passes has no place in the list."""
        if report.failed:
            self.leave_out(item, report, ListedInProcess.category, self.reason_in_process(item) or "")
        elif report.when == "call":
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} stands in in_process.tsv, but passes over HTTP: take it out"
            self.record(item, "failed")

    def record(self, item: pytest.Item, category: str, reason: str = "") -> None:
        page = "+".join(self.pages_of(item))
        verdict = {"test": item.nodeid, "page": page, "verdict": category, "reason": reason}
        if self.verdicts and self.verdicts[-1]["test"] == item.nodeid:
            self.verdicts.pop()
        self.verdicts.append(verdict)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, Any, Any]:
        """State in a page's memory lasts for a test file, as it does in Python when the file runs alone."""
        try:
            return (yield)
        finally:
            if nextitem is None or nextitem.path != item.path:
                self.servers.stop_all()

    def fail(self, test: str, page: str, reason: str) -> None:
        """A failure that is no instance's; `run` prints a reason that pytest does not."""
        self.verdicts.append({"test": test, "page": page, "verdict": "failed", "reason": reason})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected, or that skips itself, has judged nothing."""
        if not report.passed:
            self.fail(report.nodeid, "", str(report.longrepr) if report.skipped else "")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """A line of in_process.tsv that names nothing in the files of this run is out of date."""
        files = {item.nodeid.split("::")[0] for item in session.items}
        names = {item.nodeid for item in session.items} | {item.nodeid.split("[")[0] for item in session.items}
        for test in self.in_process:
            if test.split("::")[0] in files and test not in names:
                self.fail(test, "", "in_process.tsv names this test, which does not exist")

    def pytest_sessionfinish(self) -> None:
        self.servers.stop_all()
        for page, complaint in self.servers.bad_ends:
            self.fail(f"{page} (its end)", page, complaint)
        self.report.write_text(json.dumps(self.verdicts, indent=1), encoding="utf-8")
