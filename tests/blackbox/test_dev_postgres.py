"""scripts/dev-postgres: the private Postgres of `make run` and of the tests."""

import os
import signal
import time

import pytest
from support.postgres import Cluster


@pytest.fixture(scope="module")
def own():
    cluster = Cluster()
    yield cluster
    cluster.destroy()


def test_its_console_reaches_its_own_server_whichever_database_is_named(own):
    for arguments, database in (((), "apus"), (("-d", "postgres"), "postgres"), (("template1",), "template1")):
        said = own._call("psql", "-XAt", *arguments, "-c", "select current_database(), current_setting('port')")
        assert said == f"{database}|{(own.folder / 'port').read_text().strip()}"


def test_it_starts_at_once_after_it_was_killed(own):
    for _ in range(3):
        os.kill(int(own._call("pid")), signal.SIGKILL)
        began = time.monotonic()
        own.start()
        assert time.monotonic() - began < 30
        assert own._call("psql", "-XAtc", "select 1") == "1"
