"""What happens to the process: killed, stopped, its clock set, its work cut short."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from support.raw import readable
from support.server import SANITIZED, Server, serving, until


@pytest.fixture(scope="module", autouse=True)
def _migrated(server):
    """The file's database has its tables."""


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """A library that sets the wall clock of one process."""
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).parent / "support" / "clock.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return library


@pytest.mark.skipif(SANITIZED, reason="the sanitizers must be the first library")
@pytest.mark.parametrize("jump", [3600, -3600, 86400 * 400])
def test_a_clock_that_jumps_ends_nothing_and_delays_nothing(database, clock, tmp_path, jump):
    offset = tmp_path / "offset"
    offset.write_text("0")
    with serving(DATABASE_URL=database.url, LD_PRELOAD=clock, CLOCK_OFFSET=offset, REQUEST_TIMEOUT=20, KEEP_ALIVE_TIMEOUT=60) as server:
        with server.client() as client, ThreadPoolExecutor(4) as pool:
            assert client.get("/").status_code == 200
            day = client.get("/").headers["date"]
            dials = server.metric("db_client_connection_dials_total")
            with database.connect() as connection, connection.transaction():
                connection.execute("lock table items")
                asked = [pool.submit(client.get, "/items") for _ in range(4)]
                until(lambda: server.metric("http_server_active_requests") >= 4)
                offset.write_text(str(jump))
                time.sleep(1.5)
                assert not any(a.done() for a in asked)
            assert {a.result().status_code for a in asked} == {200}
            began = time.monotonic()
            assert client.get("/items").status_code == 200 and client.get("/healthz").status_code == 200
            assert time.monotonic() - began < 5
            assert server.metric("db_client_connection_dials_total") - dials <= 4
            assert server.metric("http_server_timeouts_total") == 0
            assert abs(jump) < 86400 or client.get("/").headers["date"] != day


def test_requests_that_expired_while_the_process_stood_still_are_told_so(database):
    with serving(DATABASE_URL=database.url, REQUEST_TIMEOUT=1) as server, ThreadPoolExecutor(4) as pool:
        with database.connect() as connection, connection.transaction():
            connection.execute("lock table items")
            asked = [pool.submit(httpx.get, server.url + "/items", timeout=30, trust_env=False) for _ in range(4)]
            until(lambda: server.metric("http_server_active_requests") >= 4)
            server.signal(signal.SIGSTOP)
            time.sleep(2)
            server.signal(signal.SIGCONT)
            assert {a.result().status_code for a in asked} == {503}
        with server.client() as client:
            until(lambda: client.get("/items").status_code == 200)
            assert client.get("/healthz").status_code == 200


def test_work_that_outlasts_the_drain_is_cancelled_told_and_leaves_nothing_behind(database):
    server = Server(DATABASE_URL=database.url, DRAIN_TIMEOUT=1).until_ready()
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with database.connect() as connection, connection.transaction(), ThreadPoolExecutor(2) as pool:
        connection.execute("lock table items")
        bulk = [{"name": uuid.uuid4().hex, "price": 1}]
        asked = [pool.submit(httpx.get, server.url + "/items", timeout=30, trust_env=False),
                 pool.submit(httpx.post, server.url + "/items/bulk", json=bulk, headers={"Idempotency-Key": "late"}, timeout=30, trust_env=False)]
        until(lambda: database.rows(waiting)[0][0] >= 2)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        answers = [a.result() for a in asked]
        assert {a.status_code for a in answers} == {503} and all("detail" in a.json() for a in answers)
        assert server.wait() == 0
        assert time.monotonic() - began < 10
        until(lambda: database.rows(waiting)[0][0] == 0)
    assert database.rows("select count(*) from idempotency_keys where key = 'late'") == [(0,)]


def test_what_was_acknowledged_survives_kills(database):
    """Each name is sent until it is acknowledged or known; the process is killed again and again meanwhile."""
    database.run("truncate items, idempotency_keys restart identity")
    acknowledged, sent, stopped = [], [], threading.Event()
    current = [Server(DATABASE_URL=database.url, ACCESS_LOG="off").until_ready()]

    def write():
        while not stopped.is_set():
            name = uuid.uuid4().hex
            sent.append(name)
            try:
                answer = httpx.post(current[0].url + "/items", json={"name": name, "price": 1}, timeout=10, trust_env=False)
            except httpx.HTTPError:
                continue
            if answer.status_code == 201:
                acknowledged.append(name)

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    ready = []
    for _ in range(5):
        before = len(acknowledged)
        until(lambda: len(acknowledged) > before + 20)
        current[0].signal(signal.SIGKILL)
        current[0].process.wait(10)
        began = time.monotonic()
        current[0] = Server(DATABASE_URL=database.url, ACCESS_LOG="off").until_ready()
        ready.append(time.monotonic() - began)
    stopped.set()
    for writer in writers:
        writer.join(20)
    assert current[0].stop() == 0
    stored = {name for (name,) in database.rows("select name from items")}
    assert set(acknowledged) <= stored <= set(sent) and len(acknowledged) == len(set(acknowledged))
    assert SANITIZED or min(ready) < 1


def test_signals_that_mean_nothing_change_nothing(database):
    with serving(DATABASE_URL=database.url) as server, server.client() as client:
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGCONT, signal.SIGWINCH, signal.SIGURG, signal.SIGCHLD):
            os.kill(server.pid, number)
            assert client.get("/").status_code == 200


IDLE = 10_000


@pytest.fixture
def many_descriptors():
    """As many as the connections take, here and in the servers that are started."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + 500:
        pytest.skip(f"a process may have {hard} descriptors here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_idle_connections_are_held_cheaply_and_others_are_served(database, many_descriptors):
    """In figures: some kilobytes each, and none of them closed."""
    settings = {"ACCESS_LOG": "off", "KEEP_ALIVE_TIMEOUT": 300, "MAX_CONNECTIONS": IDLE + 100}
    with serving(DATABASE_URL=database.url, **settings) as server:
        with server.client() as client:
            for _ in range(50):
                client.get("/")
            before = server.memory()
            held = [server.raw() for _ in range(IDLE)]
            for s in held:
                s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            for s in held:
                assert s.recv(4096).startswith(b"HTTP/1.1 200")
            per_connection = (server.memory() - before) / IDLE
            assert SANITIZED or per_connection < 10 * 1024, per_connection
            began = time.monotonic()
            assert all(client.get("/").status_code == 200 for _ in range(50))
            assert time.monotonic() - began < 10
            used = server.cpu_seconds()
            time.sleep(1)
            assert server.cpu_seconds() - used < 0.3
            assert not readable(held), "none of them is closed"
        for s in held:
            s.close()


def thread_of(pid, name):
    for thread in Path(f"/proc/{pid}/task").iterdir():
        if (thread / "comm").read_text().strip() == name:
            return int(thread.name)
    raise AssertionError(f"no thread of {pid} is called {name}")


@pytest.mark.skipif(os.geteuid() != 0, reason="holds a thread of another process, as root")
@pytest.mark.parametrize("stuck", [0, 1])
def test_a_worker_that_is_stuck_does_not_keep_the_process_from_ending(database, stuck):
    server = Server(DATABASE_URL=database.url, WORKERS=2, DRAIN_DELAY=0, DRAIN_TIMEOUT=1).until_ready()
    freeze = Path(__file__).parent / "support" / "freeze.py"
    with subprocess.Popen([sys.executable, freeze, str(thread_of(server.process.pid, f"worker {stuck}"))]) as frozen:
        time.sleep(0.5)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait() == 1
        assert time.monotonic() - began < 15
        assert frozen.wait(10) == 0
    until(lambda: server.logged(f"worker {stuck} is left behind: its loop is stuck in a handler that does not wait"))
