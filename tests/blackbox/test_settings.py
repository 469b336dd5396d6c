"""Settings: every wrong one is one line that names variable, value and expectation."""

import json

import pytest
from support.server import Server, run, until


@pytest.mark.parametrize("name, value", [
    ("PORT", "eighty"), ("PORT", "70000"), ("PORT", "-1"), ("WORKERS", "1.5"), ("DRAIN_DELAY", "soon"),
    ("MAX_BODY", "1MB!"), ("MAX_CONNECTIONS", "0"), ("DOCS", "maybe"), ("ACCESS_LOG", "perhaps"), ("LOG_LEVEL", "loud"),
    ("DB_POOL_MAX", "21"), ("DB_POOL_MIN", "-2"), ("DB_POOL_MIN", "16"), ("REQUEST_TIMEOUT", "-3"), ("HOST", "no.such.host.invalid"),
    ("DATABASE_URL", "mysql://somewhere"), ("DATABASE_URL", "postgresql://u@h/x?sslmode=sometimes"), ("DATABASE_DIRECT_URL", "nowhere"),
    ("DATABASE_URL", "postgresql+asyncpg://u@h/x?ssl=maybe"), ("DATABASE_URL", "postgresql://u@h/x?target_session_attrs=rw"),
    ("ROOT_PATH", "api"), ("CORS_ORIGINS", "example"), ("FORWARDED_ALLOW_IPS", "proxy"),
])
def test_a_wrong_value_stops_the_start_with_one_line(name, value):
    result = run(**{"DATABASE_URL": "postgresql://127.0.0.1:1/none", name: value})
    lines = result.stderr.splitlines()
    assert result.returncode == 2 and len(lines) == 1 and not result.stdout, (lines, result.stdout)
    assert lines[0].startswith(name) and "expected" in lines[0] or "set DB_POOL_ALLOW_LARGE" in lines[0]
    assert value in lines[0] or name.startswith("DATABASE_")


@pytest.mark.parametrize("name, value", [("DB_POOL_MAX", "21"), ("DB_POOL_MIN", "16"), ("DATABASE_DIRECT_URL", "nowhere")])
def test_settings_of_the_database_are_checked_before_there_is_one(name, value):
    result = run(PORT="0", ADMIN_PORT="0", **{name: value})
    assert result.returncode == 2 and name in result.stderr


def test_a_small_pool_needs_no_word_about_its_least():
    server = Server(DB_POOL_MAX=3)
    until(lambda: server.logged("listening"))
    assert server.stop() == 0


def test_a_pool_smaller_than_its_workers_stops_the_start():
    result = run(DATABASE_URL="postgresql://127.0.0.1:1/none", WORKERS="8", DB_POOL_MAX="5")
    lines = (result.stderr + result.stdout).splitlines()
    assert result.returncode == 2 and len(lines) == 1 and "WORKERS" in lines[0] and "DB_POOL_MAX" in lines[0]


def test_an_unknown_flag_or_command_is_refused():
    for argument, word in (("--no-such-flag", "flag"), ("frobnicate", "command")):
        result = run(argument)
        assert word in result.stderr
        assert result.returncode == 2 and argument in result.stderr and len(result.stderr.splitlines()) == 1


def test_a_flag_wins_over_the_environment():
    result = run("config", "--port", "1234", "--drain-delay=2.5", PORT="99")
    assert "PORT=1234  (flag)" in result.stdout and "DRAIN_DELAY=2.5  (flag)" in result.stdout


def test_config_prints_what_will_be_used():
    lines = run("config", WORKERS="", DB_POOL_MAX="3", APP_VERSION="").stdout.splitlines()
    workers = next(line for line in lines if line.startswith("WORKERS="))
    assert workers in ("WORKERS=1  (default)", "WORKERS=2  (default)")  # the CPUs, at most one less than connections
    assert "APP_VERSION=0.1.0  (default)" in lines


def test_config_masks_secrets():
    result = run("config", DATABASE_URL="postgresql://user:hunter2@db/x", API_KEY="swordfish", JWT_SECRET="sesame")
    assert result.returncode == 0
    assert not any(secret in result.stdout for secret in ("hunter2", "swordfish", "sesame"))
    assert "API_KEY=" in result.stdout and "DATABASE_URL=" in result.stdout and "GREETING=" in result.stdout


def test_secrets_are_no_flags():
    assert run("--api-key", "x").returncode == 2


CONTRACT = """PORT HOST ADMIN_HOST ADMIN_PORT WORKERS APP_ENV APP_VERSION GREETING DOCS HTTP2 TLS_CERT TLS_KEY DATABASE_URL
    DATABASE_DIRECT_URL DB_POOL_MIN DB_POOL_MAX DB_POOL_ALLOW_LARGE DB_ACQUIRE_TIMEOUT DB_STATEMENT_TIMEOUT DB_MAX_LIFETIME
    DB_PREPARE MIGRATE_ON_START API_KEY JWT_SECRET SLOW_REQUEST_SECONDS LOG_LEVEL LOG_FORMAT ACCESS_LOG DRAIN_DELAY
    DRAIN_TIMEOUT REQUEST_TIMEOUT HEADER_TIMEOUT KEEP_ALIVE_TIMEOUT WRITE_TIMEOUT MAX_BODY MAX_HEADER MAX_CONNECTIONS
    MAX_DEPTH READY_NEEDS_DATABASE ROOT_PATH FORWARDED_ALLOW_IPS CORS_ORIGINS
    DEV_BUILD DEV_WATCH""".split()


@pytest.mark.parametrize("name", CONTRACT)
def test_help_lists_the_setting(name):
    assert name in run("--help").stdout


def test_help_and_config_list_the_same_settings():
    listed = {line.split("=")[0] for line in run("config").stdout.splitlines() if line}
    assert listed == set(CONTRACT)


def test_version_is_the_applications():
    result = run("--version", APP_VERSION="4.5.6")
    assert result.stdout.split() == ["hello-fastapi", "4.5.6"]


def test_the_version_may_be_a_flag():
    assert run("--app-version", "9", "--version").stdout.split() == ["hello-fastapi", "9"]


def test_migrating_at_the_start_without_a_database_is_refused():
    result = run(MIGRATE_ON_START="1")
    assert result.returncode == 2 and "DATABASE_URL" in result.stdout + result.stderr


def test_routes_lists_every_route():
    lines = run("routes").stdout.splitlines()
    assert ["GET", "/items/{item_id}", "read_item_items__item_id__get"] in [line.split() for line in lines]


def test_the_log_is_json_when_it_is_not_a_terminal(server, client):
    client.get("/items/stats", headers={"user-agent": "tester"})
    line = until(lambda: [x for x in server.logged("request") if x["path"] == "/items/stats"])[0]
    assert json.dumps(line)
    assert {"time", "level", "message", "method", "path", "status", "seconds", "bytes", "client", "request_id", "user_agent"} <= set(line)
    assert (line["method"], line["status"], line["client"], line["user_agent"]) == ("GET", 200, "127.0.0.1", "tester")


