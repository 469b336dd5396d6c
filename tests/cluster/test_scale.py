"""Fewer and more pods: nodes are drained, the load rises and falls."""

import os
import time

import pytest
from beside import Load, database_secret, pressed, whole
from figures import figure
from kube import Release, apply, get, is_ready, kubectl, run, tool, until

CORDONED = {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}


def fewest_ready(watch):
    """The fewest ready pods at any time since all were."""
    ready, fewest = set(), None
    for _, kind, pod in watch.seen:
        name = pod["metadata"]["name"]
        (ready.add if kind != "DELETED" and is_ready(pod) else ready.discard)(name)
        if fewest is None:
            fewest = len(ready) if len(ready) == 3 else None
        else:
            fewest = min(fewest, len(ready))
    return fewest


def drained(node, selector):
    words = ["drain", node, f"--pod-selector={selector}", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=90s"]
    try:
        return run(tool("kubectl"), *words)
    finally:
        kubectl("uncordon", node)


def test_a_drained_node_takes_one_pod_at_a_time_and_fails_no_request(postgres, namespace):
    """The pods may come back to the node that is being drained, since there may be no other."""
    database = postgres.database("drained")
    apply(database_secret(database), namespace=namespace)
    hello = Release(namespace, tolerations=[CORDONED], env={"ACCESS_LOG": "off"}).install()
    database.seed()
    before = {pod["metadata"]["uid"] for pod in hello.pods()}
    with hello.watch() as watch, Load(hello.address, rate=300) as load:
        until(lambda: fewest_ready(watch), "all pods are seen")
        told = [drained(node, hello.selector) for node in {pod["spec"]["nodeName"] for pod in hello.pods()}]
        hello.settle()
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in hello.pods()), "all were evicted"
    assert fewest_ready(watch) == 2
    assert any("violate the pod's disruption budget" in done.stderr for done in told)
    assert whole(load.report) is True
    hello.uninstall()


@pytest.mark.timeout(420)
@pytest.mark.skipif(os.environ.get("CLUSTER_METRICS") == "no", reason="the cluster has no metrics server")
def test_the_autoscaler_goes_up_and_down_within_the_connection_budget(postgres, namespace):
    most, pool = 5, 4
    budget = (most + 1 + 1) * pool + 1
    database = postgres.database("scaled", budget)
    apply(database_secret(database, "scaled"), namespace=namespace)
    down = {"periodSeconds": 6, "stabilizationWindowSeconds": 0}
    values = {
        "autoscaling": {"enabled": True, "minReplicas": 2, "maxReplicas": most, "scaleDown": down},
        "resources": {"requests": {"cpu": "50m"}, "limits": {"cpu": "150m"}},
        "database": {"existingSecret": "scaled", "poolMin": pool, "poolMax": pool, "maxConnections": budget + 10},
    }
    hello = Release(namespace, "scaled", env={"ACCESS_LOG": "off"}, **values).install()
    database.seed()

    def pods(number):
        status = get("hpa", hello.full_name, namespace=namespace)["status"]
        ready = [is_ready(pod) for pod in hello.pods()]
        assert status.get("desiredReplicas") == number and ready == [True] * number, (ready, status)
        return True

    until(lambda: pods(2), "the fewest are ready", 60)
    with database.connections_watched() as connections:
        begun = time.monotonic()
        with pressed(hello.address, connections=24, path="/"):
            until(lambda: pods(most), "the most are ready", 120)
            up = time.monotonic() - begun
            time.sleep(3)
        begun = time.monotonic()
        until(lambda: pods(2), "the fewest are left", 180)
        gone = time.monotonic() - begun
    figure(f"autoscaler, 2 to {most} pods and back", f"up in {up:.0f} s, down in {gone:.0f} s")
    figure("autoscaler, most connections to Postgres", max(connections), f"{budget} by the budget")
    assert max(connections) <= budget and database.refused() == 0
    assert max(connections) >= most * (pool - 1), "each pod has its whole pool, but for the connection that LISTEN would take"
    hello.uninstall()
