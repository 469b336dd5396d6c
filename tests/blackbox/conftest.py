import pytest
from support.postgres import Cluster, Database
from support.server import build_program, serving


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.destroy()


@pytest.fixture(scope="session")
def odd_program():
    """Without a database; its start, stop and handlers can be told to take long or to fail."""
    return build_program("program")


@pytest.fixture(scope="module")
def database(cluster, request):
    return Database(cluster, "t_" + request.module.__name__)


@pytest.fixture(scope="module")
def server(database):
    """One server for the whole file, on a database of its own."""
    with serving(DATABASE_URL=database.url, MIGRATE_ON_START=1, API_KEY="the-key") as server:
        yield server


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
def empty(database, server):
    """No items and no used keys."""
    database.run("truncate items, idempotency_keys restart identity")
