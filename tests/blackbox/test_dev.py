"""`app dev`: a saved file is compiled and serving, nobody is refused meanwhile, and what is wrong is said."""

import contextlib
import os
import pty
import signal
import socket
import statistics
import threading
import time
from pathlib import Path

import httpx
import pytest
from support.caller import Caller
from support.dev import BUILT, Dev, Tree, developing, processes_in
from support.postgres import Database
from support.server import ROOT, SANITIZED, crowding, until

FIGURES = ROOT / "build" / "results" / "figures-dev.txt"


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@contextlib.contextmanager
def load(port, callers=8):
    """Clients that each ask a hundred times a second; none may be refused, cut off, or told of an error."""
    all_of_them = [Caller(port, pause=0.01) for _ in range(callers)]
    for caller in all_of_them:
        caller.start()
    yield all_of_them
    for caller in all_of_them:
        caller.stopped = True
    for caller in all_of_them:
        caller.join(20)
    assert [lost for c in all_of_them for lost in c.lost] == []
    assert not any(c.refused for c in all_of_them) and all(c.answered > 10 for c in all_of_them)


@pytest.mark.tsan
def test_a_saved_handler_answers_and_no_request_fails_meanwhile(tree):
    with developing(tree, ACCESS_LOG="off") as dev:
        dev.answers("hello from FastAPI")
        crowd = crowding()
        with load(dev.port) as callers:
            taken = []
            for word in ("one", "two", "three"):
                tree.greet(word)
                taken.append(dev.answers(word))
        dev.says("dev: version 4 serves")
    words = (f"saved file to new answer, under load, {os.cpu_count()} cores (other work stretches time by {crowd:.1f}): "
             f"{', '.join(f'{t:.2f}' for t in taken)} s; {sum(c.answered for c in callers)} requests, none failed")
    print(words)
    if not SANITIZED:
        FIGURES.parent.mkdir(parents=True, exist_ok=True)
        FIGURES.write_text(words + "\n")
        assert statistics.median(taken) < 2 * crowd


def test_a_file_that_does_not_compile_leaves_the_version_before_serving(tree):
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        good = tree.read()
        tree.write(good.replace("static int root(", "static <int> root("))
        dev.says("dev: the build failed; the version before it is still serving")
        assert "app/main.c:" in dev.text and "error: " in dev.text
        page = dev.get("/_dev")
        assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
        assert "The build failed" in page.text and "The version before it is still serving." in page.text
        assert "app/main.c:" in page.text and "static &lt;int&gt; root(" in page.text and "<int>" not in page.text
        state = dev.state()
        assert state["state"] == "broken" and "static <int> root(" in state["build"]
        assert dev.get("/").json() == {"message": "hello from FastAPI"}
        tree.write(good.replace("apus_cstr(greeting)", 'APUS_STR("mended")'))
        dev.answers("mended")
        until(lambda: dev.state()["state"] == "serving")
        assert dev.state()["build"] == "" and "The newest version is serving." in dev.get("/_dev").text


def test_a_first_build_that_fails_is_shown_until_it_is_mended(tree):
    good = tree.read()
    tree.write("no C at all\n" + good)
    with developing(tree) as dev:
        dev.says("dev: the build failed; nothing is serving")
        page = dev.get("/docs", accept="text/html,*/*;q=0.8")
        assert page.status_code == 503 and "no C at all" in page.text and page.headers["retry-after"] == "1"
        answer = dev.get("/items")
        assert answer.status_code == 503 and "/_dev" in answer.json()["detail"]
        assert dev.state()["serving"] == 0 and dev.get("/_dev").status_code == 200
        with httpx.Client(base_url=dev.url, timeout=BUILT, trust_env=False) as kept:
            assert kept.get("/").status_code == 503
            tree.write(good)
            dev.says("dev: version 1 serves")
            assert kept.get("/").status_code == 200  # the connection was not kept to those who do not serve
        assert dev.get("/").json() == {"message": "hello from FastAPI"}
        assert dev.get("/docs").status_code == 200


@pytest.mark.tsan
def test_of_two_quick_saves_the_second_serves(tree):
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        tree.greet("first")
        time.sleep(0.15)  # the build has begun
        tree.greet("second")
        dev.answers("second")
        time.sleep(0.3)
        assert "second" in dev.get("/").text


def test_a_save_during_a_build_is_built_too(tree):
    """A compiler that has read the old text may write its object after the save: make alone would think that one new."""
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        for turn in range(4):
            tree.greet(f"early {turn}")
            time.sleep(0.1 + 0.12 * turn)
            tree.greet(f"late {turn}")
            dev.answers(f"late {turn}")


def test_a_file_that_comes_with_an_old_time_is_built(tree):
    """As files do that were copied into a container, or moved into place."""
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        for word in ("copied", "copied again"):
            tree.greet(word)
            other = tree.folder / "app" / "main.c.new"
            other.write_text(tree.read().replace(word, word + " late"))
            os.utime(other, (time.time() - 3600,) * 2)
            dev.answers(word)
            os.replace(other, tree.folder / "app" / "main.c")
            dev.answers(word + " late")


def test_an_editor_may_write_beside_the_file_and_rename(tree):
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        source = tree.folder / "app" / "main.c"
        beside = tree.folder / "app" / ".main.c.swp"
        beside.write_text(tree.read().replace("apus_cstr(greeting)", 'APUS_STR("renamed")'))
        os.replace(source, tree.folder / "app" / "main.c~")
        os.replace(beside, source)
        dev.answers("renamed")


def test_files_in_new_folders_are_seen_and_those_in_build_are_not(tree):
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        (tree.folder / "app" / "words" / "of").mkdir(parents=True)
        time.sleep(0.5)
        tree.write('#define WORD "from a new folder"\n', "app/words/of/word.h")
        tree.write('#include "words/of/word.h"\n' + tree.read().replace("apus_cstr(greeting)", "APUS_STR(WORD)"))
        dev.answers("from a new folder")
        tree.write('#define WORD "changed there"\n', "app/words/of/word.h")
        dev.answers("changed there")
        changes = dev.text.count(" changed\n")
        tree.write("int nothing;\n", "build/nothing.c")
        tree.write("nothing\n", "app/notes.txt")
        time.sleep(0.6)
        assert dev.text.count(" changed\n") == changes


def test_a_file_that_is_touched_without_a_change_restarts_nothing_that_need_not(tree):
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        server = dev.server
        tree.write("/* nobody includes this */\n", "runtime/core/unused_words.h")
        dev.says("dev: nothing to do")
        assert dev.server == server


def test_a_server_that_crashes_is_said_and_started_again(tree):
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        first = dev.server
        os.kill(first, signal.SIGSEGV if not SANITIZED else signal.SIGKILL)
        dev.says("dev: the server ended by signal")
        page = dev.get("/", accept="text/html")
        assert page.status_code == 503 and "The server failed" in page.text and "ended by signal" in page.text
        assert "ended by signal" in dev.state()["server"]
        until(lambda: len(dev.logged("listening")) == 2 and dev.get("/").status_code == 200)
        assert dev.server != first and dev.state()["server"] == ""


def test_a_crash_comes_back_later_each_time_but_a_save_starts_it_at_once(tree):
    with developing(tree) as dev:
        for crash in (1, 2, 3):
            dev.says(f"dev: version {crash} serves")
            until(lambda: len(dev.logged("started")) == crash)
            os.kill(dev.server, signal.SIGKILL)
            dev.says("dev: the server ended by signal", times=crash)
        tree.greet("saved")
        dev.answers_again("saved")
        assert "dev: version 4 serves, " in dev.text  # it came by the change, not after the four seconds that were due


def test_a_new_version_that_does_not_start_leaves_the_one_before_serving(tree):
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        good = tree.read()
        tree.write(good.replace('GET("/protected"', 'GET("/protected/{nobody_takes_this}"'))
        dev.says("dev: the server ended with status 1")
        assert "nobody_takes_this" in dev.state()["server"] and "nobody_takes_this" in dev.get("/_dev").text
        assert dev.get("/").status_code == 200
        tree.write(good.replace("apus_cstr(greeting)", 'APUS_STR("mended")'))
        dev.answers("mended")
        assert dev.state()["state"] == "serving"


def test_what_a_server_writes_to_standard_error_is_passed_on_and_shown_when_it_crashes(tree):
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        text = tree.read().replace("    out->message = apus_cstr(greeting);",
                                   '    fprintf(stderr, "about to <fail>\\n");\n    out->message = *(apus_str *volatile)NULL;')
        tree.write("#include <stdio.h>\n" + text)
        dev.says("dev: version 2 serves")
        with contextlib.suppress(Exception):
            dev.get("/")
        dev.says("dev: the server ended")
        assert "about to <fail>" in dev.text
        assert "about to &lt;fail&gt;" in dev.get("/_dev").text
        tree.write(text.replace("about", "\n"))
        tree.write(tree.read().replace("*(apus_str *volatile)NULL", 'APUS_STR("safe")').replace('    fprintf(stderr, "\n to <fail>\\n");\n', ""))
        dev.answers_again("safe")
        dev.text = ""  # a sanitizer's report of the crash was wanted


def test_migrations_are_applied_at_the_start_and_when_they_change(tree, cluster):
    database = Database(cluster, "dev_migrations")
    with developing(tree, DATABASE_URL=database.url) as dev:
        until(lambda: dev.get("/items").status_code == 200, BUILT)
        tree.write("-- migrate:up\ncreate table added (id int);\n", "app/migrations/20270101000001_add.sql")
        until(lambda: database.rows("select to_regclass('added')")[0][0] == "added", BUILT)
        dev.says("dev: version 2 serves")


def test_a_migration_that_fails_leaves_the_version_before_serving(tree, cluster):
    database = Database(cluster, "dev_bad_migrations")
    with developing(tree, DATABASE_URL=database.url) as dev:
        until(lambda: dev.get("/items").status_code == 200, BUILT)
        tree.write("-- migrate:up\ncreate tabel added (id int);\n", "app/migrations/20270101000001_add.sql")
        until(lambda: "tabel" in dev.state()["server"], BUILT)
        assert dev.get("/items").status_code == 200
        tree.write("-- migrate:up\ncreate table added (id int);\n", "app/migrations/20270101000001_add.sql")
        until(lambda: database.rows("select to_regclass('added')")[0][0] == "added", BUILT)


def test_a_request_under_way_is_finished_by_the_version_that_began_it(tree):
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        slow = tree.read().replace("static int root(apus_request *,", "static int root(apus_request *req,")
        tree.write(slow.replace("    out->message = apus_cstr(greeting);",
                                '    apus_sleep(req, 4);\n    out->message = APUS_STR("slow");'))
        dev.says("dev: version 2 serves")
        answers = []
        asking = threading.Thread(target=lambda: answers.append(dev.get("/").json()))
        asking.start()
        time.sleep(0.3)
        tree.greet("quick")
        tree.write(tree.read().replace("    apus_sleep(req, 4);\n", "    (void)req;\n"))
        dev.says("dev: version 3 serves")
        assert SANITIZED or not answers
        dev.answers("quick")
        asking.join()
        assert answers == [{"message": "slow"}]


def test_flags_reach_the_server(tree):
    with developing(tree, "--greeting", "by flag") as dev:
        dev.answers("by flag")


def test_a_wrong_setting_or_argument_is_one_clear_line(tree):
    for arguments, word in ((("--port", "eighty"), "eighty"), (("there",), "there")):
        dev = Dev(tree, *arguments)
        assert dev.process.wait(20) == 2
        until(lambda: word in dev.text)
        assert len(dev.text.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_process(tree, number):
    dev = Dev(tree, DEV_BUILD="sleep 1000 & sleep 1000; true")
    until(lambda: [c for c in processes_in(tree.folder) if c.startswith("sleep")])
    dev.stop(number)


def test_ctrl_c_leaves_no_process_while_it_serves(tree):
    dev = Dev(tree, DRAIN_DELAY=30)
    dev.answers("hello from FastAPI")
    began = time.monotonic()
    dev.stop(signal.SIGINT)
    assert time.monotonic() - began < (20 if SANITIZED else 5)


def test_no_server_outlives_it_when_it_is_killed(tree):
    dev = Dev(tree)
    dev.answers("hello from FastAPI")
    dev.process.kill()
    dev.process.wait()
    until(lambda: processes_in(tree.folder) == [])


def test_its_page_is_hidden_and_not_logged_and_the_docs_follow_the_build(tree):
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        assert '<script src="/_dev/script.js"></script>' in dev.get("/docs").text
        assert '<script src="/_dev/script.js"></script>' in dev.get("/redoc").text
        script = dev.get("/_dev/script.js")
        assert script.headers["content-type"].startswith("text/javascript") and "location.reload" in script.text
        assert "_dev" not in dev.get("/openapi.json").text
        until(lambda: [line for line in dev.logged("request") if line["path"] == "/openapi.json"])
        assert not [line for line in dev.logged("request") if "_dev" in line["path"]]


def test_nothing_of_it_exists_outside_of_dev(client):
    for path in ("/_dev", "/_dev/state", "/_dev/script.js"):
        assert client.get(path).status_code == 404
    assert "_dev" not in client.get("/docs").text and "_dev" not in client.get("/redoc").text


def test_colours_are_kept_on_a_terminal_and_left_out_of_the_page(tree):
    ours, theirs = pty.openpty()
    tree.write("no C at all\n" + tree.read())
    dev = Dev(tree, terminal=theirs, PORT=free_port(), TERM="xterm-256color")
    os.close(theirs)
    text = b""
    while b"nothing is serving" not in text:
        text += os.read(ours, 65536)
    assert b"\033[01;31m" in text or b"\033[" in text.split(b"compile app/main.c", 1)[1]
    port = int(text.split(b"://localhost:", 1)[1].split(b",", 1)[0])
    dev.text = f"dev: http://localhost:{port},"
    page = dev.get("/_dev")
    assert "error" in page.text and "\033" not in page.text and "[01;" not in page.text and "[K" not in page.text
    dev.stop()
    os.close(ours)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_it_is_frugal(tree):
    """Idle it neither computes nor grows."""
    with developing(tree) as dev:
        dev.answers("hello from FastAPI")
        stat = Path(f"/proc/{dev.process.pid}/stat")
        descriptors = Path(f"/proc/{dev.process.pid}/fd")

        def ticks():
            fields = stat.read_text().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])

        for word in ("a", "b"):
            tree.greet(word)
            dev.answers(word)
        time.sleep(1.2)
        before, open_before = ticks(), len(list(descriptors.iterdir()))
        time.sleep(2)
        assert ticks() - before <= 5
        tree.greet("c")
        dev.answers("c")
        time.sleep(1.2)
        assert len(list(descriptors.iterdir())) == open_before
