"""The network between the service and Postgres: slow, cut in the middle, silent; names that change or do not answer."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from support.machine import MAY_MOUNT
from support.proxy import Proxy
from support.server import Server, serving, until


@pytest.fixture(scope="module", autouse=True)
def _migrated(server, database):
    """The file's database has its tables, and a hundred items with something to send."""
    database.run("insert into items (name, price, description) select 'item ' || n, n, repeat('x', 2000) from generate_series(1, 100) n")


def port_of(database):
    return httpx.URL(database.url.replace("postgresql://", "http://")).port


def behind(database, port, host="127.0.0.1"):
    """The database's URL by way of another place."""
    return database.url.replace(f"@127.0.0.1:{port_of(database)}/", f"@{host}:{port}/")


@contextmanager
def proxied(database, **settings):
    proxy = Proxy(port_of(database))
    with serving(DATABASE_URL=behind(database, proxy.port), ACCESS_LOG="off", **settings) as server:
        yield server, proxy
    proxy.close()


def test_a_slow_database_does_not_slow_what_does_not_need_it(database):
    with proxied(database, DB_POOL_MIN=2) as (server, proxy), ThreadPoolExecutor(32) as pool, server.client() as client:
        proxy.delay = 0.3
        asked = [pool.submit(httpx.get, f"{server.url}/items/{n % 100 + 1}", timeout=30, trust_env=False) for n in range(64)]
        quick = []
        while not all(a.done() for a in asked):
            began = time.monotonic()
            assert client.get("/healthz").status_code == 200
            quick.append(time.monotonic() - began)
        for n, answer in enumerate(a.result() for a in asked):
            assert (answer.status_code, answer.json()["id"]) == (200, n % 100 + 1)
        assert sorted(quick)[len(quick) // 2] < 0.25


def test_a_thin_line_delivers_whole_answers(database):
    with proxied(database, DB_POOL_MIN=1) as (server, proxy), server.client() as client:
        proxy.rate = 200_000
        page = client.get("/items", params={"limit": 100}).json()
        assert len(page["items"]) == 100 and all(item["description"] == "x" * 2000 for item in page["items"])


@pytest.mark.parametrize("bytes_", [1, 100, 1500, 30_000, 150_000])
def test_an_answer_that_is_cut_in_the_middle_is_503_and_never_half_a_page(database, bytes_):
    with proxied(database, DB_POOL_MIN=1) as (server, proxy), server.client() as client:
        assert client.get("/items", params={"limit": 100}).status_code == 200
        proxy.cut_after = bytes_
        answer = client.get("/items", params={"limit": 100})
        assert answer.status_code == 503 and list(answer.json()) == ["detail"] and int(answer.headers["retry-after"]) >= 1
        until(lambda: len(client.get("/items", params={"limit": 100}).json().get("items", [])) == 100, 10)


def test_a_line_that_falls_silent_ends_at_the_deadline_and_heals(database):
    with proxied(database, DB_POOL_MIN=1, REQUEST_TIMEOUT=1) as (server, proxy), server.client() as client:
        assert client.get("/items/1").status_code == 200
        proxy.frozen = True
        began = time.monotonic()
        answer = client.get("/items/1")
        assert answer.status_code == 503 and 0.9 < time.monotonic() - began < 10
        assert client.get("/healthz").status_code == 200
        proxy.frozen = False
        until(lambda: client.get("/items/1").status_code == 200)


def test_a_cut_of_all_connections_heals_by_itself(database):
    with proxied(database, DB_POOL_MIN=3) as (server, proxy), server.client() as client:
        for _ in range(5):
            proxy.cut()
            until(lambda: client.get("/items/1").status_code == 200)
        assert server.process.poll() is None


needs_mounts = pytest.mark.skipif(not MAY_MOUNT, reason="a file is put over /etc/hosts for one process, which is not allowed here")


def over(path, file):
    """Makes the program see `file` at `path`, and nobody else."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    new_mount_space, bind, private = 0x20000, 4096, 1 << 18 | 16384

    def prepare():
        if (libc.unshare(new_mount_space) or libc.mount(b"none", b"/", None, private, None)
                or libc.mount(str(file).encode(), str(path).encode(), None, bind, None)):
            raise OSError(ctypes.get_errno(), "cannot mount")

    return prepare


@needs_mounts
def test_a_name_that_moves_is_followed(database, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.2 moving.test\n")
    first = Proxy(port_of(database), "127.0.0.2")
    second = Proxy(port_of(database), "127.0.0.3", first.port)
    with serving(DATABASE_URL=behind(database, first.port, "moving.test"), preexec=over("/etc/hosts", hosts)) as server, server.client() as client:
        assert client.get("/items/1").status_code == 200
        assert first.accepted and not second.accepted
        hosts.write_text("127.0.0.3 moving.test\n")
        first.close()
        until(lambda: client.get("/items/1").status_code == 200, 10)
        assert second.accepted
    second.close()


@needs_mounts
def test_a_name_server_that_does_not_answer_blocks_nothing(database, tmp_path):
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        silent.bind(("127.0.0.77", 53))
    except OSError as error:
        pytest.skip(f"no port 53: {error}")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.77\n")
    server = Server(DATABASE_URL=behind(database, port_of(database), "somewhere.test"), preexec=over("/etc/resolv.conf", tmp_path / "resolv.conf"))
    until(lambda: server.logged("listening"))
    silent.settimeout(30)
    assert silent.recv(512)  # it asks, and waits
    slowest = 0.0
    with server.client() as client:
        for _ in range(100):
            began = time.monotonic()
            assert client.get("/").status_code == 200
            slowest = max(slowest, time.monotonic() - began)
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
    assert slowest < 2
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 4  # the resolver would keep its thread for 20 s
    silent.close()


def test_a_cancel_that_postgres_does_not_take_keeps_nobody_from_ending(database):
    """Postgres that is stopped, or a host behind a broken firewall: what is connected and what is dialled is silent."""
    with proxied(database, DB_POOL_MIN=4, REQUEST_TIMEOUT=0.5) as (server, proxy):
        with ThreadPoolExecutor(16) as pool:
            proxy.frozen = True
            asked = [pool.submit(httpx.get, f"{server.url}/items/1", timeout=30, trust_env=False) for _ in range(16)]
            assert {a.result().status_code for a in asked} == {503}
        until(lambda: proxy.accepted > 4)  # a cancel is under way
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 6


def test_a_slow_reader_of_metrics_or_docs_delays_nobody(server, client):
    held = []
    for port, path in ((server.admin_port, "/metrics"), (server.port, "/docs/assets/swagger-ui-dist@5/swagger-ui-bundle.js")):
        for _ in range(8):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.connect(("127.0.0.1", port))
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            held.append(s)
    time.sleep(0.2)
    began = time.monotonic()
    assert all(client.get("/items/1").status_code == 200 for _ in range(20))
    assert server.admin("/metrics")[0] == 200
    assert time.monotonic() - began < 10
    for s in held:
        s.close()
