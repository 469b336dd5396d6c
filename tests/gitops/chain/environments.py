"""The environment repository, made from the template, and what people do in it."""

import functools
import json
import shutil
import subprocess

from chain.lab import ENVIRONMENTS, FOLDER, NAME, REGISTRY, bare, git, git_environment, lab, url
from support.tools import ROOT, SCRIPTS, out, read_yaml, run



@functools.cache
def names():
    """An installation's own names in place of the template's."""
    chart, values = read_yaml(ROOT / "deploy/env-repo/apps/dev.yaml")[0]["spec"]["sources"]
    return {
        values["repoURL"]: url(ENVIRONMENTS),
        chart["repoURL"].removesuffix("/charts"): REGISTRY,
        "hello-fastapi-dev": f"{NAME}-dev",
        "hello-fastapi-prod": f"{NAME}-prod",
    }


# So that the tests take minutes less: drains are short, and a migration that cannot work is soon given up.
QUICK = """
drain:
  delay: 3
  timeout: 5
terminationGracePeriodSeconds: 12
rollout:
  minReadySeconds: 8
migrations:
  job:
    backoffLimit: 0
    activeDeadlineSeconds: 20
"""


def renamed(text):
    for old, new in names().items():
        text = text.replace(old, new)
    return text


class Environments:
    def __init__(self):
        self.clone = FOLDER / "environments"
        shutil.rmtree(bare(ENVIRONMENTS), ignore_errors=True)
        shutil.rmtree(self.clone, ignore_errors=True)
        assert lab("git", "create", ENVIRONMENTS).returncode == 0
        shutil.copytree(ROOT / "deploy" / "env-repo", self.clone)
        for path in self.clone.rglob("*.yaml"):
            path.write_text(renamed(path.read_text()) + (QUICK if path.name == "values.yaml" else ""))
        git("init", "-q", "-b", "main", cwd=self.clone)
        git("remote", "add", "origin", url(ENVIRONMENTS), cwd=self.clone)
        git("add", ".", cwd=self.clone)
        git("commit", "-q", "-m", "Environments", cwd=self.clone)
        git("push", "-q", "origin", "main", cwd=self.clone)

    def head(self, branch="main"):
        return git("rev-parse", branch, cwd=bare(ENVIRONMENTS))

    def branches(self):
        return git("for-each-ref", "--format=%(refname:short)", "refs/heads", cwd=bare(ENVIRONMENTS)).split()

    def subjects(self, old, new="main"):
        return git("log", "--format=%s", f"{old}..{new}", cwd=bare(ENVIRONMENTS)).splitlines()

    def changed(self, old, new="main"):
        return git("diff", "--name-only", old, new, cwd=bare(ENVIRONMENTS)).splitlines()

    def read(self, path, branch="main"):
        return json.loads(out("yq", "-o", "json", ".", "-", text=git("show", f"{branch}:{path}", cwd=bare(ENVIRONMENTS)) + "\n"))

    def image(self, env, branch="main"):
        return self.read(f"envs/{env}/values.yaml", branch)["image"]

    def chart(self, env, branch="main"):
        sources = self.read(f"apps/{env}.yaml", branch)["spec"]["sources"]
        return next(source["targetRevision"] for source in sources if "chart" in source)

    # ---- people ----

    def pull(self):
        git("fetch", "-q", "origin", cwd=self.clone)
        git("reset", "-q", "--hard", "origin/main", cwd=self.clone)

    def publish(self):
        git("push", "-q", "origin", "HEAD:main", cwd=self.clone)
        return self.head()

    def write(self, path, change, message):
        """A commit that makes change(text) of a file."""
        self.pull()
        file = self.clone / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(change(file.read_text() if file.exists() else ""))
        git("add", ".", cwd=self.clone)
        git("commit", "-q", "-m", message, cwd=self.clone, name="person")
        return self.publish()

    def merge(self, branch):
        """What the button of a pull request does."""
        self.pull()
        git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", f"origin/{branch}", cwd=self.clone, name="person")
        return self.publish()

    def revert(self):
        """The last commit taken back, be it a merge or not."""
        self.pull()
        parents = git("rev-list", "--parents", "-n", "1", "HEAD", cwd=self.clone).split()[1:]
        git("revert", "--no-edit", *(["-m", "1"] if len(parents) > 1 else []), "HEAD", cwd=self.clone, name="person")
        return self.publish()

    # ---- promotions by hand ----

    def settings(self, **more):
        return git_environment(ENV_REPO=url(ENVIRONMENTS), **more)

    def promote(self, *arguments, **environment):
        return run(SCRIPTS / "promote-env.sh", *arguments, cwd=FOLDER, env=self.settings(**environment), seconds=120)

    def start(self, *arguments, **environment):
        command = [str(SCRIPTS / "promote-env.sh"), *arguments]
        env = self.settings(**environment)
        return subprocess.Popen(command, cwd=FOLDER, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def before_push(self, script):
        """Settings for git that make `script` run in a promotion between its commit and its push."""
        hooks = FOLDER / "hooks"
        hooks.mkdir(exist_ok=True)
        hook = hooks / "pre-push"
        hook.write_text(f"#!/bin/bash\nunset $(git rev-parse --local-env-vars)\nset -e\n{script}\n")
        hook.chmod(0o755)
        return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": str(hooks)}
