"""The database goes away, is reached through PgBouncer, and is migrated by many at once."""

import time

import pytest
from beside import Load, Postgres, database_secret, remove, start_pgbouncer, whole
from figures import figure
from kube import Release, apply, restarts, secret, until

MINUTE = 60


@pytest.fixture(scope="module")
def away(postgres, namespace):
    """A release whose Postgres has gone away: the tests of this file pass meanwhile."""
    server = Postgres("postgres-away")
    database = server.database("outage")
    apply(database_secret(database), namespace=namespace)
    hello = Release(namespace, env={"ACCESS_LOG": "off"}).install()
    database.seed()
    with Load(hello.address, rate=200) as load:
        time.sleep(2)
        server.go_away()
        begun = time.monotonic()
        until(lambda: not hello.ready_pods(), "every pod knows that the database is away", 60)
    return hello, database, load, begun


def test_while_the_database_is_away_pods_say_so_and_serve_the_rest(away):
    hello, _, load, _ = away
    assert set(load.report["failures"]) <= {"status 503", "no connection: Connection refused", "no answer in time"}, load.report["failures"]
    with hello.forwarded(f"pod/{hello.pods()[0]['metadata']['name']}", 8000) as client:
        assert client.get("/").status_code == 200 and client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert ready.status_code == 503 and ready.json()["status"] == "unavailable"
        begun = time.monotonic()
        answer = client.get("/items/1")
        assert (answer.status_code, answer.json()) == (503, {"detail": "Database unavailable"})
        assert int(answer.headers["retry-after"]) >= 1 and time.monotonic() - begun < 1


def test_it_serves_through_pgbouncer_in_transaction_mode(namespace, postgres):
    database = postgres.database("bounced", connections=8)
    host = start_pgbouncer(database, pool_size=6, most_clients=60)
    urls = {"database-url": database.url(host, 6432), "direct-url": database.url()}
    apply(secret("bounced", **urls), namespace=namespace)
    values = {
        "database": {"existingSecret": "bounced", "existingSecretDirectKey": "direct-url", "maxConnections": 20},
        "pgbouncer": {"enabled": True, "maxClientConnections": 60, "poolSize": 6},
    }
    hello = Release(namespace, "bounced", env={"ACCESS_LOG": "off"}, **values).install()
    database.seed()
    with Load(hello.address, rate=400, seconds=6) as load:
        load.wait()
    assert whole(load.report) is True and database.lost_of(load.report, load.prefix) == ([], [])
    assert database.refused() == 0, "six by PgBouncer, one by the Job"
    assert sum(map(restarts, hello.pods())) == 0
    hello.uninstall()
    remove("pgbouncer")


def test_of_eight_pods_that_migrate_at_once_one_does_it_and_all_serve(postgres, namespace):
    database = postgres.database("eight", connections=(8 + 1 + 1) * 3)
    apply(database_secret(database, "eight"), namespace=namespace)
    migrations = {"onStart": True, "job": {"enabled": False}}
    values = {"existingSecret": "eight", "poolMax": 3}
    hello = Release(namespace, "eight", replicaCount=8, migrations=migrations, database=values).install()
    pods = hello.ready_pods()
    assert len(pods) == 8 and sum(map(restarts, pods)) == 0
    told = [line["message"] for pod in pods for line in hello.log(pod) if line["message"].startswith("migrations: ")]
    assert sorted(told, reverse=True) == ["migrations: 2 applied"] + 7 * ["migrations: 0 applied"], told
    assert database.sql("select count(*) from schema_migrations;") == ["2"] and database.refused() == 0
    hello.uninstall()


def test_after_a_minute_without_the_database_no_pod_has_restarted_and_all_serve(away):
    hello, database, load, begun = away
    time.sleep(max(0, begun + MINUTE - time.monotonic()))
    assert [restarts(pod) for pod in hello.pods()] == [0, 0, 0]
    lasted = time.monotonic() - begun
    database.server.come_back()
    back = time.monotonic()
    until(lambda: "1" == "".join(database.sql("select 1;")), "Postgres is back", 30)
    answered = time.monotonic()
    until(lambda: len(hello.ready_pods()) == 3, "all pods are ready by themselves", 30)
    figure(
        f"database away for {lasted:.0f} s",
        f"0 restarts; all pods ready {time.monotonic() - answered:.1f} s after Postgres answers ({answered - back:.1f} s after its start)",
        "0 restarts, ready by themselves",
    )
    assert sum(map(restarts, hello.pods())) == 0
    with Load(hello.address, rate=300, seconds=4) as after:
        after.wait()
    assert whole(after.report) is True
    assert database.lost_of(load.report, load.prefix) == ([], []), "what was acknowledged before the crash is there"
