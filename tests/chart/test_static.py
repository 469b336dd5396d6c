"""What others' tools say of the chart."""

import copy
import json
import os
import tarfile
from pathlib import Path

import jsonschema
import pytest
import yaml
from definitions import defaulted
from support import CHART, EVERYTHING, IMAGE, PROFILES, annotations, lacking, render, run, text, tool

LAB = Path(os.environ.get("LAB_HOME", Path.home() / ".cache/apus-lab"))
RENDERINGS = {
    "the defaults": ({}, ()),
    "everything on": (EVERYTHING, ()),
    "a URL in the values": ({"database": {"url": "postgresql://u:p@db/x"}}, ()),
    **{name: ({}, (name,)) for name in PROFILES},
}
over_all = pytest.mark.parametrize("values, profiles", RENDERINGS.values(), ids=RENDERINGS)

# What kube-score finds, and why it is so all the same.
KUBE_SCORE_EXCEPTIONS = {
    "container-image-pull-policy": "IfNotPresent is the contract's: tags are never moved, and a digest can be given",
    "container-ephemeral-storage-request-and-limit": "the root is read-only and no volume is mounted: nothing can be written",
    "deployment-has-host-podantiaffinity": "topologySpreadConstraints spread the pods, and let them start on a cluster of one node",
    "pod-networkpolicy": "only for the Job and the test, which listen on nothing; that the pods have theirs is asserted here",
    "container-security-context-user-group-id": "uid and gid are the image's own 1000; it asks for more than 10000",
    "deployment-replicas": "values-dev.yaml and values-k3s.yaml are for one machine",
}

# What checkov finds, and why it is so all the same.
CHECKOV_EXCEPTIONS = {
    "CKV_K8S_8": "the Job and the test are no servers and have no probes",
    "CKV_K8S_9": "the Job and the test are no servers and have no probes",
    "CKV_K8S_15": "IfNotPresent is the contract's",
    "CKV_K8S_35": "settings are environment variables by contract; Secrets reach them by reference",
    "CKV_K8S_40": "uid and gid 1000 are the contract's",
    "CKV_K8S_43": "a digest can be given: image.digest",
    "CKV2_K8S_6": "only for the Job and the test, which listen on nothing",
}


@pytest.mark.parametrize("profile", [None, *PROFILES])
def test_helm_lint_has_nothing_to_say(profile):
    done = run(tool("helm"), "lint", "--strict", CHART, *(["--values", CHART / profile] if profile else []))
    assert done.returncode == 0 and "WARNING" not in done.stdout, done.stdout + done.stderr


def test_helm_lint_says_what_the_checks_refuse():
    """Helm's lint only tells what a chart refuses; template and install end there."""
    done = run(tool("helm"), "lint", "--strict", CHART, "--set", "replicaCount=50")
    assert "connection budget exceeded" in done.stdout + done.stderr


def test_the_chart_is_an_application_of_one_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["apiVersion"], chart["type"]) == ("v2", "application") and chart["version"] == chart["appVersion"]


def test_a_package_is_stamped_and_renders_like_the_folder(tmp_path):
    done = run(tool("helm"), "package", CHART, "--version", "1.2.0", "--app-version", "1.2.0", "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    package = tmp_path / "hello-fastapi-1.2.0.tgz"
    with tarfile.open(package) as archive:
        inside = set(archive.getnames())
    wanted = {
        "Chart.yaml",
        "README.md",
        "values.yaml",
        "values.schema.json",
        "dashboards/service.json",
        "templates/NOTES.txt",
        *PROFILES,
    }
    assert {f"hello-fastapi/{name}" for name in wanted} <= inside
    rendered = run(tool("helm"), "template", "shop", package)
    assert rendered.returncode == 0 and f'image: "{IMAGE}:1.2.0"' in rendered.stdout


def test_the_notes_say_how_to_reach_it_and_what_it_takes_of_the_database(tmp_path):
    """Helm renders the notes only when it installs; as a template of their own they show without a cluster."""
    copied = tmp_path / "chart"
    for path in CHART.rglob("*"):
        if path.is_file():
            target = copied / path.relative_to(CHART)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    notes = (copied / "templates/NOTES.txt").read_text()
    (copied / "templates/shown.yaml").write_text(
        '{{- define "notes" -}}\n' + notes + '\n{{- end }}\nnotes: {{ include "notes" . | quote }}\n'
    )

    def shown(*options):
        done = run(tool("helm"), "template", "shop", copied, "--show-only", "templates/shown.yaml", *options)
        assert done.returncode == 0, done.stderr
        return yaml.safe_load(done.stdout)["notes"]

    plain = shown("--namespace", "stage")
    assert "port-forward svc/shop-hello-fastapi 9000:80" in plain and "localhost:9000/api/v1/health" in plain
    assert "= 76; Postgres has 100 by database.maxConnections" in plain and "helm test shop -n stage" in plain
    assert "No database is configured" in plain
    assert "No database is configured" not in shown("--set", "database.existingSecret=db")
    assert "https://hello.example.com/api/v1/health" in shown("--values", str(CHART / "values-k3s.yaml"))


@over_all
def test_no_object_is_there_twice_and_none_is_half_rendered(values, profiles):
    objects = render(values, *profiles)
    names = [
        (
            each["apiVersion"],
            each["kind"],
            each["metadata"].get("namespace"),
            each["metadata"]["name"],
        )
        for each in objects
    ]
    assert len(names) == len(set(names))
    rendered = text(values, *profiles)
    assert "<no value>" not in rendered and "%!" not in rendered and "<nil>" not in rendered
    for each in objects:
        assert all(isinstance(value, str) for value in annotations(each).values())
        assert all(isinstance(value, str) for value in each["metadata"].get("labels", {}).values())


@over_all
def test_kube_score_finds_only_what_is_explained(values, profiles):
    done = run(tool("kube-score"), "score", "--output-format", "json", "-", input=text(values, *profiles))
    objects = json.loads(done.stdout)
    found = {}
    for each in objects:
        for check in each["checks"]:
            if check["grade"] < 10 and not check["skipped"]:
                found.setdefault(check["check"]["id"], []).append(each["object_name"])
    assert found.keys() <= KUBE_SCORE_EXCEPTIONS.keys(), found
    assert "shop-hello-fastapi" not in found.get("pod-networkpolicy", [])
    if not profiles:
        assert "deployment-replicas" not in found


def test_every_exception_of_kube_score_is_still_needed():
    found = set()
    for values, profiles in RENDERINGS.values():
        done = run(tool("kube-score"), "score", "--output-format", "json", "-", input=text(values, *profiles))
        found |= {
            check["check"]["id"]
            for each in json.loads(done.stdout)
            for check in each["checks"]
            if check["grade"] < 10 and not check["skipped"]
        }
    assert found == KUBE_SCORE_EXCEPTIONS.keys()


def test_checkov_finds_only_what_is_explained(tmp_path):
    (tmp_path / "chart.yaml").write_text(text(EVERYTHING))
    done = run(
        tool("checkov"), "--framework", "kubernetes", "--file", tmp_path / "chart.yaml", "--output", "json", "--quiet", "--compact"
    )
    failed = json.loads(done.stdout)["results"]["failed_checks"]
    assert {check["check_id"] for check in failed} <= CHECKOV_EXCEPTIONS.keys(), {
        check["check_id"]: check["resource"] for check in failed
    }


def cluster_schemas():
    folder = LAB / "schemas"
    if not folder.is_dir():
        lacking(f"no schemas in {folder}: 'lab cluster up', 'lab crds' and 'lab schemas {folder}' write them", "APUS_WITHOUT_SCHEMAS")
    return folder


@pytest.mark.schemas
@over_all
def test_kubeconform_finds_every_object_valid(values, profiles):
    schemas = cluster_schemas()
    # The first two are the cloud's own; the others are checked against their definitions below.
    foreign = "ManagedCertificate,BackendConfig,ExternalSecret,ServiceMonitor,PrometheusRule,HTTPRoute"
    done = run(
        tool("kubeconform"),
        "-strict",
        "-summary",
        "-skip",
        foreign,
        "-schema-location",
        f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json",
        "-",
        input=text(values, *profiles),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def closed(schema):
    """The schema of a definition, so strict that unknown fields are errors, as the API server's strict mode has it."""
    schema = copy.copy(schema)
    if "properties" in schema:
        schema["properties"] = {name: closed(inner) for name, inner in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
    if isinstance(schema.get("additionalProperties"), dict):
        schema["additionalProperties"] = closed(schema["additionalProperties"])
    if isinstance(schema.get("items"), dict):
        schema["items"] = closed(schema["items"])
    if schema.get("x-kubernetes-int-or-string"):
        schema.pop("anyOf", None)
        schema["type"] = ["integer", "string"]
    return schema


def definitions():
    folder = LAB / "crds"
    if not folder.is_dir():
        lacking(f"no definitions in {folder}: '../shared/lab/lab crds' writes them")
    found = {}
    for path in folder.glob("*.yaml"):
        for crd in yaml.load_all(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if not crd or crd["spec"]["names"]["kind"] not in ("ExternalSecret", "ServiceMonitor", "PrometheusRule", "HTTPRoute"):
                continue
            for version in crd["spec"]["versions"]:
                found[f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]] = version["schema"][
                    "openAPIV3Schema"
                ]
    return found


def test_objects_of_other_projects_pass_their_own_definitions():
    known = definitions()
    checked = set()
    single = {"data": [{"secretKey": "A", "remoteRef": {"key": "a"}}], "dataFrom": [{"extract": {"key": "b"}}]}
    renderings = [*RENDERINGS.values(), ({**EVERYTHING, "externalSecret": {**EVERYTHING["externalSecret"], **single}}, ())]
    for values, profiles in renderings:
        for each in render(values, *profiles):
            schema = known.get((each["apiVersion"], each["kind"]))
            if schema:
                strict = closed(schema)
                strict["properties"]["metadata"] = {"type": "object"}
                jsonschema.Draft7Validator(strict).validate(each)
                checked.add(each["kind"])
    assert checked == {"ExternalSecret", "ServiceMonitor", "PrometheusRule", "HTTPRoute"}


@pytest.mark.parametrize("kind", ["HTTPRoute", "ServiceMonitor", "PrometheusRule"])
def test_the_api_server_adds_nothing_that_argo_cd_would_take_for_drift(kind):
    """ExternalSecrets are the Applications' to look past: what their definition adds differs from version to version."""
    each = render(EVERYTHING).one(kind)
    assert defaulted(definitions()[each["apiVersion"], kind], each)["spec"] == each["spec"]


def test_an_object_with_a_wrong_field_would_not_pass():
    known = definitions()
    each = copy.deepcopy(render(EVERYTHING).plain.one("ExternalSecret"))
    strict = closed(known[each["apiVersion"], each["kind"]])
    strict["properties"]["metadata"] = {"type": "object"}
    each["spec"]["dataFrom"][0]["rewrite"][0]["merge"]["strategy"] = "Guess"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(strict).validate(each)
    each["spec"]["dataFrom"][0]["rewrite"][0] = {"merging": {}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(strict).validate(each)


@pytest.mark.parametrize(
    "bring, variables",
    [
        (lambda: tool("no-such-tool"), {"APUS_WITHOUT_LAB"}),
        (definitions, {"APUS_WITHOUT_LAB"}),
        (cluster_schemas, {"APUS_WITHOUT_LAB", "APUS_WITHOUT_SCHEMAS"}),
    ],
    ids=["a tool", "definitions", "schemas"],
)
def test_what_the_lab_would_bring_is_left_out_only_where_that_is_known(bring, variables, tmp_path, monkeypatch):
    monkeypatch.setattr("test_static.LAB", tmp_path)
    for known in ("", "APUS_WITHOUT_LAB", "APUS_WITHOUT_SCHEMAS"):
        for name in ("APUS_WITHOUT_LAB", "APUS_WITHOUT_SCHEMAS"):
            monkeypatch.setenv(name, "1" if name == known else "")
        with pytest.raises(pytest.skip.Exception if known in variables else pytest.fail.Exception):
            bring()
