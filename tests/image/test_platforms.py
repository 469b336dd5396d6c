"""Both architectures from one command, which takes an Engine that keeps images of several platforms."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from support.docker import PATIENCE, ROOT, need, out, run, until

BASE = "debian:trixie-slim"
MACHINES = {"amd64": 62, "arm64": 183}  # e_machine of ELF


def bridge_width(bridge=Path("/sys/class/net/docker0/mtu")):
    return ("--mtu", bridge.read_text().strip()) if bridge.exists() else ()


@contextlib.contextmanager
def engine():
    """The environment of an Engine with containerd's image store: one of our own, since the usual one may keep other images."""
    need("dockerd", "containerd")
    home = Path(tempfile.mkdtemp(prefix="apus-engine-"))
    address = f"unix://{home}/socket"
    folders = ("--host", address, "--data-root", home / "data", "--exec-root", home / "run", "--pidfile", home / "pid")
    # Its builds take the host's network. A bridge that another Engine has stays as it is; "none" would delete it.
    options = ("--feature", "containerd-snapshotter=true", "--iptables=false", "--ip6tables=false", *bridge_width())
    environment = {**os.environ, "DOCKER_HOST": address}
    with (home / "log").open("w") as log:
        daemon = subprocess.Popen(["dockerd", *folders, *options], stdout=log, stderr=log)
    try:
        until(lambda: daemon.poll() is not None or run("docker", "info", env=environment).returncode == 0, every=0.2)
        assert daemon.poll() is None, (home / "log").read_text()[-3000:]
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def several():
    if os.geteuid() != 0:
        pytest.skip("an Engine of one's own takes root")
    with engine() as environment:
        saved = subprocess.Popen(["docker", "save", BASE], stdout=subprocess.PIPE)
        out("docker", "load", stdin=saved.stdout, seconds=120, env=environment)
        assert saved.wait(PATIENCE) == 0
        yield environment


class Layout:
    """An archive in OCI's image layout."""

    def __init__(self, file):
        self._archive = tarfile.open(file)
        self.index = json.load(self._archive.extractfile("index.json"))
        if len(self.index["manifests"]) == 1:
            self.index = self.json(self.index["manifests"][0])

    def bytes(self, described):
        return self._archive.extractfile("blobs/" + described["digest"].replace(":", "/")).read()

    def json(self, described):
        return json.loads(self.bytes(described))

    def images(self):
        """Architecture → manifest; what attests how they were built is of none."""
        named = {each["platform"]["architecture"]: self.json(each) for each in self.index["manifests"]}
        return {name: manifest for name, manifest in named.items() if name != "unknown"}

    def file(self, manifest, path):
        for layer in reversed(manifest["layers"]):
            with tarfile.open(fileobj=io.BytesIO(self.bytes(layer))) as members, contextlib.suppress(KeyError):
                return members.extractfile(path).read()
        raise AssertionError(f"{path} is in no layer")


def test_one_command_builds_both_architectures(several, tmp_path):
    archive = tmp_path / "image.tar"
    platforms = ("--network", "host", "--platform", "linux/amd64,linux/arm64")
    labels = ("--build-arg", "APP_VERSION=1.2.3")
    out("docker", "buildx", "build", *platforms, *labels, "--output", f"type=oci,dest={archive}", ROOT, seconds=900, env=several)
    layout = Layout(archive)
    images = layout.images()
    assert set(images) == set(MACHINES)
    for name, manifest in images.items():
        config = layout.json(manifest["config"])
        assert (config["os"], config["architecture"], config["config"]["User"]) == ("linux", name, "1000:1000")
        assert config["config"]["Labels"]["org.opencontainers.image.version"] == "1.2.3"
        program = layout.file(manifest, "app")
        assert program[:4] == b"\x7fELF" and int.from_bytes(program[18:20], "little") == MACHINES[name]
