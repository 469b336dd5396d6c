"""compose.yaml: the contract's values, and the inner loop as a user has it."""

import json
import os
import statistics
import subprocess
import time

import httpx
import pytest
from stack import Stack
from support.caller import Caller
from support.server import ROOT, crowding, until

FIGURES = ROOT / "build" / "results" / "figures-compose.txt"
EDITS = 5


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("compose"))
    try:
        stack.up()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def described():
    command = ["docker", "compose", "--profile", "debug", "config", "--format", "json"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def test_the_file_is_valid():
    subprocess.run(["docker", "compose", "--profile", "debug", "config", "--quiet"], cwd=ROOT, check=True)


def test_the_contracts_values_are_there(described):
    api, db = described["services"]["api"], described["services"]["db"]
    assert api["environment"]["APP_ENV"] == "local"
    assert [(port["published"], port["target"]) for port in api["ports"]] == [("8000", 8000)]
    check = api["healthcheck"]
    assert (check["test"], check["interval"], check["timeout"], check["retries"]) == (["CMD", "app", "healthcheck"], "10s", "5s", 5)
    assert api["depends_on"]["db"]["condition"] == "service_healthy" and db["healthcheck"]
    assert db["image"].startswith("postgres:") and [volume["type"] for volume in db["volumes"]] == ["volume"]
    rules = {os.path.basename(rule["path"]): rule for rule in api["develop"]["watch"]}
    assert (rules["app"]["action"], rules["app"]["target"], rules["app"]["initial_sync"]) == ("sync", "/src/app", True)
    assert all(rules[name]["action"] == "rebuild" for name in ("Dockerfile", "Makefile", "deps"))
    debug = {name: one for name, one in described["services"].items() if one.get("profiles") == ["debug"]}
    assert debug["mail"]["image"] == "mailhog/mailhog" and debug["mail"]["ports"][0]["published"] == "8025" and "console" in debug


def test_it_comes_up_healthy_and_reaches_its_database(stack):
    assert stack.get("/").json() == {"message": "hello from FastAPI"}
    assert stack.get("/items").status_code == 200  # so the migrations were applied
    until(lambda: [stack.services()[name]["Health"] for name in ("api", "db")] == ["healthy"] * 2, 60, every=0.5)


def test_a_saved_handler_answers_within_two_seconds_and_no_request_fails(stack):
    callers = [Caller(stack.port, pause=0.01) for _ in range(4)]
    for caller in callers:
        caller.start()
    rows = []
    crowd = crowding()
    for turn in range(EDITS):
        time.sleep(1)
        saved = stack.greet(f"edit {turn}")
        answered = stack.answers(f"edit {turn}")
        stack.says("dev: version", times=turn + 2)
        rows.append((answered - saved, stack.said_at("app/main.c changed") - saved, answered - stack.said_at("app/main.c changed")))
    for caller in callers:
        caller.stopped = True
    for caller in callers:
        caller.join(20)
    write_figures(rows, sum(c.answered for c in callers), sum(len(c.lost) + c.refused for c in callers), crowd)
    assert [lost for c in callers for lost in c.lost] == [] and not any(c.refused for c in callers)
    assert statistics.median(row[0] for row in rows) <= 2.0 * crowd


def write_figures(rows, asked, failed, crowd):
    text = [f"docker compose up --watch, {os.cpu_count()} cores (other work stretches time by {crowd:.1f}), "
            f"under a load of {asked} requests, {failed} failed",
            "saved file to new answer, seconds: in all; until the file is in the container; from there (compile, link, start)"]
    text += ["  ".join(f"{seconds:5.2f}" for seconds in row) for row in rows]
    text += ["  ".join(f"{statistics.median(column):5.2f}" for column in zip(*rows)) + "  median"]
    print("\n".join(["", *text]))
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text("\n".join(text) + "\n")


def test_a_file_that_does_not_compile_leaves_the_old_one_serving_and_is_shown(stack):
    stack.greet("good")
    stack.answers("good")
    good = stack.read()
    stack.write(good.replace("static int root(", "static <int> root("))
    stack.says("dev: the build failed; the version before it is still serving")
    assert "error: " in stack.text and "static <int> root(" in stack.text
    page = stack.get("/_dev", accept="text/html")
    assert page.status_code == 200 and "The build failed" in page.text and "static &lt;int&gt; root(" in page.text
    assert stack.get("/").json() == {"message": "good"}
    stack.write(good.replace('"good"', '"mended"'))
    stack.answers("mended")
    until(lambda: stack.get("/_dev/state").json()["state"] == "serving")


def test_a_change_of_the_library_is_built_too(stack):
    text = stack.read("runtime/ops/probes.c")
    stack.write(text.replace('{\\"status\\":\\"ok\\"}', '{\\"status\\":\\"fine\\"}'), "runtime/ops/probes.c")
    until(lambda: stack.get("/health").json() == {"status": "fine"}, 120, every=0.1)


def test_the_debug_profile_adds_mail_and_a_console(stack):
    stack.compose("--profile", "debug", "up", "--detach", "--no-recreate", "mail", "console")
    mail = f"http://127.0.0.1:{stack.mail_port}/"
    until(lambda: answers(mail), 60, every=0.2)
    tables = stack.compose("--profile", "debug", "exec", "-T", "console", "psql", "-tAc", "select to_regclass('items')")
    assert tables.strip() == "items"
    until(lambda: stack.services()["console"]["State"] == "running")


def answers(url):
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_data_survive_down_and_up(stack):
    item = {"name": "kept", "price": 2.5}
    made = httpx.post(f"http://127.0.0.1:{stack.port}/items", json=item, timeout=20, trust_env=False)
    assert made.status_code == 201
    stack.interrupt()
    stack.compose("--profile", "debug", "down")
    assert stack.services() == {}
    stack.up()
    assert stack.get(f"/items/{made.json()['id']}").json()["name"] == "kept"


def test_what_was_saved_while_it_was_down_is_there_after_up(stack):
    assert stack.answers("mended")  # initial_sync: the image holds the text of its build
