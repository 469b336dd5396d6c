"""Faults of the database: clear errors, no restart of ours, recovery by itself, nothing acknowledged is lost."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import httpx
import psycopg
import pytest
from support.postgres import Cluster, Database
from support.server import Server, serving, until, within

KILL = """select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'app' limit %s"""


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
        killed = 0
        while killed < 10:
            killed += len(database.rows(KILL, 1))
            time.sleep(0.1)
        moment = time.monotonic()
        until(lambda: ledger.ok_since(moment) > 50)
    assert ledger.statuses <= {201, 503}
    ledger.check(database)


def test_after_a_restart_it_recovers_within_two_seconds(server, database, cluster):
    with Ledger(server) as ledger:
        def recovery():
            cluster.restart()
            moment = time.monotonic()
            until(lambda: ledger.ok_since(moment) > 20)
            return time.monotonic() - moment

        within(2, recovery)
    assert ledger.statuses <= {201, 503}
    assert server.process.poll() is None
    ledger.check(database)


def test_while_the_database_is_away_it_answers_at_once_and_says_so(server, database, cluster):
    with server.client() as client:
        cluster.stop()
        try:
            until(lambda: client.get("/readyz").status_code == 503)
            until(lambda: client.get("/items").status_code == 503)
            began = time.monotonic()
            for _ in range(20):
                answer = client.get("/items")
                assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1
            assert time.monotonic() - began < 20  # five seconds each, if they waited for a connection
            assert client.get("/healthz").status_code == 200
            assert client.get("/").status_code == 200
            dials, began = server.metric("db_client_connection_dials_total"), time.monotonic()
            time.sleep(3)
            dialled = server.metric("db_client_connection_dials_total") - dials
            assert 1 <= dialled <= (time.monotonic() - began) / 0.9 + 1  # one a second, give or take a tenth
        finally:
            cluster.start()
        until(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/items").status_code == 200

    def told():
        return [x["message"].split(": ")[1] for x in server.lines if x["message"].startswith("database: ")]

    until(lambda: told()[-2:] == ["not reached", "reached again"])


def test_a_database_that_nobody_named_is_told_once_and_keeps_the_server_from_being_ready():
    server = Server(DATABASE_URL="")
    try:
        until(lambda: server.logged("database: not reached: DATABASE_URL is not set"))
        with server.client() as client:
            assert client.get("/healthz").status_code == 200
            until(lambda: client.get("/readyz").status_code == 503)
    finally:
        server.stop()
    assert len([line for line in server.lines if line["message"].startswith("database:")]) == 1


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
    assert slowest < 2
    assert server.stop() == 0


def test_a_crash_of_postgres_loses_nothing_that_was_acknowledged(server, database, cluster):
    with Ledger(server) as ledger:
        cluster._call("restart", "--mode", "immediate")
        moment = time.monotonic()
        until(lambda: ledger.ok_since(moment) > 20)
    assert ledger.statuses <= {201, 503}
    ledger.check(database)


def test_a_postgres_without_free_connections_is_503_and_no_end(server, database, cluster):
    """53300: others hold all connections; the service goes on with none and comes back by itself."""
    most = int(database.rows("show max_connections")[0][0])
    with database.connect() as keeper, ExitStack() as hogs, server.client() as client:
        assert client.get("/items").status_code == 200

        def took_all():  # what the service lets go is taken, once the backend that had it is gone
            keeper.execute(KILL, [1000])
            with suppress(psycopg.OperationalError):
                while True:
                    hogs.enter_context(psycopg.connect(database.url, autocommit=True))
            others = "select count(*) from pg_stat_activity where backend_type = 'client backend' and application_name <> 'app'"
            return keeper.execute(others).fetchone() == (most,)

        until(took_all)
        until(lambda: client.get("/items").status_code == 503)
        answer = client.get("/items")
        assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1
        assert client.get("/healthz").status_code == 200
        assert "too many clients" in client.get("/readyz").text or "connection slots" in client.get("/readyz").text
        hogs.close()
        until(lambda: client.get("/items").status_code == 200)
        assert client.get("/readyz").status_code == 200


def test_a_deadlock_is_503_for_one_and_leaves_nothing(server, database):
    with server.client() as client, database.connect() as other, ThreadPoolExecutor(1) as pool:
        other.execute("set deadlock_timeout = '60s'")  # the service's transaction finds out first
        with other.transaction():
            other.execute("insert into items (name, price) values ('y', 1)")
            bulk = [{"name": "x", "price": 1}, {"name": "y", "price": 1}]
            asked = pool.submit(client.post, "/items/bulk", json=bulk, headers={"Idempotency-Key": "cross"})
            waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            until(lambda: database.rows(waits))
            other.execute("insert into items (name, price) values ('x', 1)")
        answer = asked.result()
        assert (answer.status_code, answer.json()) == (503, {"detail": "Deadlock detected, try again"})
        assert client.post("/items/bulk", json=bulk, headers={"Idempotency-Key": "cross"}).status_code == 409


def test_a_database_that_turns_read_only_refuses_writes_and_heals(server, database):
    """25006, as after a failover: connections to the standby go, the next ones find the primary."""
    with server.client() as client:
        database.run(f'alter database "{database.name}" set default_transaction_read_only = on')
        try:
            database.run(KILL, 100)
            until(lambda: client.get("/items").status_code == 200)
            answer = client.post("/items", json={"name": "no", "price": 1})
            assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1
            assert client.get("/items").status_code == 200
        finally:
            with database.connect() as connection:
                connection.execute("set default_transaction_read_only = off")
                connection.execute(f'alter database "{database.name}" reset default_transaction_read_only')
        until(lambda: client.post("/items", json={"name": uuid.uuid4().hex, "price": 1}).status_code == 201)


def test_a_table_that_is_altered_again_and_again_is_read_on(server, database):
    with server.client() as client:
        for _ in range(10):
            database.run("alter table items add column surplus int")
            assert client.get("/items").status_code == 200
            database.run("alter table items drop column surplus")
            assert client.get("/items").status_code == 200
