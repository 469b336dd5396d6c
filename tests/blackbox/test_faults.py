"""Faults of the database: clear errors, no restart of ours, recovery by itself, nothing acknowledged is lost."""

import threading
import time
import uuid

import httpx
import pytest
from support.postgres import Cluster, Database
from support.server import Server, serving, until

KILL = """select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and application_name like 'apus%%' limit %s"""


@pytest.fixture(scope="module")
def cluster():
    """A cluster of this file's own: it is restarted."""
    cluster = Cluster()
    yield cluster
    cluster.destroy()


class Writer(threading.Thread):
    """Creates items with names of its own and keeps a ledger of what was sent and what was acknowledged."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.url, self.sent, self.acknowledged, self.statuses, self.stopped = server.url, [], [], [], False

    def run(self):
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False) as client:
            while not self.stopped:
                name = uuid.uuid4().hex
                self.sent.append(name)
                status = client.post("/items", json={"name": name, "price": 1}).status_code
                self.statuses.append((time.monotonic(), status))
                if status == 201:
                    self.acknowledged.append(name)


class Ledger:
    def __init__(self, server, writers=8):
        self.writers = [Writer(server) for _ in range(writers)]

    def __enter__(self):
        for writer in self.writers:
            writer.start()
        until(lambda: sum(len(w.acknowledged) for w in self.writers) > 50)
        return self

    def __exit__(self, *_):
        for writer in self.writers:
            writer.stopped = True
        for writer in self.writers:
            writer.join(30)

    @property
    def statuses(self):
        return {status for w in self.writers for _, status in w.statuses}

    def ok_since(self, moment):
        return sum(1 for w in self.writers for at, status in w.statuses if status == 201 and at > moment)

    def check(self, database):
        stored = {name for (name,) in database.rows("select name from items")}
        sent = {name for w in self.writers for name in w.sent}
        acknowledged = {name for w in self.writers for name in w.acknowledged}
        assert acknowledged <= stored <= sent


@pytest.fixture(autouse=True)
def _empty(server, database):
    database.run("truncate items, idempotency_keys restart identity")


def test_a_killed_backend_costs_its_own_statements_only(server, database):
    with Ledger(server) as ledger:
        for _ in range(10):
            database.rows(KILL, 1)
            time.sleep(0.1)
        moment = time.monotonic()
        until(lambda: ledger.ok_since(moment) > 50, 5)
    assert ledger.statuses <= {201, 503}
    ledger.check(database)


def test_after_a_restart_it_recovers_within_two_seconds(server, database, cluster):
    with Ledger(server) as ledger:
        cluster.restart()
        moment = time.monotonic()
        until(lambda: ledger.ok_since(moment) > 20, 2)
    assert ledger.statuses <= {201, 503}
    assert server.process.poll() is None
    ledger.check(database)


def test_while_the_database_is_away_it_answers_at_once_and_says_so(server, database, cluster):
    with server.client() as client:
        cluster.stop()
        try:
            until(lambda: client.get("/readyz").status_code == 503, 5)
            until(lambda: client.get("/items").status_code == 503, 5)
            began = time.monotonic()
            for _ in range(20):
                answer = client.get("/items")
                assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1
            assert time.monotonic() - began < 5
            assert client.get("/healthz").status_code == 200
            assert client.get("/").status_code == 200
            dials = server.metric("db_client_connection_dials_total")
            time.sleep(3)
            assert server.metric("db_client_connection_dials_total") - dials <= 6
        finally:
            cluster.start()
        until(lambda: client.get("/readyz").status_code == 200, 3)
        assert client.get("/items").status_code == 200

    def told():
        return [x["message"].split(": ")[1] for x in server.lines if x["message"].startswith("database: ")]

    until(lambda: told()[-2:] == ["not reached", "reached again"], 5)


def test_too_many_connections_is_not_the_end(cluster):
    database = Database(cluster, "limited")
    database.run(f'alter database "{database.name}" connection limit 2')
    database.run(f"create role guest login password 'guest'; grant all on database \"{database.name}\" to guest; grant all on schema public to guest")
    url = httpx.URL(database.url.replace("postgresql://", "http://"))
    guest = f"postgresql://guest:guest@{url.host}:{url.port}/{database.name}"
    with serving(DATABASE_URL=guest, MIGRATE_ON_START=1, DB_POOL_MIN=1) as server, server.client() as client:
        statuses = {client.get("/items").status_code for _ in range(50)}
        assert statuses == {200}


def test_a_changed_table_does_not_break_prepared_statements(server, database):
    with server.client() as client:
        assert client.get("/items").status_code == 200
        database.run("alter table items alter column stock type int")
        try:
            assert {client.get("/items").status_code for _ in range(10)} == {200}
        finally:
            database.run("alter table items alter column stock type bigint")
        assert {client.get("/items").status_code for _ in range(10)} == {200}


def test_a_wrong_password_is_told_without_the_password(cluster):
    database = Database(cluster, "password")
    url = httpx.URL(database.url.replace("postgresql://", "http://"))
    wrong = f"postgresql://apus:not-this-one@{url.host}:{url.port}/{database.name}"
    server = Server(DATABASE_URL=wrong)
    until(lambda: server.logged("listening"))
    status, text = until(lambda: (lambda answer: answer if "password" in answer[1] else None)(server.admin("/readyz")))
    assert status == 503 and "not-this-one" not in text
    assert "not-this-one" not in str(server.lines)
    assert server.stop() == 0


def test_a_name_that_does_not_resolve_does_not_block_the_loop():
    server = Server(DATABASE_URL="postgresql://no-such-host.invalid/x")
    until(lambda: server.logged("listening"))
    with server.client() as client:
        slowest = 0.0
        for _ in range(50):
            began = time.monotonic()
            assert client.get("/").status_code == 200
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < 1
    assert server.stop() == 0
