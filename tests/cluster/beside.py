"""What runs beside the service, in a namespace of its own: Postgres, PgBouncer, Prometheus and a client with a load."""

import contextlib
import json
import os
import re
import subprocess
import threading
import uuid

from kube import apply, kubectl, make_namespace, secret, started, tool

NAMESPACE = "apus-tools-cluster"
PASSWORD = "not-a-secret"


def pod(
    name, command, *, cpu="50m", env=(), port=None, ready=None, limits=None, config=None, image="CLUSTER_TOOLS_IMAGE", account="default"
):
    """A pod of the tools' image that is sure of so much CPU, and a Service of its name when it listens."""
    container = {
        "name": name,
        "image": os.environ[image],
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": [{"name": key, "value": value} for key, value in env],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "resources": {"requests": {"cpu": cpu}, "limits": limits or {}},
    }
    volumes = [{"name": "data", "emptyDir": {}}]
    if ready:
        container["readinessProbe"] = {"exec": {"command": ready}, "periodSeconds": 1, "timeoutSeconds": 5}
    if config:
        container["volumeMounts"].append({"name": "config", "mountPath": "/config"})
        volumes.append({"name": "config", "configMap": {"name": config}})
    labels = {"app": name}
    spec = {
        "containers": [container],
        "volumes": volumes,
        "terminationGracePeriodSeconds": 2,
        "serviceAccountName": account,
        "enableServiceLinks": False,
        "securityContext": {"runAsUser": 1000, "runAsGroup": 1000},
    }
    yield {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
    if port:
        service = {"selector": labels, "ports": [{"name": "main", "port": port}]}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": service}


def start(*objects):
    apply(*objects, namespace=NAMESPACE)
    for each in objects:
        if each["kind"] == "Pod":
            name = each["metadata"]["name"]
            kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=120s", namespace=NAMESPACE)


def remove(name):
    kubectl("delete", "pod,service", name, "--ignore-not-found", "--now", namespace=NAMESPACE)


def execute(name, *command, **options):
    return kubectl("exec", "-i", name, "--", *command, namespace=NAMESPACE, **options)


# ---- Postgres --------------------------------------------------------------------------------------------------------


class Postgres:
    """A server, each of whose roles may have so many connections and not one more."""

    def __init__(self, name="postgres", **settings):
        self.name, self.host = name, f"{name}.{NAMESPACE}.svc"
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        command = ["/tests/postgres.sh", "-c", "shared_buffers=64MB", *options]
        password = [("POSTGRES_PASSWORD", PASSWORD)]
        start(*pod(name, command, cpu="200m", env=password, port=5432, ready=["pg_isready", "-h", "/tmp"]))

    def sql(self, text, database="postgres"):
        """The rows' texts, columns parted by |."""
        words = ["psql", "-h", "/tmp", "-U", "postgres", "-d", database, "-AtqX", "-v", "ON_ERROR_STOP=1"]
        return execute(self.name, *words, input=text).splitlines()

    def database(self, name, connections=50):
        return Database(self, name, connections)

    def go_away(self):
        script = "touch /data/away; exec /usr/lib/postgresql/*/bin/pg_ctl -D /data/postgres stop -m immediate"
        execute(self.name, "bash", "-c", script)

    def come_back(self):
        execute(self.name, "rm", "/data/away")

    def log(self):
        return kubectl("logs", self.name, namespace=NAMESPACE)


class Database:
    def __init__(self, server, name, connections):
        self.server, self.name, self.connections = server, name, connections
        server.sql(f"create role {name} login password '{PASSWORD}' connection limit {connections};")
        server.sql(f"create database {name} owner {name};")

    def url(self, host=None, port=5432):
        return f"postgresql://{self.name}:{PASSWORD}@{host or self.server.host}:{port}/{self.name}"

    def sql(self, text):
        return self.server.sql(text, self.name)

    def seed(self):
        """The items 1 to 100, which the load reads."""
        self.sql("insert into items (name, price) select 'seed ' || n, 1.5 from generate_series(1, 100) n order by n;")

    def refused(self):
        """How many connections the role's limit has refused."""
        return self.server.log().count(f'too many connections for role "{self.name}"')

    @contextlib.contextmanager
    def connections_watched(self):
        """Looks at pg_stat_activity five times a second; the list that it yields fills."""
        words = ["exec", "-i", self.server.name, "--", "psql", "-h", "/tmp", "-U", "postgres", "-AtqX"]
        seen = []
        with started(tool("kubectl"), "-n", NAMESPACE, *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdin.write(f"select count(*) from pg_stat_activity where usename = '{self.name}' \\watch 0.2\n")
            process.stdin.flush()

            def read():
                for line in process.stdout:
                    if line.strip().isdigit():
                        seen.append(int(line))

            thread = threading.Thread(target=read, daemon=True)
            thread.start()
            yield seen
            process.kill()
            thread.join(10)

    @contextlib.contextmanager
    def locked(self, table):
        """Nobody else reads or writes the table meanwhile."""
        words = ["exec", "-i", self.server.name, "--", "psql", "-h", "/tmp", "-U", "postgres", "-d", self.name, "-AtqX"]
        with started(tool("kubectl"), "-n", NAMESPACE, *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdin.write(f"begin; lock table {table}; select 'locked';\n")
            process.stdin.flush()
            assert process.stdout.readline() == "locked\n"
            yield
            process.stdin.close()
            process.wait(30)

    def lost_of(self, report, prefix):
        """What the ledger and the table do not agree on: acknowledged and not there, there and never sent."""
        there = {int(name.rpartition("-")[2]) for name in self.sql(f"select name from items where name like '{prefix}-%';")}
        acknowledged = set(range(report["writes"])) - set(report["unacknowledged"])
        return sorted(acknowledged - there), sorted(there - set(range(report["writes"])))


# ---- the client ------------------------------------------------------------------------------------------------------


def start_client():
    start(*pod("client", ["sleep", "infinity"], cpu="300m"))


class Load:
    """image/load.py in the client's pod. Leaving the block ends it; then report holds what it saw."""

    def __init__(self, address, *options, rate=1000, seconds=150):
        self.prefix = "load" + uuid.uuid4().hex[:8]
        words = ["python3", "/tests/load.py", address, "--rate", str(rate), "--seconds", str(seconds), "--prefix", self.prefix, *options]
        self.command = [tool("kubectl"), "-n", NAMESPACE, "exec", "-i", "client", "--", *words]
        self.report = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return self

    def __exit__(self, kind, *_):
        out, errors = self.process.communicate(timeout=60)
        if kind is None:
            assert self.process.returncode == 0, errors
            self.report = json.loads(out)

    def wait(self):
        """Until it ends by itself."""
        self.process.wait(300)


def whole(report):
    """Nothing failed; else the words say what."""
    return report["failed"] == 0 or f"{report['failed']} of {report['sent']} failed: {report['failures']}; {report['first_failures']}"


def wrk(address, seconds, connections=64, path="/items/7", threads=1):
    """Requests per second, and whether any failed."""
    url = f"http://{address}{path}"
    text = execute("client", "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", url, timeout=seconds + 60)
    failed = re.search(r"Socket errors.*|Non-2xx.*", text)
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", text).group(1)), failed.group() if failed else ""


@contextlib.contextmanager
def pressed(address, connections=8, path="/items/7", seconds=180):
    """wrk runs meanwhile."""
    script = f"wrk -t1 -c{connections} -d{seconds}s http://{address}{path} >/dev/null & cat >/dev/null; kill $!"
    words = ["-n", NAMESPACE, "exec", "-i", "client", "--", "bash", "-c", script]
    with started(tool("kubectl"), *words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        yield
        process.stdin.close()
        process.wait(30)


# ---- PgBouncer -------------------------------------------------------------------------------------------------------


def start_pgbouncer(database, pool_size, most_clients):
    """One in transaction mode, in front of that database; its host."""
    settings = f"""
[databases]
{database.name} = host={database.server.host} port=5432 dbname={database.name} user={database.name} password={PASSWORD}
[pgbouncer]
listen_addr = *
listen_port = 6432
auth_type = plain
auth_file = /config/users.txt
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = {most_clients}
admin_users = {database.name}
"""
    data = {"pgbouncer.ini": settings, "users.txt": f'"{database.name}" "{PASSWORD}"\n'}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "pgbouncer"}, "data": data}
    command = ["/usr/sbin/pgbouncer", "/config/pgbouncer.ini"]
    ready = ["pg_isready", "-h", "localhost", "-p", "6432"]
    start(config, *pod("pgbouncer", command, port=6432, config="pgbouncer", ready=ready))
    return f"pgbouncer.{NAMESPACE}.svc"


# ---- all of it -------------------------------------------------------------------------------------------------------


def start_all():
    make_namespace(NAMESPACE)
    start_client()
    return Postgres(max_connections=200)


def database_secret(database, name="database"):
    return secret(name, **{"database-url": database.url(), "api-key": "a-key-of-the-test"})


def answers(path, name, port):
    """JSON of a Service here, through the API server."""
    return json.loads(kubectl("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/services/{name}:{port}/proxy{path}"))

