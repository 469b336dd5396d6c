"""Names and versions, the chart in a real registry, and signatures."""

import os
import re
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from support.registry import Registry
from support.tools import ROOT, SCRIPTS, need, one_line, out, read_yaml, run

COMMIT = "0a1b2c3d" * 5


def names(kind, **environment):
    # In HOME git keeps whose repositories it may read.
    settings = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "REGISTRY": "ghcr.io/Acme"}
    settings |= {"GITHUB_SHA": COMMIT, "GITHUB_RUN_NUMBER": "7"}
    return run(SCRIPTS / "pipeline-names.sh", kind, env={**settings, **environment})


def table(done):
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_a_commit_of_main_is_named_by_itself_and_by_main():
    found = table(names("dev"))
    assert datetime.now(UTC) - datetime.fromisoformat(found.pop("created")) < timedelta(minutes=1)
    assert found == {
        "image": "ghcr.io/acme/hello-fastapi",
        "image_tag": f"sha-{COMMIT}",
        "tags": f"ghcr.io/acme/hello-fastapi:sha-{COMMIT},ghcr.io/acme/hello-fastapi:main",
        "version": COMMIT,
        "charts": "ghcr.io/acme/charts",
        "registry_host": "ghcr.io",
        "chart_version": "0.1.0-dev.7",
    }


def test_an_image_was_created_when_its_commit_was():
    commit = out("git", "-C", ROOT, "rev-parse", "HEAD").strip()
    when = out("git", "-C", ROOT, "log", "-1", "--format=%cI").strip()
    assert table(names("dev", GITHUB_SHA=commit))["created"] == when


@pytest.mark.parametrize("version", ["1.2.0", "10.0.3", "2.0.0-rc.1"])
def test_a_release_has_one_version_for_image_and_chart(version):
    found = table(names("release", GITHUB_REF_NAME=f"v{version}"))
    assert found["image_tag"] == found["version"] == found["chart_version"] == version
    assert found["tags"] == f"ghcr.io/acme/hello-fastapi:{version},ghcr.io/acme/hello-fastapi:sha-{COMMIT}"


@pytest.mark.parametrize("tag", ["", "1.2.0", "v1.2", "v1.2.0.0", "v01.2.0", "v1.2.0+x", "v1.2.0-dev.1", "latest", "v1.2.0\n1", "vv1.2.0"])
def test_a_tag_that_is_no_release_is_refused(tag):
    done = names("release", GITHUB_REF_NAME=tag)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a release" in one_line(done.stderr)


def test_for_ecr_the_tag_is_the_commits_first_seven():
    found = table(names("ecr", REGISTRY="123456789012.dkr.ecr.eu-central-1.amazonaws.com"))
    assert found["tags"] == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello-fastapi:0a1b2c3"


def test_a_preview_is_named_by_its_pull_request():
    assert table(names("preview", PULL_REQUEST="12"))["tags"] == "ghcr.io/acme/hello-fastapi:pr-12"


def test_another_registry_and_name_are_taken():
    found = table(names("dev", REGISTRY="10.244.0.1:5000/", IMAGE_NAME="App"))
    assert (found["image"], found["charts"], found["registry_host"]) == ("10.244.0.1:5000/app", "10.244.0.1:5000/charts", "10.244.0.1:5000")


@pytest.mark.parametrize(
    "kind, environment",
    [
        ("", {}),
        ("prod", {}),
        ("dev", {"REGISTRY": ""}),
        ("dev", {"REGISTRY": "oci://ghcr.io/acme"}),
        ("dev", {"IMAGE_NAME": "a/b:c"}),
        ("dev", {"GITHUB_SHA": "0a1b2c3"}),
        ("dev", {"GITHUB_RUN_NUMBER": ""}),
        ("dev", {"GITHUB_RUN_NUMBER": "07"}),
        ("preview", {"PULL_REQUEST": "1;x"}),
    ],
)
def test_names_that_cannot_be_are_refused_in_one_line(kind, environment):
    done = names(kind, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert one_line(done.stderr).startswith("pipeline-names: ")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    need("docker-registry", "helm", "yq")
    registry = Registry(tmp_path_factory.mktemp("registry"))
    yield registry
    registry.stop()


@pytest.fixture
def publish(registry, tmp_path):
    def call(*arguments, **environment):
        settings = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "HELM_PUSH_OPTIONS": "--plain-http"}
        settings["CHARTS"] = f"{registry.name}/charts"
        return run(SCRIPTS / "publish-chart.sh", *arguments, env={**settings, **environment}, seconds=120)

    return call


def shown(registry, version, what):
    return out("helm", "show", what, f"oci://{registry.name}/charts/hello-fastapi", "--version", version, "--plain-http")


@pytest.mark.parametrize("app_version", [COMMIT, "1234567", "12e4567", "1234567890" * 4, "1.20"])
def test_a_published_chart_has_the_versions_it_was_given_as_strings(publish, registry, app_version):
    done = publish("0.1.0-dev.7", app_version)
    assert done.returncode == 0, done.stderr
    chart = shown(registry, "0.1.0-dev.7", "chart")
    assert out("yq", '.appVersion | tag + " " + .', "-", text=chart) == f"!!str {app_version}"
    assert out("yq", ".version", "-", text=chart) == "0.1.0-dev.7"


def test_a_published_chart_names_the_image_it_belongs_to_and_keeps_its_comments(publish, registry):
    before = (ROOT / "chart" / "values.yaml").read_text()
    ours = read_yaml(ROOT / "chart" / "values.yaml")[0]["image"]["repository"]
    done = publish("0.2.0", "0.2.0", IMAGE=f"{registry.name}/hello-fastapi")
    assert done.returncode == 0, done.stderr
    values = shown(registry, "0.2.0", "values")
    assert values.strip() == before.replace(ours, f'"{registry.name}/hello-fastapi"', 1).strip()


def publishing(workflow, found):
    """What a workflow gives to publish-chart.sh, with the names that pipeline-names.sh prints."""
    steps = read_yaml(ROOT / f".github/workflows/{workflow}.yaml")[0]["jobs"]["chart"]["steps"]
    (step,) = [step for step in steps if "publish-chart.sh" in step.get("run", "")]
    output = re.compile(r"\$\{\{ needs\.\w+\.outputs\.(\w+) \}\}")
    return {key: output.sub(lambda match: found[match[1]], text) for key, text in step["env"].items()}


@pytest.mark.parametrize("workflow, kind", [("build-dev", "dev"), ("release-prod", "release")])
def test_a_published_chart_left_to_its_defaults_runs_an_image_that_was_pushed(publish, registry, workflow, kind):
    found = table(names(kind, REGISTRY=registry.name, GITHUB_REF_NAME="v0.6.0"))
    given = publishing(workflow, found)
    assert publish(given.pop("CHART_VERSION"), given.pop("VERSION"), **given).returncode == 0
    chart = ("--version", found["chart_version"], "--plain-http")
    rendered = out("helm", "template", "hello-fastapi", f"oci://{registry.name}/charts/hello-fastapi", *chart)
    image = out("yq", 'select(.kind == "Deployment") | .spec.template.spec.containers[0].image', "-", text=rendered)
    assert image in found["tags"].split(",")


def test_publishing_leaves_the_tree_as_it_is(publish, registry):
    before = out("git", "status", "--porcelain", "--", "chart"), out("sha256sum", "chart/values.yaml", "chart/Chart.yaml")
    assert publish("0.3.0", "0.3.0", IMAGE=f"{registry.name}/other").returncode == 0
    assert (out("git", "status", "--porcelain", "--", "chart"), out("sha256sum", "chart/values.yaml", "chart/Chart.yaml")) == before


def test_the_digest_it_prints_is_the_registrys(publish, registry, tmp_path):
    done = publish("0.4.0", "0.4.0")
    found = table(done)
    assert found["chart"] == f"{registry.name}/charts/hello-fastapi"
    reference = f"oci://{found['chart']}@{found['chart_digest']}"
    out("helm", "pull", reference, "--plain-http", "-d", tmp_path)
    (package,) = tmp_path.glob("*.tgz")
    assert "version: 0.4.0" in out("helm", "show", "chart", package)


@pytest.mark.parametrize(
    "arguments, environment, status",
    [
        ((), {}, 2),
        (("1.2", "x"), {}, 2),
        (("v1.2.0", "x"), {}, 2),
        (("1.2.0", ""), {}, 2),
        (("1.2.0", "1.2.0"), {"CHARTS": ""}, 2),
        (("1.2.0", "1.2.0"), {"CHARTS": "oci://ghcr.io/acme/charts"}, 2),
        (("1.2.0", "1.2.0"), {"CHART": "nowhere"}, 2),
        (("1.2.0", "1.2.0"), {"IMAGE_TAG": "a b"}, 2),
        (("1.2.0", "1.2.0"), {"CHARTS": "127.0.0.1:9/charts"}, 1),
    ],
)
def test_a_chart_that_cannot_be_published_is_one_line(publish, arguments, environment, status):
    done = publish(*arguments, **environment)
    assert (done.returncode, done.stdout) == (status, "")
    assert one_line(done.stderr).startswith("publish-chart: ")


def test_what_an_environment_names_after_a_promotion_is_what_the_registry_holds(publish, registry, environments, tmp_path):
    found = table(names("dev", REGISTRY=registry.name))
    assert publish(found["chart_version"], found["version"], IMAGE=found["image"]).returncode == 0
    assert environments.promote("dev", found["image_tag"], found["chart_version"]).returncode == 0
    values = tmp_path / "values.yaml"
    values.write_text(environments.text("envs/dev/values.yaml"))
    chart = ("--version", environments.chart("dev"), "--plain-http")
    rendered = out("helm", "template", "hello-fastapi", f"oci://{registry.name}/charts/hello-fastapi", *chart, "-f", values)
    image = out("yq", 'select(.kind == "Deployment") | .spec.template.spec.containers[0].image', "-", text=rendered)
    assert image == f"{environments.image('dev')['repository']}:sha-{COMMIT}"
    label = out("yq", 'select(.kind == "Deployment") | .metadata.labels."app.kubernetes.io/version" | tag + " " + .', "-", text=rendered)
    assert label == f"!!str sha-{COMMIT}"


@pytest.fixture
def key(tmp_path):
    need("cosign")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COSIGN_PASSWORD": "of the tests"}
    subprocess.run(["cosign", "generate-key-pair"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    return environment


def verify(key, tmp_path, reference):
    options = ("--key", "cosign.pub", "--insecure-ignore-tlog=true", "--allow-http-registry")
    return run("cosign", "verify", *options, reference, cwd=tmp_path, env=key, seconds=120)


def test_a_signature_holds_for_what_was_signed_and_for_nothing_else(publish, key, tmp_path):
    signed, other = (table(publish(version, version)) for version in ("0.5.0", "0.5.1"))
    reference, stranger = (f"{found['chart']}@{found['chart_digest']}" for found in (signed, other))
    environment = {**key, "COSIGN_KEY": "cosign.key", "COSIGN_OPTIONS": "--allow-http-registry"}
    done = run(SCRIPTS / "sign.sh", reference, cwd=tmp_path, env=environment, seconds=120)
    assert done.returncode == 0, done.stderr
    assert f"signed {reference}" in done.stdout
    assert verify(key, tmp_path, reference).returncode == 0
    assert verify(key, tmp_path, stranger).returncode != 0


@pytest.mark.parametrize("reference", [None, "ghcr.io/acme/a:1.2.0", "ghcr.io/acme/a@", f"ghcr.io/acme/a@sha256:{'a' * 63}"])
def test_what_could_be_moved_is_not_signed(reference):
    done = run(SCRIPTS / "sign.sh", *([reference] if reference else []))
    assert done.returncode == 2
    assert one_line(done.stderr).startswith("sign: ")


def test_the_charts_check_passes_and_finds_what_is_wrong(tmp_path):
    need("helm")
    done = run(SCRIPTS / "check-chart.sh", seconds=300)
    assert done.returncode == 0, done.stdout + done.stderr
    out("cp", "-R", ROOT / "chart", tmp_path / "chart")
    values = tmp_path / "chart" / "values-wrong.yaml"
    values.write_text("replicaCounts: 3\n")
    done = run(SCRIPTS / "check-chart.sh", tmp_path / "chart", seconds=300)
    assert done.returncode == 1
    assert "replicaCounts" in done.stdout
    assert done.stdout.strip().endswith("2 failed")
