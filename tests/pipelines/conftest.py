import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from support.environments import PROGRAMS, Environments  # noqa: E402
from support.server import Server  # noqa: E402
from support.tools import need  # noqa: E402


@pytest.fixture
def environments(tmp_path):
    """A bare repository on disk."""
    need(*PROGRAMS)
    return Environments(tmp_path)


@pytest.fixture
def hosted(tmp_path):
    """The same behind HTTP, with a token and GitHub's API."""
    need(*PROGRAMS, "curl")
    server = Server(tmp_path)
    environments = Environments(tmp_path, f"{server.url}/acme/environments.git")
    environments.server = server
    yield environments
    server.shutdown()
    server.server_close()
