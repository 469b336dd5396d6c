"""What the pods are made of: image, settings, probes, security."""

import re

import program
import pytest
import yaml
from support import (
    EVERYTHING,
    IMAGE,
    PROFILES,
    Unique,
    environment,
    leaves,
    pod_templates,
    refusal,
    render,
    secret,
    selects,
    text,
)


def test_the_image_is_the_contracts_and_its_tag_the_charts_version():
    container = render().container
    assert re.fullmatch(r"ghcr\.io/[a-z0-9-]+/hello-fastapi", IMAGE) and container["image"] == f"{IMAGE}:0.1.0"
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert "command" not in container and "args" not in container


def test_a_digest_wins_over_the_tag():
    digest = "sha256:" + "0123456789abcdef" * 4
    objects = render({"image": {"tag": "1.2.3", "digest": digest}})
    assert objects.container["image"] == f"{IMAGE}@{digest}"
    assert objects.job_pod["containers"][0]["image"] == objects.container["image"]


@pytest.mark.parametrize("tag, version", [("1.2.3", "1.2.3"), ("", "0123456789ab")])
def test_beside_a_digest_the_tag_still_says_the_version(tag, version):
    objects = render({"image": {"tag": tag, "digest": "sha256:" + "0123456789abcdef" * 4}})
    assert environment(objects.container)["APP_VERSION"] == version
    assert {each["metadata"]["labels"]["app.kubernetes.io/version"] for each in objects} == {version}
    assert objects.job["metadata"]["name"].endswith("-migrate-" + version.replace(".", "-"))


def test_the_ports_are_named_and_said_to_the_service():
    container = render().container
    assert container["ports"] == [
        {"name": "http", "containerPort": 8000, "protocol": "TCP"},
        {"name": "metrics", "containerPort": 9090, "protocol": "TCP"},
    ]
    own = environment(container)
    assert (own["PORT"], own["ADMIN_HOST"], own["ADMIN_PORT"]) == ("8000", "0.0.0.0", "9090")


@pytest.mark.parametrize("values", [{"containerPort": 9000}, {"env": {"PORT": 9000}}])
def test_port_of_container_and_service_cannot_differ(values):
    objects = render(values)
    assert objects.container["ports"][0]["containerPort"] == 9000
    assert environment(objects.container)["PORT"] == "9000"
    assert objects.one("Service", "shop-hello-fastapi")["spec"]["ports"][0]["targetPort"] == "http"


@pytest.mark.parametrize("port", [80, 8000])
def test_the_service_has_the_port_that_is_asked_for(port):
    service = render({"service": {"port": port}}).one("Service", "shop-hello-fastapi")["spec"]
    assert service["type"] == "ClusterIP"
    assert service["ports"] == [{"name": "http", "port": port, "targetPort": "http", "protocol": "TCP"}]


def test_one_port_for_two_uses_is_refused():
    assert "metrics.port and containerPort are both 9090" in refusal({"containerPort": 9090})
    assert "metrics.port and containerPort are both 8000" in refusal({"env": {"ADMIN_PORT": 8000}})


def test_ports_that_nobody_could_find_are_refused():
    assert "env.PORT is 0" in refusal({"env": {"PORT": 0}})
    assert "env.ADMIN_PORT is 0" in refusal({"env": {"ADMIN_PORT": 0}})
    assert "env.ADMIN_PORT is 9091" in refusal({"env": {"ADMIN_PORT": 9091}, "metrics": {"enabled": False}})


def test_metrics_can_be_turned_off():
    objects = render({"metrics": {"enabled": False}})
    assert [each["name"] for each in objects.container["ports"]] == ["http"]
    assert environment(objects.container)["ADMIN_PORT"] == "0"
    assert len(objects.of("Service")) == 1
    assert "nothing to scrape" in refusal({"metrics": {"enabled": False}, "serviceMonitor": {"enabled": True}})


def test_the_chart_sets_only_what_the_program_reads():
    values = {
        **EVERYTHING,
        "database": {"existingSecret": "a", "existingSecretDirectKey": "b", "poolMax": 5, "allowLargePool": True},
        "pgbouncer": {"enabled": True},
        "migrations": {"onStart": True},
    }
    names = set(environment(render(values).container)) | set(environment(render(values).job_pod["containers"][0]))
    assert {"DB_PREPARE", "DB_POOL_ALLOW_LARGE", "MIGRATE_ON_START", "DATABASE_DIRECT_URL"} <= names
    assert names <= program.settings()
    for name in PROFILES:
        assert set(environment(render({}, name).container)) <= program.settings()


def test_env_takes_values_and_references_and_wins():
    api_key = {"valueFrom": secret("your-service-secret", "api-key")}
    own = environment(
        render(
            {
                "env": {
                    "API_KEY": api_key,
                    "GREETING": "hi",
                    "MAX_BODY": 1048576,
                    "MAX_CONNECTIONS": 1000000,
                    "SLOW_REQUEST_SECONDS": 0.25,
                    "ACCESS_LOG": False,
                    "ADMIN_HOST": "::",
                }
            }
        ).container
    )
    assert own["API_KEY"] == api_key["valueFrom"]
    assert [
        own[name] for name in ("GREETING", "MAX_BODY", "MAX_CONNECTIONS", "SLOW_REQUEST_SECONDS", "ACCESS_LOG", "ADMIN_HOST")
    ] == ["hi", "1048576", "1000000", "0.25", "false", "::"]


def test_no_variable_is_there_twice():
    for values in ({}, EVERYTHING, {"env": {"PORT": 1234, "DB_POOL_MAX": 9, "DATABASE_URL": "postgresql://h/d"}}):
        for container in (render(values).container, render(values).job_pod["containers"][0]):
            assert len(environment(container)) == len(container["env"])
    assert "extraEnv sets DB_POOL_MAX" in refusal({"extraEnv": [{"name": "DB_POOL_MAX", "value": "99"}]})


def test_lists_of_variables_and_whole_secrets_are_taken():
    extra = [{"name": "HOME_URL", "value": "http://$(HOST)"}]
    whole = [{"secretRef": {"name": "your-service-secret"}}, {"configMapRef": {"name": "map", "optional": True}}]
    container = render({"extraEnv": extra, "envFrom": whole}).container
    assert container["env"][-1:] == extra and container["envFrom"] == whole


def test_production_is_the_default():
    assert environment(render().container)["APP_ENV"] == "prod"
    assert environment(render({}, "values-dev.yaml").container)["APP_ENV"] == "dev"


def test_the_three_probes_ask_three_different_questions():
    container = render().container
    startup, readiness, liveness = (container[kind + "Probe"] for kind in ("startup", "readiness", "liveness"))
    paths = [probe["httpGet"]["path"] for probe in (startup, readiness, liveness)]
    assert paths == ["/startupz", "/readyz", "/healthz"] and set(paths) <= program.probe_paths()
    assert {probe["httpGet"]["port"] for probe in (startup, readiness, liveness)} == {"http"}
    assert startup["failureThreshold"] * startup["periodSeconds"] == 150 and startup["periodSeconds"] == 1
    assert readiness["periodSeconds"] == 10
    assert liveness["failureThreshold"] * liveness["periodSeconds"] >= 60


def test_one_path_for_all_three_probes_is_valid():
    same = {kind + "Probe": {"httpGet": {"path": "/healthz"}} for kind in ("startup", "readiness", "liveness")}
    container = render(same).container
    assert {container[kind]["httpGet"]["path"] for kind in same} == {"/healthz"}
    same["startupProbe"].update(failureThreshold=30, periodSeconds=5)
    same["livenessProbe"].update(initialDelaySeconds=30)
    container = render(same).container
    assert container["startupProbe"]["failureThreshold"] == 30 and container["livenessProbe"]["initialDelaySeconds"] == 30


def test_a_probe_can_be_left_out_or_replaced():
    values = {
        "livenessProbe": None,
        "lifecycle": None,
        "startupProbe": {"httpGet": None, "exec": {"command": ["/app", "healthcheck"]}},
    }
    container = render(values).container
    assert "livenessProbe" not in container and "lifecycle" not in container
    assert container["startupProbe"]["exec"] and "httpGet" not in container["startupProbe"]


def test_a_liveness_probe_that_asks_the_database_is_refused():
    assert "its outage would restart every pod" in refusal({"livenessProbe": {"httpGet": {"path": "/readyz"}}})


@pytest.mark.parametrize("values, profile", [({}, ()), (EVERYTHING, ()), *(({}, (name,)) for name in PROFILES)])
def test_every_pod_passes_pod_security_restricted(values, profile):
    pods = list(pod_templates(render(values, *profile)))
    assert len(pods) == 3
    for name, _, spec in pods:
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
        pod = spec["securityContext"]
        assert (pod["runAsNonRoot"], pod["runAsUser"], pod["runAsGroup"]) == (True, 1000, 1000)
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False and own["privileged"] is False
            assert own["readOnlyRootFilesystem"] is True and own["runAsNonRoot"] is True
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}


def test_resources_are_the_contracts():
    assert render().container["resources"] == {
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }


@pytest.mark.parametrize(
    "annotation", [{"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r"}, {"iam.gke.io/gcp-service-account": "a@b"}]
)
def test_the_service_account_carries_the_clouds_identity(annotation):
    objects = render({"serviceAccount": {"annotations": annotation}})
    account = objects.plain.one("ServiceAccount")
    assert account["metadata"]["annotations"] == annotation and account["automountServiceAccountToken"] is False
    assert objects.pod["serviceAccountName"] == account["metadata"]["name"]


def test_a_token_is_mounted_only_when_asked_for():
    objects = render({"serviceAccount": {"automount": True}})
    assert objects.pod["automountServiceAccountToken"] is True
    assert objects.plain.one("ServiceAccount")["automountServiceAccountToken"] is True
    assert objects.job_pod["automountServiceAccountToken"] is False


def test_a_foreign_service_account_is_used_as_it_is():
    objects = render({"serviceAccount": {"create": False, "name": "theirs"}})
    assert objects.pod["serviceAccountName"] == "theirs" and not objects.plain.of("ServiceAccount")
    assert render({"serviceAccount": {"create": False}}).pod["serviceAccountName"] == "default"


def test_only_pods_of_the_service_are_selected():
    objects = render(EVERYTHING)
    selectors = [each["spec"]["selector"] for each in objects.of("Service")]
    selectors += [
        objects.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        objects.one("Deployment")["spec"]["selector"]["matchLabels"],
        objects.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    assert len(selectors) == 5
    for name, labels, _ in pod_templates(objects):
        assert [selects(selector, labels) for selector in selectors] == [name == "shop-hello-fastapi"] * 5


def test_names_and_labels_are_those_of_helm_create():
    objects = render(EVERYTHING)
    for each in objects:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "shop" and labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["helm.sh/chart"] == "hello-fastapi-0.1.0" and labels["app.kubernetes.io/version"] == "0.1.0"
        assert each["metadata"]["namespace"] == "stage"
        assert each["metadata"]["name"].startswith("shop-hello-fastapi")
    assert render(release="hello-fastapi").one("Deployment")["metadata"]["name"] == "hello-fastapi"
    assert render({"fullnameOverride": "api"}).one("Deployment")["metadata"]["name"] == "api"
    assert render({"nameOverride": "api"}).one("Deployment")["metadata"]["name"] == "shop-api"
    assert render({"commonLabels": {"team": "a"}}).one("Service", "shop-hello-fastapi-metrics")["metadata"]["labels"]["team"] == "a"


def test_a_new_version_of_the_chart_alone_does_not_replace_pods():
    assert "helm.sh/chart" not in render().one("Deployment")["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize("tag", ["1.2.3", "sha-" + "0123456789" * 4, "0.1.0-dev.1234567890123456", "A_b.C-", "x" * 128])
def test_names_and_labels_stay_within_what_kubernetes_takes(tag):
    objects = render(
        {
            **EVERYTHING,
            "fullnameOverride": "a-name-of-sixty-three-characters-which-is-all-that-there-may-be-x",
            "image": {"tag": tag},
        }
    )
    for each in objects:
        assert len(each["metadata"]["name"]) <= 63
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))
    for _, labels, _ in pod_templates(objects):
        assert all(len(value) <= 63 and value[:1].isalnum() and value[-1:].isalnum() for value in labels.values())


OWN = ["app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/version", "helm.sh/chart"]


def test_what_is_added_wins_over_what_is_common_and_nothing_is_there_twice():
    side = "kubectl.kubernetes.io/default-container"
    values = {
        **EVERYTHING,
        "commonLabels": {"team": "a"},
        "podLabels": {"team": "b"},
        "podAnnotations": {side: "side"},
        "migrations": {"job": {"podLabels": {"team": "c"}}},
        "serviceMonitor": {"enabled": True, "labels": {"team": "d"}},
        "prometheusRule": {"enabled": True, "labels": {"team": "e"}},
        "grafanaDashboard": {"enabled": True, "labels": {"team": "f"}},
        "extraPodSpec": {"enableServiceLinks": True},
    }
    assert list(yaml.load_all(text(values), Loader=Unique))
    objects = render(values)
    assert [labels["team"] for _, labels, _ in pod_templates(objects)] == ["b", "a", "c"]
    assert [objects.one(kind)["metadata"]["labels"]["team"] for kind in ("ServiceMonitor", "PrometheusRule", "ConfigMap")] == ["d", "e", "f"]
    assert objects.one("Deployment")["spec"]["template"]["metadata"]["annotations"][side] == "side"
    assert objects.pod["enableServiceLinks"] is True


@pytest.mark.parametrize(
    "values, words",
    [
        *[({"podLabels": {label: "x"}}, f"podLabels sets {label}") for label in OWN],
        ({"commonLabels": {OWN[0]: "x"}}, f"commonLabels sets {OWN[0]}"),
        ({"migrations": {"job": {"podLabels": {OWN[0]: "x"}}}}, f"migrations.job.podLabels sets {OWN[0]}"),
        ({"serviceMonitor": {"labels": {OWN[0]: "x"}}}, f"serviceMonitor.labels sets {OWN[0]}"),
        ({"extraPodSpec": {"securityContext": {}}}, "extraPodSpec sets securityContext, which the chart sets itself: use podSecurityContext"),
        ({"extraPodSpec": {"volumes": []}}, "extraPodSpec sets volumes, which the chart sets itself: use extraVolumes"),
        ({"service": {"extraSpec": {"type": "NodePort"}}}, "service.extraSpec sets type, which the chart sets itself: use service.type"),
        ({"service": {"extraSpec": {"selector": {}}}}, "service.extraSpec sets selector, which the chart sets itself"),
        ({"extraEnv": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}, "extraEnv sets A twice"),
    ],
)
def test_what_would_be_there_twice_is_refused_with_the_value_to_use(values, words):
    assert words in refusal(values)


@pytest.mark.parametrize("length", [34, 53])
def test_two_releases_whose_long_names_begin_alike_share_no_object(length):
    one, other = (render(EVERYTHING, release="r" * (length - 1) + end) for end in "ab")
    names = [{(each["kind"], each["metadata"]["name"]) for each in objects} for objects in (one, other)]
    assert not names[0] & names[1]
    assert all(len(name) <= 63 for _, name in names[0] | names[1])


def test_every_escape_hatch_opens():
    volume, mount = {"name": "tmp", "emptyDir": {}}, {"name": "tmp", "mountPath": "/tmp"}
    objects = render(
        {
            "extraVolumes": [volume],
            "extraVolumeMounts": [mount],
            "extraContainers": [{"name": "side", "image": "side:1"}],
            "extraInitContainers": [{"name": "first", "image": "first:1"}],
            "extraPodSpec": {"runtimeClassName": "gvisor"},
            "command": ["/app"],
            "args": ["serve"],
            "podAnnotations": {"a": "b"},
            "podLabels": {"c": "d"},
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "priorityClassName": "high",
            "imagePullSecrets": [{"name": "r"}],
            "extraObjects": [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": '{{ include "hello-fastapi.fullname" . }}-more'}}
            ],
        }
    )
    pod = objects.pod
    assert pod["volumes"] == [volume] and pod["containers"][0]["volumeMounts"] == [mount]
    assert [each["name"] for each in pod["containers"]] == ["hello-fastapi", "side"] and pod["initContainers"][0]["name"] == "first"
    assert (pod["runtimeClassName"], pod["priorityClassName"], pod["imagePullSecrets"]) == ("gvisor", "high", [{"name": "r"}])
    assert (pod["containers"][0]["command"], pod["containers"][0]["args"]) == (["/app"], ["serve"])
    assert (
        pod["nodeSelector"] == {"disk": "fast"}
        and pod["tolerations"] == [{"operator": "Exists"}]
        and pod["affinity"] == {"nodeAffinity": {}}
    )
    metadata = objects.one("Deployment")["spec"]["template"]["metadata"]
    assert metadata["annotations"]["a"] == "b" and metadata["labels"]["c"] == "d"
    assert objects.one("ConfigMap")["metadata"]["name"] == "shop-hello-fastapi-more"
    assert objects.job_pod["volumes"] == [volume], "what holds a key for Postgres is there for the migrations too"


def test_helm_test_asks_the_service_through_its_own_port():
    objects = render({"service": {"port": 8000}})
    pod = objects.one("Pod")
    container = pod["spec"]["containers"][0]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert container["args"] == ["/app", "healthcheck", "/api/v1/health"] and container["image"] == objects.container["image"]
    assert environment(container) == {"HOST": "shop-hello-fastapi", "PORT": "8000"}
    assert "healthcheck" in program.commands() and "/api/v1/health" in program.app_routes()
    assert "Pod" not in render({"tests": {"enabled": False}}).kinds


def test_names_that_look_like_numbers_stay_texts():
    number = "1234567"
    values = {
        **EVERYTHING,
        "fullnameOverride": number,
        "nameOverride": number,
        "serviceAccount": {"name": number},
        "priorityClassName": number,
        "externalSecret": {"enabled": True, "refreshInterval": "0", "secretStoreRef": {"name": number}, "tags": {"a": number}},
        "database": {"poolMax": 7, "existingSecret": number, "existingSecretKey": number, "existingSecretDirectKey": number},
        "migrations": {"job": {"serviceAccount": {"name": number}}},
        "ingress": {"enabled": True, "className": number},
        "grafanaDashboard": {"enabled": True, "namespace": number},
        "prometheusRule": {"enabled": True, "latency": {"severity": number}},
        "env": {"NO": "off"},
    }
    objects = render(values, release=number, namespace=number)
    assert [each["metadata"] for each in objects if int(number) in leaves(each)] == []
    assert {each["spec"]["refreshInterval"] for each in objects.of("ExternalSecret")} == {"0"}
    assert environment(objects.container)["NO"] == "off"
