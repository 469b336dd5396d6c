"""The schema catches typos; values, schema, templates and README name the same keys."""

import json
import re

import jsonschema
import pytest
import readme
import yaml
from support import CHART, EVERYTHING, PROFILES, Unique, leaves, refusal, render

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
KEYS = readme.described_paths()


def resolved(node):
    return SCHEMA["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def closed_objects(node=SCHEMA, path=()):
    """The paths of the objects that allow no other keys, as far as they can be set in values."""
    node = resolved(node)
    if node.get("additionalProperties") is False and "patternProperties" not in node:
        yield path
    for key, inner in node.get("properties", {}).items():
        yield from closed_objects(inner, (*path, key))


def nested(path, value):
    for key in reversed(path):
        value = {key: value}
    return value


def test_the_schema_is_a_schema_and_the_values_pass_it():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.Draft7Validator(SCHEMA).validate(VALUES)


@pytest.mark.parametrize("path", sorted(closed_objects()), ids=lambda path: ".".join(path) or "top")
def test_a_key_that_does_not_exist_is_refused(path):
    errors = jsonschema.Draft7Validator(SCHEMA).iter_errors(nested(path, {"tpyo": 1}))
    assert path in {tuple(error.absolute_path) for error in errors if error.validator == "additionalProperties"}


TYPOS = {
    "a wrong key at the top": ({"replicas": 3}, "replicas"),
    "a wrong key inside": ({"image": {"tags": "1"}}, "tags"),
    "the budget's key misspelt": ({"database": {"maxConnection": 500}}, "maxConnection"),
    "a text for a number": ({"replicaCount": "three"}, "replicaCount"),
    "a number for a tag": ({"image": {"tag": 1234567}}, "tag"),
    "a negative number": ({"drain": {"delay": -1}}, "delay"),
    "a wrong word": ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
    "a tag in the repository": ({"image": {"repository": "ghcr.io/acme/app:1"}}, "repository"),
    "a digest that is none": ({"image": {"digest": "abc"}}, "digest"),
    "a name that no Service can have": ({"fullnameOverride": "Api_Server"}, "fullnameOverride"),
    "a source of variables without its kind": ({"envFrom": [{"prefix": "X_"}]}, "envFrom"),
    "a pool of one": ({"database": {"poolMax": 1}}, "poolMax"),
    "a URL of another database": ({"database": {"url": "mysql://db/x"}}, "url"),
    "a variable that is a list": ({"env": {"A": [1]}}, "env"),
    "a variable's name with a hyphen": ({"env": {"A-B": "1"}}, "env"),
    "valueFrom misspelt": ({"env": {"A": {"valuefrom": {"secretKeyRef": {"name": "a", "key": "b"}}}}}, "env"),
    "a reference without its key": ({"env": {"A": {"valueFrom": {"secretKeyRef": {"name": "a"}}}}}, "env"),
    "a path without its slash": ({"livenessProbe": {"httpGet": {"path": "healthz"}}}, "path"),
    "a probe's field misspelt": ({"livenessProbe": {"failureTreshold": 3}}, "failureTreshold"),
    "a port out of range": ({"service": {"port": 70000}}, "port"),
    "a pool mode that breaks transactions": ({"pgbouncer": {"poolMode": "statement"}}, "poolMode"),
    "a surge that is no part": ({"rollout": {"maxSurge": "many"}}, "maxSurge"),
    "a resource misspelt": ({"resources": {"limit": {"cpu": 1}}}, "limit"),
    "a quantity that is none": ({"resources": {"limits": {"memory": "512MB"}}}, "memory"),
    "an annotation that is no text": ({"podAnnotations": {"a": True}}, "podAnnotations"),
}


@pytest.mark.parametrize("values, word", TYPOS.values(), ids=TYPOS)
def test_helm_refuses(values, word):
    words = refusal(values)
    assert "values don't meet the specifications of the schema" in words and word in words


def test_what_a_parent_chart_adds_is_allowed():
    assert render({"global": {"anything": 1}, "enabled": True})


@pytest.mark.parametrize(
    "values",
    [
        {"affinity": {"podAntiAffinity": {"anything": 1}}},
        {"extraPodSpec": {"dnsConfig": {"options": []}}},
        {"securityContext": {"runAsUser": 2000}},
        {"extraVolumes": [{"name": "a", "csi": {}}]},
        {"resources": {"limits": {"nvidia.com/gpu": 1}}},
        {"service": {"extraSpec": {"anything": 1}}},
    ],
)
def test_escape_hatches_stay_open(values):
    assert render(values)


def paths(values, prefix=()):
    for key, value in values.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from paths(value, (*prefix, key))


def without(path, values=VALUES):
    """The values as Helm hands them over when that key was set to null."""
    return {
        key: without(path[1:], value) if path[1:] and key == path[0] else value for key, value in values.items() if path != (key,)
    }


def needed(path):
    return bool(list(jsonschema.Draft7Validator(SCHEMA).iter_errors(without(path))))


def test_what_the_templates_compute_with_cannot_be_null():
    words = refusal({"replicaCount": None, "rollout": {"maxSurge": None}, "autoscaling": None, "migrations": {"job": None}})
    for line in ("at '': missing properties 'replicaCount', 'autoscaling'", "at '/rollout': missing property 'maxSurge'", "at '/migrations': missing property 'job'"):
        assert line in words
    groups = {path for path in closed_objects() if path and path in set(paths(VALUES)) and path not in KEYS}
    assert [path for path in groups if not needed(path) and path[0] != "resources" and not path[0].endswith("Probe")] == []


@pytest.mark.parametrize("values", [{}, {**EVERYTHING, "autoscaling": {"enabled": False}}], ids=["the defaults", "everything on"])
def test_what_else_is_null_is_left_out(values):
    emptied = json.loads(json.dumps(values))
    limits = {("pdb", "minAvailable"), ("pdb", "maxUnavailable")}
    routes = {("ingress", "hosts"), ("httpRoute", "parentRefs"), ("httpRoute", "rules")} if values else set()
    for path in sorted({path for path in KEYS if not needed(path)} - limits - routes):
        inner = emptied
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner.setdefault(path[-1], None)
    objects = render(emptied)
    assert objects.kinds == render(values).kinds
    assert [(each["kind"], each["metadata"]["name"]) for each in objects if None in leaves(each)] == []


def test_every_key_is_commented():
    described = KEYS
    for path in paths(VALUES):
        inside = any(path[:i] in described and readme.is_leaf(path[:i], described) for i in range(1, len(path) + 1))
        group = any(other[: len(path)] == path for other in described)
        assert inside or group, ".".join(path)


def test_every_key_is_in_the_schema():
    for path in readme.described_paths():
        node = SCHEMA
        for key in path:
            node = resolved(node)["properties"][key]


def test_every_key_of_the_schema_has_a_default():
    known = set(paths(VALUES))
    for key, node in SCHEMA["properties"].items():
        if key in ("global", "enabled"):
            continue
        assert (key,) in known, key
        if not key.endswith("Probe") and key not in ("resources", "lifecycle"):
            assert all((key, inner) in known for inner in resolved(node).get("properties", {})), key


def test_every_key_is_used_and_no_other():
    templates = "\n".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    used = {tuple(match.split(".")) for match in re.findall(r"(?:\.Values|\$values)\.([A-Za-z.]+)", templates)}
    known = set(paths(VALUES))
    assert {path for path in used if path not in known} == set()
    assert {key for key in VALUES if key not in {path[0] for path in used}} == set()
    words = set(re.findall(r"[A-Za-z0-9]+", templates))
    assert {".".join(path) for path in readme.described_paths() if path[-1] not in words} == set()


def test_the_readme_is_what_the_comments_say():
    assert (CHART / "README.md").read_text() == readme.text(), "make it anew: python3 tests/chart/readme.py"


def test_the_readme_names_every_values_file():
    assert all(f"`{name}`" in readme.text() for name in PROFILES)


@pytest.mark.parametrize("name", ["values.yaml", *PROFILES])
def test_no_key_is_there_twice(name):
    assert yaml.load((CHART / name).read_text(), Loader=Unique)


def test_every_platform_has_its_values_file():
    wanted = {"aks", "dev", "doks", "eks", "gke", "k3s", "prod", "small"}
    assert {name.removeprefix("values-").removesuffix(".yaml") for name in PROFILES} == wanted
