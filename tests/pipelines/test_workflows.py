"""The workflows: what they may do, what they pin, and that they only call what is tested."""

import re

import pytest
from support.tools import ROOT, need, out, read_yaml, run

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yaml"))
NAMES = ("build-dev", "build-ecr", "pull-request", "release-prod")
PIN = re.compile(r"^ *(?:- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


@pytest.fixture(scope="module")
def workflows():
    return {path.stem: read_yaml(path)[0] for path in FILES}


def jobs(workflows):
    return [(name, job, body) for name, workflow in workflows.items() for job, body in workflow["jobs"].items()]


def steps(workflows):
    return [(f"{name}/{job}", step) for name, job, body in jobs(workflows) for step in body["steps"]]


def test_the_four_are_there():
    assert tuple(path.stem for path in FILES) == NAMES


def test_actionlint_finds_nothing():
    need("actionlint", "shellcheck")
    done = run("actionlint", *FILES)
    assert done.returncode == 0, done.stdout


def test_zizmor_finds_nothing():
    need("zizmor")
    done = run("zizmor", "--offline", "--no-progress", ".github", seconds=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_shellcheck_finds_nothing_in_the_scripts():
    need("shellcheck")
    scripts = sorted((ROOT / "scripts").glob("*.sh"))
    done = run("shellcheck", "-x", "-P", ROOT, *scripts, ROOT / "tests/pipelines/run", ROOT / "tests/gitops/run")
    assert done.returncode == 0, done.stdout


def test_they_are_valid_by_their_schemas():
    need("check-jsonschema")
    out("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *FILES)
    out("check-jsonschema", "--builtin-schema", "vendor.dependabot", ROOT / ".github/dependabot.yml")


def test_every_action_is_pinned_to_a_commit_with_its_tag_beside_it():
    lines = [line for path in FILES for line in path.read_text().splitlines() if re.search(r"\buses:", line)]
    assert lines
    assert [line for line in lines if not PIN.match(line)] == []


def test_an_action_has_one_version_everywhere():
    pins = {}
    for path in FILES:
        for action, pin in re.findall(r"uses: (\S+)@(.*)", path.read_text()):
            pins.setdefault(action, set()).add(pin)
    assert {action: versions for action, versions in pins.items() if len(versions) > 1} == {}


ALLOWED = {
    "pull-request/preview": {"packages"},
    "build-dev/image": {"packages"},
    "build-dev/chart": {"packages"},
    "release-prod/image": {"packages", "id-token", "attestations"},
    "release-prod/chart": {"packages", "id-token"},
    "build-ecr/image": {"id-token"},
    "build-ecr/commit": {"contents"},
}


def test_each_job_may_write_only_what_it_must(workflows):
    for name, job, body in jobs(workflows):
        rights = body["permissions"]
        assert set(rights.values()) <= {"read", "write"}
        assert {right for right, level in rights.items() if level == "write"} == ALLOWED.get(f"{name}/{job}", set()), f"{name}/{job}"


def test_no_workflow_has_rights_of_its_own(workflows):
    assert all(workflow["permissions"] == {} for workflow in workflows.values())


def test_only_these_secrets_are_used():
    used = {path.stem: set(re.findall(r"secrets\.(\w+)", path.read_text())) for path in FILES}
    assert used == {
        "pull-request": {"GITHUB_TOKEN", "REGISTRY_PASSWORD"},
        "build-dev": {"GITHUB_TOKEN", "REGISTRY_PASSWORD", "ENV_REPO_TOKEN"},
        "release-prod": {"GITHUB_TOKEN", "REGISTRY_PASSWORD", "ENV_REPO_TOKEN", "COSIGN_PASSWORD", "COSIGN_PRIVATE_KEY"},
        "build-ecr": {"GITHUB_TOKEN", "AWS_ACCOUNT_ID"},
    }


def test_no_checkout_leaves_its_token_behind(workflows):
    checkouts = [step for _, step in steps(workflows) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_steps_only_call_scripts_of_this_tree(workflows):
    for where, step in steps(workflows):
        command = step.get("run")
        if not command or command.startswith(("apt-get update", "git config --global --add safe.directory")):
            continue
        lines = [line for line in command.splitlines() if line and not line.startswith("#")]
        assert len(lines) == 1, f"{where}: {command}"
        script = ROOT / lines[0].split()[0]
        assert script.is_relative_to(ROOT / "scripts") and script.stat().st_mode & 0o100, f"{where}: {command}"


def test_no_expression_is_pasted_into_a_command(workflows):
    assert [where for where, step in steps(workflows) if "${{" in step.get("run", "")] == []


def test_each_job_ends_by_itself(workflows):
    assert all(body["timeout-minutes"] <= 60 for _, _, body in jobs(workflows))


def test_they_run_when_they_should(workflows):
    assert workflows["pull-request"]["on"] == {"pull_request": None}
    assert workflows["build-dev"]["on"] == {"push": {"branches": ["main"]}}
    assert workflows["release-prod"]["on"] == {"push": {"tags": ["v*.*.*"]}}
    assert workflows["build-ecr"]["on"]["push"]["branches"] == ["main"]


def test_no_release_takes_the_place_of_another_that_waits(workflows):
    concurrency = workflows["release-prod"]["concurrency"]
    assert "${{ github.ref }}" in concurrency["group"] and concurrency["cancel-in-progress"] is False


def needs(workflow, job):
    """Every job that must pass before this one."""
    direct = workflow["jobs"][job].get("needs", [])
    direct = [direct] if isinstance(direct, str) else direct
    return set(direct).union(*(needs(workflow, other) for other in direct))


@pytest.mark.parametrize(
    "name, job, before",
    [
        ("pull-request", "image", {"lint", "test"}),
        ("build-dev", "promote", {"lint", "test", "image", "chart"}),
        ("release-prod", "promote", {"names", "image", "chart"}),
        ("build-ecr", "commit", {"image"}),
    ],
)
def test_nothing_goes_on_before_what_comes_first_has_passed(workflows, name, job, before):
    assert needs(workflows[name], job) == before


def builds(workflows):
    return {where: step["with"] for where, step in steps(workflows) if step.get("uses", "").startswith("docker/build-push-action@")}


def test_every_image_is_the_runtime_stage_for_amd64_unless_a_team_wants_more(workflows):
    assert len(builds(workflows)) == 5
    wanted = ("runtime", "${{ vars.PLATFORMS || 'linux/amd64' }}")
    assert all((build["target"], build["platforms"]) == wanted for build in builds(workflows).values())


def test_a_pull_request_publishes_nothing_by_itself(workflows):
    assert builds(workflows)["pull-request/image"]["push"] is False
    condition = workflows["pull-request"]["jobs"]["preview"]["if"]
    assert "vars.PREVIEW_IMAGES == 'on'" in condition and "head.repo.full_name == github.repository" in condition


def test_builds_share_a_cache_and_a_release_takes_nothing_from_it(workflows):
    for where, build in builds(workflows).items():
        cached = {key: value for key, value in build.items() if key.startswith("cache")}
        if where == "release-prod/image":
            assert cached == {}
            assert (build["sbom"], build["provenance"]) == (True, "mode=max")
        elif where == "pull-request/preview":
            assert cached == {"cache-from": "type=gha"}
        else:
            assert cached == {"cache-from": "type=gha", "cache-to": "type=gha,mode=max"}


def test_one_variable_moves_everything_to_another_registry():
    for name in ("pull-request", "build-dev", "release-prod"):
        text = (FOLDER / f"{name}.yaml").read_text()
        assert "REGISTRY: ${{ vars.REGISTRY || format('ghcr.io/{0}', github.repository_owner) }}" in text
        assert text.count("ghcr.io") == 1


def test_a_registry_that_does_not_know_githubs_token_is_given_its_own(workflows):
    logins = [step["with"] for _, step in steps(workflows) if step.get("uses", "").startswith("docker/login-action@")]
    assert len(logins) == 5
    for login in logins:
        assert login["username"] == "${{ vars.REGISTRY_USERNAME || github.actor }}"
        assert login["password"] == "${{ secrets.REGISTRY_PASSWORD || secrets.GITHUB_TOKEN }}"


def test_production_is_promoted_by_pull_request_and_by_digest(workflows):
    environment = workflows["release-prod"]["jobs"]["promote"]["steps"][-1]["env"]
    assert environment["PROMOTE_AS"] == "${{ vars.PROMOTE_PROD_AS || 'pull-request' }}"
    assert environment["IMAGE_DIGEST"] == "${{ needs.image.outputs.digest }}"


def test_the_variables_a_team_can_set_are_all_in_the_run_book():
    text = (ROOT / "deploy" / "README.md").read_text()
    used = {name for path in FILES for name in re.findall(r"vars\.(\w+)", path.read_text())}
    assert [name for name in sorted(used) if f"`{name}`" not in text and f"`{name}=" not in text] == []
