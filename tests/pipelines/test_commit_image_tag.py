"""scripts/commit-image-tag.sh against a real bare repository."""

import pytest
from support.tools import ROOT, SCRIPTS, one_line, run

FILE = "deploy/eks/values.yaml"


@pytest.fixture
def repository(environments):
    environments.write(FILE, (ROOT / FILE).read_text())
    return environments


def commit(repository, *arguments, **environment):
    settings = repository.environment(REPO=str(repository.bare), **environment)
    return run(SCRIPTS / "commit-image-tag.sh", *arguments, cwd=repository.folder, env=settings)


def test_the_tag_goes_into_the_file_and_nothing_else_changes(repository):
    done = commit(repository, FILE, "0a1b2c3")
    assert done.returncode == 0, done.stderr
    before = (ROOT / FILE).read_text()
    assert repository.text(FILE) == before.replace('tag: ""', 'tag: "0a1b2c3"')
    assert before.count('tag: ""') == 1


def test_the_commit_starts_no_further_run(repository):
    assert commit(repository, FILE, "0a1b2c3").returncode == 0
    assert repository.subjects()[0] == f"{FILE}: image 0a1b2c3 [skip ci]"


def test_a_commit_that_is_all_digits_stays_a_string(repository):
    assert commit(repository, FILE, "1234567").returncode == 0
    assert repository.read(FILE)["image"]["tag"] == "1234567"


def test_a_number_that_somebody_wrote_becomes_a_string(repository):
    repository.write(FILE, "image:\n  tag: 1234567\n")
    assert commit(repository, FILE, "1234567").returncode == 0
    assert repository.text(FILE) == 'image:\n  tag: "1234567"\n'


def test_the_same_tag_again_makes_no_commit(repository):
    assert commit(repository, FILE, "0a1b2c3").returncode == 0
    before = repository.head()
    done = commit(repository, FILE, "0a1b2c3")
    assert done.returncode == 0
    assert "nothing to change" in one_line(done.stdout)
    assert repository.head() == before


def test_it_lands_on_top_of_what_was_pushed_meanwhile(repository):
    once = repository.before_push(f"mkdir {repository.folder}/raced || exit 0\n{repository.rival()}")
    assert commit(repository, FILE, "0a1b2c3", **once).returncode == 0
    assert repository.subjects()[:2] == [f"{FILE}: image 0a1b2c3 [skip ci]", "rival"]


@pytest.mark.parametrize(
    "arguments, environment",
    [
        ((), {}),
        ((FILE,), {}),
        ((FILE, ""), {}),
        ((FILE, "latest"), {}),
        ((FILE, "main"), {}),
        ((FILE, "dev"), {}),
        ((FILE, "a b"), {}),
        (("nowhere.yaml", "0a1b2c3"), {}),
        (("/etc/passwd", "0a1b2c3"), {}),
        (("../values.yaml", "0a1b2c3"), {}),
        (("deploy/../../x.yaml", "0a1b2c3"), {}),
        (("README.md", "0a1b2c3"), {}),
        ((FILE, "0a1b2c3"), {"REPO": ""}),
    ],
)
def test_a_refusal_is_one_line_and_changes_nothing(repository, arguments, environment):
    before = repository.head()
    settings = repository.environment(**{"REPO": str(repository.bare), **environment})
    done = run(SCRIPTS / "commit-image-tag.sh", *arguments, cwd=repository.folder, env=settings)
    assert done.returncode == 2
    assert one_line(done.stderr).startswith("commit-image-tag: ")
    assert repository.head() == before
