"""The pool: never more connections than its cap, never a stranger's result, never for ever in a queue."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support.postgres import Database
from support.server import serving, until


@pytest.fixture(scope="module", autouse=True)
def _migrated(server):
    """The file's database has its tables."""


class Watch(threading.Thread):
    """The most connections of the service that a database has seen."""

    def __init__(self, database):
        super().__init__(daemon=True)
        self.database, self.most, self.stopped = database, 0, False

    def run(self):
        import psycopg

        sql = "select count(*) from pg_stat_activity where datname = %s and application_name = 'app'"
        with psycopg.connect(self.database.cluster.url(), autocommit=True) as connection:
            while not self.stopped:
                self.most = max(self.most, connection.execute(sql, (self.database.name,)).fetchone()[0])
                time.sleep(0.005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.join()


def load(server, requests, threads=32, path="/items"):
    """The statuses of many requests at once."""
    def ask(_):
        with server.client() as client:
            return [client.get(path).status_code for _ in range(requests // threads)]

    with ThreadPoolExecutor(threads) as pool:
        return [status for statuses in pool.map(ask, range(threads)) for status in statuses]


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_the_pool_never_exceeds_its_cap(cluster, workers):
    database = Database(cluster, f"cap_{workers}")
    with Watch(database) as watch, serving(DATABASE_URL=database.url, WORKERS=workers, DB_POOL_MAX=9, DB_POOL_MIN=2,
                                           MIGRATE_ON_START=1, ACCESS_LOG="off") as server:
        assert set(load(server, 640)) == {200}
        threads = [threading.Thread(target=load, args=(server, 32)) for _ in range(2)]
        with database.connect() as connection, connection.transaction():
            connection.execute("lock table items")
            for thread in threads:
                thread.start()
            time.sleep(0.5)
        for thread in threads:
            thread.join()
    assert max(workers, 2) <= watch.most <= 9


def test_the_pool_is_warm_when_the_server_is_ready(database):
    with serving(DATABASE_URL=database.url, DB_POOL_MIN=4) as server:
        until(lambda: server.metric("db_client_connection_count") == 4)


def test_a_full_pool_answers_503_within_the_acquire_time(database):
    with serving(DATABASE_URL=database.url, DB_POOL_MAX=2, DB_POOL_MIN=1, DB_ACQUIRE_TIMEOUT=1, ACCESS_LOG="off") as server:
        body = [{"name": "x", "price": 1}]

        def begin(n):  # each wants a connection of its own
            headers = {"Idempotency-Key": f"k{n}"}
            return httpx.post(server.url + "/items/bulk", json=body, headers=headers, timeout=30, trust_env=False)

        with ThreadPoolExecutor(8) as pool, database.connect() as connection, connection.transaction():
            connection.execute("lock table items in access exclusive mode")
            began = time.monotonic()
            asked = [pool.submit(begin, n) for n in range(8)]
            until(lambda: sum(a.done() for a in asked) >= 6)
            assert time.monotonic() - began < 20  # a statement may take thirty
            refused = [a.result() for a in asked if a.done()]
            assert {a.status_code for a in refused} == {503}
            assert all("detail" in a.json() and int(a.headers["retry-after"]) >= 1 for a in refused)
            with server.client() as client:  # what needs no connection is served meanwhile
                assert client.get("/").status_code == 200


def test_an_error_of_one_request_never_touches_another(server, database):
    database.run("truncate items, idempotency_keys restart identity")
    with server.client() as client:
        client.post("/items", json={"name": "taken", "price": 1})

    def ask(n):
        with server.client() as client:
            results = []
            for i in range(20):
                if n % 2:
                    results.append(client.post("/items", json={"name": "taken", "price": 1}).status_code)
                else:
                    answer = client.post("/items", json={"name": f"n{n}-{i}", "price": i + 1})
                    results.append(answer.status_code if answer.json().get("name") == f"n{n}-{i}" else answer.json())
        return results

    with ThreadPoolExecutor(16) as pool:
        for n, results in enumerate(pool.map(ask, range(16))):
            assert set(results) == ({409} if n % 2 else {201})


def test_a_request_that_gives_up_never_disturbs_another(database):
    with serving(DATABASE_URL=database.url, DB_POOL_MAX=3, DB_POOL_MIN=1, ACCESS_LOG="off") as server:
        stop = threading.Event()
        wrong = []

        def give_up():
            while not stop.is_set():
                with server.raw() as connection:
                    connection.sendall(b"GET /items?limit=100 HTTP/1.1\r\nHost: x\r\n\r\n")
                    time.sleep(0.001)

        def ask(n):
            with server.client() as client:
                for i in range(100):
                    answer = client.get("/items", params={"q": f"nobody {n} {i}"})
                    if (answer.status_code, answer.json()) != (200, {"items": [], "total": 0}):
                        wrong.append(answer.text)

        leavers = [threading.Thread(target=give_up, daemon=True) for _ in range(4)]
        for leaver in leavers:
            leaver.start()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(ask, range(4)))
        stop.set()
        for leaver in leavers:
            leaver.join()
        assert wrong == []


def test_without_prepared_statements_it_works_the_same(database):
    with serving(DATABASE_URL=database.url, DB_PREPARE="off") as server, server.client() as client:
        assert set(load(server, 64, 8)) == {200}
        assert client.get("/items", params={"q": "x"}).json()["total"] == 0
        sql = "select count(*) from pg_prepared_statements"
        assert database.rows(sql) == [(0,)]


@pytest.mark.parametrize("form", ["postgres://", "postgresql+asyncpg://"])
def test_the_url_may_have_any_usual_form(database, form):
    url = database.url.replace("postgresql://", form)
    with serving(DATABASE_URL=url + ("?ssl=disable" if "asyncpg" in form else "")) as server, server.client() as client:
        assert client.get("/items").status_code == 200
