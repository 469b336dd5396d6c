"""Postgres in a container beside the service, with TLS under a root of its own."""

import itertools

from .docker import Container, docker, out, run, until

NAME = "db.internal"
PASSWORD = "secret"


class Postgres:
    def __init__(self, network, folder):
        self.root = folder / "root.crt"
        self._certificates(folder)
        self.container = Container(
            "postgres:16", *("-c", "ssl=on", "-c", "ssl_cert_file=/tls/server.crt", "-c", "ssl_key_file=/tls/server.key", "-c", "fsync=off"),
            options=("--network", network, "--network-alias", NAME, "-v", f"{folder}:/tls:ro"), POSTGRES_PASSWORD=PASSWORD)
        self._numbers = itertools.count(1)
        until(self._answers, 60, every=0.2)

    def _certificates(self, folder):
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
        out("openssl", "req", "-x509", *key, "-keyout", folder / "root.key", "-out", self.root, "-subj", "/CN=root of the test")
        out("openssl", "req", "-x509", *key, "-keyout", folder / "server.key", "-out", folder / "server.crt", "-subj", f"/CN={NAME}",
            "-addext", f"subjectAltName=DNS:{NAME}", "-addext", "basicConstraints=critical,CA:FALSE", "-CA", self.root, "-CAkey", folder / "root.key")
        folder.chmod(0o755)
        # Postgres takes a key that others cannot read, of its own user or of root's with its group; the image's user is not known here.
        user = docker("run", "--rm", "--entrypoint", "id", "postgres:16", "-u", "postgres")
        out("chown", user, folder / "server.key")

    def _answers(self):
        self.container.ended()
        return run("docker", "exec", self.container.name, "pg_isready", "-h", "127.0.0.1").returncode == 0

    def query(self, sql, database="postgres"):
        return docker("exec", "-e", f"PGPASSWORD={PASSWORD}", self.container.name, "psql", "-h", "127.0.0.1", "-U", "postgres", "-Atc", sql, database)

    def database(self):
        name = f"test_{next(self._numbers)}"
        self.query(f"create database {name}")
        return Database(self, name)


class Database:
    def __init__(self, server, name):
        self.server, self.name = server, name

    def url(self, host=NAME, parameters=""):
        return f"postgresql://postgres:{PASSWORD}@{host}/{self.name}{parameters}"

    def query(self, sql):
        return self.server.query(sql, self.name)
