"""The application's repository, and the part of GitHub that starts workflows when something is pushed to it."""

import fnmatch
import json
import os
import shutil
import time

from chain.edge import VARIABLES
from chain.lab import APPLICATION, ENVIRONMENTS, FOLDER, REGISTRY, RESULTS, bare, git, lab, url
from support.tools import ROOT, out, read_yaml

CI_IMAGE = f"{REGISTRY}/ci:bookworm"
REPOSITORY = "acme/hello-fastapi"
# The volume that act gives every job; what is compiled once is not compiled again.
CCACHE = "/opt/hostedtoolcache/ccache"


class Run:
    """A workflow's run that has ended."""

    def __init__(self, workflow, done, seconds, log):
        self.workflow, self.status, self.seconds, self.log = workflow, done.returncode, seconds, log
        self.text = done.stdout + done.stderr

    def said(self, program):
        """The lines that a script wrote, without the job's name that act puts before them."""
        lines = (line.partition("| ")[2] for line in self.text.splitlines())
        return [line for line in lines if line.startswith(f"{program}: ")]

    def succeeded(self, job):
        return f"/{job}" in self.text and any(
            f"/{job}]" in line.replace(" ", "") and "Job succeeded" in line for line in self.text.splitlines()
        )


class Forge:
    def __init__(self, keys):
        self.keys, self.number = keys, int(time.time())
        self.clone = FOLDER / "app"
        shutil.rmtree(bare(APPLICATION), ignore_errors=True)
        shutil.rmtree(self.clone, ignore_errors=True)
        assert lab("git", "create", APPLICATION).returncode == 0
        self.clone.mkdir(parents=True)
        git("init", "-q", "-b", "main", cwd=self.clone)
        git("remote", "add", "origin", url(APPLICATION), cwd=self.clone)
        copy_tree(self.clone)
        git("add", "-A", cwd=self.clone)
        git("commit", "-q", "-m", f"The tree under test, {self.number}", cwd=self.clone)

    def head(self):
        return git("rev-parse", "HEAD", cwd=self.clone)

    def commit(self, path, old, new, message):
        """An edit of one file."""
        file = self.clone / path
        text = file.read_text()
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new))
        git("commit", "-q", "-a", "-m", message, cwd=self.clone)
        return self.head()

    def push(self):
        """The branch main, and every run that it starts."""
        git("push", "-q", "origin", "main", cwd=self.clone)
        return self.dispatch("refs/heads/main", self.head())

    def tag(self, name, commit):
        """A tag on a commit, and every run that it starts."""
        git("tag", name, commit, cwd=self.clone)
        git("push", "-q", "origin", name, cwd=self.clone)
        git("checkout", "-q", "--detach", commit, cwd=self.clone)
        try:
            return self.dispatch(f"refs/tags/{name}", commit)
        finally:
            git("checkout", "-q", "main", cwd=self.clone)

    def dispatch(self, ref, commit):
        runs = {}
        for path in sorted((self.clone / ".github" / "workflows").glob("*.yaml")):
            if starts(read_yaml(path)[0]["on"], ref):
                self.number += 1
                runs[path.stem] = self.run(path, ref, commit)
        return runs

    def run(self, path, ref, commit):
        event = FOLDER / "event.json"
        event.write_text(json.dumps({"ref": ref, "after": commit, "deleted": False, "repository": {"private": False}}))
        options = ["-W", path, "-e", event, "--env", f"GITHUB_RUN_NUMBER={self.number}", "--env", f"GITHUB_REPOSITORY={REPOSITORY}"]
        options += ["--env", f"CCACHE_DIR={CCACHE}"]
        for name in VARIABLES:
            options += ["--var", f"{name}={self.variables()[name]}"]
        for name in ("COSIGN_PASSWORD", "COSIGN_PRIVATE_KEY"):
            options += ["-s", name]
        options += ["-s", "GITHUB_TOKEN=unused"]
        began = time.monotonic()
        done = lab("actions", self.clone, "push", *options, seconds=1500, env={**os.environ, **self.keys})
        log = RESULTS / f"gitops-{path.stem}-{ref.rpartition('/')[2]}-{self.number}.log"
        RESULTS.mkdir(parents=True, exist_ok=True)
        log.write_text(done.stdout + done.stderr)
        return Run(path.stem, done, time.monotonic() - began, log)

    def variables(self):
        return {
            "REGISTRY": REGISTRY,
            "ENV_REPO": url(ENVIRONMENTS),
            "COSIGN_KEY": "env://COSIGN_PRIVATE_KEY",
            "CI_IMAGE": CI_IMAGE,
            "TEST_SUITES": os.environ.get("GITOPS_SUITES", "unit-release"),
            "LINT_LEVEL": "light",
        }


def copy_tree(folder):
    """What is under test here: all files that are not ignored, with changes that nobody has committed yet."""
    for name in out("git", "ls-files", "-co", "--exclude-standard", "-z").split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def starts(on, ref):
    """Whether GitHub would start a workflow for a push of this ref."""
    push = on.get("push", {}) if isinstance(on, dict) else {}
    kind, _, name = ref.removeprefix("refs/").partition("/")
    patterns = (push or {}).get({"heads": "branches", "tags": "tags"}[kind], [])
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def build_ci_image():
    """With nothing but scripts/deps in a bare Debian, as the jobs themselves would install it."""
    context = FOLDER / "ci"
    context.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / "scripts" / "deps", context / "deps")
    out("docker", "build", "-q", "-t", CI_IMAGE, "-f", ROOT / "tests" / "gitops" / "ci.Dockerfile", context, seconds=900)
