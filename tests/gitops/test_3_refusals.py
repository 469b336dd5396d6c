"""Bad input: one clear line, nothing changed, what runs keeps running."""

import pytest
from chain import cluster
from chain.lab import ENVIRONMENTS, bare, git, registry_tags, url
from support.tools import one_line

DEV = ("dev", "sha-" + "a" * 40, "0.1.0-dev.1")


@pytest.fixture
def unchanged(argo, second):
    """Whatever the body does, git and the cluster are as before."""
    before = argo.head(), argo.branches(), cluster.running("dev"), cluster.restarts("dev")
    yield
    assert (argo.head(), argo.branches(), cluster.running("dev"), cluster.restarts("dev")) == before


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("prod", "latest", "1.2.0"), 'image tag "latest" is not a released version'),
        (("prod", "main", "1.2.0"), 'image tag "main" is not a released version'),
        (("prod", "dev", "1.2.0"), 'image tag "dev" is not a released version'),
        (("prod", "", "1.2.0"), "the image tag is empty"),
        (("prod", "1.2", "1.2"), 'image tag "1.2" is not a released version'),
        (("staging", "1.2.0", "1.2.0"), 'unknown environment "staging"'),
    ],
)
def test_a_promotion_that_must_not_be_is_refused(unchanged, environments, arguments, words):
    done = environments.promote(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in one_line(done.stderr)


def rival():
    """Shell commands that push somebody else's commit to the environment repository."""
    return (
        f"work=$(mktemp -d); git clone -q {url(ENVIRONMENTS)} $work; cd $work; date +%s%N >>notes.txt; git add .\n"
        "git -c user.name=rival -c user.email=rival@example.org commit -q -m rival; git push -q origin HEAD:main; rm -rf $work"
    )


def test_a_race_that_is_lost_for_ever_is_one_line_and_dev_stays(environments, argo, second):
    pods, image = cluster.running("dev"), environments.image("dev")
    done = environments.promote(*DEV, **environments.before_push(rival()), EDIT_ATTEMPTS="2")
    assert done.returncode == 1
    assert "gave up after 2 lost races for main" in one_line(done.stderr)
    assert environments.image("dev") == image
    cluster.wait_for_sync("dev")
    assert cluster.running("dev") == pods


def test_two_racing_promotions_both_land_on_the_git_server(environments, argo, second):
    before = environments.head()
    for env in ("qa-one", "qa-two"):
        for path in (f"apps/{env}.yaml", f"envs/{env}/values.yaml"):
            template = git("show", f"main:{path.replace(env, 'dev')}", cwd=bare(ENVIRONMENTS)) + "\n"
            environments.write(path, lambda _, text=template: text, f"A new environment, {env}")
    together = environments.before_push('mkdir "here-$$"\nfor i in {1..300}; do (($(ls -d here-* | wc -l) < 2)) || break; sleep 0.1; done')
    racing = [environments.start(env, "1.2.0", "1.2.0", **together) for env in ("qa-one", "qa-two")]
    for process in racing:
        words = process.communicate(timeout=120)
        assert process.returncode == 0, words
    assert {environments.image(env)["tag"] for env in ("qa-one", "qa-two")} == {"1.2.0"}
    assert len(environments.subjects(before)) == 6


def test_a_promotion_of_what_is_there_already_makes_no_commit(unchanged, environments, second):
    done = environments.promote("dev", environments.image("dev")["tag"], environments.chart("dev"))
    assert done.returncode == 0
    assert "nothing to change" in one_line(done.stdout)


def test_a_tag_that_is_not_a_version_publishes_nothing(unchanged, forge, second):
    tag = f"v1.{forge.number}.x"
    run = forge.tag(tag, second.commit)["release-prod"]
    assert run.status != 0
    assert run.said("pipeline-names") == [f'pipeline-names: tag "{tag}" is not a release (expected one such as v1.2.0)']
    for name in ("hello-fastapi", "charts/hello-fastapi"):
        assert tag.removeprefix("v") not in registry_tags(name)


def test_a_commit_that_lint_refuses_gets_no_image(unchanged, forge, second):
    commit = forge.commit("app/main.c", ".routes = base,\n", ".routes = base, \n", "A space at the end of a line")
    run = forge.push()["build-dev"]
    assert run.status != 0
    assert "app/main.c" in run.text and "a space at the end" in run.text
    assert not any(run.succeeded(job) for job in ("lint", "test", "image", "chart", "promote"))
    assert f"sha-{commit}" not in registry_tags("hello-fastapi")
