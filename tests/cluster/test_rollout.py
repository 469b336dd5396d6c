"""Versions come and go; what runs stays running."""

import time

import pytest
from beside import Load, database_secret, whole
from figures import figure
from kube import Release, apply, image, items, until

BUDGET = (3 + 1 + 1) * 5 + 1
UNREADY = {
    "image": image("CLUSTER_TOOLS_IMAGE"),
    "command": ["python3", "/tests/unready.py"],
    "migrations": {"job": {"enabled": False}},
}


@pytest.fixture(scope="module")
def database(postgres):
    return postgres.database("rollout", BUDGET)


@pytest.fixture(scope="module")
def hello(namespace, database):
    apply(database_secret(database), namespace=namespace)
    values = {"database": {"poolMin": 5, "poolMax": 5}, "resources": {"requests": {"cpu": "100m"}}}
    release = Release(namespace, env={"GREETING": "one", "ACCESS_LOG": "off"}, **values).install()
    database.seed()
    return release


@pytest.fixture(scope="module")
def upgraded(hello, database):
    """(the ledger, the connections seen, seconds) of an upgrade under load"""
    with database.connections_watched() as connections, Load(hello.address) as load:
        time.sleep(2)
        begun = time.monotonic()
        hello.upgrade(image=image("CLUSTER_NEXT_IMAGE"), env={"GREETING": "two"})
        seconds = time.monotonic() - begun
        time.sleep(2)
    return load, connections, seconds


def greeted(report):
    """{text of GET /: (number, first, last)}"""
    return {text.split('"')[3]: seen for text, seen in report["greetings"].items()}


def test_a_rolling_upgrade_under_1000_requests_a_second_fails_none(upgraded):
    load, _, seconds = upgraded
    report = load.report
    figure(
        "rolling upgrade, 3 replicas, 1,000 requests/s",
        f"{report['failed']} of {report['sent']} failed, {report['sent'] / report['seconds']:.0f} requests/s, upgrade {seconds:.0f} s,"
        f" p50 {report['milliseconds']['p50']} ms, p99 {report['milliseconds']['p99']} ms",
        "0 failed",
    )
    assert whole(report) is True
    assert report["sent"] / report["seconds"] > 950
    greetings = greeted(report)
    assert set(greetings) == {"one", "two"} and greetings["one"][2] < greetings["two"][2]


def test_a_rolling_upgrade_loses_no_acknowledged_write(upgraded, database):
    load, _, _ = upgraded
    missing, unasked = database.lost_of(load.report, load.prefix)
    figure("rolling upgrade, acknowledged writes lost", f"{len(missing)} of {load.report['writes']}", "0")
    assert load.report["writes"] > 1000 and (missing, unasked) == ([], [])


def test_a_rolling_upgrade_keeps_within_the_connection_budget(upgraded, database):
    _, connections, _ = upgraded
    figure("rolling upgrade, most connections to Postgres", max(connections), f"{BUDGET} by the budget")
    assert len(connections) > 50 and 16 <= max(connections) <= BUDGET and database.refused() == 0, "four pods with a connection to spare"


def test_a_rollback_brings_the_last_version_back_and_fails_no_request(hello, database, upgraded):
    with Load(hello.address, rate=500) as load:
        hello.rollback()
    hello.values["env"]["GREETING"], hello.values["image"] = "one", image()
    assert whole(load.report) is True and database.lost_of(load.report, load.prefix) == ([], [])
    greetings = greeted(load.report)
    assert set(greetings) == {"one", "two"} and greetings["two"][2] < greetings["one"][2]


def images(release):
    return {pod["spec"]["containers"][0]["image"] for pod in release.ready_pods()}


def test_an_image_that_never_becomes_ready_never_takes_traffic(hello, upgraded):
    before = {pod["metadata"]["uid"] for pod in hello.ready_pods()}
    with Load(hello.address, rate=300) as load:
        words = hello.failed_upgrade(timeout=12, **UNREADY)
        assert len(hello.pods()) == 4, "the new one is there"
        assert {pod["metadata"]["uid"] for pod in hello.ready_pods()} == before
        hello.rollback()
    assert "context deadline exceeded" in words or "not ready" in words
    assert whole(load.report) is True and set(greeted(load.report)) == {"one"}
    assert {pod["metadata"]["uid"] for pod in hello.ready_pods()} == before, "no pod was touched"


def test_an_upgrade_to_an_image_that_does_not_exist_goes_back_by_itself(hello, upgraded):
    before = {pod["metadata"]["uid"] for pod in hello.ready_pods()}
    missing = {"tag": "is-not-there"}
    hello.failed_upgrade("--atomic", timeout=10, image=missing, migrations={"job": {"enabled": False}})
    assert {pod["metadata"]["uid"] for pod in hello.ready_pods()} == before
    assert hello.helm("status", "hello", "-o", "json").stdout.count('"status":"deployed"') == 1


def test_a_missing_secret_or_key_is_named_in_one_line_and_nothing_is_changed(hello, namespace):
    revisions = hello.helm("history", "hello", "-o", "json").stdout
    words = hello.failed_upgrade(timeout=60, database={"existingSecret": "nowhere"})
    assert f"the Secret nowhere, of which DATABASE_URL is taken, is not in the namespace {namespace}: kubectl -n " in words
    key = {"valueFrom": {"secretKeyRef": {"name": "database", "key": "token"}}}
    words = hello.failed_upgrade(timeout=60, env={"JWT_SECRET": key})
    assert f"the Secret database in the namespace {namespace} has no key token, of which JWT_SECRET is taken: it has api-key" in words
    words = hello.failed_upgrade(timeout=60, envFrom=[{"secretRef": {"name": "nowhere"}}])
    assert "the Secret nowhere, of which envFrom is taken, is not in the namespace" in words
    assert hello.helm("history", "hello", "-o", "json").stdout == revisions


def test_a_missing_secret_that_nobody_looked_for_is_named_by_the_kubelet_and_what_runs_stays(hello):
    before = {pod["metadata"]["uid"] for pod in hello.ready_pods()}
    hello.failed_upgrade(timeout=8, checkSecrets=False, database={"existingSecret": "nowhere"})
    assert 'Error: secret "nowhere" not found' in [event["message"] for event in hello.events("Failed")]
    assert {pod["metadata"]["uid"] for pod in hello.ready_pods()} == before


def test_a_migration_that_fails_tells_why_and_what_runs_stays(hello, database):
    database.sql("delete from schema_migrations where version = (select max(version) from schema_migrations);")
    before = {pod["metadata"]["uid"] for pod in hello.ready_pods()}
    words = hello.failed_upgrade(timeout=60, migrations={"job": {"backoffLimit": 0}}, env={"GREETING": "three"})
    why = 'migrate up: /migrations/20260101000002_create_idempotency_keys.sql:2: relation "idempotency_keys" already exists'
    assert why in words.splitlines()
    assert {pod["metadata"]["uid"] for pod in hello.ready_pods()} == before
    database.sql("drop table idempotency_keys;")
    hello.upgrade(env={"GREETING": "three"})
    assert until(lambda: hello.raw("/"), "it serves") == '{"message":"three"}'
    assert items("jobs", namespace=hello.namespace) == []
