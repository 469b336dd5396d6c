"""Metrics, the slow-request line, and liveness."""

import re
import threading
import time

import pytest
from support.raw import exchange, read_answer
from support.server import serving, until


def test_metrics_are_prometheus_text(server, client):
    client.get("/items")
    status, text = server.admin("/metrics")
    assert status == 200
    line = re.compile(r'^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? -?[0-9.e+-]+|)$')
    assert [x for x in text.splitlines() if not line.match(x)] == []


def test_durations_are_by_method_template_and_class(server, client):
    for path in ("/items/12345", "/items/12346"):
        client.get(path)
    _, text = server.admin("/metrics")
    labels = 'http_request_method="GET",http_route="/items/{item_id}",http_response_status_class="4xx"'
    assert f"http_server_request_duration_seconds_count{{{labels}}} 2" in text
    for bound in ("0.5", "1", "+Inf"):
        assert f'http_server_request_duration_seconds_bucket{{{labels},le="{bound}"}} 2' in text


def test_what_matched_no_route_is_counted_by_its_method(server, client):
    for method in ("GET", "PUT", "BREW"):
        client.request(method, "/nowhere")
    _, text = server.admin("/metrics")
    for method in ("GET", "PUT", "_OTHER"):
        labels = f'http_request_method="{method}",http_route="",http_response_status_class="4xx"'
        assert f"http_server_request_duration_seconds_count{{{labels}}} 1" in text


def test_a_503_has_its_reason_in_the_log(database):
    with serving(DATABASE_URL=database.url, REQUEST_TIMEOUT=0.5) as server, server.client() as client:
        with database.connect() as connection, connection.transaction():
            connection.execute("lock table items")
            assert client.get("/items").status_code == 503
        client.get("/items")
        lines = until(lambda: len(server.logged("request")) >= 2 and [x for x in server.logged("request") if x["path"] == "/items"])
    assert [(line["status"], line.get("error")) for line in lines] == [(503, "the deadline passed before Postgres answered"), (200, None)]


@pytest.mark.parametrize("name", [
    "http_server_active_requests", "db_client_connection_count", "db_client_connection_max", "db_client_connection_in_use",
    "db_client_connection_pending_requests", "db_client_connection_timeouts_total",
    "db_client_connection_wait_time_seconds_total", "apus_event_loop_lag_seconds_total", "process_resident_memory_bytes",
    "process_cpu_seconds_total", "process_start_time_seconds", "apus_build_info", "apus_log_lines_dropped_total"])
def test_the_metric_is_there(server, name):
    _, text = server.admin("/metrics")
    assert re.search(rf"^{name}(\{{.*\}})? ", text, re.M)


def test_the_admin_port_is_not_the_public_one(server, client):
    assert client.get("/metrics").status_code == 404
    assert server.admin("/items")[0] == 404


def test_a_slow_request_says_where_the_time_went(database):
    with serving(DATABASE_URL=database.url, SLOW_REQUEST_SECONDS=0.2) as server, server.client() as client:
        with database.connect() as connection, connection.transaction():
            connection.execute("lock table items")
            thread = threading.Thread(target=client.get, args=("/items",))
            thread.start()
            time.sleep(0.6)
        thread.join()
        line = until(lambda: server.logged("SLOW REQUEST"))[0]
    assert line["level"] == "warning" and line["path"] == "/items" and line["seconds"] > 0.2
    assert line["database_seconds"] > 0.2
    parts = sum(line[f"{part}_seconds"] for part in ("queue", "pool_wait", "database", "handler"))
    assert parts == pytest.approx(line["seconds"], abs=0.05)


@pytest.mark.parametrize("holder", ["/busy", "/busy-then-slow"])
def test_a_request_held_up_by_anothers_work_says_so(odd_program, tmp_path, holder):
    events = tmp_path / "events"
    with serving(program=odd_program, EVENTS=events, SLOW_REQUEST_SECONDS=0.2) as server:
        connections = [server.raw() for _ in range(4)]
        for connection in connections:  # a connection is accepted in one turn and first read in another
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        for connection, path in zip(connections, ["/busy", "/", holder, "/"]):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            until(lambda: "busy" in events.read_text())  # the others come while it works, and are read in one turn
        for connection in connections:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            connection.close()
        lines = until(lambda: len(server.logged("SLOW REQUEST")) == 3 and server.logged("SLOW REQUEST"))
    for line in lines:  # whichever of the two is served first does not wait for the other
        held_up = line["path"] == "/"
        assert (line["queue_seconds"] > 0.3, line["handler_seconds"] > 0.3) == (held_up, not held_up)


START = b"POST /items HTTP/1.1\r\nHost: x\r\n"
WELL = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
KNOWN = {"method": "POST", "path": "/items", "client": "127.0.0.1"}
REFUSED = {
    "framing": (START + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, KNOWN, "both Content-Length"),
    "framing, from behind a proxy": (START + b"X-Forwarded-For: 192.0.2.7\r\nX-Request-Id: a-1\r\nContent-Length: x\r\n\r\n", 400,
                                     KNOWN | {"client": "192.0.2.7", "request_id": "a-1"}, "Content-Length is not a number"),
    "framing, behind another request": (WELL + START + b"Content-Length: x\r\n\r\n", 400, KNOWN, "Content-Length is not a number"),
    "a broken chunk": (START + b"Transfer-Encoding: chunked\r\n\r\nx\r\n", 400, KNOWN, "broken chunked encoding"),
    "a zero byte in the path": (b"GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400, {"method": "GET", "path": "/a%00b"}, "a zero byte"),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, {"client": "127.0.0.1"}, "the method is not a token"),
    "a target with a secret": (b"GET /a?key=secret\x7f HTTP/1.1\r\n\r\n", 400, {"method": "GET", "path": "/a"}, "a control character"),
    "half a head": (b"GET /docs HTTP/1.1\r\nHost", 408, {"method": "GET", "path": "/docs", "client": "127.0.0.1"}, "Request Timeout"),
    "half a body": (START + b"Content-Length: 10\r\n\r\nhalf", 408, KNOWN, "Request Timeout"),
    "a declared body": (START + b"Content-Length: 1073741824\r\n\r\n", 413, KNOWN, "Content Too Large"),
    "an expectation": (START + b"Expect: tea\r\n\r\n", 417, KNOWN, "only 100-continue"),
    "a large head": (START + b"X-Big: " + b"x" * 40_000 + b"\r\n\r\n", 431, KNOWN, "larger than MAX_HEADER"),
    "many headers": (START + b"X: 1\r\n" * 100 + b"\r\n", 431, KNOWN, "more than 100 headers"),
    "another version": (b"GET / HTTP/2.0\r\n\r\n", 505, {"method": "GET", "path": "/"}, "use HTTP/1.1"),
}


@pytest.fixture(scope="module")
def refusing(database):
    with serving(DATABASE_URL=database.url, HEADER_TIMEOUT=0.5) as server:
        yield server


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_is_refused_before_routing_leaves_one_line(refusing, name):
    request, status, known, reason = REFUSED[name]
    before = len(refusing.lines)
    with refusing.raw() as connection:
        connection.sendall(request)
        rest = b""
        while (answer := read_answer(connection, rest))[0] and answer[0].status == 200:
            rest = answer[1]
        assert answer[0].status == status
    refusing.client().get("/?last")
    until(lambda: [x for x in refusing.lines[before:] if x.get("path") == "/" and "reason" not in x])
    [line] = [x for x in refusing.lines[before:] if "reason" in x]
    assert (line["level"], line["message"], line["status"]) == ("info", "request", status)
    assert {key: line.get(key) for key in known} == known and reason in line["reason"]
    assert "secret" not in str(line)


def test_the_access_log_can_be_turned_off(database):
    with serving(DATABASE_URL=database.url, ACCESS_LOG="off") as server, server.client() as client:
        client.get("/")
        for request in (REFUSED["framing"][0], REFUSED["a large head"][0]):
            exchange(server, request)
    assert server.logged("request") == []
