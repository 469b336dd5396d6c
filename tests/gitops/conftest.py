import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# The tools are those of the pipelines' tests.
sys.path[:0] = [str(HERE), str(HERE.parent / "pipelines")]

from chain import cluster  # noqa: E402
from chain.environments import Environments, renamed  # noqa: E402
from chain.forge import Forge, build_ci_image  # noqa: E402
from chain.lab import APPLICATION, ENVIRONMENTS, FOLDER, NAME, REGISTRY, RESULTS, bare  # noqa: E402
from support.tools import ROOT  # noqa: E402


GREETING = "hello from the second commit"


@pytest.fixture(scope="session")
def keys():
    """A key pair to sign with, as the workflows get it: by two secrets."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(FOLDER), "COSIGN_PASSWORD": "of the tests"}
    subprocess.run(["cosign", "generate-key-pair"], cwd=FOLDER, env=environment, check=True, capture_output=True, timeout=60)
    return {"COSIGN_PASSWORD": "of the tests", "COSIGN_PRIVATE_KEY": (FOLDER / "cosign.key").read_text()}


@pytest.fixture(scope="session", autouse=True)
def clean():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for old in RESULTS.glob("*gitops*.txt"):
        old.unlink()
    cluster.clean()
    yield
    if not os.environ.get("KEEP"):
        cluster.clean()
        for name in (APPLICATION, ENVIRONMENTS):
            shutil.rmtree(bare(name), ignore_errors=True)


@pytest.fixture(scope="session")
def environments(clean):
    return Environments()


@pytest.fixture(scope="session")
def argo(environments):
    """What the run-book's section GitOps does by hand, with this installation's names."""
    cluster.bring_database()
    cluster.bring_secrets()
    secret = renamed((ROOT / "deploy/argocd/repository-charts.yaml").read_text()).replace("name: charts", f"name: {NAME}-charts")
    root = renamed((ROOT / "deploy/argocd/root.yaml").read_text()).replace("name: environments", f"name: {NAME}")
    cluster.apply(secret)
    cluster.apply(root)
    return environments


@pytest.fixture(scope="session")
def forge(keys):
    build_ci_image()
    return Forge(keys)


# ---- the stages; each happens once, and is the ground of the next ----


class Stage:
    """What a stage leaves for the tests to look at."""

    def __init__(self, **what):
        self.__dict__.update(what)


@pytest.fixture(scope="session")
def first(forge, argo):
    """The first commit has gone all the way into dev."""
    before = argo.head()
    began = time.monotonic()
    commit = forge.head()
    runs = forge.push()
    assert runs["build-dev"].status == 0, runs["build-dev"].log
    cluster.wait_for_sync("dev")
    cluster.rolled_out("dev", f"{REGISTRY}/hello-fastapi:sha-{commit}")
    seconds = time.monotonic() - began
    stage = Stage(commit=commit, runs=runs, run=runs["build-dev"], before=before, after=argo.head(), seconds=seconds)
    stage.chart = argo.chart("dev")
    return stage


@pytest.fixture(scope="session")
def second(forge, argo, first):
    """Another commit, with another greeting, has replaced it under load."""
    before = argo.head()
    with cluster.load("dev", rate=100) as load:
        began = time.monotonic()
        commit = forge.commit("app/main.c", '"hello from FastAPI"', f'"{GREETING}"', "Another greeting")
        runs = forge.push()
        assert runs["build-dev"].status == 0, runs["build-dev"].log
        promoted = time.monotonic()
        cluster.wait_for_sync("dev")
        cluster.rolled_out("dev", f"{REGISTRY}/hello-fastapi:sha-{commit}")
        ended = time.monotonic()
    return Stage(
        commit=commit, runs=runs, run=runs["build-dev"], before=before, load=load, seconds=ended - began, rollout=ended - promoted
    )


def release(forge, version, commit):
    """The tag, and the pull request that its run proposes."""
    runs = forge.tag(f"v{version}", commit)
    branch = f"promote/prod-{version}"
    return Stage(version=version, branch=branch, runs=runs, run=runs["release-prod"])


@pytest.fixture(scope="session")
def proposed(forge, argo, first, second):
    """The first commit was released, and waits for somebody to merge it."""
    before = argo.head()
    stage = release(forge, f"1.{forge.number}.0", first.commit)
    assert stage.run.status == 0, stage.run.log
    stage.before, stage.after = before, argo.head()
    stage.application = cluster.application("prod")
    stage.deployment = cluster.deployment("prod")
    return stage


@pytest.fixture(scope="session")
def released(argo, proposed):
    """It was merged, and serves in production."""
    began = time.monotonic()
    argo.merge(proposed.branch)
    image = argo.image("prod")
    cluster.wait_for_sync("prod")
    cluster.rolled_out("prod", f"{image['repository']}@{image['digest']}")
    return Stage(version=proposed.version, image=image, seconds=time.monotonic() - began, pods=cluster.seconds_to_ready("prod"))


@pytest.fixture(scope="session")
def renewed(forge, argo, second, released):
    """The second commit was released and merged under load."""
    stage = release(forge, f"1.{released.version.split('.')[1]}.1", second.commit)
    assert stage.run.status == 0, stage.run.log
    stage.image = argo.image("prod", stage.branch)
    with cluster.load("prod") as stage.load:
        argo.merge(stage.branch)
        cluster.wait_for_sync("prod")
        cluster.rolled_out("prod", f"{stage.image['repository']}@{stage.image['digest']}")
    stage.greeting = cluster.greeting("prod")
    return stage


@pytest.fixture(scope="session")
def reverted(argo, released, renewed):
    """The merge was taken back under load."""
    stage = Stage(before=argo.image("prod"))
    with cluster.load("prod") as stage.load:
        began = time.monotonic()
        argo.revert()
        cluster.wait_for_sync("prod")
        cluster.rolled_out("prod", f"{released.image['repository']}@{released.image['digest']}")
        stage.seconds = time.monotonic() - began
    return stage
