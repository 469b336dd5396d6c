"""A bare environment repository made from the template, and ways to look into it."""

import json
import os
import shutil
import subprocess

from support.tools import ROOT, SCRIPTS, out, run

PROGRAMS = ("git", "yq")


class Environments:
    """The repository, and promotions into it."""

    def __init__(self, folder, url=None):
        self.folder = folder
        self.bare = folder / "acme" / "environments.git"
        self.url = url or str(self.bare)
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        seed = folder / "seed"
        shutil.copytree(ROOT / "deploy" / "env-repo", seed)
        self.git("init", "-q", "--bare", "-b", "main", self.bare)
        self.git("init", "-q", "-b", "main", seed)
        self.git("add", ".", cwd=seed)
        self.git("commit", "-q", "-m", "template", cwd=seed)
        self.git("push", "-q", self.bare, "main", cwd=seed)
        self.seed = seed

    def environment(self, **more):
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "ENV_REPO": self.url,
            "LC_ALL": "C.UTF-8",
        }
        env.update({key: value for key, value in more.items() if value is not None})
        return {key: value for key, value in env.items() if value != "UNSET"}

    def git(self, *arguments, cwd=None):
        who = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
        return out("git", *who, *arguments, cwd=cwd or self.folder, env=self.environment())

    def promote(self, *arguments, **environment):
        return run(SCRIPTS / "promote-env.sh", *arguments, cwd=self.folder, env=self.environment(**environment), seconds=120)

    def start(self, *arguments, **environment):
        command = [str(SCRIPTS / "promote-env.sh"), *arguments]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment(**environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def head(self, branch="main"):
        return self.git("rev-parse", branch, cwd=self.bare)

    def branches(self):
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads", cwd=self.bare).split()

    def subjects(self, branch="main"):
        return self.git("log", "--format=%s", branch, cwd=self.bare).splitlines()

    def text(self, path, branch="main"):
        return self.git("show", f"{branch}:{path}", cwd=self.bare) + "\n"

    def read(self, path, branch="main"):
        return json.loads(out("yq", "-o", "json", ".", "-", text=self.text(path, branch)))

    def image(self, env, branch="main"):
        return self.read(f"envs/{env}/values.yaml", branch)["image"]

    def chart(self, env, branch="main"):
        sources = self.read(f"apps/{env}.yaml", branch)["spec"]["sources"]
        return next(source["targetRevision"] for source in sources if "chart" in source)

    def write(self, path, text):
        """A commit by somebody else."""
        self.git("pull", "-q", "--rebase", self.bare, "main", cwd=self.seed)
        (self.seed / path).parent.mkdir(parents=True, exist_ok=True)
        (self.seed / path).write_text(text)
        self.git("add", ".", cwd=self.seed)
        self.git("commit", "-q", "-m", f"write {path}", cwd=self.seed)
        self.git("push", "-q", self.bare, "HEAD:main", cwd=self.seed)

    def before_push(self, script):
        """Settings for git that make `script` run in a promotion between its commit and its push."""
        hooks = self.folder / "hooks"
        hooks.mkdir(exist_ok=True)
        hook = hooks / "pre-push"
        # git lends its hooks the clone; what they do elsewhere must not be taken for it.
        hook.write_text(f"#!/bin/bash\nunset $(git rev-parse --local-env-vars)\nset -e\n{script}\n")
        hook.chmod(0o755)
        return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": str(hooks)}

    def rival(self, path="notes.txt"):
        """Shell commands that push a commit of somebody else's."""
        return (
            f"work=$(mktemp -d -p {self.folder}); git clone -q {self.bare} $work; cd $work; date +%s%N >>{path}; git add .\n"
            "git -c user.name=rival -c user.email=rival@example.org commit -q -m rival; git push -q origin HEAD:main"
        )
