"""The connection budget: both sides of each limit, and the words."""

import json

import pytest
from support import Refused, refusal, render, text


def fits(values):
    """Does it render? The budget alone may say no."""
    try:
        text(values)
    except Refused as refused:
        assert "connection budget exceeded" in str(refused), refused
        return False
    return True


def with_database(values, **database):
    copy = json.loads(json.dumps(values))
    copy.setdefault("database", {}).update(database)
    return copy


# Values, and the sum: (pods + surge + terminating) x pool + 1 for the Job.
SUMS = {
    "the defaults": ({}, (3 + 1 + 1) * 15 + 1),
    "more pods": ({"replicaCount": 8}, (8 + 1 + 1) * 15 + 1),
    "no pods": ({"replicaCount": 0}, (0 + 1 + 1) * 15 + 1),
    "a smaller pool": ({"database": {"poolMax": 6}}, (3 + 1 + 1) * 6 + 1),
    "the pool by env": ({"env": {"DB_POOL_MAX": "6"}}, (3 + 1 + 1) * 6 + 1),
    "the pool by a number in env": ({"env": {"DB_POOL_MAX": 6}}, (3 + 1 + 1) * 6 + 1),
    "autoscaling": ({"autoscaling": {"enabled": True}}, (10 + 1 + 1) * 15 + 1),
    "autoscaling below replicaCount": (
        {"replicaCount": 6, "autoscaling": {"enabled": True, "maxReplicas": 4}},
        (6 + 1 + 1) * 15 + 1,
    ),
    "autoscaling that is off": ({"autoscaling": {"enabled": False, "maxReplicas": 50}}, (3 + 1 + 1) * 15 + 1),
    "more surge": ({"rollout": {"maxSurge": 2, "terminating": 2}}, (3 + 2 + 2) * 15 + 1),
    "surge in per cent, rounded up": ({"rollout": {"maxSurge": "34%", "terminating": 2}}, (3 + 2 + 2) * 15 + 1),
    "no surge": ({"rollout": {"maxSurge": 0, "maxUnavailable": 1}}, (3 + 0 + 1) * 15 + 1),
    "more that are going": ({"rollout": {"terminating": 3}}, (3 + 1 + 3) * 15 + 1),
    "no migration Job": ({"migrations": {"job": {"enabled": False}}}, (3 + 1 + 1) * 15),
    "autoscaling, surge, no Job": (
        {
            "autoscaling": {"enabled": True, "maxReplicas": 5},
            "rollout": {"maxSurge": 3, "terminating": 3},
            "migrations": {"job": {"enabled": False}},
        },
        (5 + 3 + 3) * 15,
    ),
}


@pytest.mark.parametrize("values, total", SUMS.values(), ids=SUMS)
def test_what_fits_to_the_last_connection_renders_and_one_less_does_not(values, total):
    assert fits(with_database(values, maxConnections=total + 7, reserved=7))
    assert not fits(with_database(values, maxConnections=total + 6, reserved=7))
    assert not fits(with_database(values, maxConnections=total + 7, reserved=8))


@pytest.mark.parametrize("values, total", SUMS.values(), ids=SUMS)
def test_behind_pgbouncer_the_sum_counts_against_its_clients(values, total):
    values = {**with_database(values, maxConnections=50, reserved=0, existingSecret="db", existingSecretDirectKey="direct")}
    bouncer = {"enabled": True, "maxClientConnections": total + 5, "reserved": 5}
    assert fits({**values, "pgbouncer": bouncer})
    assert not fits({**values, "pgbouncer": {**bouncer, "maxClientConnections": total + 4}})
    assert not fits({**values, "pgbouncer": {**bouncer, "reserved": 6}})


@pytest.mark.parametrize(
    "values, total",
    [
        ({}, 20 + 1),
        ({"pgbouncer": {"poolSize": 30}}, 30 + 1),
        ({"pgbouncer": {"directPerPod": 1}}, 20 + 5 * 1 + 1),
        ({"migrations": {"onStart": True}}, 20 + 5 * 1 + 1),
        ({"migrations": {"onStart": True, "job": {"enabled": False}}}, 20 + 5 * 1),
        ({"migrations": {"job": {"enabled": False}}}, 20),
    ],
)
def test_what_goes_past_pgbouncer_counts_against_postgres(values, total):
    bouncer = {"enabled": True, **values.get("pgbouncer", {})}
    values = {**values, "pgbouncer": bouncer}
    database = {"existingSecret": "db", "existingSecretDirectKey": "direct", "reserved": 4}
    assert fits(with_database(values, **database, maxConnections=total + 4))
    assert "behind PgBouncer" in refusal(with_database(values, **database, maxConnections=total + 3))


def test_the_outage_that_everybody_meets_is_refused_with_the_sum_and_the_ways_out():
    words = refusal({"autoscaling": {"enabled": True}})
    assert "(10 pods by autoscaling.maxReplicas + 1 surge + 1 terminating) x 15 connections by database.poolMax" in words
    assert "+ 1 for the migration Job = 181; Postgres has 100" in words
    assert "Postgres has 100 by database.maxConnections - 10 by database.reserved = 90" in words
    assert "database.poolMax to 7 or less" in words
    assert "autoscaling.maxReplicas to 3 or less" in words
    assert "database.maxConnections to 191 or more" in words
    assert "PgBouncer" in words


@pytest.mark.parametrize(
    "way",
    [{"database": {"poolMax": 7}}, {"autoscaling": {"enabled": True, "maxReplicas": 3}}, {"database": {"maxConnections": 191}}],
)
def test_each_way_out_that_it_names_works(way):
    assert fits({"autoscaling": {"enabled": True}, **way})


@pytest.mark.parametrize(
    "too_far",
    [{"database": {"poolMax": 8}}, {"autoscaling": {"enabled": True, "maxReplicas": 4}}, {"database": {"maxConnections": 190}}],
)
def test_no_way_out_that_it_names_is_shorter_than_needed(too_far):
    assert not fits({"autoscaling": {"enabled": True}, **too_far})


def test_ways_out_that_need_a_second_value_name_it():
    values = {"autoscaling": {"enabled": True}, "replicaCount": 6, "database": {"maxConnections": 60}}
    words = refusal(values)
    assert "database.poolMax to 4 or less (and database.poolMin)" in words
    assert not fits({**values, "database": {"maxConnections": 60, "poolMax": 5}})
    assert fits({**values, "database": {"maxConnections": 60, "poolMax": 4, "poolMin": 4}})
    values["database"] = {}
    assert "autoscaling.maxReplicas to 3 or less (and replicaCount)" in refusal(values)
    assert not fits({**values, "autoscaling": {"enabled": True, "maxReplicas": 3}})
    assert fits({**values, "autoscaling": {"enabled": True, "maxReplicas": 3}, "replicaCount": 3})


def test_a_pool_set_by_env_is_named_so():
    assert "env.DB_POOL_MAX to 17 or less" in refusal({"env": {"DB_POOL_MAX": 20}})
    assert fits({"env": {"DB_POOL_MAX": 17}})


def test_behind_pgbouncer_the_way_out_of_postgres_is_named_and_works():
    values = {
        "pgbouncer": {"enabled": True, "poolSize": 100},
        "database": {"existingSecret": "db", "existingSecretDirectKey": "direct"},
    }
    assert "pgbouncer.poolSize to 89 or less, or database.maxConnections to 111 or more" in refusal(values)
    assert fits({**values, "pgbouncer": {"enabled": True, "poolSize": 89}})
    assert not fits({**values, "pgbouncer": {"enabled": True, "poolSize": 90}})
    assert fits({**values, "database": {**values["database"], "maxConnections": 111}})
    assert not fits({**values, "database": {**values["database"], "maxConnections": 110}})


def test_it_names_no_way_that_leads_nowhere():
    words = refusal({"replicaCount": 500, "database": {"maxConnections": 20, "reserved": 3}})
    assert "poolMax to" not in words
    assert "replicaCount to" not in words
    assert "database.maxConnections to 7534 or more" in words


def test_behind_pgbouncer_it_names_the_values_of_pgbouncer():
    words = refusal(
        {"replicaCount": 10, "pgbouncer": {"enabled": True}, "database": {"existingSecret": "db", "existingSecretDirectKey": "d"}}
    )
    assert "PgBouncer has 100 by pgbouncer.maxClientConnections" in words
    assert "pgbouncer.maxClientConnections to 181 or more" in words
    assert "put PgBouncer between" not in words


def test_the_refusal_is_one_line():
    assert len(refusal({"replicaCount": 50}).replace("Use --debug flag to render out invalid YAML", "").strip().splitlines()) == 1


def test_a_pool_that_is_not_known_at_render_is_refused():
    words = refusal({"env": {"DB_POOL_MAX": {"valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}}})
    assert "env.DB_POOL_MAX" in words and "plain value" in words


@pytest.mark.parametrize("value", ["many", "-1", "1e3", ""])
def test_a_pool_that_is_no_number_is_refused(value):
    assert "env.DB_POOL_MAX" in refusal({"env": {"DB_POOL_MAX": value}})


def test_a_pool_above_twenty_is_asked_for_twice():
    values = {"replicaCount": 1, "database": {"poolMax": 21}}
    assert "allowLargePool" in refusal(values)
    values["database"]["allowLargePool"] = True
    objects = render(values)
    assert {"name": "DB_POOL_ALLOW_LARGE", "value": "1"} in objects.container["env"]
    assert fits({"replicaCount": 1, "database": {"poolMax": 20}})


def test_a_pool_that_keeps_more_than_it_may_have_is_refused():
    assert "database.poolMin is 5" in refusal({"database": {"poolMax": 4}})
    assert fits({"database": {"poolMax": 5}})


def test_more_workers_than_the_pool_feeds_are_refused():
    assert "env.WORKERS is 15" in refusal({"env": {"WORKERS": 15}})
    assert fits({"env": {"WORKERS": 14}})


@pytest.mark.parametrize("name", ["DB_POOL_MAX", "PORT", "DRAIN_DELAY"])
@pytest.mark.parametrize("number", ["020", "00.5", "0x10", "1e1", "-1", ""])
def test_a_number_that_chart_and_service_could_read_differently_is_refused(name, number):
    words = refusal({"env": {name: number}})
    assert f'env.{name} is "{number}"' in words and "without leading zeros" in words


@pytest.mark.parametrize("name", ["DB_POOL_MAX", "DB_POOL_MIN", "WORKERS", "PORT", "ADMIN_PORT"])
def test_what_is_counted_is_whole(name):
    assert "expects a whole number" in refusal({"env": {name: "7.5"}})
    assert text({"env": {"DRAIN_DELAY": "0.5"}})
