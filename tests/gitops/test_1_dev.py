"""A push to main: lint, test, image, chart, promotion; Argo CD rolls it out in dev."""

import json
import re
from datetime import datetime

import pytest
from chain import cluster, edge
from chain.forge import starts
from chain.lab import REGISTRY, note, registry_tags
from conftest import GREETING
from support.tools import ROOT, out, read_yaml

WORKFLOWS = ROOT / ".github" / "workflows"


def image_config(reference):
    """The settings of an image as the Engine that built it knows them."""
    return json.loads(out("docker", "image", "inspect", reference))[0]["Config"]


# ---- what is not real ----


@pytest.mark.parametrize("name", ["build-dev", "release-prod"])
def test_every_action_that_is_stubbed_is_named_in_one_place(name):
    used = set(re.findall(r"uses: ([\w.-]+/[\w.-]+)@", (WORKFLOWS / f"{name}.yaml").read_text()))
    assert used - set(edge.ACTIONS) == set()


def test_every_setting_that_differs_from_a_teams_is_a_variable_of_the_workflows():
    used = set(re.findall(r"vars\.(\w+)", "".join(path.read_text() for path in WORKFLOWS.glob("*.yaml"))))
    assert set(edge.VARIABLES) - used == set()


def test_a_push_starts_the_workflows_that_github_would_start():
    triggers = {path.stem: read_yaml(path)[0]["on"] for path in WORKFLOWS.glob("*.yaml")}

    def started(ref):
        return sorted(name for name, on in triggers.items() if starts(on, ref))

    assert started("refs/heads/main") == ["build-dev", "build-ecr"]
    assert started("refs/tags/v1.2.0") == ["release-prod"]
    assert started("refs/heads/topic") == started("refs/tags/latest") == started("refs/tags/v1.2") == []


# ---- the first commit ----


def test_a_push_to_main_passes_every_job(first):
    jobs = read_yaml(WORKFLOWS / "build-dev.yaml")[0]["jobs"]
    assert [job for job in jobs if not first.run.succeeded(job)] == []
    note("build-dev, from push to promotion, cold", f"{first.run.seconds:.0f} s")


def test_where_there_is_no_aws_nothing_of_build_ecr_runs(first):
    run = first.runs["build-ecr"]
    assert run.status == 0
    assert "Job succeeded" not in run.text and "Job failed" not in run.text


def test_the_registry_has_the_image_by_commit_and_by_main_and_the_chart_by_run(first):
    assert {f"sha-{first.commit}", "main"} <= set(registry_tags("hello-fastapi"))
    assert first.chart in registry_tags("charts/hello-fastapi")


def test_the_image_says_where_it_came_from(first):
    labels = image_config(f"{REGISTRY}/hello-fastapi:sha-{first.commit}")["Labels"]
    assert labels["org.opencontainers.image.revision"] == labels["org.opencontainers.image.version"] == first.commit
    assert datetime.fromisoformat(labels["org.opencontainers.image.created"])
    assert labels["org.opencontainers.image.source"] == "https://github.com/acme/hello-fastapi"


def test_the_promotion_is_one_commit_of_two_files(first, environments):
    assert environments.subjects(first.before, first.after) == [f"dev: image sha-{first.commit}, chart {first.chart}"]
    assert environments.changed(first.before, first.after) == ["apps/dev.yaml", "envs/dev/values.yaml"]


def test_dev_serves_the_first_commit_from_an_empty_cluster(first):
    assert cluster.ask("dev", "/api/v1/health") == (200, '{"status":"ok"}')
    note("from push to dev serving, first time", f"{first.seconds:.0f} s")


def test_pods_of_dev_run_with_pod_security_restricted(first):
    labels = cluster.get("namespace", cluster.namespace("dev"))["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


# ---- the second commit ----


def test_a_commit_replaces_the_pods_of_dev_under_load_without_a_failed_request(second):
    result = second.load.stop()
    note("rolling update in dev by Argo CD, one replica", second.load.words())
    assert result["failures"] == []
    assert result["lost"] == 0
    assert result["requests"] > 1000 and result["written"] > 100


def test_dev_answers_with_the_second_commit(second):
    assert cluster.greeting("dev") == GREETING
    assert json.loads(cluster.ask("dev", "/openapi.json")[1])["info"]["version"] == f"sha-{second.commit}"
    note("build-dev, from push to promotion, caches warm", f"{second.run.seconds:.0f} s")
    note("from promotion to dev rolled over", f"{second.rollout:.0f} s")


def test_the_migrations_ran_before_the_pods_and_are_all_applied(second):
    shown = cluster.kubectl("-n", cluster.namespace("dev"), "exec", f"deployment/{cluster.SERVICE}", "--", "/app", "migrate", "status")
    files = sorted(path.name for path in (ROOT / "app" / "migrations").iterdir())
    assert all(name.split("_", 1)[0] in shown for name in files), shown
    assert "pending" not in shown, shown


def test_no_pod_has_restarted(second):
    assert cluster.restarts("dev") == 0
