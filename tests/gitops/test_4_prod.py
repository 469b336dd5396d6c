"""A tag: image and chart of one version, signed; production by a pull request that a person merges; and back by git revert."""

import os

import pytest
from chain import cluster
from chain.lab import CA, FOLDER, REGISTRY, note, registry_tags
from conftest import GREETING
from support.tools import ROOT, read_yaml, run


def test_a_tag_passes_every_job_of_the_release(proposed):
    jobs = read_yaml(ROOT / ".github/workflows/release-prod.yaml")[0]["jobs"]
    assert [job for job in jobs if not proposed.run.succeeded(job)] == []
    note("release-prod, from tag to pull request", f"{proposed.run.seconds:.0f} s")


def test_a_release_is_proposed_and_changes_nothing_by_itself(proposed, argo):
    assert proposed.before == proposed.after
    assert proposed.deployment is None
    assert proposed.branch in argo.branches()
    (words,) = proposed.run.said("prod")
    assert words.startswith(f"prod: branch {proposed.branch} is pushed; propose it with: git fetch ")


def test_image_and_chart_have_the_same_version(proposed, argo):
    assert proposed.version in registry_tags("hello-fastapi")
    assert proposed.version in registry_tags("charts/hello-fastapi")
    assert argo.image("prod", proposed.branch)["tag"] == argo.chart("prod", proposed.branch) == proposed.version


def verify(reference):
    options = ("--key", FOLDER / "cosign.pub", "--insecure-ignore-tlog=true")
    env = {"PATH": os.environ["PATH"], "HOME": str(FOLDER), "SSL_CERT_FILE": str(CA)}
    return run("cosign", "verify", *options, reference, env=env, seconds=120)


@pytest.mark.parametrize("name", ["hello-fastapi", "charts/hello-fastapi"])
def test_what_was_released_is_signed(proposed, name):
    done = verify(f"{REGISTRY}/{name}:{proposed.version}")
    assert done.returncode == 0, done.stderr


def test_what_was_not_released_is_not_signed(second):
    assert verify(f"{REGISTRY}/hello-fastapi:sha-{second.commit}").returncode != 0


def test_production_serves_the_release_by_digest_once_it_is_merged(released, first):
    assert cluster.greeting("prod") == "hello from FastAPI"
    assert set(cluster.running("prod").values()) == {f"{released.image['repository']}@{released.image['digest']}"}
    note("from merge to production serving, first time", f"{released.seconds:.0f} s")
    note("pod created until ready, in whole seconds of Kubernetes", f"{min(released.pods)} to {max(released.pods)} s")


def test_production_has_no_docs(released):
    assert [cluster.ask("prod", path)[0] for path in ("/docs", "/redoc", "/openapi.json")] == [404, 404, 404]


def test_a_release_replaces_production_under_load_without_a_failed_request(renewed):
    result = renewed.load.stop()
    note("rolling update in production by Argo CD, two replicas", renewed.load.words())
    assert (result["failures"], result["lost"]) == ([], 0)
    assert renewed.greeting == GREETING


def test_a_revert_in_git_rolls_production_back_under_load_without_a_failed_request(reverted, released, argo):
    result = reverted.load.stop()
    note("git revert in production by Argo CD, two replicas", reverted.load.words())
    note("from git revert to production rolled back", f"{reverted.seconds:.0f} s")
    assert (result["failures"], result["lost"]) == ([], 0)
    assert argo.image("prod") == released.image != reverted.before
    assert cluster.greeting("prod") == "hello from FastAPI"


def test_dev_was_not_touched_by_any_of_this(reverted, second):
    assert cluster.greeting("dev") == GREETING
    assert cluster.restarts("dev") == cluster.restarts("prod") == 0
