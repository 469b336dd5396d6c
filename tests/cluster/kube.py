"""kubectl and helm, and what is said about pods."""

import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "chart"
LAB = os.environ.get("APUS_LAB")


def tool(name):
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing: put it into PATH")
    return path


def run(*command, check=True, timeout=180, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout, **options)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def kubectl(*words, namespace=None, **options):
    """Its output."""
    return run(tool("kubectl"), *(["-n", namespace] if namespace else []), *words, **options).stdout


def get(*words, namespace=None):
    return json.loads(kubectl("get", *words, "-o", "json", namespace=namespace))


def items(*words, namespace=None):
    return get(*words, namespace=namespace)["items"]


def apply(*objects, namespace=None):
    kubectl("apply", "-f", "-", namespace=namespace, input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def make_namespace(name, **labels):
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def until(condition, words, seconds=60, every=0.3):
    """The condition's value, once it is true; it may fail until then."""
    end = time.monotonic() + seconds
    while True:
        try:
            if value := condition():
                return value
            why = ""
        except (AssertionError, httpx.HTTPError) as error:
            why = f": {error}"
        assert time.monotonic() < end, f"not within {seconds} s: {words}{why}"
        time.sleep(every)


def secret(name, **texts):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": texts}


# ---- pods ------------------------------------------------------------------------------------------------------------


def condition(pod, kind):
    return next((each for each in pod["status"].get("conditions", []) if each["type"] == kind), {"status": "Unknown"})


def is_ready(pod):
    return condition(pod, "Ready")["status"] == "True" and "deletionTimestamp" not in pod["metadata"]


def restarts(pod):
    return sum(each["restartCount"] for each in pod["status"].get("containerStatuses", []))


def moment(text):
    return datetime.fromisoformat(text).timestamp()


def merged(*layers):
    """Dictionaries laid over each other, as Helm lays values."""
    result = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


@contextlib.contextmanager
def started(*command, **options):
    """A program that runs beside, and is ended."""
    process = subprocess.Popen([str(word) for word in command], text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


class Watch:
    """Every state of the pods that match, with the time at which it was seen."""

    def __init__(self, namespace, selector):
        self.seen = []
        self._stack = contextlib.ExitStack()
        command = [tool("kubectl"), "-n", namespace, "get", "pods", "-l", selector, "--watch", "--output-watch-events", "-o", "json"]
        self._process = self._stack.enter_context(started(*command, stdout=subprocess.PIPE))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        text, decoder = "", json.JSONDecoder()
        while chunk := os.read(self._process.stdout.fileno(), 1 << 16):
            text = (text + chunk.decode(errors="replace")).lstrip()
            with contextlib.suppress(ValueError):
                while text:
                    event, end = decoder.raw_decode(text)
                    self.seen.append((time.time(), event["type"], event["object"]))
                    text = text[end:].lstrip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def states(self, name):
        return [(at, pod) for at, _, pod in self.seen if pod["metadata"]["name"] == name]

    def seconds_to_ready(self, name):
        states = self.states(name)
        ready = [at for at, pod in states if is_ready(pod)]
        return ready[0] - states[0][0] if ready else None


# ---- a release -------------------------------------------------------------------------------------------------------


def image(variable="CLUSTER_IMAGE"):
    repository, _, tag = os.environ[variable].rpartition(":")
    return {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}


# A short drain, so that a pod's successor need not wait for long.
QUICK = {
    "drain": {"delay": 3, "timeout": 3},
    "terminationGracePeriodSeconds": 10,
    "rollout": {"minReadySeconds": 6},
    "database": {"existingSecret": "database", "poolMin": 1, "poolMax": 5},
}


class Release:
    """A release of the chart. What one call of helm sets, the next one keeps."""

    def __init__(self, namespace, name="hello", profiles=("values-small.yaml",), **values):
        self.namespace, self.name, self.profiles = namespace, name, profiles
        self.values = merged(QUICK, {"image": image()}, values)
        self.full_name = f"{name}-hello-fastapi"
        self.selector = f"app.kubernetes.io/name=hello-fastapi,app.kubernetes.io/instance={name}"
        self.address = f"{self.full_name}.{namespace}.svc:80"

    def helm(self, *words, **options):
        return run(tool("helm"), "-n", self.namespace, *words, **options)

    def put(self, *words, timeout=90, check=True, **values):
        """helm install or upgrade, with --wait"""
        words = [*words, self.name, CHART, "--wait", "--timeout", f"{timeout}s"]
        for profile in self.profiles:
            words += ["--values", CHART / profile]
        text = json.dumps(merged(self.values, values))
        return self.helm(*words, "--values", "-", input=text, check=check, timeout=timeout + 60)

    def install(self):
        self.put("install")
        return self

    def upgrade(self, *options, timeout=90, **values):
        """To these values, which stay, until the last pod of the old ones is gone."""
        self.put("upgrade", *options, timeout=timeout, **values)
        self.values = merged(self.values, values)
        self.settle()

    def failed_upgrade(self, *options, timeout, **values):
        """What helm says of an upgrade that does not come about."""
        done = self.put("upgrade", *options, timeout=timeout, check=False, **values)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def rollback(self):
        self.helm("rollback", self.name, "--wait", "--timeout", "90s")
        self.settle()

    def settle(self, seconds=120):
        """Until the rollout has ended and its last pod is gone."""
        words = ["rollout", "status", f"deployment/{self.full_name}", f"--timeout={seconds}s"]
        kubectl(*words, namespace=self.namespace, timeout=seconds + 30)
        until(lambda: all(is_ready(pod) for pod in self.pods()), "only ready pods are left", 60)

    def replace_one(self, watch):
        """Deletes a pod; the seconds from the creation of the next one until that is ready."""
        old = {pod["metadata"]["name"] for pod in self.pods()}
        kubectl("delete", "pod", sorted(old)[0], "--wait=false", namespace=self.namespace)
        new = until(lambda: {pod["metadata"]["name"] for pod in self.pods()} - old, "a new pod").pop()
        seconds = until(lambda: watch.seconds_to_ready(new), "the new pod is ready", every=0.1)
        self.settle()
        return seconds

    def replace_some(self, watch, count):
        """The median of as many such times, and all of them in words."""
        seconds = sorted(self.replace_one(watch) for _ in range(count))
        median = statistics.median(seconds)
        return median, f"{median:.2f} s (of {', '.join(f'{each:.2f}' for each in seconds)})"

    def uninstall(self):
        self.helm("uninstall", self.name, "--wait", "--timeout", "60s")

    def pods(self):
        return items("pods", "-l", self.selector, namespace=self.namespace)

    def ready_pods(self):
        return [pod for pod in self.pods() if is_ready(pod)]

    def watch(self):
        return Watch(self.namespace, self.selector)

    def log(self, pod, *options):
        """The lines of its log, as dictionaries."""
        text = kubectl("logs", pod if isinstance(pod, str) else pod["metadata"]["name"], *options, namespace=self.namespace)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    @contextlib.contextmanager
    def followed(self, pod):
        """Its log from now on; the list that it yields fills."""
        words = [tool("kubectl"), "-n", self.namespace, "logs", "-f", "--tail=0", pod["metadata"]["name"]]
        lines = []
        with started(*words, stdout=subprocess.PIPE) as process:
            threading.Thread(target=lambda: lines.extend(map(json.loads, process.stdout)), daemon=True).start()
            time.sleep(1)
            yield lines

    def events(self, reason=None):
        found = items("events", namespace=self.namespace)
        return [each for each in found if reason in (None, each["reason"])]

    def raw(self, path, pod=None, port="http"):
        """GET through the API server, of the Service or of one pod; the answer's text."""
        if pod is None:
            target = f"services/{self.full_name}:{port}"
        else:
            target = f"pods/{pod['metadata']['name']}:{9090 if port == 'metrics' else 8000}"
        return kubectl("get", "--raw", f"/api/v1/namespaces/{self.namespace}/{target}/proxy{path}")

    @contextlib.contextmanager
    def forwarded(self, target=None, port=80):
        """kubectl port-forward; yields a client of what it leads to."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            local = free.getsockname()[1]
        target = target or f"svc/{self.full_name}"
        words = [tool("kubectl"), "-n", self.namespace, "port-forward", target, f"{local}:{port}"]
        with started(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            assert re.match(r"Forwarding from", process.stdout.readline()), f"no port-forward to {target}"
            with httpx.Client(base_url=f"http://127.0.0.1:{local}", timeout=10, trust_env=False) as client:
                yield client


# ---- the lab's host, on which the containers' processes are visible ---------------------------------------------------


def process_of(pod):
    """The process id of the pod's container, where the lab runs it; elsewhere the test is skipped."""
    if not LAB:
        pytest.skip("this needs the processes of the node, which only the lab shows")
    wanted = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    for line in run(LAB, "cluster", "ctr", "tasks", "ls").stdout.splitlines():
        words = line.split()
        if words[0] == wanted:
            return int(words[1])
    raise AssertionError(f"{wanted} does not run")
