"""FastAPI's source distribution and a Python environment for its tests, both kept under build/."""

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SDIST_REQUIREMENT = HERE / "sdist.txt"
REQUIREMENTS = HERE / "requirements.txt"
REFERENCE_REQUIREMENTS = HERE / "requirements-reference.txt"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(command: list[str], hint: str) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{result.stdout}\n{' '.join(command)} failed: {hint}")


def _prepare_venv(venv: Path, requirements: Path) -> None:
    """A virtual environment with these requirements, made anew when they or Python have changed."""
    stamp = venv / "requirements.stamp"
    wanted = f"{sys.version}\n{_sha256(requirements)}\n"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print(f"making {venv} from {requirements.name}", flush=True)
    shutil.rmtree(venv, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(venv)], "on Debian the package is python3-venv")
    pip = [str(venv / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--requirement", str(requirements)], f"pip could not install {requirements.name}")
    stamp.write_text(wanted, encoding="utf-8")


class Cache:
    """A folder with the sdist's archive and its unpacked tree, `venv/` for the tests and `venv-reference/` for FastAPI's pages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venv = folder / "venv"
        self.reference_venv = folder / "venv-reference"
        self.python = self.venv / "bin/python"
        requirement, checksum = SDIST_REQUIREMENT.read_text(encoding="utf-8").split()
        self.name = requirement.replace("==", "-")
        self.checksum = checksum.removeprefix("--hash=sha256:")
        self.sdist = folder / self.name
        self.manifest = folder / f"{self.name}.json"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def prepare(self, reference: bool) -> None:
        """Makes what is missing or out of date; a warm cache costs a few milliseconds."""
        with self._lock():
            _prepare_venv(self.venv, REQUIREMENTS)
            if reference:
                _prepare_venv(self.reference_venv, REFERENCE_REQUIREMENTS)
            self._prepare_sdist()

    def _prepare_sdist(self) -> None:
        if self.manifest.exists():
            return
        archive = self._download()
        shutil.rmtree(self.sdist, ignore_errors=True)
        with tarfile.open(archive) as tar:
            safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Debian 12 lacks it
            tar.extractall(self.folder, **safely)
        files = {str(path.relative_to(self.sdist)): _sha256(path) for path in self.sdist.rglob("*.py")}
        self.manifest.write_text(json.dumps(files), encoding="utf-8")

    def _download(self) -> Path:
        """pip fetches the archive and compares its checksum; so do we, as the file may have been there before.

        pip wants a source distribution's metadata, which takes its build backend: that stands, pinned, in
        requirements.txt, so that no second, unpinned environment is made for it.
        """
        archive = self.folder / f"{self.name}.tar.gz"
        if not archive.exists() or _sha256(archive) != self.checksum:
            print(f"fetching {archive.name}", flush=True)
            pip = [str(self.python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
            only_source = ["--no-deps", "--no-build-isolation", "--no-binary", "fastapi", "--require-hashes"]
            where = ["--dest", str(self.folder), "--requirement", str(SDIST_REQUIREMENT)]
            _run([*pip, *only_source, *where], f"pip could not fetch {archive.name}")
        if _sha256(archive) != self.checksum:
            raise SystemExit(f"{archive} has not the checksum in {SDIST_REQUIREMENT}: remove it and run again")
        return archive

    def check_unmodified(self, files: list[Path]) -> None:
        """FastAPI's tests judge as they are: a changed file stops the run."""
        manifest = json.loads(self.manifest.read_text(encoding="utf-8"))
        for path in files:
            if manifest.get(str(path.relative_to(self.sdist))) != _sha256(path):
                raise SystemExit(f"{path} is not as FastAPI ships it: remove {self.manifest} and run again")
