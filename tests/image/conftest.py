import contextlib
import shutil
import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.database import Postgres  # noqa: E402
from support.docker import HARDENED, ROOT, Files, build, container, docker, run  # noqa: E402

LABELS = {"APP_VERSION": "1.2.3", "REVISION": "0" * 40, "SOURCE": "https://example.org/acme/service", "CREATED": "2026-01-01T00:00:00Z", "LICENSES": "MIT"}
FIGURES = ROOT / "build" / "results" / "figures-image.txt"


@pytest.fixture(scope="session", autouse=True)
def engine():
    if run("docker", "info").returncode:
        pytest.exit("no Docker Engine answers: ../shared/lab/lab docker up, or set DOCKER_HOST", returncode=1)


@pytest.fixture(scope="session")
def figures():
    """A figure is printed, kept in build/results/figures-image.txt as NAME<TAB>VALUE<TAB>GOAL, and held to its goal."""
    lines = {}

    def figure(name, value, unit, goal=None):
        lines[name] = f"{name}\t{value:.3g} {unit}\t" + (f"at most {goal} {unit}" if goal else "")
        print(f"\nfigure: {lines[name].rstrip()}")
        FIGURES.write_text("".join(f"{line}\n" for line in lines.values()))
        assert goal is None or value <= goal, lines[name]

    return figure


@pytest.fixture(scope="session")
def image():
    """The image of this tree, as `docker build .` makes it, with every label given."""
    tag = f"apus-image-test:{uuid.uuid4().hex[:8]}"
    build(tag, *(word for pair in LABELS.items() for word in ("--build-arg", "=".join(pair))))
    yield tag
    run("docker", "rmi", tag)


@pytest.fixture(scope="session")
def files(image):
    return Files(image)


@pytest.fixture(scope="session")
def network():
    name = f"apus-image-test-{uuid.uuid4().hex[:8]}"
    docker("network", "create", name)
    yield name
    run("docker", "network", "rm", name)


@pytest.fixture(scope="session")
def postgres(network, tmp_path_factory):
    server = Postgres(network, tmp_path_factory.mktemp("postgres"))
    yield server
    server.container.remove()


@pytest.fixture
def database(postgres):
    """An empty database in it; its URL has a name that only DNS of the containers' network knows."""
    return postgres.database()


@pytest.fixture
def service(image, network):
    """Starts containers of the image in the network, as locked up as can be; they are gone after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *command, options=(), **environment: stack.enter_context(
            container(image, *command, options=("--network", network, *HARDENED, *options), **environment))


@pytest.fixture
def sources(tmp_path):
    """A copy of what the image is built from, to be changed."""
    copy = tmp_path / "sources"
    copy.mkdir()
    for name in ("app", "runtime", "scripts"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Dockerfile", ".dockerignore", "Makefile"):
        shutil.copy2(ROOT / name, copy / name)
    return copy
