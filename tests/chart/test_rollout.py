"""Rollout, drain and scale: the numbers hold each other up."""

import pytest
from support import PROFILES, environment, refusal, render


def test_no_pod_goes_before_its_successor_is_ready():
    strategy = render().one("Deployment")["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


@pytest.mark.parametrize("delay, timeout, grace", [(5, 20, 26), (0, 0, 1), (0.5, 1.2, 2), (20, 30, 51)])
def test_a_pod_is_killed_only_after_its_drain(delay, timeout, grace):
    values = {
        "drain": {"delay": delay, "timeout": timeout},
        "terminationGracePeriodSeconds": grace,
        "rollout": {"minReadySeconds": 60},
    }
    assert render(values).pod["terminationGracePeriodSeconds"] == grace
    words = refusal({**values, "terminationGracePeriodSeconds": int(delay + timeout)})
    assert "terminationGracePeriodSeconds" in words and "drain.delay" in words


def test_a_drain_set_by_env_counts_too():
    assert "drain.delay 40 s" in refusal({"env": {"DRAIN_DELAY": 40}})
    values = {"env": {"DRAIN_DELAY": "40"}, "terminationGracePeriodSeconds": 61, "rollout": {"minReadySeconds": 60}}
    assert environment(render(values).container)["DRAIN_DELAY"] == "40"


def test_a_sleep_before_the_drain_counts_too():
    sleep = {"preStop": {"sleep": {"seconds": 5}}}
    values = {"lifecycle": sleep, "terminationGracePeriodSeconds": 31, "rollout": {"minReadySeconds": 30}}
    values |= {"autoscaling": {"enabled": True, "scaleDown": {"periodSeconds": 30}}, "database": {"poolMax": 7}}
    assert render(values).container["lifecycle"] == sleep
    sooner = {"enabled": True, "scaleDown": {"periodSeconds": 29}}
    for name, less in [
        ("terminationGracePeriodSeconds", {"terminationGracePeriodSeconds": 30}),
        ("rollout.minReadySeconds", {"rollout": {"minReadySeconds": 29}}),
        ("autoscaling.scaleDown.periodSeconds", {"autoscaling": sooner}),
    ]:
        words = refusal({**values, **less})
        assert f"{name} is" in words and "25 s, and the preStop sleep of 5 s" in words


@pytest.mark.parametrize("delay, timeout, ready", [(5, 20, 25), (0, 0, 0), (0.5, 1.2, 2)])
def test_the_next_pod_goes_only_when_the_last_has_closed_its_connections(delay, timeout, ready):
    values = {"drain": {"delay": delay, "timeout": timeout}, "rollout": {"minReadySeconds": ready}}
    assert render(values).one("Deployment")["spec"]["minReadySeconds"] == ready
    if ready:
        assert "rollout.minReadySeconds" in refusal({**values, "rollout": {"minReadySeconds": ready - 1}})


@pytest.mark.parametrize(
    "surge, unavailable, terminating", [(1, 0, 1), (2, 0, 2), (1, 1, 2), ("50%", 0, 2), (1, "34%", 2), (0, 1, 1)]
)
def test_as_many_pods_may_be_going_as_a_step_replaces(surge, unavailable, terminating):
    rollout = {"maxSurge": surge, "maxUnavailable": unavailable}
    values = {"database": {"poolMax": 5}, "rollout": {**rollout, "terminating": terminating}}
    assert render(values).one("Deployment")["spec"]["strategy"]["rollingUpdate"] == rollout
    values["rollout"]["terminating"] = terminating - 1
    assert "rollout.terminating" in refusal(values)


def test_a_rollout_that_could_never_begin_is_refused():
    assert "both 0" in refusal({"rollout": {"maxSurge": 0, "maxUnavailable": 0}})
    assert "progressDeadlineSeconds" in refusal({"rollout": {"progressDeadlineSeconds": 25}})


def test_without_autoscaling_the_chart_sets_the_pods():
    assert render({"replicaCount": 2}).one("Deployment")["spec"]["replicas"] == 2
    assert "HorizontalPodAutoscaler" not in render().kinds


def test_with_autoscaling_the_autoscaler_does():
    objects = render({"autoscaling": {"enabled": True}, "database": {"poolMax": 7}})
    assert "replicas" not in objects.one("Deployment")["spec"]
    scaler = objects.one("HorizontalPodAutoscaler")
    assert scaler["apiVersion"] == "autoscaling/v2"
    spec = scaler["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 10)
    assert spec["scaleTargetRef"]["name"] == objects.one("Deployment")["metadata"]["name"]
    assert spec["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
    ]


def test_one_pod_goes_at_a_time_and_not_before_the_last_is_gone():
    values = {"autoscaling": {"enabled": True, "scaleDown": {"periodSeconds": 25}}, "database": {"poolMax": 7}}
    down = render(values).one("HorizontalPodAutoscaler")["spec"]["behavior"]["scaleDown"]
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 25}]
    values["autoscaling"]["scaleDown"]["periodSeconds"] = 24
    assert "autoscaling.scaleDown.periodSeconds" in refusal(values)


def test_an_autoscaler_with_crossed_limits_is_refused():
    assert "autoscaling.minReplicas" in refusal({"autoscaling": {"enabled": True, "minReplicas": 4, "maxReplicas": 3}})


def test_an_autoscaler_without_a_request_to_take_per_cent_of_is_refused():
    values = {"autoscaling": {"enabled": True, "maxReplicas": 3}, "resources": {"requests": {"cpu": None}}}
    assert "resources.requests.cpu" in refusal(values)


def test_a_drained_node_takes_one_pod_at_a_time_and_broken_ones_at_once():
    spec = render().one("PodDisruptionBudget")["spec"]
    assert spec["maxUnavailable"] == 1 and spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    spec = render({"pdb": {"minAvailable": 2}}).one("PodDisruptionBudget")["spec"]
    assert spec["minAvailable"] == 2 and "maxUnavailable" not in spec
    assert render({"pdb": {"minAvailable": 0}}).one("PodDisruptionBudget")["spec"]["minAvailable"] == 0
    assert "PodDisruptionBudget" not in render({"pdb": {"enabled": False}}).kinds


def test_a_disruption_budget_has_one_limit_whichever_was_emptied():
    spec = render({"pdb": {"minAvailable": None}}).one("PodDisruptionBudget")["spec"]
    assert spec["maxUnavailable"] == 1 and "minAvailable" not in spec
    spec = render({"pdb": {"minAvailable": "50%", "maxUnavailable": None}}).one("PodDisruptionBudget")["spec"]
    assert spec["minAvailable"] == "50%" and "maxUnavailable" not in spec
    assert "pdb.minAvailable or pdb.maxUnavailable" in refusal({"pdb": {"maxUnavailable": None}})


def test_pods_spread_over_nodes_and_zones():
    constraints = render().pod["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in constraints] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    labels = render().one("Deployment")["spec"]["selector"]["matchLabels"]
    assert all(each["labelSelector"] == {"matchLabels": labels} for each in constraints)
    own = {"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"a": "b"}}}
    assert render({"topologySpreadConstraints": [own]}).pod["topologySpreadConstraints"] == [own]
    assert "topologySpreadConstraints" not in render({"topologySpreadConstraints": []}).pod


@pytest.mark.parametrize("profile", PROFILES)
def test_the_values_file_renders_and_passes_every_check(profile):
    values = {"image": {"tag": "1.2.3"}}
    if profile == "values-small.yaml":
        resources = render(values, profile).container["resources"]
        assert resources == {"requests": {"cpu": "20m", "memory": "24Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}
    assert render(values, profile).container["image"].endswith(":1.2.3")


@pytest.mark.parametrize("profile", [each for each in PROFILES if each != "values-small.yaml"])
def test_the_small_profile_goes_with_every_other(profile):
    assert render({}, profile, "values-small.yaml").container["resources"]["limits"]["memory"] == "64Mi"


def test_the_small_profile_is_ready_sooner_and_out_of_service_no_sooner():
    usual, small = render().container, render({}, "values-small.yaml").container
    assert "startupProbe" not in small and small["livenessProbe"] == usual["livenessProbe"]
    assert small["readinessProbe"]["httpGet"] == usual["readinessProbe"]["httpGet"]
    assert small["readinessProbe"]["periodSeconds"] == 1
    patience = [each["readinessProbe"]["periodSeconds"] * each["readinessProbe"]["failureThreshold"] for each in (usual, small)]
    assert patience == [30, 30]
