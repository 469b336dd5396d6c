"""Renders the chart and takes the objects apart."""

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CHART = ROOT / "chart"
RELEASE, NAMESPACE = "shop", "stage"
NAME = "shop-hello-fastapi"
IMAGE = yaml.safe_load((CHART / "values.yaml").read_text())["image"]["repository"]
PROFILES = sorted(path.name for path in CHART.glob("values-*.yaml"))

EXTERNAL_SECRET = {"enabled": True, "secretStoreRef": {"name": "store"}, "tags": {"service": "shop"}}
EVERYTHING = {
    "externalSecret": EXTERNAL_SECRET,
    "autoscaling": {"enabled": True},
    "database": {"poolMax": 7},
    "ingress": {"enabled": True, "className": "nginx", "tls": [{"secretName": "tls", "hosts": ["hello.example.com"]}]},
    "httpRoute": {"enabled": True},
    "networkPolicy": {"restrictEgress": True},
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True, "runbookUrl": "https://example.com/run-book"},
    "grafanaDashboard": {"enabled": True},
}


class Refused(Exception):
    """What Helm said instead of rendering."""


def lacking(words, *known):
    """Fails the test, or skips it where one of these variables says that it is known."""
    (pytest.skip if "1" in map(os.environ.get, ("APUS_WITHOUT_LAB", *known)) else pytest.fail)(words)


def tool(name):
    path = shutil.which(name)
    if path is None:
        lacking(f"{name} is missing: '../shared/lab/lab tools {name}' installs it, or put it into PATH")
    return path


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **options)


@functools.cache
def rendered_text(values_json, profiles, release, namespace):
    command = [tool("helm"), "template", release, CHART, "--namespace", namespace]
    for profile in profiles:
        command += ["--values", CHART / profile]
    done = run(*command, "--values", "-", input=values_json)
    if done.returncode:
        raise Refused(done.stderr.strip())
    return done.stdout


def text(values=None, *profiles, release=RELEASE, namespace=NAMESPACE):
    return rendered_text(json.dumps(values or {}), profiles, release, namespace)


class Unique(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML keeps the last."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: {keys}"
        return super().construct_mapping(node, deep)


class Objects(list):
    def of(self, kind):
        return [each for each in self if each["kind"] == kind]

    def one(self, kind, name=None):
        found = [each for each in self.of(kind) if name in (None, each["metadata"]["name"])]
        assert len(found) == 1, f"{kind} {name}: {[each['metadata']['name'] for each in found]}"
        return found[0]

    @property
    def kinds(self):
        return {each["kind"] for each in self}

    @property
    def hooks(self):
        return Objects(each for each in self if "pre-install" in annotations(each).get("helm.sh/hook", ""))

    @property
    def plain(self):
        return Objects(each for each in self if "helm.sh/hook" not in annotations(each))

    @property
    def pod(self):
        return self.one("Deployment")["spec"]["template"]["spec"]

    @property
    def container(self):
        return self.pod["containers"][0]

    @property
    def job(self):
        return self.one("Job")

    @property
    def job_pod(self):
        return self.job["spec"]["template"]["spec"]


def annotations(thing):
    return thing["metadata"].get("annotations") or {}


def render(values=None, *profiles, **where):
    """The objects that these values give, over the values files of these names."""
    return Objects(each for each in yaml.safe_load_all(text(values, *profiles, **where)) if each)


def refusal(values, *profiles):
    """The line with which the chart refuses these values."""
    with pytest.raises(Refused) as refused:
        text(values, *profiles)
    return str(refused.value)


def environment(container):
    """The container's variables: texts, or valueFrom as a dictionary."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container.get("env", [])}


def secret(name, key):
    return {"secretKeyRef": {"name": name, "key": key}}


def pod_templates(objects):
    """(name, labels, spec) of everything that becomes a pod."""
    for each in objects:
        if each["kind"] == "Pod":
            yield each["metadata"]["name"], each["metadata"]["labels"], each["spec"]
        elif each["kind"] in ("Deployment", "Job"):
            template = each["spec"]["template"]
            yield each["metadata"]["name"], template["metadata"]["labels"], template["spec"]


def leaves(thing):
    """Every value inside that holds no others."""
    inner = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ()
    return [leaf for each in inner for leaf in leaves(each)] if inner else [thing]


def selects(selector, labels):
    return selector.items() <= labels.items()
