"""Limits and time-outs: too much, too slow, too deep; memory stays flat and others are served."""

import re
import resource
import socket
import time

import psycopg
import pytest
from support.raw import exchange, read_answer, readable
from support.server import SANITIZED, serving, until

HEAD = b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def quick(database):
    """A server with short time-outs."""
    with serving(DATABASE_URL=database.url, MIGRATE_ON_START=1, HEADER_TIMEOUT=1, KEEP_ALIVE_TIMEOUT=2, WRITE_TIMEOUT=2,
                 ACCESS_LOG="off") as server:
        yield server


def is_open(connection):
    connection.settimeout(0.05)
    try:
        return connection.recv(1000) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


def test_a_gigabyte_is_refused_before_it_is_read(quick):
    before = quick.memory()
    with quick.raw() as connection:
        connection.sendall(HEAD + b"Content-Length: 1073741824\r\n\r\n" + b"x" * 65536)
        answer, _ = read_answer(connection)
    assert (answer.status, answer.body) == (413, b"Content Too Large")
    assert answer.headers["content-type"].startswith("text/plain") and answer.headers["connection"] == "close"
    assert SANITIZED or quick.memory() - before < 4 * MIB


def test_an_endless_chunked_body_is_refused_at_the_limit(quick):
    before = quick.memory()
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    with quick.raw() as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(4096):  # 128 MiB if it let us
                connection.sendall(chunk)
        except OSError:
            pass
        answer = None
        try:
            answer, _ = read_answer(connection)
        except OSError:
            pass
    assert answer is None or answer.status == 413
    assert SANITIZED or quick.memory() - before < 8 * MIB


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(quick):
    body = b'"' + b"x" * (MIB - 2) + b'"'
    inside = exchange(quick, HEAD + b"Content-Length: %d\r\n\r\n" % MIB + body)
    outside = exchange(quick, HEAD + b"Content-Length: %d\r\n\r\n" % (MIB + 1) + body + b" ")
    assert [a.status for a in inside] == [422] and [a.status for a in outside] == [413]


@pytest.mark.parametrize("depth, status", [(64, 422), (65, 400), (10_000, 400), (400_000, 400)])
def test_deep_json_is_refused(quick, depth, status):
    with quick.client() as client:
        answer = client.post("/items", content=b"[" * depth + b"]" * depth, headers={"content-type": "application/json"})
        assert answer.status_code == status
        assert status == 422 or answer.json() == {"detail": "There was an error parsing the body"}
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("body", [b'{"name":"\xff\xfe","price":1}', b'{"name":"\xc0\x80","price":1}', b'{"name":"\xed\xa0\x80","price":1}'])
def test_invalid_utf_8_is_refused(quick, body):
    with quick.client() as client:
        answer = client.post("/items", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400 and answer.json() == {"detail": "There was an error parsing the body"}


def test_a_header_of_300_kb_is_431(quick):
    answers = exchange(quick, b"GET / HTTP/1.1\r\nHost: x\r\nX-Big: " + b"x" * 300_000 + b"\r\n\r\n")
    assert [a.status for a in answers] == [431] and "detail" in answers[0].json()


def test_101_headers_are_431(quick):
    lines = b"".join(b"X-%d: 1\r\n" % n for n in range(100))
    answers = exchange(quick, b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n")
    assert [a.status for a in answers] == [431] and "detail" in answers[0].json()


def test_headers_below_the_limit_are_served(quick):
    lines = b"".join(b"X-%d: %s\r\n" % (n, b"v" * 200) for n in range(90))
    assert [a.status for a in exchange(quick, b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n")] == [200]


def test_a_header_that_comes_byte_by_byte_is_cut_off(quick):
    began = time.monotonic()
    with quick.raw() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        while is_open(connection) and time.monotonic() - began < 10:
            try:
                connection.sendall(b"x")
            except OSError:
                break
            time.sleep(0.1)
    assert 0.5 < time.monotonic() - began < 5


def test_a_body_that_comes_byte_by_byte_is_cut_off(quick):
    began = time.monotonic()
    with quick.raw() as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        while is_open(connection) and time.monotonic() - began < 10:
            try:
                connection.sendall(b" ")
            except OSError:
                break
            time.sleep(0.1)
    assert 0.5 < time.monotonic() - began < 5


def test_a_body_that_falls_silent_after_a_burst_is_cut_off(quick):
    began = time.monotonic()
    with quick.raw() as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % MIB + b" " * (MIB - 1))
        answer, _ = read_answer(connection)
    assert answer.status == 408 and 0.5 < time.monotonic() - began < 5


def test_many_stalled_uploads_keep_memory_bounded_and_others_are_served(database):
    def stall(server):
        s = server.raw()
        s.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % MIB + b" " * (MIB - 1))
        return s

    with serving(DATABASE_URL=database.url, MIGRATE_ON_START=1, HEADER_TIMEOUT=8) as server, server.client() as client:
        assert client.get("/items").status_code == 200
        before = server.memory()
        stalled = [stall(server) for _ in range(80)]
        until(lambda: len(readable(stalled)) >= 64)  # who is read first is held, whoever came first
        assert SANITIZED or server.memory() - before < 40 * MIB
        assert client.get("/items").status_code == 200
        assert client.post("/items", json={"name": "small", "price": 1, "description": "x" * 3000}).status_code == 201
        answers = [read_answer(s)[0] for s in stalled]
        refused = [a for a in answers if a.status == 503]
        assert 12 <= [a.status for a in answers].count(408) == 80 - len(refused) <= 16
        assert {(a.body, a.headers["retry-after"]) for a in refused} == {(b'{"detail":"Too many uploads under way"}', "1")}
        assert client.post("/items", json={"name": "large", "price": 1, "description": "x" * 900_000}).status_code == 201
        for s in stalled:
            s.close()


def test_a_begun_request_is_told_408(quick):
    with quick.raw() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost")
        answer, _ = read_answer(connection)
    assert answer.status == 408 and "detail" in answer.json() and answer.headers["connection"] == "close"


def test_an_idle_connection_is_closed_after_the_keep_alive_limit(quick):
    with quick.raw() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer, rest = read_answer(connection)
        began = time.monotonic()
        connection.settimeout(10)
        assert answer.status == 200 and connection.recv(10) == b""
        assert 1 < time.monotonic() - began < 6


def test_a_reader_that_does_not_read_is_cut_off_and_memory_stays_flat(quick):
    def open_slow():
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.connect(("127.0.0.1", quick.port))
        s.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
        return s

    before = quick.memory()
    slow = [open_slow() for _ in range(20)]
    with quick.client() as client:
        assert client.get("/").status_code == 200
    until(lambda: quick.metric("http_server_open_connections") <= 2, 20)
    assert SANITIZED or quick.memory() - before < 16 * MIB
    for s in slow:
        s.close()


def test_connections_over_the_cap_are_refused_and_come_back(database):
    with serving(DATABASE_URL=database.url, MAX_CONNECTIONS=10) as server:
        held = [server.raw() for _ in range(10)]
        for s in held:
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_answer(s)[0].status == 200
        with server.raw() as extra:
            extra.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer, _ = read_answer(extra)
            assert answer is None or (answer.status == 503 and "detail" in answer.json())
        for s in held:
            s.close()

        def served():
            with server.raw() as s:
                s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                answer, _ = read_answer(s)
                return answer is not None and answer.status == 200

        until(served, 10, every=0.1)


def test_running_out_of_descriptors_does_not_spin_and_heals(database):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    with serving(DATABASE_URL=database.url, preexec=few) as server:
        held = [server.raw() for _ in range(100)]
        time.sleep(0.5)
        used = server.cpu_seconds()
        time.sleep(2)
        assert server.cpu_seconds() - used < (1.5 if SANITIZED else 0.5)
        for s in held:
            s.close()

        def served():
            with server.client() as client:
                return client.get("/").status_code == 200

        until(served, 10, every=0.1)


def test_clients_that_hold_on_leave_descriptors_for_postgres(database):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))

    def ask(s, path):
        s.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
        return read_answer(s)[0]

    settings = {"DATABASE_URL": database.url, "MIGRATE_ON_START": 1, "DB_POOL_MAX": 5, "KEEP_ALIVE_TIMEOUT": 300}
    with serving(preexec=few, **settings) as server:
        [warning] = [x for x in server.lines if x["level"] == "warning" and "MAX_CONNECTIONS=10000 is lowered to" in x["message"]]
        most = int(re.search(r"lowered to (\d+): of the 160 descriptors", warning["message"])[1])
        held = [server.raw() for _ in range(300)]
        statuses = [answer.status if answer else None for answer in (ask(s, b"/") for s in held)]
        assert 50 < most < 160 and statuses == [200] * most + [503] * (300 - most)
        assert server.metric("http_server_descriptor_shortages_total") == 0
        assert server.metric("http_server_open_connections") == most
        knocking = [server.raw() for _ in range(100)]  # they would take what the ended ones leave
        with psycopg.connect(database.cluster.url(), autocommit=True) as connection:
            connection.execute(f'alter database "{database.name}" allow_connections false')
            ended = connection.execute("select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = %s",
                                       [database.name]).fetchone()[0]
            time.sleep(1)
            connection.execute(f'alter database "{database.name}" allow_connections true')
        assert ended >= 1
        until(lambda: ask(held[0], b"/items").status == 200, 10)
        assert all(is_open(s) for s in held[:most])
        for s in held + knocking:
            s.close()


def test_a_client_that_goes_away_frees_its_slot(database):
    with serving(DATABASE_URL=database.url, DB_POOL_MAX=3, DB_POOL_MIN=1) as server:
        with database.connect() as connection, connection.transaction():
            connection.execute("lock table items")
            gone = [server.raw() for _ in range(20)]
            for s in gone:
                s.sendall(b"GET /items HTTP/1.1\r\nHost: x\r\n\r\n")
            until(lambda: server.metric("http_server_active_requests") >= 20)
            for s in gone:
                s.close()
            until(lambda: server.metric("http_server_active_requests") == 0, 10)
        with server.client() as client:
            assert client.get("/items").status_code == 200


def test_a_request_past_its_deadline_is_503(database):
    with serving(DATABASE_URL=database.url, REQUEST_TIMEOUT=1) as server, server.client() as client:
        with database.connect() as connection, connection.transaction():
            connection.execute("lock table items")
            began = time.monotonic()
            answer = client.get("/items")
            assert answer.status_code == 503 and "detail" in answer.json()
            assert 0.9 < time.monotonic() - began < 5
        until(lambda: client.get("/items").status_code == 200, 10)
