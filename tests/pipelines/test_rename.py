"""scripts/rename.sh in a copy of the tree: a team's own names, and the proofs that hold for them too."""

import os
import sys

import pytest
from support.tools import ROOT, need, one_line, out, read_yaml, run

EXAMPLES = ("acme", "123456789012", "eu-central-1", "my-project", "europe-west3")
AWS = {"AWS_ACCOUNT": "210987654321", "AWS_REGION": "us-gov-west-1"}
GOOGLE = {"GOOGLE_PROJECT": "shop-42", "GOOGLE_REGION": "us-east4"}
RENAMED = (".github", "chart", "deploy")


@pytest.fixture
def tree(tmp_path):
    """What git knows of this tree, whether it is committed or not."""
    if [name for name in EXAMPLES if name not in text(ROOT)]:
        pytest.skip("this tree has names of its own already")
    copied = tmp_path / "tree"
    for name in out("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (copied / name).parent.mkdir(parents=True, exist_ok=True)
            (copied / name).write_bytes((ROOT / name).read_bytes())
            (copied / name).chmod((ROOT / name).stat().st_mode)
    return copied


def rename(tree, *arguments, **names):
    return run(tree / "scripts/rename.sh", *arguments, env={"PATH": os.environ["PATH"], **names})


def text(tree):
    files = [path for folder in RENAMED for path in (tree / folder).rglob("*") if path.is_file()]
    return "\n".join(path.read_text() for path in files)


def test_no_example_is_left_where_all_names_are_given(tree):
    done = rename(tree, "Acme-Team/shop", **AWS, **GOOGLE)
    assert done.returncode == 0, done.stderr
    assert "name Acme-Team/shop" in one_line(done.stdout)
    words = text(tree)
    assert [name for name in EXAMPLES[1:] if name in words] == []
    assert words.count("acme") == words.count("ghcr.io/acme-team")
    assert "ghcr.io/acme-team/hello-fastapi" in words and "https://github.com/Acme-Team/shop.git" in words


def test_what_is_not_given_stays(tree):
    assert rename(tree, "team/shop", **GOOGLE).returncode == 0
    words = text(tree)
    assert [name for name in EXAMPLES if name in words] == ["123456789012", "eu-central-1"]


def test_the_proofs_of_chart_and_deploy_hold_for_the_new_names(tree):
    """Those that look at names; all of both suites was run in such a copy."""
    need("helm", "yq", "kubeconform")
    assert rename(tree, "Acme-Team/shop", **AWS, **GOOGLE).returncode == 0
    suites = {"chart": ("test_pods.py", "test_schema.py"), "pipelines": ("test_deploy.py",)}
    for suite, files in suites.items():
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "--rootdir", f"tests/{suite}"]
        done = run(*command, *(f"tests/{suite}/{file}" for file in files), cwd=tree, seconds=180)
        assert done.returncode == 0, done.stdout[-3000:]
    assert read_yaml(tree / "chart/values.yaml")[0]["image"]["repository"] == "ghcr.io/acme-team/hello-fastapi"


@pytest.mark.parametrize(
    "arguments, names",
    [
        ((), {}),
        (("team",), {}),
        (("team/shop", "more"), {}),
        (("team/a b",), {}),
        (("https://github.com/team/shop",), {}),
        (("team/shop",), {"AWS_ACCOUNT": "42"}),
        (("team/shop",), {"AWS_REGION": "Frankfurt"}),
        (("team/shop",), {"GOOGLE_PROJECT": "My Project"}),
        (("team/shop",), {"GOOGLE_REGION": "eu#g"}),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_one_line_and_changes_nothing(tree, arguments, names):
    before = text(tree)
    done = rename(tree, *arguments, **names)
    assert (done.returncode, done.stdout) == (2, "")
    assert one_line(done.stderr).startswith("rename: ")
    assert text(tree) == before


def test_there_is_nothing_to_rename_twice(tree):
    assert rename(tree, "team/shop", **AWS, **GOOGLE).returncode == 0
    assert "no name of the examples is left" in one_line(rename(tree, "team/shop", **AWS, **GOOGLE).stderr)
