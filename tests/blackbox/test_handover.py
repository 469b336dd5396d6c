"""Sockets that are handed over, and what is said about it: sd_listen_fds(3) and sd_notify(3)."""

import os
import signal
import socket
import time
from types import SimpleNamespace

import httpx
import pytest
from support.raw import read_answer
from support.server import Server, listening_socket, until

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def sockets():
    pair = listening_socket(), listening_socket()
    yield pair
    for s in pair:
        s.close()


@pytest.fixture(params=["a path", "an abstract name"])
def notices(request, tmp_path):
    """A socket for NOTIFY_SOCKET."""
    name = str(tmp_path / "notify") if request.param == "a path" else "@apus-test-" + os.urandom(8).hex()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(name.replace("@", "\0"))
        s.settimeout(30)
        yield SimpleNamespace(address=name, recv=s.recv)


def connection_to(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def ask(connection):
    connection.sendall(REQUEST)
    answer, _ = read_answer(connection)
    return answer


def test_sockets_are_told_apart_by_their_names(database, sockets):
    main, admin = sockets
    server = Server(DATABASE_URL=database.url, sockets=(admin, main), LISTEN_FDNAMES="admin:http")
    server.port, server.admin_port = server.admin_port, server.port
    server.until_ready()
    assert httpx.get(server.url + "/", trust_env=False).status_code == 200
    assert "apus_" in server.admin("/metrics")[1]
    assert server.stop() == 0


def test_names_that_say_nothing_leave_the_order(database, sockets):
    server = Server(DATABASE_URL=database.url, sockets=sockets, LISTEN_FDNAMES="app.socket:app.socket").until_ready()
    assert httpx.get(server.url + "/", trust_env=False).status_code == 200
    assert server.stop() == 0


def test_sockets_meant_for_another_process_are_not_taken(database, sockets):
    server = Server(DATABASE_URL=database.url, sockets=sockets, LISTEN_PID=1, HOST="127.0.0.1", PORT=0, ADMIN_PORT=0)
    line = until(lambda: server.logged("listening"))[0]
    assert line["port"] not in (0, server.port)
    assert server.stop() == 0


def test_it_says_that_it_is_ready_and_that_it_stops(database, notices):
    server = Server(DATABASE_URL=database.url, binds=True, NOTIFY_SOCKET=notices.address)
    assert notices.recv(1024) == b"READY=1"
    assert httpx.get(server.url + "/", trust_env=False).status_code == 200
    server.signal(signal.SIGTERM)
    assert notices.recv(1024) == b"STOPPING=1"
    assert server.wait() == 0


def test_it_says_why_it_does_not_start(database, notices):
    server = Server(DATABASE_URL=database.url, PORT=0, ADMIN_PORT=0, NOTIFY_SOCKET=notices.address, LISTEN_FDS="", TLS_CERT="/nowhere.pem",
                    TLS_KEY="/nowhere.key")
    notice = notices.recv(1024)
    assert notice.startswith(b"STATUS=") and b"/nowhere.pem" in notice
    assert server.wait() != 0


def test_a_notify_socket_that_is_gone_does_not_matter(database):
    server = Server(DATABASE_URL=database.url, NOTIFY_SOCKET="/nowhere/" + "x" * 300, binds=True).until_ready()
    assert server.stop() == 0


def test_with_both_connections_wait_until_it_is_ready(sockets, notices):
    """Whoever shares the socket serves them meanwhile."""
    server = Server(DATABASE_URL="postgresql://127.0.0.1:1/none", MIGRATE_ON_START=1, sockets=sockets, NOTIFY_SOCKET=notices.address)
    until(lambda: server.logged("listening"))
    time.sleep(0.3)
    with connection_to(server) as waiting:
        waiting.sendall(REQUEST)
        sockets[0].settimeout(5)
        mine, _ = sockets[0].accept()
        with mine:
            assert mine.recv(1024) == REQUEST
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_an_inherited_socket_is_left_to_its_owner_as_soon_as_it_drains(database, sockets):
    server = Server(DATABASE_URL=database.url, sockets=sockets, DRAIN_DELAY=1.5, NOTIFY_SOCKET="/nowhere").until_ready()
    with connection_to(server) as busy, connection_to(server) as idle:
        assert ask(busy).status == 200 and ask(idle).status == 200
        server.signal(signal.SIGTERM)
        began = time.monotonic()
        until(lambda: server.logged("draining: open connections are served for 1.5 s more"))
        time.sleep(0.2)
        successor = Server(DATABASE_URL=database.url, sockets=sockets)
        until(lambda: successor.logged("listening"))
        with successor.client() as client:
            for _ in range(20):
                answer = client.get("/", headers={"connection": "close"})
                assert answer.status_code == 200
            assert client.get("/readyz").json() != {"status": "unavailable", "reason": "draining"}
        answer = ask(busy)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert idle.recv(1) == b""
        assert 1.2 < time.monotonic() - began < 10
    assert server.wait() == 0
    assert not [line for line in server.logged("request") if line["path"] == "/readyz" and line["status"] == 503]
    assert successor.stop() == 0
