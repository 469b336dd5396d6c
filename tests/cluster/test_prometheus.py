"""A real Prometheus scrapes the pods as the ServiceMonitor says, and the chart's alerts fire."""

import json
import re

import pytest
import yaml
from beside import NAMESPACE, Load, answers, database_secret, pod, remove, start
from kube import CHART, Release, apply, merged, run, tool, until

WATCHED = {
    "serviceMonitor": {"enabled": True, "interval": "2s", "scrapeTimeout": "2s"},
    "prometheusRule": {"enabled": True, "pool": {"for": "10s"}, "slowRoute": {"for": "10s"}},
}


def rendered(release, kind):
    """That object of the chart, which this cluster may have no definition of."""
    values = json.dumps(merged(release.values, WATCHED))
    words = [tool("helm"), "template", release.name, CHART, "-n", release.namespace, "--values", "-"]
    return next(each for each in yaml.safe_load_all(run(*words, input=values).stdout) if each and each["kind"] == kind)


def scrape(monitor):
    """What the Prometheus operator makes of a ServiceMonitor."""
    endpoint = monitor["spec"]["endpoints"][0]
    namespaces = monitor["spec"]["namespaceSelector"]["matchNames"]
    labels = monitor["spec"]["selector"]["matchLabels"]
    wanted = {f"service_label_{re.sub('[^a-z]', '_', label)}": value for label, value in labels.items()}
    wanted["endpoint_port_name"] = endpoint["port"]
    named = {"namespace": "namespace", "job": "service_name", "pod": "pod_name"}
    source = "__meta_kubernetes_{}".format
    keep = [{"action": "keep", "source_labels": [source(label)], "regex": value} for label, value in wanted.items()]
    name = [{"source_labels": [source(label)], "target_label": target} for target, label in named.items()]
    return {
        "job_name": "service",
        "scrape_interval": endpoint["interval"],
        "scrape_timeout": endpoint["scrapeTimeout"],
        "metrics_path": endpoint["path"],
        "kubernetes_sd_configs": [{"role": "endpoints", "namespaces": {"names": namespaces}}],
        "relabel_configs": keep + name,
    }


def access(namespace):
    """Prometheus may look at what is in the namespace."""
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    named = {"metadata": {"name": "prometheus", "namespace": namespace}}
    rules = [{"apiGroups": [""], "resources": ["services", "endpoints", "pods"], "verbs": ["get", "list", "watch"]}]
    subject = {"kind": "ServiceAccount", "name": "prometheus", "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "prometheus"}
    apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "prometheus"}}, namespace=NAMESPACE)
    apply({**kind, **named, "kind": "Role", "rules": rules}, {**kind, **named, "kind": "RoleBinding", "roleRef": role, "subjects": [subject]})


@pytest.fixture(scope="module")
def database(postgres):
    return postgres.database("watched")


@pytest.fixture(scope="module")
def hello(database, namespace):
    apply(database_secret(database), namespace=namespace)
    settings = {"DB_ACQUIRE_TIMEOUT": 2, "ACCESS_LOG": "off"}
    release = Release(namespace, replicaCount=2, env=settings, database={"poolMax": 2}).install()
    database.seed()
    return release


@pytest.fixture(scope="module")
def prometheus(hello, namespace):
    settings = {
        "global": {"evaluation_interval": "2s"},
        "rule_files": ["/config/rules.yaml"],
        "scrape_configs": [scrape(rendered(hello, "ServiceMonitor"))],
    }
    data = {"prometheus.yaml": yaml.safe_dump(settings), "rules.yaml": yaml.safe_dump(rendered(hello, "PrometheusRule")["spec"])}
    access(namespace)
    command = ["prometheus", "--config.file=/config/prometheus.yaml", "--storage.tsdb.path=/data/series", "--web.listen-address=:9090"]
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prometheus"}, "data": data}
    start(config, *pod("prometheus", command, port=9090, config="prometheus", account="prometheus"))
    yield lambda path: answers(path, "prometheus", 9090)["data"]
    remove("prometheus")


def test_every_pod_is_scraped(hello, prometheus):
    def scraped():
        targets = prometheus("/api/v1/targets")["activeTargets"]
        return {each["labels"]["pod"]: each["lastError"] for each in targets if each["health"] == "up"}

    pods = {pod["metadata"]["name"] for pod in hello.pods()}
    assert until(lambda: scraped() if set(scraped()) == pods else None, "all pods are scraped") == dict.fromkeys(pods, "")


def firing(prometheus):
    return {each["labels"]["alertname"]: each["labels"] for each in prometheus("/api/v1/alerts")["alerts"] if each["state"] == "firing"}


def test_a_table_that_is_locked_fires_the_alerts_of_the_pool_and_of_the_slow_route(hello, database, prometheus, namespace):
    assert firing(prometheus) == {}
    with Load(hello.address, rate=40), database.locked("items"):
        until(lambda: {"PoolExhausted", "SlowRoute"} <= firing(prometheus).keys(), "both fire", 90)
        fired = firing(prometheus)
    pods = {pod["metadata"]["name"] for pod in hello.pods()}
    assert fired["PoolExhausted"]["namespace"] == namespace and fired["PoolExhausted"]["pod"] in pods
    assert fired["SlowRoute"]["http_route"] in ("/items/{item_id}", "/items/bulk")
