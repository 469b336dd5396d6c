"""The service in a container: read-only, without capabilities, as a user who owns nothing."""

import os
import signal
import stat
import time
from pathlib import Path

import pytest
from support.database import NAME
from support.docker import docker, inspect, once, out, run, until

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
ORPHAN = r"""
#include <unistd.h>
int main(void) { if (fork() == 0) sleep(1); return 0; }
"""


def test_it_serves_with_a_read_only_root_and_no_capabilities(service, database):
    running = service(DATABASE_URL=database.url(), MIGRATE_ON_START=1).until_answering("/readyz")
    with running.client() as client:
        assert client.get("/").json() == {"message": "hello from FastAPI"}
        made = client.post("/items", json={"name": "pen", "price": 1.5})
        assert made.status_code == 201
        assert client.get(f"/items/{made.json()['id']}").json() == made.json()
    status = running.status()
    assert status["Uid"].split() == ["1000"] * 4 and status["Gid"].split() == ["1000"] * 4
    assert all(int(status[f"Cap{kind}"], 16) == 0 for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"))
    assert status["NoNewPrivs"] == "1"
    assert database.query("select name, price from items") == "pen|1.5"


def test_the_docs_pages_work_without_the_internet(service):
    running = service().until_answering()
    with running.client() as client:
        for page in ("/docs", "/redoc"):
            text = client.get(page).text
            urls = [part.split('"')[0] for part in text.split('src="')[1:] + text.split('href="')[1:]]
            assert urls and all(url.startswith("/") for url in urls)
            assert all(client.get(url).status_code == 200 for url in urls)


def test_an_idle_service_ends_at_once_on_sigterm(service, figures):
    slowest = 0
    for _ in range(3):
        seconds, status = service(DRAIN_DELAY=0).until_answering().terminate()
        assert status == 0
        slowest = max(slowest, seconds)
    figures("SIGTERM to exit, idle, slowest of 3", slowest * 1000, "ms", 200)


def test_an_idle_service_with_connections_to_postgres_ends_at_once_as_well(service, database, figures):
    running = service(DRAIN_DELAY=0, DATABASE_URL=database.url(), MIGRATE_ON_START=1).until_answering("/readyz")
    seconds, status = running.terminate()
    assert status == 0
    figures("SIGTERM to exit, idle, with a warm pool", seconds * 1000, "ms", 200)


def test_the_drain_delay_is_all_that_it_waits_for(service, figures):
    seconds, status = service(DRAIN_DELAY=1).until_answering().terminate()
    assert status == 0 and seconds >= 1
    figures("SIGTERM to exit, idle, past DRAIN_DELAY=1", (seconds - 1) * 1000, "ms", 200)


def test_docker_stop_is_a_clean_stop(service):
    running = service(DRAIN_DELAY=0).until_answering()
    docker("stop", "-t", "10", running.name)
    assert inspect(running.name)["State"]["ExitCode"] == 0 and '"stopped"' in running.log()


def test_the_health_check_needs_no_other_program(service):
    running = service().until_answering()
    assert run("docker", "exec", running.name, "/app", "healthcheck").returncode == 0
    assert run("docker", "exec", running.name, "/app", "healthcheck", "/no/such/path").returncode == 1


def test_what_others_leave_behind_is_buried(service, tmp_path):
    """A process that outlives its parent becomes a child of the first one."""
    source, program = tmp_path / "orphan.c", tmp_path / "orphan"
    source.write_text(ORPHAN)
    out("gcc", "-static", "-o", program, source)
    running = service(options=("-v", f"{program}:/orphan:ro")).until_answering()
    children = running.proc(f"task/{running.pid}/children")
    docker("exec", "-d", running.name, "/orphan")
    orphan = until(children.read_text).strip()
    until(lambda: Path(f"/proc/{orphan}/stat").read_text().split()[3] == str(running.pid))
    time.sleep(1.5)
    assert children.read_text() == "", "a zombie is left"
    with running.client() as client:
        assert client.get("/healthz").status_code == 200


def test_another_program_takes_the_first_process_over_and_gets_its_signals(service):
    running = service("/app", DRAIN_DELAY="0").until_answering()
    assert running.proc("cmdline").read_bytes() == b"/app\0"
    assert running.terminate()[1] == 0
    assert "entrypoint" not in running.log()


def test_a_command_of_the_program_runs_and_its_status_is_the_containers(image):
    version = once(image, "/app", "--version")
    assert version.returncode == 0 and version.stdout.strip().endswith("1.2.3")
    wrong = once(image, "/app", "no-such-command")
    assert wrong.returncode == 2 and "no-such-command" in wrong.stderr


def test_the_key_goes_into_its_file_before_the_service_starts(service):
    running = service(options=("--tmpfs", "/keys:uid=1000,gid=1000,mode=0700"), PRIVATE_KEY="a secret", PRIVATE_KEY_PATH="/keys/tls/key.pem")
    running.until_answering()
    key = running.proc("root/keys/tls/key.pem")
    assert key.read_text() == "a secret\n" and stat.S_IMODE(key.stat().st_mode) == 0o600 and key.stat().st_uid == 1000
    assert b"a secret" not in running.proc("environ").read_bytes()


def test_a_key_that_the_read_only_root_refuses_is_one_clear_line(image):
    refused = once(image, options=("--read-only",), PRIVATE_KEY="x", PRIVATE_KEY_PATH="/keys/key.pem")
    assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1 and "PRIVATE_KEY_PATH=/keys/key.pem" in refused.stderr


def test_the_migrations_run_as_a_job_before_the_service(image, network, database):
    options = ("--network", network, "--read-only", "--cap-drop", "ALL")
    done = once(image, "/app", "migrate", "up", options=options, DATABASE_URL=database.url())
    assert done.returncode == 0, done.stderr
    assert database.query("select count(*) from schema_migrations") == "2"
    assert database.query("select count(*) from items") == "0"
    again = once(image, "/app", "migrate", "up", options=options, DATABASE_URL=database.url())
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("how", ["dns", "hosts"])
def test_names_are_resolved(service, database, how):
    """By the network's DNS, and by the container's own /etc/hosts."""
    address = database.server.container.address
    host, options = {"dns": (NAME, ()), "hosts": ("other.example", ("--add-host", f"other.example:{address}"))}[how]
    service(options=options, DATABASE_URL=database.url(host), MIGRATE_ON_START=1).until_answering("/readyz")


def bundle_with(tmp_path, files, root):
    """The image's bundle and one more root, as an administrator would add it."""
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes(files.read(BUNDLE) + root.read_bytes())
    bundle.chmod(0o644)
    return ("-v", f"{bundle}:{BUNDLE}:ro")


def migrate_status(image, network, database, parameters, *options, host=NAME):
    return once(image, "/app", "migrate", "status", options=("--network", network, *options), DATABASE_URL=database.url(host, parameters))


@pytest.mark.parametrize("parameters", ["?sslmode=verify-full", "?sslmode=verify-full&sslrootcert=system"])
def test_tls_to_postgres_is_verified_against_the_systems_bundle(image, network, database, files, tmp_path, parameters):
    trusted = bundle_with(tmp_path, files, database.server.root)
    done = migrate_status(image, network, database, parameters, *trusted)
    assert done.returncode == 0, done.stderr
    stranger = migrate_status(image, network, database, parameters)
    assert stranger.returncode != 0 and "certificate verify failed" in stranger.stderr
    address = database.server.container.address
    misnamed = migrate_status(image, network, database, parameters, *trusted, "--add-host", f"other.example:{address}", host="other.example")
    assert misnamed.returncode != 0 and "other.example" in misnamed.stderr


def test_a_second_signal_ends_it_in_the_middle_of_its_delay(service):
    running = service(DRAIN_DELAY=20).until_answering()
    os.kill(running.pid, signal.SIGTERM)
    until(lambda: "draining" in running.log())
    assert running.terminate()[0] < 2
