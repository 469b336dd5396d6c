import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import beside  # noqa: E402
import figures  # noqa: E402
from kube import kubectl, make_namespace  # noqa: E402

KEEP = os.environ.get("CLUSTER_KEEP") == "1"
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


def delete(namespace, *options):
    kubectl("delete", "namespace", namespace, "--ignore-not-found", *options)


@pytest.fixture(scope="session")
def postgres():
    delete(beside.NAMESPACE)
    figures.FILE.unlink(missing_ok=True)
    yield beside.start_all()
    if not KEEP:
        delete(beside.NAMESPACE, "--wait=false")


@pytest.fixture(scope="module")
def namespace(request, postgres):
    """The module's own, in which Pod Security "restricted" is enforced."""
    name = f"apus-{request.module.__name__.removeprefix('test_')}-cluster"
    delete(name)
    make_namespace(name, **RESTRICTED)
    yield name
    if not KEEP:
        delete(name, "--wait=false")


def pytest_terminal_summary(terminalreporter):
    if figures.FILE.exists():
        terminalreporter.section("figures")
        terminalreporter.write(figures.FILE.read_text())
