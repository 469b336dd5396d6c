"""A release, from nothing to nothing."""

import os
import select
import socket
import ssl
import time

import pytest
from beside import database_secret
from figures import figure
from kube import Release, Watch, apply, get, is_ready, items, kubectl, moment, process_of, run, tool, until

API_KEY = {"valueFrom": {"secretKeyRef": {"name": "database", "key": "api-key"}}}
HOST = "hello.example.com"


def everything(namespace):
    """KIND/NAME of all that is in the namespace, but for the events, which tell of what was."""
    kinds = kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
    kinds = [kind for kind in kinds if not kind.startswith(("events", "pods.metrics"))]
    return set(kubectl("get", ",".join(kinds), "-o", "name", "--ignore-not-found", namespace=namespace).split())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, text = folder / "key.pem", folder / "cert.pem"
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", text, *names)
    return key, text


@pytest.fixture(scope="module")
def before(postgres, namespace, certificate):
    """What is there before the release: the service account and the Secrets that it is given."""
    key, text = certificate
    tls = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "tls"}}
    tls["stringData"] = {"tls.key": key.read_text(), "tls.crt": text.read_text()}
    apply(database_secret(postgres.database("install")), tls, namespace=namespace)
    until(lambda: items("serviceaccounts", namespace=namespace), "the namespace has its service account")
    return everything(namespace)


@pytest.fixture(scope="module")
def watch(before, namespace):
    with Watch(namespace, "app.kubernetes.io/instance=hello") as watch:
        yield watch


@pytest.fixture(scope="module")
def hello(namespace, watch):
    """With the contract's own defaults for what a pod gets."""
    ingress = {
        "enabled": True,
        "className": os.environ.get("CLUSTER_INGRESS_CLASS", ""),
        "hosts": [{"host": HOST, "paths": [{"path": "/", "pathType": "Prefix"}]}],
        "tls": [{"secretName": "tls", "hosts": [HOST]}],
    }
    return Release(namespace, profiles=(), env={"API_KEY": API_KEY}, ingress=ingress).install()


def test_helm_waits_until_every_pod_is_ready(hello):
    assert len(hello.ready_pods()) == 3


def test_the_migrations_are_done_before_there_is_a_pod(hello, watch):
    seen = [(pod["metadata"]["labels"]["app.kubernetes.io/name"], pod["status"]["phase"]) for _, _, pod in watch.seen]
    names = [name for name, _ in seen]
    assert seen.index(("hello-fastapi-migrate", "Succeeded")) < names.index("hello-fastapi")


def test_what_the_migrations_needed_is_gone(hello, namespace):
    assert [item["metadata"]["name"] for item in items("jobs", namespace=namespace)] == []
    names = {item["metadata"]["name"] for item in items("serviceaccounts", namespace=namespace)}
    assert names == {"default", "hello-hello-fastapi"}


@pytest.mark.parametrize("path", ["/startupz", "/readyz", "/healthz", "/health", "/api/v1/health"])
def test_each_pod_answers_its_probes(hello, path):
    assert {hello.raw(path, pod) for pod in hello.pods()} == {'{"status":"ok"}'}


def test_the_kubelet_has_asked_them(hello):
    for pod in hello.pods():
        assert pod["status"]["containerStatuses"][0]["started"] and is_ready(pod)
    assert hello.events("Unhealthy") == []


def test_a_port_forward_reaches_the_service(hello):
    with hello.forwarded(port=80) as client:
        assert client.get("/api/v1/health").json() == {"status": "ok"}
        assert client.get("/items").json() == {"items": [], "total": 0}
        assert client.get("/docs").status_code == 404, "APP_ENV is prod"


def test_the_api_key_is_that_of_the_secret(hello):
    with hello.forwarded() as client:
        refused = client.get("/protected", headers={"X-API-Key": "another"})
        assert (refused.status_code, refused.json()) == (401, {"detail": "Not authenticated"})
        assert client.get("/protected", headers={"X-API-Key": "a-key-of-the-test"}).status_code == 200


def asked_over_tls(address, certificate, path):
    host, _, port = address.rpartition(":")
    trusted = ssl.create_default_context(cafile=certificate)
    with trusted.wrap_socket(socket.create_connection((host, int(port)), timeout=10), server_hostname=HOST) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def test_the_ingress_serves_over_tls_with_the_certificate_of_its_secret(hello, certificate):
    address = os.environ.get("CLUSTER_INGRESS")
    if not address:
        pytest.skip("CLUSTER_INGRESS names no ingress controller")

    def answered():
        try:
            answer = asked_over_tls(address, certificate[1], "/api/v1/health")
        except OSError as error:
            raise AssertionError(error) from None
        assert answer.startswith("HTTP/1.1 200"), answer
        return answer

    assert until(answered, "the ingress leads to the service", 30).endswith('{"status":"ok"}')


def test_helm_test_passes(hello):
    hello.helm("test", "hello", "--timeout", "60s")


def test_helm_test_fails_when_the_service_does(hello):
    hello.put("upgrade", tests={"path": "/protected"})
    done = hello.helm("test", "hello", "--timeout", "60s", "--logs", check=False)
    assert done.returncode != 0 and "401" in done.stdout + done.stderr
    hello.put("upgrade")
    kubectl("delete", "pod", "hello-hello-fastapi-test", "--ignore-not-found", namespace=hello.namespace)


def test_restricted_is_enforced_and_the_service_keeps_to_it(hello, namespace):
    assert get("namespace", namespace)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    words = [tool("kubectl"), "-n", namespace, "run", "loose", f"--image={os.environ['CLUSTER_IMAGE']}", "--dry-run=server"]
    done = run(*words, check=False)
    assert done.returncode != 0 and 'violates PodSecurity "restricted' in done.stderr
    assert not [event for event in hello.events() if "PodSecurity" in event.get("message", "")]


def test_a_pod_is_ready_soon_after_it_is_created(hello, watch):
    seconds, shown = hello.replace_some(watch, 3)
    figure("pod created to ready, with the chart's own probes", shown)
    assert seconds < 3, "a second for the container, one for the startup probe, one for a busy machine"


def test_an_idle_pod_exits_as_soon_as_its_drain_delay_is_over(hello):
    pod = hello.pods()[0]
    process = os.pidfd_open(process_of(pod))
    with hello.followed(pod) as log:
        kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false", namespace=hello.namespace)
        assert select.select([process], [], [], 20)[0], "it ends"
        ended = time.time()
        told = until(lambda: [moment(line["time"]) for line in log if line["message"].startswith("draining")], "its log says so", 5)
    seconds = ended - told[0] - hello.values["drain"]["delay"]
    figure("SIGTERM to exit, idle, after the drain delay", f"{seconds * 1000:.0f} ms", "200 ms")
    assert 0 <= seconds < 0.2
    hello.settle()


def test_uninstall_leaves_nothing(hello, namespace, before):
    hello.uninstall()

    def left():
        assert everything(namespace) <= before, everything(namespace) - before
        return True

    until(left, "nothing is left", 60)
