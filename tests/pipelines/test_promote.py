"""scripts/promote-env.sh against real bare repositories."""

import re

import pytest
from support.tools import SCRIPTS, one_line

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEV = ("dev", f"sha-{COMMIT}", "0.1.0-dev.7")
PROD = ("prod", "1.2.0", "1.2.0")
DIGEST = "sha256:" + "ab" * 32


def changed_lines(environments, old, new="main"):
    diff = environments.git("diff", "-U0", old, new, cwd=environments.bare)
    return [line for line in diff.splitlines() if re.match(r"[+-](?!--|\+\+)", line)]


def test_a_promotion_writes_image_and_chart_as_one_commit(environments):
    before = environments.head()
    done = environments.promote(*DEV)
    assert done.returncode == 0, done.stderr
    assert environments.image("dev")["tag"] == DEV[1]
    assert environments.chart("dev") == DEV[2]
    assert environments.git("rev-list", "--count", f"{before}..main", cwd=environments.bare) == "1"
    assert environments.subjects()[0] == f"dev: image {DEV[1]}, chart {DEV[2]}"
    assert environments.head()[:12] in one_line(done.stdout)


def test_nothing_but_the_values_changes_in_the_files(environments):
    before = environments.head()
    assert environments.promote(*DEV).returncode == 0
    assert changed_lines(environments, before) == [
        '-      targetRevision: "0.1.0-dev.1"',
        '+      targetRevision: "0.1.0-dev.7"',
        '-  tag: ""',
        f'+  tag: "sha-{COMMIT}"',
    ]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("image:\n    tag:   1.0.0   # why\n\n\nlist:\n- a\n\n-  b\n", 'image:\n    tag:   "1.2.3"   # why\n\n\nlist:\n- a\n\n-  b\n'),
        ("image: {repository: a/b, tag: '1.0', digest: ''}\n", "image: {repository: a/b, tag: \"1.2.3\", digest: ''}\n"),
        ('image:\n  tag: "a \\" b" # x\n', 'image:\n  tag: "1.2.3" # x\n'),
        ("image:\n  repository: a/b\n", 'image:\n  repository: a/b\n  tag: "1.2.3"\n'),
        ("# first\n\n# second\n\nimage:\n\n  tag: 1\n", '# first\n\n# second\n\nimage:\n\n  tag: "1.2.3"\n'),
        ("---\n# first\n\nimage:\n\n  tag: 1\n", '---\n# first\n\nimage:\n\n  tag: "1.2.3"\n'),
        ("image:\n  tag:\n  repository: a/b\n", 'image:\n  tag: "1.2.3"\n  repository: a/b\n'),
        ("other:\n  tag: 1.0\nimage:\n  # 1.0\n  tag: 1.0\n", 'other:\n  tag: 1.0\nimage:\n  # 1.0\n  tag: "1.2.3"\n'),
    ],
)
def test_comments_blank_lines_and_alignment_stay(environments, text, expected):
    environments.write("envs/dev/values.yaml", text)
    assert environments.promote("dev", "1.2.3", "1.2.3").returncode == 0
    assert environments.text("envs/dev/values.yaml").rstrip("\n") == expected.rstrip("\n")


@pytest.mark.parametrize("tag", ["1234567", "12e4567", "1e10", "0x1f", "0o17", "true", "null", "1.10", "2026-01-01", "_"])
def test_a_tag_that_looks_like_a_number_stays_a_string(environments, tag):
    assert environments.promote("dev", tag, "0.1.0-dev.7").returncode == 0
    assert environments.image("dev")["tag"] == tag
    assert f'tag: "{tag}"' in environments.text("envs/dev/values.yaml")


@pytest.mark.parametrize("number", ["1234567", "1.10", "12e4"])
def test_a_number_that_somebody_wrote_becomes_the_tag_that_it_looks_like(environments, number):
    environments.write("envs/dev/values.yaml", f"image:\n  tag: {number}\n")
    assert environments.promote("dev", number, "0.1.0-dev.7").returncode == 0
    assert environments.text("envs/dev/values.yaml") == f'image:\n  tag: "{number}"\n'


def test_a_second_promotion_of_the_same_makes_no_commit(environments):
    assert environments.promote(*DEV).returncode == 0
    before = environments.head()
    done = environments.promote(*DEV)
    assert done.returncode == 0, done.stderr
    assert "nothing to change" in one_line(done.stdout)
    assert environments.head() == before


@pytest.mark.parametrize("version", ["1.2.0", "0.0.1", "1.2.0-rc.1", "10.20.30"])
def test_production_takes_released_versions(environments, version):
    done = environments.promote("prod", version, version)
    assert done.returncode == 0, done.stderr
    assert environments.image("prod")["tag"] == version
    assert environments.chart("prod") == version


NO_RELEASES = [
    *("", "latest", "main", "dev", "1.2", "v1.2.0", "1.2.0.0", "01.2.0", "1.2.0-01", "1.2.0+build", "0.1.0-dev.7"),
    *(f"sha-{COMMIT}", "0a1b2c3", "1.2.0 ", "1.2.0\n1"),
]
REFUSED = [
    *[(("prod", tag, "1.2.0"), {}) for tag in NO_RELEASES],
    *[(("prod", "1.2.0", version), {}) for version in NO_RELEASES],
    *[((env, "latest", "1.2.0"), {}) for env in ("production", "prod-eu")],
    *[((env, *DEV[1:]), {}) for env in ("staging", "", "..", "../prod", "Dev", "dev/", "dev;true", "-dev", "dev\nprod", "$(id)")],
    *[(("dev", tag, "0.1.0-dev.7"), {}) for tag in ("", "a b", "-x", ".x", "a/b", "a:b", "a\nb", "x" * 129, '"', "${{x}}")],
    *[(("dev", "abc", version), {}) for version in ("", "latest", "1.2", "v1.2.0", "0.1.0-dev.07", "*", ">=0.0.0")],
    ((), {}),
    (("dev", "abc"), {}),
    ((*DEV, "more"), {}),
    (("--force", *DEV), {}),
    (DEV, {"ENV_REPO": "UNSET"}),
    (DEV, {"PROMOTE_AS": "maybe"}),
    *[(PROD, {"IMAGE_DIGEST": digest}) for digest in ("sha256:12", "ab" * 32, DIGEST + "0", DIGEST.upper())],
]


@pytest.mark.parametrize("arguments, environment", REFUSED)
def test_a_refusal_is_one_line_and_changes_nothing(environments, arguments, environment):
    before = environments.head()
    done = environments.promote(*arguments, **environment)
    assert done.returncode == 2
    assert done.stdout == ""
    assert one_line(done.stderr).startswith("promote-env: ")
    assert environments.head() == before
    assert environments.branches() == ["main"]


def test_the_refusal_of_an_unknown_environment_names_those_that_exist(environments):
    words = environments.promote("staging", *DEV[1:]).stderr
    assert 'unknown environment "staging"' in words
    assert "known: dev prod" in words


@pytest.mark.parametrize(
    "path, text",
    [
        ("envs/dev/values.yaml", "image: [\n"),
        ("envs/dev/values.yaml", "image: nginx\n"),
        ("envs/dev/values.yaml", ""),
        ("apps/dev.yaml", "kind: [\n"),
        ("apps/dev.yaml", "kind: ConfigMap\nspec: {sources: [{chart: a, targetRevision: 1.0.0}]}\n"),
        ("apps/dev.yaml", "kind: Application\nspec: {sources: [{ref: values}]}\n"),
        ("apps/dev.yaml", "kind: Application\nspec: {sources: [{chart: a}, {chart: b}]}\n"),
        ("apps/dev.yaml", "kind: Application\nspec: {sources: [{chart: a}]}\n---\nkind: Application\nspec: {sources: [{chart: a}]}\n"),
    ],
)
def test_files_that_are_not_what_they_should_be_are_refused(environments, path, text):
    environments.write(path, text)
    before = environments.head()
    done = environments.promote(*DEV)
    assert done.returncode == 2
    assert path in one_line(done.stderr)
    assert environments.head() == before


def test_an_application_with_a_single_source_is_promoted_too(environments):
    environments.write("apps/dev.yaml", "kind: Application\nspec:\n  source: {chart: a, targetRevision: 1.0.0}\n")
    assert environments.promote(*DEV).returncode == 0
    assert environments.read("apps/dev.yaml")["spec"]["source"]["targetRevision"] == DEV[2]


def test_a_digest_is_written_and_an_old_one_never_wins_over_a_new_tag(environments):
    before = environments.image("prod")
    assert environments.promote(*PROD, IMAGE_DIGEST=DIGEST).returncode == 0
    assert environments.image("prod") == {**before, "tag": "1.2.0", "digest": DIGEST}
    assert environments.promote("prod", "1.2.1", "1.2.1").returncode == 0
    assert environments.image("prod") == {**before, "tag": "1.2.1", "digest": ""}


def test_a_push_that_lost_a_race_lands_on_top_of_the_winner(environments):
    once = environments.before_push(f"mkdir {environments.folder}/raced || exit 0\n{environments.rival()}")
    done = environments.promote(*DEV, **once)
    assert done.returncode == 0, done.stderr
    assert environments.subjects() == [f"dev: image {DEV[1]}, chart {DEV[2]}", "rival", "template"]
    assert environments.image("dev")["tag"] == DEV[1]


def test_two_racing_promotions_of_different_environments_both_land(environments):
    here = f"{environments.folder}/here"
    wait = f"for i in {{1..300}}; do (($(ls -d {here}-* | wc -l) < 2)) || break; sleep 0.1; done"
    together = environments.before_push(f"mkdir {here}-$$\n{wait}")
    racing = [environments.start(*DEV, **together), environments.start(*PROD, **together)]
    for process in racing:
        words = process.communicate(timeout=60)
        assert process.returncode == 0, words
    assert (environments.image("dev")["tag"], environments.chart("dev")) == DEV[1:]
    assert (environments.image("prod")["tag"], environments.chart("prod")) == PROD[1:]
    assert len(environments.subjects()) == 3


def test_many_racing_promotions_of_one_environment_all_land(environments):
    racing = [environments.start("dev", f"sha-{n}", f"0.1.0-dev.{n}") for n in range(1, 7)]
    for process in racing:
        words = process.communicate(timeout=120)
        assert process.returncode == 0, words
    assert sorted(environments.subjects()) == sorted(["template", *[f"dev: image sha-{n}, chart 0.1.0-dev.{n}" for n in range(1, 7)]])
    last = re.fullmatch(r"dev: image sha-(\d), chart .*", environments.subjects()[0]).group(1)
    assert environments.image("dev")["tag"] == f"sha-{last}"
    assert environments.chart("dev") == f"0.1.0-dev.{last}"


def test_who_loses_to_the_same_promotion_has_nothing_left_to_do(environments):
    rival = f"GIT_CONFIG_COUNT=0 {SCRIPTS}/promote-env.sh {' '.join(DEV)}"
    once = environments.before_push(f"mkdir {environments.folder}/raced || exit 0\n{rival}")
    done = environments.promote(*DEV, **once)
    assert done.returncode == 0, done.stderr
    assert "nothing to change" in one_line(done.stdout)
    assert len(environments.subjects()) == 2


def test_races_lost_for_ever_end_with_one_line(environments):
    always = environments.before_push(environments.rival())
    done = environments.promote(*DEV, **always, EDIT_ATTEMPTS="3")
    assert done.returncode == 1
    assert "gave up after 3 lost races for main" in one_line(done.stderr)
    assert environments.subjects() == ["rival", "rival", "rival", "template"]


def test_a_push_that_the_server_refuses_is_not_repeated(environments):
    hook = environments.bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho x >>{environments.folder}/asked\necho 'protected branch: open a pull request'\nexit 1\n")
    hook.chmod(0o755)
    done = environments.promote(*DEV)
    assert done.returncode == 1
    assert "protected branch: open a pull request" in one_line(done.stderr)
    assert (environments.folder / "asked").read_text() == "x\n"
    assert environments.subjects() == ["template"]


def test_a_repository_that_is_not_there_is_one_line_without_its_password(environments):
    done = environments.promote(*DEV, ENV_REPO="http://name:pa55word@127.0.0.1:9/acme/environments.git")
    assert done.returncode == 1
    assert "cannot clone branch main of http://127.0.0.1:9/acme/environments.git" in one_line(done.stderr)
    assert "pa55word" not in done.stderr


def test_a_branch_that_is_not_there_is_one_line(environments):
    done = environments.promote(*DEV, ENV_BRANCH="trunk")
    assert done.returncode == 1
    assert "cannot clone branch trunk" in one_line(done.stderr)


def test_another_branch_can_be_the_base(environments):
    environments.git("branch", "trunk", "main", cwd=environments.bare)
    before = environments.head()
    assert environments.promote(*DEV, ENV_BRANCH="trunk").returncode == 0
    assert environments.image("dev", "trunk")["tag"] == DEV[1]
    assert environments.head() == before


def test_the_wrong_yq_is_named(environments, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "yq").write_text("#!/bin/sh\necho 'yq 3.1.0'\n")
    (programs / "yq").chmod(0o755)
    before = environments.head()
    done = environments.promote(*DEV, PATH=f"{programs}:{environments.environment()['PATH']}")
    assert done.returncode == 1
    assert "yq version 4 of github.com/mikefarah/yq is missing" in one_line(done.stderr)
    assert environments.head() == before


def test_a_commit_is_the_robots_where_nobody_is_configured_and_says_where_it_came_from(environments):
    run = {"GITHUB_REPOSITORY": "acme/hello", "GITHUB_SHA": COMMIT, "GITHUB_RUN_ID": "42"}
    assert environments.promote(*DEV, **run, GITHUB_SERVER_URL="https://github.example.com").returncode == 0
    assert environments.git("log", "-1", "--format=%an", "main", cwd=environments.bare) == "github-actions[bot]"
    body = environments.git("log", "-1", "--format=%b", "main", cwd=environments.bare)
    assert body == f"From acme/hello at {COMMIT}\nhttps://github.example.com/acme/hello/actions/runs/42"
    assert environments.promote("dev", "abc", "0.1.0-dev.8", GIT_AUTHOR_NAME="Ada", GIT_AUTHOR_EMAIL="ada@example.org").returncode == 0
    assert environments.git("log", "-1", "--format=%an", "main", cwd=environments.bare) == "Ada"


def test_no_clone_is_left_behind(environments, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for arguments in (DEV, ("staging", *DEV[1:])):
        environments.promote(*arguments, TMPDIR=str(scratch))
        assert list(scratch.iterdir()) == []
