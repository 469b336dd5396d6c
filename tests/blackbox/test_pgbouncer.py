"""Behind a real PgBouncer in transaction mode: DB_PREPARE=off, and DATABASE_DIRECT_URL for the migrations."""

import os
import pwd
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from support.postgres import ROOT, Database
from support.server import Server, serving, until

SERVER_CONNECTIONS = 4


class Bouncer:
    """Two databases of one name would be one too few: `pooled` is the test's database."""

    def __init__(self, database, folder):
        self.database, self.folder = database, folder
        self.program = subprocess.run([ROOT / "scripts" / "fetch-pgbouncer", ROOT / "build" / "pgbouncer"],
                                      check=True, capture_output=True, text=True, timeout=170).stdout.splitlines()[0]
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        target = httpx.URL(database.url.replace("postgresql://", "http://"))
        (folder / "users.txt").write_text(f'"{target.username}" "{target.password}"\n')
        (folder / "pgbouncer.ini").write_text(f"""
[databases]
pooled = host=127.0.0.1 port={target.port} dbname={database.name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
max_client_conn = 200
admin_users = {target.username}
""")
        self.url = f"postgresql://{target.username}:{target.password}@127.0.0.1:{self.port}/pooled"
        self.start()

    def start(self):
        user = None
        if os.geteuid() == 0:  # it refuses to run as root
            user = pwd.getpwnam("postgres")
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([self.program, str(self.folder / "pgbouncer.ini")], stdout=log, stderr=log,
                                            user=user and user.pw_uid, group=user and user.pw_gid, cwd="/")
        until(self.answers)

    def answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.kill()
        self.process.wait(10)


@pytest.fixture(scope="module")
def bouncer(database):
    import shutil
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.mkdtemp(prefix="apus-bouncer-"))
    folder.chmod(0o755)
    bouncer = Bouncer(database, folder)
    yield bouncer
    bouncer.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(bouncer, database):
    with serving(DATABASE_URL=bouncer.url, DATABASE_DIRECT_URL=database.url, DB_PREPARE="off", MIGRATE_ON_START=1, WORKERS=2) as server:
        yield server


@pytest.fixture(autouse=True)
def _empty(server, database):
    database.run("truncate items, idempotency_keys restart identity")


def test_all_routes_work(client):
    item = client.post("/items", json={"name": "tea", "price": 2.5, "description": None}).json()
    assert client.get(f"/items/{item['id']}").json() == item
    assert client.post("/items", json={"name": "tea", "price": 1}).status_code == 409
    assert client.patch(f"/items/{item['id']}", json={"stock": 3}).json()["stock"] == 3
    assert client.put(f"/items/{item['id']}", json={"name": "tea", "price": 4}).json()["stock"] is None
    assert client.get("/items", params={"q": "te"}).json()["total"] == 1
    assert client.get("/items/stats").json()["count"] == 1
    for _ in range(2):
        answer = client.post("/items/bulk", json=[{"name": "a", "price": 1}, {"name": "b", "price": 2}], headers={"Idempotency-Key": "k"})
        assert (answer.status_code, [i["name"] for i in answer.json()]) == (201, ["a", "b"])
    assert client.delete(f"/items/{item['id']}").status_code == 204


def test_it_goes_through_the_bouncer_and_takes_no_more_than_its_share(server, database):
    application = database.connections("%")
    assert 0 < application <= SERVER_CONNECTIONS + 1  # and the test's own


def test_many_at_once_share_few_connections_and_are_never_mixed_up(server):
    def ask(n):
        with server.client() as client:
            for i in range(20):
                item = client.post("/items", json={"name": f"{n}-{i}", "price": n + 1}).json()
                assert item["name"] == f"{n}-{i}"
                assert client.get(f"/items/{item['id']}").json() == item
                bulk = [{"name": f"bulk {n}-{i}-{k}", "price": 1} for k in range(3)]
                answer = client.post("/items/bulk", json=bulk, headers={"Idempotency-Key": f"{n}-{i}"}).json()
                assert [x["name"] for x in answer] == [x["name"] for x in bulk]
        return True

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(ask, range(12)))


def test_nothing_is_left_in_the_sessions_that_others_use(server, client, database, bouncer):
    assert client.get("/items").status_code == 200
    with psycopg.connect(bouncer.url, autocommit=True, prepare_threshold=None) as connection:
        assert connection.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)
        assert connection.execute("show statement_timeout").fetchone() == ("0",)


def test_a_bouncer_that_restarts_costs_a_moment(server, client, bouncer):
    assert client.get("/items").status_code == 200
    bouncer.stop()
    until(lambda: client.get("/items").status_code == 503)
    bouncer.start()
    began = time.monotonic()
    until(lambda: client.get("/items").status_code == 200)
    assert time.monotonic() - began < 5


def test_a_backend_killed_behind_the_bouncer_is_503_at_worst(client, database):
    for _ in range(5):
        database.run("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        assert client.get("/items").status_code in (200, 503)
    until(lambda: client.get("/items").status_code == 200)


def test_the_start_says_what_to_set_when_it_is_not_set(database, bouncer):
    """With DB_PREPARE on, PgBouncer refuses session settings: readiness names that."""
    server = Server(DATABASE_URL=bouncer.url)
    until(lambda: server.logged("listening"))
    status, text = until(lambda: (lambda a: a if "statement_timeout" in a[1] or "options" in a[1] else None)(server.admin("/readyz")))
    assert status == 503 and "DB_PREPARE=off" in text
    assert server.stop() == 0
