"""Migrations in dbmate's format: applied once, whole or not at all, whoever else starts at the same time."""

import shutil
import signal
import time

import pytest
from support.postgres import ROOT, Database
from support.server import APP, SANITIZED, Server, run, serving, until, within

UP = "-- migrate:up\n{up}\n\n-- migrate:down\n{down}\n"


@pytest.fixture
def fresh(cluster, request):
    return Database(cluster, request.node.name)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A copy of the program with a folder of migrations that the test may change."""
    shutil.copy(APP, tmp_path / "app")
    shutil.copytree(ROOT / "app" / "migrations", tmp_path / "migrations")
    monkeypatch.setattr("support.server.APP", tmp_path / "app")
    return tmp_path


def applied(database):
    return [version for (version,) in database.rows("select version from schema_migrations order by version")]


def versions(folder):
    return sorted(path.name.split("_")[0] for path in (folder / "migrations").glob("*.sql"))


def test_up_applies_all_and_a_second_time_none(fresh, program):
    first, second = run("migrate", "up", DATABASE_URL=fresh.url), run("migrate", "up", DATABASE_URL=fresh.url)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout.split()[0] == "2" and second.stdout.split()[0] == "0"
    assert applied(fresh) == versions(program)


def test_down_takes_the_last_one_back(fresh, program):
    run("migrate", "up", DATABASE_URL=fresh.url)
    result = run("migrate", "down", DATABASE_URL=fresh.url)
    assert result.returncode == 0, result.stderr
    assert applied(fresh) == versions(program)[:-1]
    assert fresh.rows("select to_regclass('idempotency_keys') is null, to_regclass('items') is null") == [(True, False)]


def test_status_shows_what_is_applied(fresh, program):
    run("migrate", "up", DATABASE_URL=fresh.url)
    run("migrate", "down", DATABASE_URL=fresh.url)
    lines = run("migrate", "status", DATABASE_URL=fresh.url).stdout.splitlines()
    assert [line[:3] for line in lines if ".sql" in line] == ["[X]", "[ ]"]


def test_a_wrong_migration_applies_nothing_and_names_file_and_line(fresh, program):
    name = "20260101000003_wrong.sql"
    sql = "create table half (id int);\ninsert into half values (1);\ninsert into nowhere values (1);"
    (program / "migrations" / name).write_text(UP.format(up=sql, down=""))
    result = run("migrate", "up", DATABASE_URL=fresh.url)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert f"{name}:4" in result.stderr and "nowhere" in result.stderr
    assert fresh.rows("select to_regclass('half') is null") == [(True,)]
    assert applied(fresh) == versions(program)[:2]


def test_a_wrong_migration_stops_the_start(fresh, program):
    name = "20260101000003_wrong.sql"
    (program / "migrations" / name).write_text(UP.format(up="select 1;\nselect nonsense;", down=""))
    server = Server(program / "app", DATABASE_URL=fresh.url, MIGRATE_ON_START=1)
    assert server.wait() == 1
    assert any(f"{name}:3" in line["message"] for line in server.lines if line["level"] == "error")


def test_a_changed_file_is_refused(fresh, program):
    run("migrate", "up", DATABASE_URL=fresh.url)
    path = next((program / "migrations").glob("*create_items.sql"))
    path.write_text(path.read_text().replace("bigint", "int"))
    result = run("migrate", "up", DATABASE_URL=fresh.url)
    assert result.returncode == 1 and path.name in result.stderr


def test_a_file_without_an_up_part_is_refused(fresh, program):
    (program / "migrations" / "20260101000003_empty.sql").write_text("create table x (id int);\n")
    result = run("migrate", "up", DATABASE_URL=fresh.url)
    assert result.returncode == 1 and "20260101000003_empty.sql" in result.stderr and "migrate:up" in result.stderr


def test_statements_that_cannot_run_in_a_transaction_can_opt_out(fresh, program):
    (program / "migrations" / "20260101000003_index.sql").write_text(
        "-- migrate:up transaction:false\ncreate index concurrently by_price on items (price);\n-- migrate:down\n")
    result = run("migrate", "up", DATABASE_URL=fresh.url)
    assert result.returncode == 0, result.stderr
    assert fresh.rows("select to_regclass('by_price') is not null") == [(True,)]


def test_a_migration_with_a_commit_of_its_own_applies_nothing_and_the_next_start_says_the_same(fresh, program):
    name = "20260101000003_commits.sql"
    (program / "migrations" / name).write_text(UP.format(up="begin;\ncreate table half (id int);\ncommit;\nselect 1/0;", down=""))
    for _ in range(2):
        result = run("migrate", "up", DATABASE_URL=fresh.url)
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
        assert f"{name}:2: `begin`" in result.stderr and "transaction:false" in result.stderr
    assert fresh.rows("select to_regclass('half') is null, to_regclass('items') is null") == [(True, True)]


def test_functions_with_semicolons_inside_are_one_statement(fresh, program):
    body = "create function f() returns int language plpgsql as $$ begin perform 1; return 2; end $$;"
    (program / "migrations" / "20260101000003_function.sql").write_text(UP.format(up=body, down="drop function f();"))
    assert run("migrate", "up", DATABASE_URL=fresh.url).returncode == 0
    assert fresh.rows("select f()") == [(2,)]


def test_eight_processes_that_migrate_at_once_apply_each_file_once(fresh):
    servers = [Server(DATABASE_URL=fresh.url, MIGRATE_ON_START=1, DB_POOL_MIN=1, DB_POOL_MAX=3) for _ in range(8)]
    for server in servers:
        server.until_ready()
    assert sum(int(line["message"].split()[1]) for s in servers for line in s.lines
               if line["message"].startswith("migrations: ")) == 2
    assert [server.stop() for server in servers] == [0] * 8


def test_alive_but_not_ready_while_migrations_run(fresh, program):
    (program / "migrations" / "20260101000003_slow.sql").write_text(UP.format(up="select pg_sleep(1);", down=""))
    server = Server(program / "app", DATABASE_URL=fresh.url, MIGRATE_ON_START=1)
    until(lambda: server.logged("listening"))
    until(lambda: server.admin("/startupz")[0] == 503)
    status, text = server.admin("/readyz")
    assert status == 503 and "migrations" in text
    with server.client() as client:  # what a pod without a startup probe lives on
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
    server.until_ready()
    assert server.admin("/startupz")[0] == 200
    assert server.stop() == 0


def test_sigterm_while_another_process_migrates_ends_it_at_once(fresh):
    def stop():
        server = Server(DATABASE_URL=fresh.url, MIGRATE_ON_START=1, DRAIN_DELAY=30, DRAIN_TIMEOUT=30)
        until(lambda: fresh.rows("select 1 from pg_stat_activity where datname = %s and query like 'select pg_try_advisory_lock(%%'", fresh.name))
        assert "migrations" in server.admin("/readyz")[1]
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        return time.monotonic() - began

    with fresh.connect() as connection:
        connection.execute("select pg_advisory_lock(4706832143250551072)")
        within(5 if SANITIZED else 1, stop)
    assert fresh.rows("select to_regclass('items') is null") == [(True,)]


def test_the_server_does_not_migrate_unasked(fresh):
    with serving(DATABASE_URL=fresh.url) as server, server.client() as client:
        assert client.get("/").status_code == 200
    assert fresh.rows("select to_regclass('items') is null") == [(True,)]
