"""The cluster as these tests see it: Argo CD's Applications, the database, the service that answers."""

import contextlib
import http.client
import json
import subprocess
import sys
import time

from chain.lab import ENVIRONMENTS, NAME, RESULTS, git, bare, lab
from support.tools import ROOT, out, run

DATABASE = f"{NAME}-database"
PASSWORD = "of-the-tests"
SERVICE = "hello-fastapi"
ENVS = ("dev", "prod")


def kubectl(*arguments, **options):
    return out("kubectl", *arguments, **options)


def get(kind, name=None, namespace=None, selector=None):
    """An object as a dictionary, a list of them when no name is given; None for what is not there."""
    command = ["get", kind, *([name] if name else []), "-o", "json", "--ignore-not-found"]
    command += ["-n", namespace] if namespace else []
    command += ["-l", selector] if selector else []
    text = kubectl(*command)
    found = json.loads(text) if text else None
    return found["items"] if found and "items" in found else found


def apply(text):
    return kubectl("apply", "-f", "-", text=text)


def until(what, seconds, ready, every=0.5):
    """The first true answer of ready(); what it last found is in the message when there is none."""
    end = time.monotonic() + seconds
    while True:
        answer, seen = ready()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what}: not within {seconds} s; last seen: {seen}"
        time.sleep(every)


def namespace(env):
    return f"{NAME}-{env}"


# ---- what the tests bring along ----

POSTGRES = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {DATABASE}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: postgres, namespace: {DATABASE}}}
spec:
  selector: {{matchLabels: {{app: postgres}}}}
  template:
    metadata: {{labels: {{app: postgres}}}}
    spec:
      containers:
        - name: postgres
          image: docker.io/library/postgres:17
          imagePullPolicy: Never
          env: [{{name: POSTGRES_PASSWORD, value: {PASSWORD}}}]
          readinessProbe: {{exec: {{command: [pg_isready, -h, 127.0.0.1, -U, postgres]}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: postgres, namespace: {DATABASE}}}
spec:
  selector: {{app: postgres}}
  ports: [{{port: 5432}}]
"""


def bring_database():
    assert lab("cluster", "load-image", "postgres:17").returncode == 0
    apply(POSTGRES)
    kubectl("-n", DATABASE, "rollout", "status", "deployment/postgres", "--timeout=120s", seconds=150)
    for env in ENVS:
        make = f"SELECT 'CREATE DATABASE {env}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{env}')\\gexec"
        kubectl("-n", DATABASE, "exec", "-i", "deployment/postgres", "--", "psql", "-qU", "postgres", "-v", "ON_ERROR_STOP=1", text=make)


def bring_secrets():
    """As step 3 of the run-book: by hand, before the first sync."""
    for env in ENVS:
        url = f"postgresql://postgres:{PASSWORD}@postgres.{DATABASE}:5432/{env}"
        literals = (f"--from-literal=database-url={url}", "--from-literal=api-key=of-the-tests")
        apply(kubectl("create", "namespace", namespace(env), "--dry-run=client", "-o", "yaml"))
        secret = ("create", "secret", "generic", SERVICE, *literals, "--dry-run=client", "-o", "yaml")
        apply(kubectl("-n", namespace(env), *secret))


def clean():
    """Everything of ours goes; production's Application says that it stays, so it is told to go by name."""
    for application in (NAME, *map(namespace, ENVS)):
        run("kubectl", "-n", "argocd", "delete", "application", application, "--ignore-not-found", "--timeout=60s", seconds=90)
    run("kubectl", "-n", "argocd", "delete", "secret", f"{NAME}-charts", "--ignore-not-found")
    names = [DATABASE, *map(namespace, ENVS)]
    run("kubectl", "delete", "namespace", *names, "--ignore-not-found", "--timeout=90s", seconds=120)


# ---- Argo CD ----


def application(env):
    return get("application", namespace(env), "argocd")


def sync_state(found):
    status = (found or {}).get("status", {})
    return {
        "sync": status.get("sync", {}).get("status"),
        "health": status.get("health", {}).get("status"),
        "revisions": status.get("sync", {}).get("revisions"),
        "operation": status.get("operationState", {}).get("phase"),
        "message": status.get("operationState", {}).get("message"),
        "conditions": [condition["message"] for condition in status.get("conditions", [])],
    }


def wait_for_sync(env, seconds=180):
    """Argo CD has applied the environment repository's head, and all is well."""
    head = git("rev-parse", "main", cwd=bare(ENVIRONMENTS))

    def ready():
        state = sync_state(application(env))
        there = head in (state["revisions"] or []) and (state["sync"], state["health"]) == ("Synced", "Healthy")
        return there and state["operation"] == "Succeeded", state

    until(f"{env} at {head[:7]}", seconds, ready)


# ---- the service ----


def deployment(env):
    return get("deployment", SERVICE, namespace(env))


def pods(env):
    selector = f"app.kubernetes.io/name={SERVICE},app.kubernetes.io/instance={SERVICE}"
    return get("pods", namespace=namespace(env), selector=selector)


def running(env):
    """Who serves: the names of the ready pods, and their images."""
    ready = [pod for pod in pods(env) if condition(pod, "Ready") == "True" and "deletionTimestamp" not in pod["metadata"]]
    return {pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"] for pod in ready}


def restarts(env):
    return sum(status["restartCount"] for pod in pods(env) for status in pod["status"].get("containerStatuses", []))


def condition(thing, kind, field="status"):
    return next((one[field] for one in thing["status"].get("conditions", []) if one["type"] == kind), None)


def rolled_out(env, image, seconds=180):
    """All pods are of this image, none is missing, none is left over."""

    def ready():
        found = deployment(env)
        if not found:
            return False, "no Deployment"
        status, wanted = found["status"], found["spec"]["replicas"]
        named = found["spec"]["template"]["spec"]["containers"][0]["image"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        seen = status.get("observedGeneration") == found["metadata"]["generation"]
        left = len(pods(env))
        return seen and named == image and counts == [wanted] * 3 and left == wanted, (named, wanted, counts, left)

    until(f"{env} serves {image}", seconds, ready)


def seconds_to_ready(env):
    """How long each pod took from its creation until it was ready, in Kubernetes' whole seconds."""
    moments = [(pod["metadata"]["creationTimestamp"], condition(pod, "Ready", "lastTransitionTime")) for pod in pods(env)]
    return sorted(timestamp(ready) - timestamp(created) for created, ready in moments)


def timestamp(text):
    return int(time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")))


def address(env):
    spec = get("service", SERVICE, namespace(env))["spec"]
    return spec["clusterIP"], spec["ports"][0]["port"]


def ask(env, path="/"):
    host, port = address(env)
    connection = http.client.HTTPConnection(host, port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def greeting(env):
    status, text = ask(env)
    assert status == 200, text
    return json.loads(text)["message"]


# ---- load ----


class Load:
    """Reads and writes, from now until `stop`; what failed and what was lost is then known."""

    def __init__(self, env, rate=200):
        self.env, self.rate = env, rate
        host, port = address(env)
        command = [sys.executable, ROOT / "tests" / "gitops" / "chain" / "load.py", host, str(port), str(rate)]
        self.log = (RESULTS / "gitops-load.log").open("a")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.result = None

    def stop(self):
        if not self.result:
            text, _ = self.process.communicate("", timeout=60)
            self.result = json.loads(text)
            self.log.close()
        return self.result

    def words(self):
        result = self.stop()
        return (
            f"{result['failed']} failed of {result['requests']} requests at {result['rate']:.0f}/s, "
            f"{result['lost']} of {result['written']} writes lost, slowest {result['slowest'] * 1000:.0f} ms"
        )


@contextlib.contextmanager
def load(env, rate=200):
    """Load while the body runs, and for two seconds before and after it."""
    made = Load(env, rate)
    try:
        time.sleep(2)
        yield made
        time.sleep(2)
    finally:
        made.stop()
