"""The lab's engines, and the names that these tests have there to themselves."""

import json
import os
from pathlib import Path

from support.tools import ROOT, out, run

HOME = Path(os.environ["LAB_HOME"])
NAME = "apus-gitops"
HOST = "10.244.0.1:5000"
REGISTRY = f"{HOST}/{NAME}"
CA = HOME / "registry" / "pki" / "ca.crt"
FOLDER = ROOT / "build" / "gitops"
RESULTS = ROOT / "build" / "results"

APPLICATION = f"{NAME}-app"
ENVIRONMENTS = f"{NAME}-envs"


def lab(*arguments, seconds=300, env=None):
    return run(os.environ["APUS_LAB"], *arguments, seconds=seconds, env=env)


def bare(name):
    return HOME / "git" / f"{name}.git"


def url(name):
    """Of a repository, for pods and this machine alike."""
    return f"git://10.244.0.1/{name}.git"


def git(*arguments, cwd=None, name="tester"):
    who = ["-c", f"user.name={name}", "-c", f"user.email={name}@example.org"]
    return out("git", *who, *arguments, cwd=cwd or FOLDER, env=git_environment())


def git_environment(**more):
    return {"PATH": os.environ["PATH"], "HOME": str(FOLDER), "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1", **more}


def note(figure, value):
    """A figure that the tests measured, for deploy/README.md."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    with (RESULTS / "figures-gitops.txt").open("a") as file:
        file.write(f"{figure}\t{value}\n")
    print(f"{figure}: {value}")


def registry_tags(name):
    """Tags of an image or a chart in the registry."""
    done = run("curl", "-sS", "--fail", "--cacert", CA, f"https://{HOST}/v2/{NAME}/{name}/tags/list")
    return json.loads(done.stdout)["tags"] if done.returncode == 0 else []
