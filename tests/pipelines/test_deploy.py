"""deploy/: objects against their definitions, policies as narrow as they say, and a run-book that quotes what the service says."""

import json
import os
import re
import subprocess
import tomllib

import pytest
from definitions import defaulted
from support.tools import ROOT, need, out, read_yaml, run

DEPLOY = ROOT / "deploy"
YAML = sorted([*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.yml")])


def registry():
    """Registry and owner of the chart's own image, as they stand everywhere else."""
    return read_yaml(ROOT / "chart/values.yaml")[0]["image"]["repository"].rpartition("/")[0]


def repository():
    """Owner and name of this repository on GitHub."""
    url = read_yaml(DEPLOY / "argocd/application-single-source.yaml")[0]["spec"]["source"]["repoURL"]
    return url.removeprefix("https://github.com/").removesuffix(".git")


def relative(path):
    return str(path.relative_to(ROOT))


# ---- Kubernetes objects ----


@pytest.fixture(scope="session")
def schemas(tmp_path_factory):
    """kubeconform's schemas of the definitions that the lab knows; an unknown field is refused."""
    need("kubeconform", "yq")
    lab = os.environ.get("APUS_LAB")
    if not lab:
        words = "APUS_LAB names no lab, whose `crds` writes the definitions"
        pytest.skip(words) if os.environ.get("APUS_WITHOUT_LAB") == "1" else pytest.fail(words, pytrace=False)
    folder = tmp_path_factory.mktemp("schemas")
    out(lab, "crds", folder / "crds", seconds=300)
    for path in (folder / "crds").glob("*.yaml"):
        for definition in read_yaml(path):
            group, kind = definition["spec"]["group"], definition["spec"]["names"]["kind"]
            for version in definition["spec"]["versions"]:
                schema = strict(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = {"type": "object"}
                name = f"{kind}-{group.split('.')[0]}-{version['name']}.json".lower()
                (folder / name).write_text(json.dumps(schema))
    return folder


def strict(node):
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: strict(value) for key, value in node.items() if key != "format"}
    if isinstance(node.get("properties"), dict) and not node.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if node.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    return made


def validate(schemas, path):
    location = str(schemas) + "/{{ .ResourceKind }}{{ .KindSuffix }}.json"
    return run("kubeconform", "-strict", "-skip", "ServiceAccount", "-schema-location", location, path)


DEFINED = [
    "deploy/argocd/application-single-source.yaml",
    "deploy/argocd/root.yaml",
    "deploy/eks/secret-store.yaml",
    "deploy/env-repo/apps/dev.yaml",
    "deploy/env-repo/apps/prod.yaml",
    "deploy/gke/secret-store.yaml",
]


@pytest.mark.parametrize("path", DEFINED)
def test_objects_are_valid_by_their_definitions(schemas, path):
    done = validate(schemas, ROOT / path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_misspelt_field_would_be_found(schemas, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text((DEPLOY / "env-repo/apps/dev.yaml").read_text().replace("selfHeal", "selfheal"))
    assert validate(schemas, wrong).returncode != 0


def test_every_object_of_those_kinds_is_among_them():
    kinds = ("Application", "SecretStore")
    found = [relative(path) for path in YAML for document in read_yaml(path) if document and document.get("kind") in kinds]
    assert sorted(found) == DEFINED


# ---- Argo CD ----

SINGLE_SOURCE = "deploy/argocd/application-single-source.yaml"


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_an_application_takes_the_chart_from_the_registry_and_its_values_from_git(env):
    spec = read_yaml(DEPLOY / f"env-repo/apps/{env}.yaml")[0]["spec"]
    chart, values = spec["sources"]
    assert (chart["repoURL"], chart["chart"]) == (registry() + "/charts", "hello-fastapi")
    assert chart["helm"]["valueFiles"] == [f"$values/envs/{env}/values.yaml"]
    assert (values["ref"], values["targetRevision"]) == ("values", "main")
    assert spec["destination"]["namespace"] == f"hello-fastapi-{env}"


@pytest.mark.parametrize("path", [path for path in DEFINED if "secret-store" not in path])
def test_every_application_heals_prunes_and_tries_again_with_what_git_says_by_then(path):
    policy = read_yaml(ROOT / path)[0]["spec"]["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": True}
    backoff = {"duration": "5s", "factor": 2, "maxDuration": "3m"}
    assert policy["retry"] == {"limit": 5, "refresh": True, "backoff": backoff}


SECRETS_FROM_OUTSIDE = {
    "data": [{"secretKey": "A", "remoteRef": {"key": "a"}}],
    "dataFrom": [
        {"find": {"tags": {"a": "b"}}, "rewrite": [{"merge": {"strategy": "Extract", "conflictPolicy": "Error"}}]},
        {"extract": {"key": "b"}},
    ],
}


@pytest.mark.parametrize("path", [SINGLE_SOURCE, "deploy/env-repo/apps/dev.yaml", "deploy/env-repo/apps/prod.yaml"])
def test_what_the_definition_of_an_external_secret_adds_is_not_taken_for_drift(schemas, path):
    schema = json.loads((schemas / "externalsecret-external-secrets-v1.json").read_text())
    live = defaulted(schema["properties"]["spec"], SECRETS_FROM_OUTSIDE)
    assert live["data"] != SECRETS_FROM_OUTSIDE["data"] and live["dataFrom"] != SECRETS_FROM_OUTSIDE["dataFrom"]
    (ignored,) = read_yaml(ROOT / path)[0]["spec"]["ignoreDifferences"]
    assert (ignored["group"], ignored["kind"]) == ("external-secrets.io", "ExternalSecret")
    seen = json.dumps({"spec": live})
    for expression in ignored["jqPathExpressions"]:
        seen = out("yq", "-p", "json", "-o", "json", f"del({expression})", "-", text=seen)
    assert {key: json.loads(seen)["spec"][key] for key in SECRETS_FROM_OUTSIDE} == SECRETS_FROM_OUTSIDE


def test_production_outlives_the_file_that_made_it():
    metadata = read_yaml(DEPLOY / "env-repo/apps/prod.yaml")[0]["metadata"]
    assert metadata["annotations"]["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"


def test_the_root_takes_in_every_application_of_the_template():
    spec = read_yaml(DEPLOY / "argocd/root.yaml")[0]["spec"]["source"]
    assert spec["path"] == "apps"
    taken = spec["directory"]["include"].strip("{}").split(",")
    assert sorted(taken) == sorted(path.name for path in (DEPLOY / "env-repo/apps").iterdir())


def test_the_registry_is_known_to_argo_cd_as_oci():
    secret = read_yaml(DEPLOY / "argocd/repository-charts.yaml")[0]
    assert secret["metadata"]["labels"] == {"argocd.argoproj.io/secret-type": "repository"}
    assert secret["stringData"] == {"name": "charts", "type": "helm", "url": registry() + "/charts", "enableOCI": "true"}


def test_the_single_source_names_values_files_that_exist():
    source = read_yaml(DEPLOY / "argocd/application-single-source.yaml")[0]["spec"]["source"]
    assert all((ROOT / source["path"] / file).is_file() for file in source["helm"]["valueFiles"])


@pytest.mark.parametrize("cloud", ["eks", "gke"])
def test_on_either_cloud_the_single_source_follows_the_tag_that_the_run_book_writes(cloud, tmp_path):
    need("helm")
    run_book, text = (DEPLOY / "README.md").read_text(), (ROOT / SINGLE_SOURCE).read_text()
    if cloud == "gke":
        (command,) = re.findall(rf"`sed (\S+) {SINGLE_SOURCE} \| kubectl apply -f -`", run_book)
        assert f"scripts/commit-image-tag.sh deploy/{cloud}/values.yaml 1.2.0" in run_book
        text = out("sed", command, text=text)
    (tmp_path / "application.yaml").write_text(text)
    source = read_yaml(tmp_path / "application.yaml")[0]["spec"]["source"]
    files = [(ROOT / source["path"] / file).resolve() for file in source["helm"]["valueFiles"]]
    assert files == [ROOT / f"chart/values-{cloud}.yaml", DEPLOY / cloud / "values.yaml"]
    tagged = tmp_path / "values.yaml"
    tagged.write_text(files[1].read_text().replace('tag: ""', 'tag: "1.2.0"'))
    rendered = out("helm", "template", "x", "chart", "-f", files[0], "-f", tagged)
    assert f"image: \"{read_yaml(files[1])[0]['image']['repository']}:1.2.0\"" in rendered


def test_the_image_updater_writes_to_git_where_the_single_source_reads():
    spec = read_yaml(DEPLOY / "argocd/image-updater.yaml")[0]["spec"]
    assert spec["writeBackConfig"]["method"].startswith("git:secret:")
    target = spec["writeBackConfig"]["gitConfig"]["writeBackTarget"].removeprefix("helmvalues:/")
    assert (ROOT / target).is_file()
    assert read_yaml(ROOT / target)[0]["image"]["repository"] == spec["applicationRefs"][0]["images"][0]["imageName"]


# ---- values ----


@pytest.mark.parametrize(
    "files",
    [
        ("deploy/env-repo/envs/dev/values.yaml",),
        ("deploy/env-repo/envs/prod/values.yaml",),
        ("chart/values-eks.yaml", "deploy/eks/values.yaml"),
        ("chart/values-gke.yaml", "deploy/gke/values.yaml"),
    ],
)
def test_the_chart_takes_the_values(files):
    need("helm")
    options = [part for file in files for part in ("-f", file)]
    assert "kind: Deployment" in out("helm", "template", "hello-fastapi", "chart", *options)
    out("helm", "lint", "--strict", "chart", *options)


INSTALLATIONS = ["eks/values.yaml", "gke/values.yaml", "env-repo/envs/dev/values.yaml", "env-repo/envs/prod/values.yaml"]


@pytest.mark.parametrize("path", INSTALLATIONS)
def test_an_installation_takes_the_key_from_the_secret_that_holds_its_url(path):
    values = read_yaml(DEPLOY / path)[0]
    secret = {"name": values["database"]["existingSecret"], "key": "api-key"}
    assert values["env"]["API_KEY"] == {"valueFrom": {"secretKeyRef": secret}}
    assert "--from-literal=api-key=" in (DEPLOY / "README.md").read_text()


@pytest.mark.parametrize("cloud", ["eks", "gke"])
def test_the_secret_from_outside_takes_the_place_of_the_one_made_by_hand(cloud, tmp_path):
    need("helm")
    run_book, store = (DEPLOY / "README.md").read_text(), read_yaml(DEPLOY / f"{cloud}/secret-store.yaml")[-1]
    (words,) = [each for each in re.findall(r"`(externalSecret: .*)`", run_book) if f"name: {store['metadata']['name']}," in each]
    assert words in (DEPLOY / f"{cloud}/secret-store.yaml").read_text().replace("\n#", "")
    (tmp_path / "outside.yaml").write_text(words + "\nenv: {API_KEY: null}\ndatabase: {existingSecret: null}\n")
    files = ("-f", f"chart/values-{cloud}.yaml", "-f", f"deploy/{cloud}/values.yaml", "-f", tmp_path / "outside.yaml")
    rendered = out("helm", "template", "hello-fastapi", "chart", *files)
    (tmp_path / "rendered.yaml").write_text(rendered)
    objects = [each for each in read_yaml(tmp_path / "rendered.yaml") if each]
    made = {each["spec"]["target"]["name"] for each in objects if each["kind"] == "ExternalSecret"}
    by_hand = read_yaml(DEPLOY / f"{cloud}/values.yaml")[0]["database"]["existingSecret"]
    assert len(made) == 2 and by_hand not in made and "secretKeyRef" not in rendered


@pytest.mark.parametrize("cloud, name", [("eks", "Ingress"), ("gke", "Ingress"), ("gke", "BackendConfig")])
def test_the_first_request_needs_no_load_balancer(cloud, name):
    need("helm")
    rendered = out("helm", "template", "x", "chart", "-f", f"chart/values-{cloud}.yaml", "-f", f"deploy/{cloud}/values.yaml")
    assert f"kind: {name}\n" not in rendered


@pytest.mark.parametrize("cloud", ["eks", "gke", "aks", "doks", "k3s"])
def test_each_cluster_has_a_values_file_in_the_chart(cloud):
    assert (ROOT / f"chart/values-{cloud}.yaml").is_file()


# ---- AWS ----


def policy(name):
    return json.loads((DEPLOY / "eks" / name).read_text())


def test_the_role_is_for_the_main_branch_of_this_repository_alone():
    (statement,) = policy("github-trust-policy.json")["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    ((operator, condition),) = statement["Condition"].items()
    assert operator == "StringEquals" and set(condition) == {f"token.actions.githubusercontent.com:{name}" for name in ("aud", "sub")}
    assert condition["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    assert unnumbered(condition["token.actions.githubusercontent.com:sub"]) == f"repo:{repository()}:ref:refs/heads/main"


def unnumbered(subject):
    return re.sub(r"@\d+(?=[/:])", "", subject)


def test_the_role_is_for_the_repository_as_github_writes_it(tmp_path):
    """With its numbers, which the run-book's line asks GitHub for."""
    need("yq")
    (line,) = re.findall(r'^sed -i "s#repo:.*$', (DEPLOY / "README.md").read_text(), re.M)
    assert f"gh api repos/{repository()} " in line
    owner, name = repository().split("/")
    answer = json.dumps({"owner": {"login": owner, "id": 12}, "name": name, "id": 345})
    (tmp_path / "gh").write_text(f"#!/bin/bash\n[[ $3 == --jq ]] && yq -p json -r \"$4\" <<<'{answer}'\n")
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "deploy/eks").mkdir(parents=True)
    policy = tmp_path / "deploy/eks/github-trust-policy.json"
    policy.write_text((DEPLOY / "eks/github-trust-policy.json").read_text())
    for _ in range(2):
        out("bash", "-c", line, cwd=tmp_path, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        (statement,) = json.loads(policy.read_text())["Statement"]
        subject = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
        assert subject == f"repo:{owner}@12/{name}@345:ref:refs/heads/main"


def test_the_role_may_push_to_one_repository_and_no_more():
    login, push = policy("ecr-push-policy.json")["Statement"]
    assert (login["Action"], login["Resource"]) == ("ecr:GetAuthorizationToken", "*")
    assert push["Resource"].endswith(":repository/hello-fastapi")
    assert all(re.fullmatch(r"ecr:[A-Z]\w+", action) for action in push["Action"])
    assert "ecr:PutImage" in push["Action"] and not any("Delete" in action for action in push["Action"])


def test_nodes_may_pull_before_anything_is_synced():
    cluster = read_yaml(DEPLOY / "eks/cluster.yaml")[0]
    (nodes,) = cluster["managedNodeGroups"]
    assert (nodes["instanceType"], nodes["minSize"], nodes["desiredCapacity"], nodes["maxSize"]) == ("t3.medium", 2, 2, 4)
    policies = {arn.rpartition("/")[2] for arn in nodes["iam"]["attachPolicyARNs"]}
    assert policies >= {"AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"}
    assert cluster["iam"]["withOIDC"] is True


def test_the_service_account_of_the_secrets_has_the_role_of_the_values():
    (account,) = read_yaml(DEPLOY / "eks/cluster.yaml")[0]["iam"]["serviceAccounts"]
    store = read_yaml(DEPLOY / "eks/secret-store.yaml")[0]
    reference = store["spec"]["provider"]["aws"]["auth"]["jwt"]["serviceAccountRef"]["name"]
    assert account["metadata"] == {"name": reference, "namespace": store["metadata"]["namespace"]}
    annotations = read_yaml(DEPLOY / "eks/values.yaml")[0]["serviceAccount"]["annotations"]
    assert annotations["eks.amazonaws.com/role-arn"].endswith(f":role/{account['roleName']}")
    assert not [s for s in account["attachPolicy"]["Statement"] if "secretsmanager:GetSecretValue" in s["Action"] and "Condition" not in s]


def test_the_database_goes_before_the_network_that_it_is_in():
    text = (DEPLOY / "README.md").read_text()
    steps = ("rds delete-db-instance", "rds wait db-instance-deleted", "rds delete-db-subnet-group", "ec2 delete-security-group")
    places = [text.index(step) for step in (*steps, "eksctl delete cluster")]
    assert places == sorted(places)
    assert "--skip-final-snapshot" in text[places[0] : places[1]]


def test_the_run_book_asks_for_an_eksctl_that_knows_what_the_cluster_says():
    assert "subjectPattern:" in (DEPLOY / "eks/cluster.yaml").read_text()
    (version,) = re.findall(r"eksctl (\d+\.\d+\.\d+) or newer", (DEPLOY / "README.md").read_text())
    assert tuple(map(int, version.split("."))) >= (0, 222, 0), "the first that has subjectPattern"


# ---- Google ----


def test_the_store_of_secrets_brings_the_service_account_that_it_names_with_the_services_identity():
    account, store = read_yaml(DEPLOY / "gke/secret-store.yaml")
    reference = store["spec"]["provider"]["gcpsm"]["auth"]["workloadIdentity"]["serviceAccountRef"]["name"]
    assert (account["metadata"]["name"], account["metadata"]["namespace"]) == (reference, store["metadata"]["namespace"])
    values = read_yaml(DEPLOY / "gke/values.yaml")[0]["serviceAccount"]
    assert account["metadata"]["annotations"] == values["annotations"]
    run_book = (DEPLOY / "README.md").read_text()
    (identities,) = re.findall(r"for account in (.*); do", run_book)
    assert reference in identities.split()
    assert {"secretmanager.viewer", "secretmanager.secretAccessor"} <= set(re.findall(r"--role roles/(\S+)", run_book))


# ---- elsewhere ----


def test_every_platforms_file_can_be_read():
    for path in [*YAML, *DEPLOY.rglob("*.json")]:
        json.loads(path.read_text()) if path.suffix == ".json" else read_yaml(path)
    tomllib.loads((DEPLOY / "elsewhere/fly.toml").read_text())


def test_railway_is_given_the_published_image_and_builds_nothing():
    build = json.loads((DEPLOY / "elsewhere/railway/railway.json").read_text())["build"]
    lines = (DEPLOY / "elsewhere/railway" / build["dockerfilePath"]).read_text().splitlines()
    repository = read_yaml(ROOT / "chart/values.yaml")[0]["image"]["repository"]
    assert [line for line in lines if not line.startswith("#")] == [f"FROM {repository}:1.2.0"]


def platform_environments():
    container = read_yaml(DEPLOY / "elsewhere/cloud-run.yaml")[0]["spec"]["template"]["spec"]["containers"][0]
    runner = json.loads((DEPLOY / "elsewhere/app-runner.json").read_text())["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
    render = read_yaml(DEPLOY / "elsewhere/render.yaml")[0]["services"][0]
    return {
        "cloud-run": {item["name"] for item in container["env"]},
        "app-runner": {*runner["RuntimeEnvironmentVariables"], *runner["RuntimeEnvironmentSecrets"]},
        "render": {item["key"] for item in render["envVars"]},
        "railway": set(re.findall(r"--variables [\"']?([A-Z_]+)=", (DEPLOY / "elsewhere/README.md").read_text())),
        "fly": set(tomllib.loads((DEPLOY / "elsewhere/fly.toml").read_text())["env"]),
    }


def test_platforms_set_only_variables_that_the_service_knows():
    known = set(re.findall(r'"([A-Z][A-Z0-9_]+)"', "".join(path.read_text() for path in (ROOT / "runtime").rglob("*.c"))))
    known |= set(re.findall(r'"([A-Z][A-Z0-9_]+)"', (ROOT / "app/main.c").read_text()))
    for platform, names in platform_environments().items():
        assert names <= known, platform
        assert {"APP_ENV", "MIGRATE_ON_START", "DB_POOL_MAX"} <= names, platform


# ---- the run-book ----

PAGES = sorted(DEPLOY.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page):
    text = page.read_text()
    headings = {re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in text.splitlines() if line.startswith("#")}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        assert not path or (page.parent / path).exists(), target
        assert not anchor or path or anchor in headings, target


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_files_that_commands_name_exist(page):
    named = re.findall(r"(?<![\w/.-])(?:deploy|chart|scripts|tests)/[\w./-]*\w(?![\w*])", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_shell_can_read_the_commands(page):
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.S):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stderr}\n{block}"


COMMANDS = ("kubectl ", "aws ", "helm ", "eval ", "git ", "/app ", "--set-string ", "port-forward ")
SETTINGS = re.compile(r"[A-Za-z]+(\.[A-Za-z]+)+(: \S+)?|[A-Z_]+(=\S+)?|/\w+|\w+:\w+")


def test_a_shell_beside_the_service_passes_pod_security_as_the_namespace_enforces_it():
    commands = re.findall(r"`(kubectl debug [^`]*)`", (DEPLOY / "README.md").read_text())
    assert commands and all("--profile=restricted" in command for command in commands)


def source():
    """All that the service, its chart and the scripts can say, with adjacent strings joined."""
    files = [path for room in ("runtime", "app", "chart", "scripts") for path in (ROOT / room).rglob("*") if path.is_file()]
    text = "".join(path.read_text(errors="replace") for path in files if path.suffix not in (".png", ".tgz"))
    return re.sub(r'"\s*\n\s*"', "", text).replace('\\"', '"')


def quotations():
    table = (DEPLOY / "README.md").read_text().split("## When something fails")[1]
    spans = [span for row in table.splitlines() if row.startswith("| **") for span in re.findall(r"`([^`]+)`", row)]
    return [span for span in spans if not span.startswith(COMMANDS)]


def test_what_the_run_book_quotes_is_what_the_service_says():
    text = source()
    spans = quotations()
    words = [span for span in spans if " " in span and not SETTINGS.fullmatch(span)]
    assert len(words) > 20
    missing = [span for span in words for part in re.split(r"…|\"abc\"|\(expected.*", span) if part.strip() not in text]
    assert sorted(set(missing) - FROM_ELSEWHERE) == []


# What is not the service's own: a setting beside its value, and configuration of others.
FROM_ELSEWHERE = {'enableOCI: "true"', "argocd.argoproj.io/secret-type: repository"}


def test_the_metrics_that_it_names_exist():
    text = source()
    names = [span for span in quotations() if re.fullmatch(r"[a-z]+(_[a-z]+){2,}", span)]
    assert len(names) > 8
    assert [name for name in names if name not in text and not name.startswith("container_")] == []


def test_the_alerts_that_it_names_exist():
    named = set(re.findall(r"alert `(\w+)`", (DEPLOY / "README.md").read_text()))
    rules = set(re.findall(r"- alert: (\w+)", (ROOT / "chart/templates/_rules.tpl").read_text()))
    assert named and named <= rules
