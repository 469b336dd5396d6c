"""Programs that the tests need: a missing one fails its test, unless it is known that there is no lab."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"


def there(name):
    """Whether the program is on the PATH; of those that are called yq only one will do."""
    return shutil.which(name) is not None and (name != "yq" or "mikefarah" in run("yq", "--version").stdout)


def need(*names):
    missing = [name for name in names if not there(name)]
    if not missing:
        return
    words = f"{', '.join(missing)} missing: run ../shared/lab/lab tools {' '.join(missing)}, and put its bin on the PATH"
    if os.environ.get("APUS_WITHOUT_LAB") == "1":
        pytest.skip(words)
    pytest.fail(words + " (or set APUS_WITHOUT_LAB=1 to skip)", pytrace=False)


def run(*command, cwd=ROOT, env=None, seconds=60, text=None):
    """The finished process: status, what it wrote, and what it complained of."""
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, input=text, capture_output=True, text=True, timeout=seconds, check=False
    )


def out(*command, **options):
    done = run(*command, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def read_yaml(path):
    """The documents of a YAML file."""
    need("yq")
    text = out("yq", "-o", "json", "-I", "0", ".", path)
    return [json.loads(line) for line in text.splitlines()]


def one_line(text):
    lines = text.strip("\n").split("\n")
    assert len(lines) == 1 and lines[0], f"expected one line, got: {text!r}"
    return lines[0]
