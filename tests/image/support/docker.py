"""The Engine, the images built from this tree, and containers that are gone after the test."""

import contextlib
import io
import json
import os
import select
import signal
import subprocess
import tarfile
import time
import uuid
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 30.0
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "64m", "--cpus", "0.5")


def until(condition, seconds=PATIENCE, every=0.01):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(every)


def run(*command, seconds=60, **options):
    """The finished process: status, what it wrote, and what it complained of."""
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds, check=False, **options)


def out(*command, **options):
    done = run(*command, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-6000:]}{done.stderr[-6000:]}"
    return done.stdout.strip()


def docker(*arguments, **options):
    return out("docker", *arguments, **options)


def need(*programs):
    missing = [name for name in programs if run("sh", "-c", f"command -v {name}").returncode]
    if missing:
        words = f"{', '.join(missing)} missing"
        pytest.skip(words) if os.environ.get("APUS_WITHOUT_LAB") == "1" else pytest.fail(words, pytrace=False)


def build(tag, *options, context=ROOT, seconds=900):
    """Builds the image and gives the seconds that it took."""
    begun = time.monotonic()
    out("docker", "build", "--progress", "plain", "-t", tag, *options, context, seconds=seconds)
    return time.monotonic() - begun


def inspect(name):
    return json.loads(docker("inspect", name))[0]


class Files:
    """What an image adds to nothing, file by file, from the archive of its layers."""

    def __init__(self, image):
        archive = subprocess.run(["docker", "save", image], capture_output=True, timeout=60, check=True).stdout
        saved = tarfile.open(fileobj=io.BytesIO(archive))
        manifest = json.load(saved.extractfile("manifest.json"))[0]
        self.members, self._layers = {}, []
        for layer in manifest["Layers"]:
            opened = tarfile.open(fileobj=io.BytesIO(saved.extractfile(layer).read()))
            self._layers.append(opened)
            for member in opened:
                self.members["/" + member.name.strip("./")] = (opened, member)

    def info(self, path):
        return self.members[path][1]

    def read(self, path):
        opened, member = self.members[path]
        return opened.extractfile(member).read()

    @property
    def paths(self):
        """All but folders."""
        return {path for path, (_, member) in self.members.items() if not member.isdir()}

    @property
    def size(self):
        return sum(member.size for _, member in self.members.values())


class Container:
    """A running container. Its process is seen from the host."""

    def __init__(self, image, *command, options=(), **environment):
        settings = [word for key, value in environment.items() for word in ("-e", f"{key}={value}")]
        self.name = f"apus-image-test-{uuid.uuid4().hex[:8]}"
        docker("run", "-d", "--name", self.name, *options, *settings, image, *command)
        self.pid = inspect(self.name)["State"]["Pid"]

    @property
    def address(self):
        networks = inspect(self.name)["NetworkSettings"]["Networks"].values()
        return next(network["IPAddress"] for network in networks)

    def client(self):
        return httpx.Client(base_url=f"http://{self.address}:8000", timeout=PATIENCE, trust_env=False)

    def proc(self, name):
        return Path(f"/proc/{self.pid}/{name}")

    def status(self):
        """The fields of /proc/PID/status."""
        return dict(line.split(":\t", 1) for line in self.proc("status").read_text().splitlines())

    def log(self):
        done = run("docker", "logs", self.name)
        return done.stdout + done.stderr

    def ended(self):
        state = inspect(self.name)["State"]
        assert state["Status"] != "exited", f"{self.name} ended with {state['ExitCode']}: {self.log()}"
        return False

    def until_answering(self, path="/healthz"):
        def answers():
            self.ended()
            with contextlib.suppress(httpx.TransportError), self.client() as client:
                return client.get(path).status_code == 200

        until(answers)
        return self

    def terminate(self):
        """SIGTERM to the first process; the seconds until it is gone, and the container's status."""
        descriptor = os.pidfd_open(self.pid)
        begun = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        gone = select.select([descriptor], [], [], PATIENCE)[0]
        seconds = time.monotonic() - begun
        os.close(descriptor)
        assert gone, f"still there after {PATIENCE} s: {self.log()}"
        return seconds, int(docker("wait", self.name))

    def remove(self):
        run("docker", "rm", "-f", "-v", self.name)


@contextlib.contextmanager
def container(image, *command, options=(), **environment):
    made = Container(image, *command, options=options, **environment)
    try:
        yield made
    finally:
        made.remove()


def once(image, *command, options=(), **environment):
    """A container that runs to its end: status, output, complaints."""
    settings = [word for key, value in environment.items() for word in ("-e", f"{key}={value}")]
    return run("docker", "run", "--rm", *options, *settings, image, *command)
