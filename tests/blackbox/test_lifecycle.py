"""Starting and stopping: nothing that was accepted is lost."""

import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
from support.caller import Caller, Strangers
from support.machine import MAY_FILTER
from support.postgres import Database
from support.server import SANITIZED, Server, run, serving, until, within


def test_the_start_is_quick(database, server):
    def start():
        fast = Server(DATABASE_URL=database.url).until_ready()
        assert fast.stop() == 0
        return fast.logged("listening")[0]["seconds"]

    within(5.0 if SANITIZED else 0.5, start)


def test_it_serves_without_a_database_and_says_that_it_is_not_ready():
    server = Server(DATABASE_URL="postgresql://127.0.0.1:1/none", DB_ACQUIRE_TIMEOUT=1)
    until(lambda: server.logged("listening"))
    with server.client() as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/").status_code == 200
        answer = client.get("/readyz")
        assert answer.status_code == 503 and "reason" in answer.json()
        answer = client.get("/items")
        assert answer.status_code == 503 and "detail" in answer.json() and int(answer.headers["retry-after"]) >= 1
        assert client.get("/startupz").status_code == 200
    assert server.stop() == 0


def test_it_becomes_ready_by_itself_when_the_database_comes(cluster):
    with socket.socket() as s:  # a port on which nobody listens yet
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    database = Database(cluster, "late")
    real = httpx.URL(database.url.replace("postgresql://", "http://"))
    url = database.url.replace(f":{real.port}/", f":{port}/")
    server = Server(DATABASE_URL=url, MIGRATE_ON_START=1)
    until(lambda: server.logged("listening"))
    assert server.admin("/readyz")[0] == 503
    stop = forward(port, real.port)
    server.until_ready()
    with server.client() as client:
        assert client.get("/items").json() == {"items": [], "total": 0}
    assert server.stop() == 0
    stop()


def forward(port, target):
    """Passes connections on from one port to another."""
    listener = socket.create_server(("127.0.0.1", port))

    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            s.close()

    def accept():
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", target))
            threading.Thread(target=pump, args=(near, far), daemon=True).start()
            threading.Thread(target=pump, args=(far, near), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()

    def stop():
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()

    return stop


def test_sigterm_ends_an_idle_server_at_once(database):
    def stop():
        server = Server(DATABASE_URL=database.url).until_ready()
        began = time.monotonic()
        assert server.stop() == 0
        return time.monotonic() - began

    within(5 if SANITIZED else 0.5, stop)


def test_a_workers_thread_bears_its_number(database):
    with serving(DATABASE_URL=database.url, WORKERS=2) as server:
        threads = sorted(Path(f"/proc/{server.pid}/task").iterdir(), key=lambda path: int(path.name))
        names = [(path / "comm").read_text().strip() for path in threads]
    assert [name for name in dict.fromkeys(names) if name.startswith("worker")] == ["worker 0", "worker 1"]


def test_a_start_that_fails_ends_the_process_with_its_words(odd_program):
    server = Server(odd_program, AT_START="fail")
    assert server.wait() == 1
    assert [line["message"] for line in server.lines if line["level"] == "error"] == ["lifespan: there is no such thing as START=fail"]
    assert server.logged("started") == []


@pytest.mark.parametrize(("what", "most", "words"), [
    ("MIDDLEWARE", 32, "the application has 33 middleware (expected at most 32)"),
    ("SETTINGS", 64, "the application declares 65 settings (expected at most 64)")])
def test_what_an_application_has_too_many_of_stops_the_start(odd_program, what, most, words):
    command = [odd_program, "config"]
    fits = subprocess.run(command, env={what: str(most)}, capture_output=True, text=True)
    assert (fits.returncode, fits.stderr) == (0, "")
    refused = subprocess.run(command, env={what: str(most + 1)}, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", words + "\n")


@pytest.mark.parametrize("name", ["PORT", "WORKERS", "DATABASE_URL"])
def test_an_applications_setting_that_takes_a_name_of_the_servers_stops_the_start(odd_program, name):
    result = subprocess.run([odd_program, "config"], env={"OWN_SETTING": name}, capture_output=True, text=True)
    words = f"the application's setting {name} is one of the server's own (expected another name)\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", words)


def test_it_is_ready_when_its_start_has_ended(odd_program, tmp_path):
    events = tmp_path / "events"
    server = Server(odd_program, AT_START="wait", EVENTS=events)
    until(lambda: server.logged("listening"))
    assert server.admin("/readyz")[0] == 503
    events.touch()
    server.until_ready()
    assert events.read_text() == "started\n"
    assert server.stop() == 0


def test_no_handler_runs_before_its_start_has_ended(odd_program, tmp_path):
    events = tmp_path / "events"
    server = Server(odd_program, binds=True, AT_START="wait", EVENTS=events, CORS_ORIGINS="*")
    until(lambda: server.logged("listening"))
    with server.client() as client:
        answer = client.get("/slow", headers={"Origin": "http://elsewhere"})
        assert (answer.status_code, answer.json()) == (503, {"detail": "Starting"})
        assert answer.headers["retry-after"] == "1" and answer.headers["access-control-allow-origin"] == "*"
        assert [client.get(path).status_code for path in ("/healthz", "/startupz", "/readyz")] == [200, 200, 503]
        events.touch()
        server.until_ready()
        assert client.get("/slow").status_code == 200
    assert server.stop() == 0
    assert events.read_text().split() == ["started", "asked", "answered", "stops"]


def test_sigterm_cuts_its_start_short(odd_program, tmp_path):
    server = Server(odd_program, AT_START="wait", EVENTS=tmp_path / "events", DRAIN_DELAY=30, DRAIN_TIMEOUT=30)
    until(lambda: server.logged("listening"))
    server.signal(signal.SIGTERM)
    assert server.wait(10) == 0
    assert not (tmp_path / "events").exists()


def test_its_stop_runs_once_the_last_request_is_answered(odd_program, tmp_path):
    events = tmp_path / "events"
    server = Server(odd_program, EVENTS=events).until_ready()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(httpx.get(server.url + "/slow", timeout=20, trust_env=False)))
    thread.start()
    until(lambda: "asked" in events.read_text())
    assert server.stop() == 0
    thread.join()
    assert answers[0].status_code == 200
    assert events.read_text().split() == ["started", "asked", "answered", "stops"]


@pytest.mark.parametrize("how, last, words", [("wait", "cancelled", "was cancelled"), ("hang", "stops", "left behind")])
def test_a_stop_that_does_not_end_is_cut_off_when_the_drain_is_over(odd_program, tmp_path, how, last, words):
    events = tmp_path / "events"
    server = Server(odd_program, EVENTS=events, AT_STOP=how, DRAIN_TIMEOUT=1.5).until_ready()
    began = time.monotonic()
    assert server.stop() == 0
    assert 1.4 < time.monotonic() - began < (20 if SANITIZED else 8)
    assert events.read_text().split() == list(dict.fromkeys(["started", "stops", last]))
    lines = [line["message"] for line in server.lines if line["level"] == "warning"]
    assert len(lines) == 1 and lines[0].startswith("lifespan: ") and words in lines[0]


def test_a_second_signal_cuts_its_stop_short(odd_program, tmp_path):
    events = tmp_path / "events"
    server = Server(odd_program, EVENTS=events, AT_STOP="wait").until_ready()
    server.signal(signal.SIGTERM)
    until(lambda: "stops" in events.read_text())
    server.signal(signal.SIGTERM)
    assert server.wait(10) == 0
    assert events.read_text().split() == ["started", "stops", "cancelled"]


def test_ctrl_c_skips_the_drain_delay(database):
    server = Server(DATABASE_URL=database.url, DRAIN_DELAY=300).until_ready()
    server.signal(signal.SIGINT)
    assert server.wait() == 0


def test_a_second_signal_cuts_the_drain_short(database):
    server = Server(binds=True, DATABASE_URL=database.url, DRAIN_DELAY=300).until_ready()
    server.signal(signal.SIGTERM)
    until(lambda: server.admin("/readyz")[0] == 503)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_while_draining_it_answers_and_closes_each_connection(database):
    server = Server(binds=True, DATABASE_URL=database.url, DRAIN_DELAY=300).until_ready()
    server.signal(signal.SIGTERM)
    until(lambda: server.admin("/readyz")[0] == 503)
    with server.client() as client:
        answer = client.get("/")
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert client.get("/readyz").json()["reason"] == "draining"
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_a_request_under_way_is_finished(database, server):
    slow = Server(DATABASE_URL=database.url).until_ready()
    answers = []

    def ask():
        with database.connect() as connection, connection.transaction():
            connection.execute("lock table items")
            thread = threading.Thread(target=lambda: answers.append(httpx.get(slow.url + "/items", timeout=20, trust_env=False)))
            thread.start()
            until(lambda: database.rows("select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = %s", database.name))
            slow.signal(signal.SIGTERM)
            time.sleep(0.5)
        thread.join()

    ask()
    assert answers[0].status_code == 200
    assert slow.wait() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_under_load_loses_no_request(database, workers):
    server = Server(binds=True, DATABASE_URL=database.url, DRAIN_DELAY=1, WORKERS=workers, ACCESS_LOG="off").until_ready()
    callers = [Caller(server.port) for _ in range(16)]
    for caller in callers:
        caller.start()
    until(lambda: sum(c.answered for c in callers) > 500)
    server.signal(signal.SIGTERM)
    status = server.wait(20)
    for caller in callers:
        caller.join(20)
    assert status == 0 and all(c.refused for c in callers)
    assert [lost for c in callers for lost in c.lost] == []


@pytest.mark.skipif(not MAY_FILTER, reason="a socket's filter keeps the last ones from joining, which is not allowed here")
def test_who_connects_while_the_listener_closes_is_served_or_refused():
    lost = []
    for _ in range(8):
        server = Server(binds=True, DRAIN_DELAY=0, ACCESS_LOG="off")
        until(lambda: server.logged("listening"))
        strangers = Strangers(server.port)
        time.sleep(0.3)
        server.signal(signal.SIGTERM)
        lost += strangers.losses()
        assert server.wait() == 0
    assert lost == []


def test_healthcheck_asks_the_running_server(database):
    with serving(DATABASE_URL=database.url) as server:
        assert run("healthcheck", PORT=server.port).returncode == 0
        assert run("healthcheck", "/nowhere", PORT=server.port).returncode == 1
    assert run("healthcheck", PORT=server.port).returncode == 1


@pytest.fixture
def tls(tmp_path):
    """The settings of a server that speaks TLS."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1",
                    "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return {"TLS_CERT": certificate, "TLS_KEY": key}


def test_healthcheck_of_a_server_with_tls_asks_its_admin_port(database, tls):
    with serving(binds=True, DATABASE_URL=database.url, **tls) as server:
        settings = {"PORT": server.port, "ADMIN_PORT": server.admin_port, **tls}
        assert httpx.get(f"https://127.0.0.1:{server.port}/", verify=False, trust_env=False).status_code == 200
        assert run("healthcheck", **settings).returncode == 0


def test_healthcheck_of_a_server_with_tls_alone_asks_it_in_tls(database, tls):
    server = Server(binds=True, DATABASE_URL=database.url, ADMIN_PORT=0, **tls)
    settings = {"PORT": server.port, "ADMIN_PORT": 0, **tls}
    until(lambda: server.logged("started"))
    assert run("healthcheck", **settings).returncode == 0
    missing = run("healthcheck", "/nowhere", **settings)
    assert missing.returncode == 1 and "/nowhere: HTTP/1.1 404" in missing.stderr
    assert server.stop() == 0
    assert "no connection" in run("healthcheck", **settings).stderr


@pytest.mark.parametrize("in_tls", [True, False])
def test_healthcheck_does_not_wait_for_one_that_never_answers(tls, in_tls):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        result = run("healthcheck", PORT=silent.getsockname()[1], ADMIN_PORT=0, **(tls if in_tls else {}))
    assert result.returncode == 1 and "no answer" in result.stderr
    assert time.monotonic() - began < 10


def test_a_signal_while_migrations_wait_for_the_database_ends_it_at_once(database):
    server = Server(DATABASE_URL="postgresql://127.0.0.1:1/none", MIGRATE_ON_START=1)
    until(lambda: server.logged("listening"))
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_a_taken_port_is_one_clear_line(database):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run(DATABASE_URL=database.url, HOST="127.0.0.1", PORT=taken.getsockname()[1], ADMIN_PORT=0)
    text = result.stdout + result.stderr
    assert result.returncode == 1 and str(taken) and "in use" in text and len(text.splitlines()) == 1


def test_a_missing_certificate_is_one_clear_line(database):
    result = run(DATABASE_URL=database.url, PORT=0, ADMIN_PORT=0, TLS_CERT="/nowhere.pem", TLS_KEY="/nowhere.key")
    text = result.stdout + result.stderr
    assert result.returncode in (1, 2) and "/nowhere.pem" in text and len(text.splitlines()) == 1


def test_port_zero_takes_any_and_prints_it(database):
    environment = {"DATABASE_URL": database.url, "PORT": "0", "HOST": "127.0.0.1", "ADMIN_PORT": "0", "LISTEN_FDS": ""}
    server = Server(**environment)
    line = until(lambda: server.logged("listening"))[0]
    assert line["port"] > 0
    assert httpx.get(f"http://127.0.0.1:{line['port']}/", trust_env=False).status_code == 200
    assert server.stop() == 0


def test_sigpipe_and_sighup_do_not_end_it(database):
    with serving(DATABASE_URL=database.url) as server, server.client() as client:
        for number in (signal.SIGPIPE, signal.SIGHUP):
            server.signal(number)
        assert client.get("/").status_code == 200


def test_a_stopped_and_continued_process_serves_on(database):
    with serving(DATABASE_URL=database.url) as server, server.client() as client:
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(server.pid, signal.SIGCONT)
        assert client.get("/").status_code == 200


def test_a_closed_log_does_not_stop_the_service(database):
    reader, writer = os.pipe()
    with serving(DATABASE_URL=database.url, output=writer) as server, server.client() as client:
        os.close(writer)
        os.close(reader)
        for _ in range(200):
            assert client.get("/").status_code == 200
        until(lambda: server.metric("apus_log_lines_dropped_total") > 0)


def test_a_log_that_nobody_reads_does_not_stop_the_service(database):
    reader, writer = os.pipe()
    with serving(DATABASE_URL=database.url, output=writer) as server, server.client() as client:
        os.close(writer)
        for _ in range(1000):
            assert client.get("/", headers={"User-Agent": "x" * 500}).status_code == 200
        os.close(reader)
