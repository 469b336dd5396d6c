"""TLS to Postgres: sslmode says what is encrypted and whose certificate is believed, as with libpq."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from support.postgres import Cluster, Database
from support.server import Server, serving, until


def openssl(*arguments, folder):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates():
    """Two roots; the first has signed Postgres's certificate for `localhost`."""
    folder = Path(tempfile.mkdtemp(prefix="apus-certificates-"))
    folder.chmod(0o755)
    for name in ("root", "stranger"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out",
                f"{name}.pem", folder=folder)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr", folder=folder)
    openssl("x509", "-req", "-in", "server.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "2", "-out",
            "server.pem", folder=folder)
    (folder / "server.key").chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(folder / "server.key", "postgres", "postgres")
    yield folder
    shutil.rmtree(folder)


class TlsCluster(Cluster):
    def __init__(self, folder):
        self.certificates = folder
        super().__init__()

    def _call(self, *arguments):
        if arguments[0] == "start":
            for name, value in (("ssl", "on"), ("ssl_cert_file", self.certificates / "server.pem"), ("ssl_key_file", self.certificates / "server.key")):
                arguments += ("--set", f"{name}={value}")
        return super()._call(*arguments)


@pytest.fixture(scope="module")
def cluster(certificates):
    cluster = TlsCluster(certificates)
    yield cluster
    cluster.destroy()


@pytest.fixture(scope="module")
def database(cluster):
    return Database(cluster, "tls")


def encrypted(database):
    sql = """select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid)
             where datname = current_database() and application_name = 'app'"""
    return database.rows(sql)[0][0]


def place(database, parameters, host="127.0.0.1"):
    return database.url.replace("@127.0.0.1:", f"@{host}:") + "?" + parameters


@pytest.mark.parametrize("parameters, is_encrypted", [
    ("sslmode=disable", False), ("sslmode=prefer", True), ("sslmode=require", True), ("", True),
    ("sslmode=verify-ca&sslrootcert={root}", True),
])
def test_the_mode_decides_what_is_encrypted(database, certificates, parameters, is_encrypted):
    url = place(database, parameters.format(root=certificates / "root.pem"))
    with serving(DATABASE_URL=url, DATABASE_DIRECT_URL=url, MIGRATE_ON_START=1) as server, server.client() as client:
        assert client.get("/items").status_code == 200
        assert encrypted(database) is is_encrypted


@pytest.mark.parametrize("ssl, is_encrypted", [("require", True), ("true", True), ("disable", False)])
def test_sqlalchemys_form_means_the_same(database, ssl, is_encrypted):
    url = place(database, f"ssl={ssl}").replace("postgresql://", "postgresql+asyncpg://")
    with serving(DATABASE_URL=url) as server, server.client() as client:
        assert client.get("/items").status_code == 200
        assert encrypted(database) is is_encrypted


def test_the_name_of_the_certificate_is_checked_when_asked_for(database, certificates):
    parameters = f"sslmode=verify-full&sslrootcert={certificates / 'root.pem'}"
    with serving(DATABASE_URL=place(database, parameters, "localhost")) as server, server.client() as client:
        assert client.get("/items").status_code == 200
    assert "does not match" in refused(place(database, parameters))


def test_a_certificate_of_a_stranger_is_refused(database, certificates):
    for mode in ("verify-ca", "verify-full"):
        words = refused(place(database, f"sslmode={mode}&sslrootcert={certificates / 'stranger.pem'}", "localhost"))
        assert "certificate verify failed" in words


def test_without_a_root_of_its_own_the_systems_are_asked(database):
    """As for any site: a root that the system does not know is refused, not a file that is missing."""
    assert "certificate verify failed" in refused(place(database, "sslmode=verify-full", "localhost"))


def refused(url):
    """Why the service, which runs all the same, is not ready."""
    server = Server(DATABASE_URL=url)
    until(lambda: server.logged("listening"))
    try:
        def reason():
            status, text = server.admin("/readyz")
            assert status == 503
            return text if "connection to" in text else None

        text = until(reason)
        with server.client() as client:
            assert client.get("/healthz").status_code == 200
            assert client.get("/items").status_code == 503
        return text
    finally:
        assert server.stop() == 0
