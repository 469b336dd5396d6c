"""Where the database's URL comes from, and the migrations that run before the pods."""

import program
import pytest
from support import EXTERNAL_SECRET, annotations, environment, refusal, render, secret

URL = "postgresql://user:word@db/shop"


def weight(thing):
    return int(annotations(thing)["helm.sh/hook-weight"])


def urls(container):
    own = environment(container)
    return own.get("DATABASE_URL"), own.get("DATABASE_DIRECT_URL")


def test_the_url_comes_from_a_secret_that_exists():
    objects = render({"database": {"existingSecret": "db"}})
    for container in (objects.container, objects.job_pod["containers"][0]):
        assert urls(container) == (secret("db", "database-url"), None)
    objects = render({"database": {"existingSecret": "db", "existingSecretKey": "url", "existingSecretDirectKey": "direct"}})
    for container in (objects.container, objects.job_pod["containers"][0]):
        assert urls(container) == (secret("db", "url"), secret("db", "direct"))
    assert "Secret" not in objects.kinds


def test_a_url_in_the_values_goes_into_a_secret_and_never_into_the_pod():
    objects = render({"database": {"url": URL, "directUrl": URL + "?direct"}})
    kept = objects.plain.one("Secret")
    assert kept["stringData"] == {"database-url": URL, "database-direct-url": URL + "?direct"}
    name = kept["metadata"]["name"]
    assert urls(objects.container) == (secret(name, "database-url"), secret(name, "database-direct-url"))
    assert URL not in str(objects.pod) and URL not in str(objects.job_pod)


def test_the_job_has_a_twin_of_the_secret_that_is_there_before_it():
    objects = render({"database": {"url": URL}})
    twin = objects.hooks.one("Secret")
    assert twin["stringData"] == objects.plain.one("Secret")["stringData"]
    assert urls(objects.job_pod["containers"][0])[0] == secret(twin["metadata"]["name"], "database-url")
    assert weight(twin) < weight(objects.job)


def test_pods_are_replaced_when_the_url_changes():
    def checksum(url):
        return annotations(render({"database": {"url": url}}).one("Deployment")["spec"]["template"])["checksum/database"]

    assert checksum(URL) == checksum(URL) != checksum(URL + "2")


def test_two_sources_of_one_url_are_refused():
    assert "both set" in refusal({"database": {"url": URL, "existingSecret": "db"}})
    assert "without database.url" in refusal({"database": {"directUrl": URL}})


def test_migrations_run_once_before_the_pods_under_helm_and_under_argo_cd():
    job = render().job
    notes = annotations(job)
    assert notes["helm.sh/hook"] == "pre-install,pre-upgrade"
    # Argo CD takes its own annotation and leaves Helm's when both are there.
    assert notes["argocd.argoproj.io/hook"] == "PreSync"
    assert notes["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    assert notes["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation,HookSucceeded"
    assert notes["argocd.argoproj.io/sync-wave"] == notes["helm.sh/hook-weight"]


def test_the_job_is_named_by_the_version():
    assert render({"image": {"tag": "1.2.3"}}).job["metadata"]["name"] == "shop-hello-fastapi-migrate-1-2-3"
    assert (
        render({"image": {"tag": "sha-0123456789abcdef0123"}}).job["metadata"]["name"]
        == "shop-hello-fastapi-migrate-sha-0123456789abcdef"
    )


def test_the_job_runs_the_programs_own_command_and_ends():
    objects = render()
    spec = objects.job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["template"]["spec"]["restartPolicy"]) == (3, 240, "Never")
    container = objects.job_pod["containers"][0]
    assert container["args"] == ["/app", "migrate", "up"] and "command" not in container
    assert "migrate" in program.commands()
    assert container["image"] == objects.container["image"]
    assert "probe" not in str(container.keys()).lower()


def test_the_job_has_the_settings_of_the_pods():
    objects = render(
        {"env": {"LOG_LEVEL": "debug"}, "database": {"existingSecret": "db"}, "envFrom": [{"secretRef": {"name": "more"}}]}
    )
    job = objects.job_pod["containers"][0]
    assert environment(job) == environment(objects.container) and job["envFrom"] == objects.container["envFrom"]


def test_what_the_job_needs_is_there_before_it():
    objects = render({"externalSecret": EXTERNAL_SECRET, "database": {"url": URL}})
    hooks = objects.hooks
    assert sorted(each["kind"] for each in hooks) == ["ExternalSecret", "Job", "Secret", "ServiceAccount"]
    assert all(weight(each) < weight(objects.job) for each in hooks if each["kind"] != "Job")
    account = hooks.one("ServiceAccount")
    assert objects.job_pod["serviceAccountName"] == account["metadata"]["name"] != objects.pod["serviceAccountName"]
    references = {each["secretRef"]["name"] for each in objects.job_pod["containers"][0]["envFrom"]}
    references |= {
        each["secretKeyRef"]["name"] for each in environment(objects.job_pod["containers"][0]).values() if isinstance(each, dict)
    }
    assert references == {hooks.one("Secret")["metadata"]["name"], hooks.one("ExternalSecret")["spec"]["target"]["name"]}


def test_hooks_share_no_name_with_what_stays():
    objects = render({"externalSecret": EXTERNAL_SECRET, "database": {"url": URL}})
    assert not {(each["kind"], each["metadata"]["name"]) for each in objects.hooks} & {
        (each["kind"], each["metadata"]["name"]) for each in objects.plain
    }


def test_the_job_may_use_a_service_account_that_exists():
    own = render({"migrations": {"job": {"serviceAccount": {"create": False, "name": "migrator"}}}})
    assert own.job_pod["serviceAccountName"] == "migrator" and not own.hooks.of("ServiceAccount")
    same = render(
        {"serviceAccount": {"create": False, "name": "theirs"}, "migrations": {"job": {"serviceAccount": {"create": False}}}}
    )
    assert same.job_pod["serviceAccountName"] == "theirs"
    assert "comes after the Job" in refusal({"migrations": {"job": {"serviceAccount": {"create": False}}}})


def test_the_jobs_service_account_carries_the_clouds_identity():
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r"}
    account = render({"serviceAccount": {"annotations": role}}).hooks.one("ServiceAccount")
    assert role.items() <= annotations(account).items()


def test_without_the_job_nothing_runs_before_the_pods():
    objects = render(
        {"migrations": {"job": {"enabled": False}, "onStart": True}, "database": {"url": URL}, "externalSecret": EXTERNAL_SECRET}
    )
    assert objects.hooks == []
    assert environment(objects.container)["MIGRATE_ON_START"] == "1"
    assert "MIGRATE_ON_START" not in environment(render().container)


def test_behind_pgbouncer_nothing_is_prepared_and_migrations_go_past_it():
    values = {"pgbouncer": {"enabled": True}, "database": {"existingSecret": "db", "existingSecretDirectKey": "direct"}}
    objects = render(values)
    for container in (objects.container, objects.job_pod["containers"][0]):
        assert environment(container)["DB_PREPARE"] == "off"
        assert urls(container) == (secret("db", "database-url"), secret("db", "direct"))
    assert "DB_PREPARE" not in environment(render().container)
    values["pgbouncer"]["poolMode"] = "session"
    assert "DB_PREPARE" not in environment(render(values).container)


@pytest.mark.parametrize("database", [{"existingSecret": "db"}, {"url": URL}])
def test_migrations_through_a_transaction_pool_are_refused(database):
    values = {"pgbouncer": {"enabled": True}, "database": database}
    assert "migrations cannot take turns" in refusal(values)
    assert render({**values, "migrations": {"job": {"enabled": False}}})
    assert render({**values, "env": {"DATABASE_DIRECT_URL": "postgresql://db/shop"}})
    assert render({**values, "pgbouncer": {"enabled": True, "poolMode": "session"}})


def test_external_secrets_are_found_by_tag_and_merged():
    objects = render({"externalSecret": EXTERNAL_SECRET})
    wanted = objects.plain.one("ExternalSecret")
    assert wanted["apiVersion"] == "external-secrets.io/v1"
    spec = wanted["spec"]
    assert spec["dataFrom"] == [
        {"find": {"tags": {"service": "shop"}}, "rewrite": [{"merge": {"strategy": "Extract", "conflictPolicy": "Error"}}]}
    ]
    assert spec["secretStoreRef"] == {"name": "store", "kind": "ClusterSecretStore"} and spec["refreshInterval"] == "1h"
    assert objects.container["envFrom"] == [{"secretRef": {"name": spec["target"]["name"]}}]


def test_the_jobs_external_secret_differs_by_name_alone():
    objects = render({"externalSecret": EXTERNAL_SECRET})
    stays, comes_first = objects.plain.one("ExternalSecret")["spec"], objects.hooks.one("ExternalSecret")["spec"]
    names = stays.pop("target")["name"], comes_first.pop("target")["name"]
    assert stays == comes_first and names == ("shop-hello-fastapi", "shop-hello-fastapi-migrate-env")


def test_a_key_taken_from_the_external_secret_is_there_for_the_job_too():
    values = {
        "externalSecret": {**EXTERNAL_SECRET, "target": {"name": "your-service-secret"}},
        "database": {"existingSecret": "your-service-secret"},
        "env": {
            "API_KEY": {"valueFrom": secret("your-service-secret", "api-key")},
            "JWT_SECRET": {"valueFrom": secret("other", "jwt")},
        },
    }
    objects = render(values)
    pod, job = environment(objects.container), environment(objects.job_pod["containers"][0])
    assert pod["API_KEY"] == secret("your-service-secret", "api-key") and pod["DATABASE_URL"] == secret(
        "your-service-secret", "database-url"
    )
    twin = objects.hooks.one("ExternalSecret")["spec"]["target"]["name"]
    assert job["API_KEY"] == secret(twin, "api-key") and job["DATABASE_URL"] == secret(twin, "database-url")
    assert job["JWT_SECRET"] == pod["JWT_SECRET"] == secret("other", "jwt")


def test_an_external_secret_that_reads_nothing_is_refused():
    assert "secretStoreRef.name" in refusal({"externalSecret": {"enabled": True, "tags": {"a": "b"}}})
    assert "what should it read" in refusal({"externalSecret": {"enabled": True, "secretStoreRef": {"name": "s"}}})


def test_single_keys_and_other_sources_are_taken():
    data = [{"secretKey": "API_KEY", "remoteRef": {"key": "shop", "property": "api"}}]
    source = [{"extract": {"key": "shop"}}]
    spec = render(
        {
            "externalSecret": {
                "enabled": True,
                "secretStoreRef": {"name": "s", "kind": "SecretStore"},
                "data": data,
                "dataFrom": source,
            }
        }
    ).plain.one("ExternalSecret")["spec"]
    assert spec["data"] == data and spec["dataFrom"] == source and spec["secretStoreRef"]["kind"] == "SecretStore"


def test_without_a_cluster_no_secret_is_looked_for():
    values = {"env": {"API_KEY": {"valueFrom": secret("nowhere", "key")}}, "envFrom": [{"secretRef": {"name": "nowhere"}}]}
    assert render(values).kinds == render({**values, "checkSecrets": False}).kinds
