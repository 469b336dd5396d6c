"""scripts/test and .ci/run: which suites they run, with all that these call put in place by stand-ins."""

import os

import pytest
from support.tools import ROOT, run

STAND_IN = """#!/bin/bash
name=${0#"$TREE"/}
echo "${name##*bin/}${*:+ $*}${APUS_WITHOUT_LAB:+ without-lab}${APUS_WITHOUT_SCHEMAS:+ without-schemas}" >>"$CALLS"
[[ $* != test-cluster || -z ${CLUSTER_BENCH-} ]] || echo "beside FastAPI" >>"$CALLS"
[[ "$name $*" != *"${FAILING:-nothing}"* ]]
"""


class Tree:
    """A clone whose programs only say that they were called."""

    def __init__(self, folder):
        self.top, self.calls, self.lab_home = folder / "clone", folder / "calls", folder / "lab-home"
        for path in (".ci/run", "scripts/test", "scripts/test-summary"):
            self.put(path, (ROOT / path).read_text())
        for path in ("bin/make", "bin/python3", "scripts/deps", "scripts/lint", "tests/chart/run", "tests/pipelines/run", "tests/fastapi/run"):
            self.put(path, STAND_IN)

    def put(self, path, text):
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def with_lab(self, schemas):
        self.put("../shared/lab/lab", STAND_IN)
        (self.lab_home / ("schemas" if schemas else "bin")).mkdir(parents=True)
        return self

    def with_fake_suites(self):
        self.put("scripts/test", STAND_IN)
        return self

    def run(self, *command, **environment):
        settings = {"PATH": f"{self.top}/bin:{os.environ['PATH']}", "TREE": str(self.top), "CALLS": str(self.calls)}
        settings |= {"LAB_HOME": str(self.lab_home), "HOME": str(self.top)}
        return run(*command, cwd=self.top, env={**settings, **environment})

    def called(self, *programs):
        return [line for line in self.calls.read_text().splitlines() if line.startswith(programs)]


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


STATIC = ("tests/chart/run", "tests/pipelines/run")


def test_without_suites_the_static_proof_is_among_them(tree):
    tree.with_lab(schemas=True).run("scripts/test")
    assert tree.called(*STATIC) == list(STATIC)
    (tools,) = set(tree.called("../shared/lab/lab"))
    assert {"lint", "helm", "yq"} <= set(tools.split()) and not {"cluster", "docker"} & set(tools.split())


def test_without_a_lab_the_static_proof_does_what_it_can(tree):
    tree.run("scripts/test")
    assert [line.split()[:2] for line in tree.called(*STATIC)] == [[path, "without-lab"] for path in STATIC]


def test_where_no_cluster_has_run_only_a_suite_that_is_asked_for_asks_for_its_schemas(tree):
    tree.with_lab(schemas=False).run("scripts/test")
    assert tree.called("tests/chart/run") == ["tests/chart/run without-schemas"]
    tree.calls.unlink()
    tree.run("scripts/test", "chart", "chart-schemas")
    assert tree.called("tests/chart/run") == ["tests/chart/run", "tests/chart/run -m schemas"]


ENGINES = ["make test-image", "make test-compose", "make test-cluster", "make test-gitops"]
BEFORE = ["make test", "scripts/test fastapi-asan fuzz"]


@pytest.mark.parametrize("schemas, after_cluster", [(True, []), (False, ["scripts/test chart-schemas"])])
def test_the_integration_runs_every_suite_once(tree, schemas, after_cluster):
    done = tree.with_fake_suites().with_lab(schemas).run(".ci/run")
    assert tree.called("make", "scripts/test") == BEFORE + ENGINES[:3] + after_cluster + ENGINES[3:]
    assert "NOT RUN" not in done.stdout


def test_the_integration_measures_fastapi_beside_it(tree):
    tree.with_fake_suites().with_lab(schemas=True).run(".ci/run")
    assert tree.called("beside FastAPI")


def test_where_there_is_no_lab_the_integration_runs_what_needs_none(tree):
    tree.with_fake_suites().run(".ci/run")
    assert tree.called("make", "scripts/test") == BEFORE


def test_a_suite_that_there_is_no_time_for_counts_as_failed(tree):
    done = tree.with_fake_suites().with_lab(schemas=True).run(".ci/run", CI_SECONDS="0")
    assert tree.called("make") == ["make test"]
    assert done.returncode == 1 and done.stdout.count("NOT RUN") == 4
    assert "failed: cluster compose gitops image" in done.stdout and done.stdout.endswith("0 passed, 4 failed\n")


def test_a_suite_that_ends_without_a_result_counts_as_failed(tree):
    done = tree.with_fake_suites().run(".ci/run", FAILING="make test")
    assert done.returncode == 1 and done.stdout.endswith("0 passed, 1 failed\n")
