"""scripts/promote-env.sh as a pull request, and its token."""

import json
import subprocess

import pytest
from support.server import TOKEN
from support.tools import one_line

PROD = ("prod", "1.2.0", "1.2.0")
BRANCH = "promote/prod-1.2.0"
URLS = (
    *("https://github.com/acme/environments.git", "https://github.com/acme/environments", "https://acme@GitHub.com/acme/environments"),
    *("git@github.com:acme/environments.git", "ssh://git@github.com/acme/environments.git", "ssh://git@github.com:22/acme/environments"),
)
ELSEWHERE = (
    *("https://gitlab.com/acme/environments.git", "git@gitlab.com:acme/environments.git", "https://gitlab.com/acme/team/environments.git"),
    *("ssh://git@bitbucket.org/acme/environments.git", "https://github.com.example.org/acme/environments.git"),
)


def propose(environments, *arguments, **environment):
    return environments.promote("--pull-request", *(arguments or PROD), **environment)


def with_api(hosted, **more):
    github = {"GITHUB_SERVER_URL": hosted.server.url, "GITHUB_API_URL": f"{hosted.server.url}/api"}
    return {"ENV_REPO_TOKEN": TOKEN, **github, **more}


def test_it_pushes_a_branch_and_leaves_the_base_alone(environments):
    before = environments.head()
    done = propose(environments)
    assert done.returncode == 0, done.stderr
    assert environments.head() == before
    assert environments.branches() == ["main", BRANCH]
    assert (environments.image("prod", BRANCH)["tag"], environments.chart("prod", BRANCH)) == PROD[1:]


def test_the_printed_command_merges_it_where_there_is_no_github(environments):
    command = one_line(propose(environments).stdout).partition("propose it with: ")[2]
    subprocess.run(["bash", "-c", command], cwd=environments.seed, env=environments.environment(), check=True, capture_output=True)
    assert environments.head() == environments.head(BRANCH)
    assert environments.image("prod")["tag"] == "1.2.0"


def at(environments, url):
    """The repository on disk, under the name that it would have elsewhere."""
    settings = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{environments.bare}.insteadOf", "GIT_CONFIG_VALUE_0": url}
    return {"ENV_REPO": url, **settings}


@pytest.mark.parametrize("url", URLS)
def test_the_printed_command_is_gh_for_a_repository_on_github(environments, url):
    done = propose(environments, **at(environments, url))
    assert done.returncode == 0, done.stderr
    assert f"gh pr create --repo acme/environments --base main --head {BRANCH} " in one_line(done.stdout)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_the_printed_command_is_gits_for_a_repository_elsewhere(environments, url):
    done = propose(environments, **at(environments, url))
    assert done.returncode == 0, done.stderr
    assert one_line(done.stdout).endswith(f"propose it with: git fetch {url} {BRANCH} && git push {url} FETCH_HEAD:main")


def test_proposing_the_same_again_changes_nothing(environments):
    assert propose(environments).returncode == 0
    before = environments.head(BRANCH)
    done = propose(environments)
    assert done.returncode == 0, done.stderr
    assert environments.head(BRANCH) == before


def test_proposing_again_after_the_base_moved_renews_the_branch(environments):
    assert propose(environments).returncode == 0
    environments.write("notes.txt", "something else\n")
    assert propose(environments).returncode == 0
    assert environments.git("merge-base", "main", BRANCH, cwd=environments.bare) == environments.head()
    assert environments.git("rev-list", "--count", f"main..{BRANCH}", cwd=environments.bare) == "1"


def test_what_is_there_already_is_not_proposed(environments):
    assert environments.promote(*PROD).returncode == 0
    done = propose(environments)
    assert "nothing to change" in one_line(done.stdout)
    assert environments.branches() == ["main"]


def test_a_refusal_pushes_no_branch(environments):
    done = propose(environments, "prod", "latest", "1.2.0")
    assert done.returncode == 2
    assert one_line(done.stderr).startswith('promote-env: prod: image tag "latest"')
    assert environments.branches() == ["main"]


def test_two_racing_proposals_of_the_same_leave_one_branch(environments):
    racing = [environments.start("--pull-request", *PROD) for _ in range(3)]
    for process in racing:
        words = process.communicate(timeout=60)
        assert process.returncode == 0, words
    assert environments.branches() == ["main", BRANCH]
    assert environments.git("rev-list", "--count", f"main..{BRANCH}", cwd=environments.bare) == "1"


def test_with_a_token_it_opens_the_pull_request(hosted):
    done = propose(hosted, **with_api(hosted, GITHUB_REPOSITORY="acme/hello", GITHUB_SHA="a" * 40))
    assert done.returncode == 0, done.stderr
    assert "opened https://github.example.com/repos/acme/environments/pulls/1" in one_line(done.stdout)
    method, path, _, body = hosted.server.calls[0]
    assert (method, path) == ("POST", "repos/acme/environments/pulls")
    assert json.loads(body) == {
        "title": "prod: image 1.2.0, chart 1.2.0",
        "head": BRANCH,
        "base": "main",
        "body": f"From acme/hello at {'a' * 40}",
    }
    assert hosted.image("prod", BRANCH)["tag"] == "1.2.0"


def test_a_pull_request_that_is_open_is_named_not_opened_twice(hosted):
    assert propose(hosted, **with_api(hosted)).returncode == 0
    done = propose(hosted, **with_api(hosted))
    assert done.returncode == 0, done.stderr
    assert "pull request https://github.example.com/repos/acme/environments/pulls/1 is up to date" in one_line(done.stdout)
    assert len(hosted.server.pulls) == 1


def test_an_api_that_refuses_is_one_line_with_the_command_to_go_on(hosted):
    hosted.server.refusal = (403, {"message": "Resource not accessible by personal access token"})
    done = propose(hosted, **with_api(hosted))
    assert done.returncode == 1
    words = one_line(done.stderr)
    assert "403: Resource not accessible by personal access token" in words
    assert f"gh pr create --repo {hosted.server.url.removeprefix('http://')}/acme/environments --base main --head {BRANCH}" in words


def test_an_api_that_is_away_is_one_line_with_the_command_to_go_on(hosted):
    done = propose(hosted, **with_api(hosted, GITHUB_API_URL="http://127.0.0.1:9"))
    assert done.returncode == 1
    assert "gh pr create" in one_line(done.stderr)


@pytest.mark.parametrize("server", [None, "https://github.example.com", "http://127.0.0.1"])
def test_the_token_of_another_server_is_never_shown_to_githubs_api(hosted, server):
    done = propose(hosted, **with_api(hosted, GITHUB_SERVER_URL=server))
    assert done.returncode == 0, done.stderr
    assert hosted.server.calls == []
    assert f"git push {hosted.url} FETCH_HEAD:main" in one_line(done.stdout)
    assert hosted.image("prod", BRANCH)["tag"] == "1.2.0"


def test_a_github_of_ones_own_is_asked_at_its_own_api(hosted):
    done = propose(hosted, **with_api(hosted, GITHUB_API_URL=None))
    assert done.returncode == 0, done.stderr
    assert hosted.server.calls[0][:2] == ("POST", "v3/repos/acme/environments/pulls")


def test_the_token_opens_the_repository(hosted):
    done = hosted.promote(*PROD, ENV_REPO_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert hosted.image("prod")["tag"] == "1.2.0"


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_the_right_token_it_fails_at_once_with_one_line(hosted, token):
    done = hosted.promote(*PROD, ENV_REPO_TOKEN=token)
    assert done.returncode == 1
    assert "cannot clone branch main of" in one_line(done.stderr)
    assert hosted.subjects() == ["template"]


def test_the_token_is_in_no_argument_and_in_no_output(hosted, tmp_path):
    programs, seen = tmp_path / "bin", tmp_path / "seen"
    programs.mkdir()
    path = hosted.environment()["PATH"]
    for name in ("git", "curl", "yq", "sed", "base64"):
        wrapper = programs / name
        wrapper.write_text(f'#!/bin/bash\nprintf "%s\\n" "{name} $*" >>{seen}\nPATH={path} exec {name} "$@"\n')
        wrapper.chmod(0o755)
    hosted.server.refusal = (500, {"message": "oops"})
    done = propose(hosted, **with_api(hosted, PATH=f"{programs}:{path}"))
    assert done.returncode == 1
    arguments = seen.read_text()
    assert "push" in arguments and "curl -sS" in arguments
    for text in (arguments, done.stdout, done.stderr):
        assert TOKEN not in text
        assert "eC1hY2Nlc3" not in text  # how x-access-token:… begins in base64
