"""A disk that is full under Postgres: writes are refused, reads go on, and it heals when there is room."""

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
from support.machine import MAY_MOUNT
from support.postgres import Cluster, Database
from support.server import serving, until

pytestmark = pytest.mark.skipif(not MAY_MOUNT, reason="a small disk is mounted, which is not allowed here")


@pytest.fixture(scope="module")
def small_disk():
    folder = Path(tempfile.mkdtemp(prefix="apus-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m,mode=0777", "none", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.destroy()


@pytest.fixture(scope="module")
def database(cluster, small_disk):
    """A database whose tables lie on the small disk; Postgres's log of changes does not."""
    place = small_disk / "space"
    place.mkdir(mode=0o700)
    shutil.chown(place, "postgres", "postgres")
    database = Database(cluster, "full")
    database.run(f"create tablespace small location '{place}'")
    database.run(f'alter database "{database.name}" set default_tablespace = small')
    return database


def test_a_full_disk_is_507_for_writes_and_nothing_else(database, small_disk):
    with serving(DATABASE_URL=database.url, MIGRATE_ON_START=1, ACCESS_LOG="off") as server, server.client() as client:
        kept = client.post("/items", json={"name": "kept", "price": 1}).json()
        filler = small_disk / "filler"
        room = os.statvfs(small_disk)
        filler.write_bytes(bytes(room.f_bavail * room.f_frsize - 512 * 1024))

        def refused():
            item = {"name": uuid.uuid4().hex, "price": 1, "description": "x" * 100_000 + uuid.uuid4().hex * 2000}
            answer = client.post("/items", json=item)
            return answer if answer.status_code != 201 else None

        answer = until(refused)
        assert (answer.status_code, answer.json()) == (507, {"detail": "Insufficient Storage"})
        assert client.get(f"/items/{kept['id']}").json() == kept
        assert client.get("/readyz").status_code == 200
        filler.unlink()
        until(lambda: client.post("/items", json={"name": uuid.uuid4().hex, "price": 1}).status_code == 201)
        assert client.post("/items", json={"name": uuid.uuid4().hex, "price": 1, "description": "y" * 100_000}).status_code == 201
