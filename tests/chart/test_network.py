"""How requests come in."""

import pytest
from support import NAME, refusal, render, selects


def test_ingress_serves_its_hosts_with_tls():
    values = {
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "annotations": {"a": "b"},
            "tls": [{"secretName": "tls", "hosts": ["a.example.com"]}],
            "hosts": [{"host": "a.example.com", "paths": [{"path": "/"}, {"path": "/x", "pathType": "Exact"}]}],
        }
    }
    ingress = render(values).one("Ingress")
    assert ingress["apiVersion"] == "networking.k8s.io/v1" and ingress["metadata"]["annotations"] == {"a": "b"}
    spec = ingress["spec"]
    assert spec["ingressClassName"] == "nginx" and spec["tls"] == values["ingress"]["tls"]
    backend = {"service": {"name": NAME, "port": {"name": "http"}}}
    assert spec["rules"] == [
        {
            "host": "a.example.com",
            "http": {
                "paths": [
                    {"path": "/", "pathType": "Prefix", "backend": backend},
                    {"path": "/x", "pathType": "Exact", "backend": backend},
                ]
            },
        }
    ]
    assert "Ingress" not in render().kinds


@pytest.mark.parametrize("key", ["ingress.hosts", "httpRoute.parentRefs", "httpRoute.rules"])
@pytest.mark.parametrize("nothing", [[], None])
def test_a_way_in_that_leads_nowhere_is_refused(key, nothing):
    kind, inner = key.split(".")
    assert f"{kind}.enabled needs {key}" in refusal({kind: {"enabled": True, inner: nothing}})


def test_a_gateways_route_leads_to_the_service():
    route = render({"httpRoute": {"enabled": True}, "service": {"port": 8000}}).one("HTTPRoute")["spec"]
    assert route["parentRefs"] == [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gateway"}] and route["hostnames"] == ["hello.example.com"]
    backend = {"group": "", "kind": "Service", "weight": 1, "name": NAME, "port": 8000}
    assert route["rules"] == [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [backend]}]


def test_metrics_have_a_service_of_their_own_that_lists_pods_that_are_not_ready():
    objects = render({"service": {"type": "LoadBalancer", "extraSpec": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}})
    public, inner = objects.one("Service", NAME)["spec"], objects.one("Service", NAME + "-metrics")["spec"]
    assert public["type"] == "LoadBalancer" and public["loadBalancerSourceRanges"] == ["10.0.0.0/8"]
    assert [port["targetPort"] for port in public["ports"]] == ["http"]
    assert inner["clusterIP"] == "None" and inner["publishNotReadyAddresses"] is True
    assert [(port["port"], port["targetPort"]) for port in inner["ports"]] == [(9090, "metrics")]


def test_only_the_two_ports_can_be_reached():
    spec = render().one("NetworkPolicy")["spec"]
    assert [rule["ports"] for rule in spec["ingress"]] == [
        [{"port": "http", "protocol": "TCP"}],
        [{"port": "metrics", "protocol": "TCP"}],
    ]
    assert "from" not in spec["ingress"][0] and spec["ingress"][1]["from"] == [{"namespaceSelector": {}}]
    assert spec["policyTypes"] == ["Ingress", "Egress"] and spec["egress"] == [{}]
    assert "NetworkPolicy" not in render({"networkPolicy": {"enabled": False}}).kinds


def test_peers_can_be_named():
    here, watcher, extra = {"podSelector": {}}, {"namespaceSelector": {"matchLabels": {"a": "b"}}}, {"ports": [{"port": 1}]}
    spec = render({"networkPolicy": {"allowFrom": [here], "allowMetricsFrom": [watcher], "extraIngress": [extra]}}).one(
        "NetworkPolicy"
    )["spec"]
    assert [rule.get("from") for rule in spec["ingress"][1:]] == [[watcher], None] and spec["ingress"][2] == extra
    assert spec["ingress"][0]["from"][0] == here


def test_the_pod_of_helm_test_is_always_let_in():
    objects = render({"networkPolicy": {"allowFrom": [{"podSelector": {"matchLabels": {"a": "b"}}}]}})
    peers = objects.one("NetworkPolicy")["spec"]["ingress"][0]["from"]
    assert len(peers) == 2
    assert selects(peers[1]["podSelector"]["matchLabels"], objects.one("Pod")["metadata"]["labels"])
    assert not selects(peers[1]["podSelector"]["matchLabels"], objects.job["spec"]["template"]["metadata"]["labels"])


def test_egress_can_be_held_to_names_and_databases():
    extra = {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}
    spec = render({"networkPolicy": {"restrictEgress": True, "databasePorts": [5432], "extraEgress": [extra]}}).one(
        "NetworkPolicy"
    )["spec"]
    assert spec["egress"] == [
        {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
        {"ports": [{"port": 5432, "protocol": "TCP"}]},
        extra,
    ]


@pytest.mark.parametrize("ports", [[], None])
def test_egress_without_database_ports_is_held_to_names(ports):
    spec = render({"networkPolicy": {"restrictEgress": True, "databasePorts": ports}}).one("NetworkPolicy")["spec"]
    assert spec["egress"] == [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}]
