"""What is in the image, and that nothing else is."""

import re
import stat

from conftest import LABELS
from support.docker import ROOT, inspect, once

LOADER = "/lib64/ld-linux-x86-64.so.2"
EXECUTABLE = {"/app", LOADER}
SYSTEM = {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/ssl/certs/ca-certificates.crt"}


def libraries_of_the_loader(image):
    listed = once(image, "--list", "/app", options=("--entrypoint", LOADER))
    assert listed.returncode == 0, listed.stderr
    return set(re.findall(r"=> (/\S+)", listed.stdout)) | {LOADER}


def migrations():
    return {f"/migrations/{path.name}": path for path in (ROOT / "app" / "migrations").iterdir()}


def test_it_is_small(files, figures):
    figures("runtime image, uncompressed", files.size / 1e6, "MB", 30)


def test_it_holds_the_program_what_that_loads_and_a_few_tables_and_nothing_else(image, files):
    rest = {path for path in files.paths if not path.startswith("/usr/share/zoneinfo/")}
    assert rest == {"/app"} | libraries_of_the_loader(image) | SYSTEM | set(migrations())


def test_a_running_service_has_every_library_of_the_image_mapped(files, service):
    running = service().until_answering()
    mapped = set(re.findall(r"(/\S+\.so\S*)$", running.proc("maps").read_text(), re.MULTILINE))
    assert mapped == {path for path in files.paths if ".so" in path}


def test_there_is_no_shell_and_no_package_manager(image, files):
    assert {path for path in files.paths if files.info(path).mode & 0o111 and not files.info(path).issym()} == EXECUTABLE
    refused = once(image, "sh", "-c", "true")
    assert refused.returncode == 127 and len(refused.stderr.splitlines()) == 1


def test_nothing_can_be_changed_by_the_user_it_runs_as(files):
    for path, (_, member) in files.members.items():
        assert (member.uid, member.gid) == (0, 0), path
        assert member.issym() or not member.mode & stat.S_IWOTH or path == "/tmp", path
        assert not member.mode & (stat.S_ISUID | stat.S_ISGID), path


def test_its_settings_are_those_of_the_contract(image):
    settings = inspect(image)["Config"]
    assert settings["User"] == "1000:1000"
    assert settings["Entrypoint"] == ["/app", "entrypoint", "--"] and not settings.get("Cmd")
    assert settings["StopSignal"] == "SIGTERM"
    assert set(settings["ExposedPorts"]) == {"8000/tcp"}
    assert f"APP_VERSION={LABELS['APP_VERSION']}" in settings["Env"]


def test_its_labels_say_what_it_is_and_where_it_comes_from(image):
    prefix = "org.opencontainers.image."
    labels = {name.removeprefix(prefix): text for name, text in inspect(image)["Config"]["Labels"].items() if name.startswith(prefix)}
    expected = {"version": "APP_VERSION", "revision": "REVISION", "source": "SOURCE", "created": "CREATED", "licenses": "LICENSES"}
    assert {name: labels.pop(name) for name in expected} == {name: LABELS[argument] for name, argument in expected.items()}
    assert set(labels) == {"title", "description"} and all(labels.values())


def test_the_migrations_are_those_of_the_application(files):
    assert {path: files.read(path) for path in files.paths if path.startswith("/migrations/")} == {
        path: source.read_bytes() for path, source in migrations().items()}


def test_users_certificates_and_time_zones_are_there(files):
    assert files.read("/etc/passwd").startswith(b"app:x:1000:1000:") and files.read("/etc/group").startswith(b"app:x:1000:")
    assert files.read("/etc/ssl/certs/ca-certificates.crt").count(b"-----BEGIN CERTIFICATE-----") > 100
    for zone in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"):
        path = f"/usr/share/zoneinfo/{zone}"
        assert files.info(path).issym() or files.info(path).islnk() or files.read(path).startswith(b"TZif")
