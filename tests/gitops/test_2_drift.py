"""Argo CD keeps dev equal to git: drift is healed, what git no longer has goes, what cannot start changes nothing."""

import time

import pytest
from chain import cluster
from chain.lab import REGISTRY, note
from support.tools import out

VALUES = "envs/dev/values.yaml"
EXTRA = """
extraObjects:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: extra}
"""


@pytest.fixture
def dev(argo, second):
    """Dev at rest, before and after."""
    cluster.wait_for_sync("dev")
    yield cluster.namespace("dev")
    cluster.wait_for_sync("dev", seconds=300)


def healed(what, ready, seconds=60):
    began = time.monotonic()
    cluster.until(what, seconds, ready, every=0.1)
    return time.monotonic() - began


def test_a_scaled_deployment_is_healed(dev):
    cluster.kubectl("-n", dev, "scale", "deployment", cluster.SERVICE, "--replicas=3")

    def ready():
        replicas = cluster.deployment("dev")["spec"]["replicas"]
        return replicas == 1, replicas

    note("a drifted Deployment healed", f"{healed('one replica again', ready):.1f} s")


def test_a_rollout_undone_by_hand_is_done_again(dev, second):
    image = f"{REGISTRY}/hello-fastapi:sha-{second.commit}"
    cluster.kubectl("-n", dev, "rollout", "undo", f"deployment/{cluster.SERVICE}")
    cluster.rolled_out("dev", image)


def test_a_deleted_service_comes_back(dev):
    before = cluster.get("service", cluster.SERVICE, dev)["metadata"]["uid"]
    cluster.kubectl("-n", dev, "delete", "service", cluster.SERVICE)

    def ready():
        found = cluster.get("service", cluster.SERVICE, dev)
        return bool(found) and found["metadata"]["uid"] != before, found

    healed("another Service", ready)


def test_an_object_that_git_no_longer_has_goes(dev, argo):
    argo.write(VALUES, lambda text: text + EXTRA, "An extra object")
    cluster.wait_for_sync("dev")
    assert cluster.get("configmap", "extra", dev)
    argo.revert()
    gone = healed("the extra object gone", lambda: (not cluster.get("configmap", "extra", dev), "it is there"))
    note("an object pruned, from push on", f"{gone:.1f} s")


# ---- images that cannot run ----


@pytest.fixture(scope="module")
def broken(second):
    """An image whose program is not there."""
    image = f"{REGISTRY}/hello-fastapi:broken-{second.commit[:12]}"
    text = f'FROM {REGISTRY}/hello-fastapi:sha-{second.commit}\nENTRYPOINT ["/nothing"]\n'
    out("docker", "build", "-q", "-t", image, "-", text=text, seconds=120)
    out("docker", "push", "-q", image, seconds=120)
    return image.rpartition(":")[2]


def set_tag(tag):
    return lambda text: "".join(f'  tag: "{tag}"\n' if line.startswith("  tag:") else line for line in text.splitlines(True))


def failed_sync(env):
    state = cluster.sync_state(cluster.application(env))
    return state["operation"] in ("Failed", "Error") or "Retrying" in (state["message"] or "") or "failed" in (state["message"] or ""), state


@pytest.mark.parametrize("kind", ["broken", "missing"])
def test_an_image_that_does_not_start_takes_no_traffic_and_a_revert_is_all_it_needs(dev, argo, second, broken, kind):
    before = cluster.running("dev")
    with cluster.load("dev") as load:
        argo.write(VALUES, set_tag(broken if kind == "broken" else "never-pushed"), f"An image that is {kind}")
        argo_failed = cluster.until("a failed sync", 120, lambda: failed_sync("dev"))
        assert argo_failed
        assert cluster.running("dev") == before
        began = time.monotonic()
        argo.revert()
        cluster.wait_for_sync("dev", seconds=300)
        note(f"back from an image that is {kind}, by git revert", f"{time.monotonic() - began:.0f} s")
    assert load.stop()["failures"] == []
    assert cluster.running("dev") == before
