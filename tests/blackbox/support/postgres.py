"""A private Postgres cluster for a run of the tests, and a database for each file."""

import os
import re
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import psycopg

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "scripts" / "dev-postgres"


class Cluster:
    """One cluster; `scripts/dev-postgres` starts it and stops it when this process has ended."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="apus-test-"))
        self.folder.chmod(0o755)
        self._call("start", "--while", str(os.getpid()))

    def _call(self, *arguments: str) -> str:
        command = [str(SCRIPT), arguments[0], "--dir", str(self.folder), *arguments[1:]]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.strip()

    def url(self, database: str = "postgres") -> str:
        return self._call("url", "--tcp", database)

    def stop(self) -> None:
        self._call("stop", "--mode", "fast")

    def start(self) -> None:
        self._call("start", "--while", str(os.getpid()))

    def restart(self) -> None:
        self._call("restart", "--mode", "fast")

    def destroy(self) -> None:
        self._call("destroy")


class Database:
    """One database of the cluster."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = re.sub(r"\W+", "_", name)[:60]
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute(f'drop database if exists "{self.name}" with (force)')
            connection.execute(f'create database "{self.name}"')
        self.url = cluster.url(self.name)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)

    def rows(self, sql: str, *parameters: object) -> list[tuple]:
        with self.connect() as connection:
            return connection.execute(sql, parameters or None).fetchall()

    def run(self, sql: str, *parameters: object) -> None:
        with self.connect() as connection:
            connection.execute(sql, parameters or None)

    def connections(self, pattern: str = "app") -> int:
        """How many connections the server under test holds now."""
        sql = "select count(*) from pg_stat_activity where datname = %s and application_name like %s"
        with psycopg.connect(self.cluster.url(), autocommit=True) as connection:
            return connection.execute(sql, (self.name, pattern)).fetchone()[0]
