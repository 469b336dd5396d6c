"""What the harness promises, shown with false ports: scripts that answer for a page as they are told to."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cache import Cache  # noqa: E402
from harness import differences  # noqa: E402
from harness.pages import Pages  # noqa: E402

PAGE = "first_steps/tutorial001"
PAGE_INSTANCES = 6
TEST_FILE = "tests/test_tutorial/test_first_steps/test_tutorial001_tutorial002_tutorial003.py"

OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "FastAPI", "version": "0.1.0"},
    "paths": {
        "/": {
            "get": {
                "responses": {"200": {"description": "Successful Response", "content": {"application/json": {"schema": {}}}}},
                "summary": "Root",
                "operationId": "root__get",
            }
        }
    },
}
RIGHT_ANSWERS = {"/": {"message": "Hello World"}, "/openapi.json": OPENAPI}

FALSE_PORT = """#!{python}
import json, os, pathlib, signal, socket, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

told = json.loads(pathlib.Path(__file__ + ".json").read_text())
pathlib.Path(__file__ + ".environment").write_text(json.dumps(dict(os.environ)))
if "dies" in told:
    sys.exit(told["dies"])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(told["status"]))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path in told["answers"]
        body = json.dumps(told["answers"].get(self.path, {{"detail": "Not Found"}})).encode()
        self.send_response(200 if found else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=3)
server.serve_forever()
"""


@dataclass
class Ports:
    """A folder of false ports and one of their sources."""

    folder: Path

    def add(self, page: str, *, source: bool = True, **told: Any) -> None:
        binary = self.folder / "bin" / page
        binary.parent.mkdir(parents=True, exist_ok=True)
        binary.write_text(FALSE_PORT.format(python=sys.executable), encoding="utf-8")
        binary.chmod(0o755)
        Path(f"{binary}.json").write_text(json.dumps({"answers": {}, "status": 0, **told}), encoding="utf-8")
        if source:
            file = self.folder / "src" / f"{page}.c"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()

    def environment_of(self, page: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(Path(self.folder, "bin", f"{page}.environment").read_text(encoding="utf-8"))
        return found

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        where = ["--binaries", str(self.folder / "bin"), "--sources", str(self.folder / "src")]
        cache = ["--cache", str(Path(sys.executable).parents[2])]
        command = [sys.executable, str(HERE / "run"), *where, *cache, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60)

    def require(self, **counts: int) -> str:
        table = self.folder / "required.tsv"
        table.write_text("".join(f"{page}\t{count}\n" for page, count in counts.items()), encoding="utf-8")
        return str(table)


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    return Ports(tmp_path)


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    return result.stdout.splitlines()[-1]


def test_a_port_that_answers_as_fastapi_does_passes(ports: Ports) -> None:
    ports.add(PAGE, answers=RIGHT_ANSWERS)
    result = ports.run(PAGE, "--require", ports.require(**{PAGE: PAGE_INSTANCES}))
    assert last_line(result) == "6 passed, 0 failed, 0 not ported, 0 in-process only"
    assert result.returncode == 0


def test_a_port_that_answers_otherwise_fails_and_the_difference_is_told(ports: Ports) -> None:
    ports.add(PAGE, answers={**RIGHT_ANSWERS, "/openapi.json": {**OPENAPI, "openapi": "3.0.3"}})
    result = ports.run(PAGE)
    assert last_line(result) == "4 passed, 2 failed, 0 not ported, 0 in-process only"
    assert "answer['openapi'] is '3.0.3', expected '3.1.0'" in result.stdout
    assert result.returncode == 1


def test_a_required_page_without_a_port_fails_with_all_its_instances(ports: Ports) -> None:
    result = ports.run("--require", ports.require(**{PAGE: PAGE_INSTANCES}))
    assert last_line(result) == "0 passed, 6 failed, 0 not ported, 0 in-process only"
    assert f"lacking: {PAGE} has no port" in result.stdout
    assert result.returncode == 1


def test_a_required_page_that_passes_too_little_fails(ports: Ports) -> None:
    ports.add(PAGE, answers=RIGHT_ANSWERS)
    result = ports.run(PAGE, "--require", ports.require(**{PAGE: PAGE_INSTANCES + 1}))
    assert last_line(result) == "6 passed, 1 failed, 0 not ported, 0 in-process only"
    assert result.returncode == 1


def test_a_page_asked_for_without_a_port_fails(ports: Ports) -> None:
    result = ports.run(PAGE)
    assert f"lacking: {PAGE} has no port" in result.stdout
    assert result.returncode == 1


def test_a_binary_whose_source_has_gone_is_no_port(ports: Ports) -> None:
    ports.add(PAGE, source=False, answers=RIGHT_ANSWERS)
    result = ports.run(PAGE)
    assert last_line(result).startswith("0 passed")
    assert result.returncode == 1


def test_instances_of_a_page_without_a_port_count_as_not_ported_beside_those_of_one_that_has(ports: Ports) -> None:
    ports.add("body_nested_models/tutorial001")
    result = ports.run("body_nested_models/tutorial001")
    assert last_line(result) == "0 passed, 5 failed, 10 not ported, 0 in-process only"


def test_a_port_that_dies_fails_with_what_it_said(ports: Ports) -> None:
    ports.add(PAGE, dies="no such setting: COLOUR")
    result = ports.run(PAGE)
    assert last_line(result).startswith("0 passed, 6 failed")
    assert "ended with status 1" in result.stdout
    assert "no such setting: COLOUR" in result.stdout


def test_a_port_that_ends_badly_fails_though_its_answers_were_right(ports: Ports) -> None:
    ports.add(PAGE, answers=RIGHT_ANSWERS, status=23)
    result = ports.run(PAGE)
    assert last_line(result).startswith("6 passed, 2 failed")
    assert "failed: first_steps/tutorial001 (its end): first_steps/tutorial001 ended with status 23" in result.stdout
    assert result.returncode == 1


def test_a_port_gets_the_settings_of_a_test_and_none_of_the_caller(ports: Ports) -> None:
    ports.add(PAGE, answers=RIGHT_ANSWERS)
    ports.run(PAGE, DATABASE_URL="postgresql://elsewhere", WORKERS="7")
    environment = ports.environment_of(PAGE)
    wanted = {"LISTEN_FDS": "1", "WORKERS": "1", "ADMIN_PORT": "0", "ACCESS_LOG": "off", "DRAIN_DELAY": "0"}
    assert wanted.items() <= environment.items()
    assert environment.keys().isdisjoint({"DATABASE_URL", "LISTEN_PID"})


def test_an_instance_that_needs_python_is_reported_by_name(ports: Ports) -> None:
    ports.add("path_params/tutorial003b")
    result = ports.run("path_params/tutorial003b")
    assert last_line(result) == "0 passed, 2 failed, 0 not ported, 1 in-process only"
    assert "in-process only: tests/test_tutorial/test_path_params/test_tutorial003b.py::test_read_users2" in result.stdout


def test_a_name_that_is_no_page_is_refused(ports: Ports) -> None:
    result = ports.run("first_steps/tutorial999")
    assert "no page of FastAPI's tutorial: first_steps/tutorial999" in result.stderr
    assert result.returncode == 1


def test_a_changed_test_file_stops_the_run(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    file = cache.sdist / "tests" / "test_it.py"
    file.parent.mkdir(parents=True)
    file.write_text("assert True\n", encoding="utf-8")
    cache.manifest.write_text(json.dumps({"tests/test_it.py": "0" * 64}), encoding="utf-8")
    with pytest.raises(SystemExit, match="not as FastAPI ships it"):
        cache.check_unmodified([file])


@pytest.mark.parametrize(
    "module, page",
    [
        ("docs_src.header_params.tutorial003", "header_params/tutorial003"),
        ("docs_src.header_params.tutorial003_non_an", "header_params/tutorial003"),
        ("docs_src.path_params.tutorial005_py310", "path_params/tutorial005"),
        ("docs_src.body.tutorial001_an_py39", "body/tutorial001"),
        ("docs_src.request_files.tutorial001_02_an", "request_files/tutorial001_02"),
        ("docs_src.settings.app02_non_an.main", "settings/app02/main"),
        ("docs_src.bigger_applications.app_an_py310.main", "bigger_applications/main"),
        ("docs_src.websockets_.tutorial001", "websockets_/tutorial001"),
    ],
)
def test_variants_of_a_page_share_its_port(tmp_path: Path, module: str, page: str) -> None:
    aliases = {"bigger_applications/app/main": "bigger_applications/main"}
    assert Pages(tmp_path, aliases).page_of(module) == page


def test_differences_are_told_by_their_place() -> None:
    answer = {"a": [1, {"b": 2}], "left": 0}
    expected = {"a": [1, {"b": 3}], "right": 0}
    assert differences.explain(answer, expected) == [
        "the answer is not what FastAPI's test expects",
        "answer['right'] is missing: 0",
        "answer['left'] is not expected: 0",
        "answer['a'][1]['b'] is 2, expected 3",
    ]
