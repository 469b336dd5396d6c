"""`app entrypoint --` and scripts/entrypoint.sh: a key from the environment becomes a file, then the program runs in its place."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from support.server import APP, ROOT, serving

ENTRYPOINTS = {"app": [str(APP), "entrypoint", "--"], "sh": [str(ROOT / "scripts" / "entrypoint.sh")]}


@pytest.fixture(params=ENTRYPOINTS)
def entrypoint(request):
    def run(*program: str, **settings: object) -> subprocess.CompletedProcess:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PRIVATE_KEY")}
        environment.update({k: str(v) for k, v in settings.items()})
        return subprocess.run([*ENTRYPOINTS[request.param], *program], env=environment, capture_output=True, text=True, timeout=30)

    return run


def test_the_key_is_written_for_its_owner_only_and_leaves_the_environment(entrypoint, tmp_path):
    path = tmp_path / "a" / "b" / "key.pem"
    result = entrypoint("env", PRIVATE_KEY="line 1\nline 2", PRIVATE_KEY_PATH=path)
    assert result.returncode == 0, result.stderr
    assert path.read_text() == "line 1\nline 2\n" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "PRIVATE_KEY=" not in result.stdout and f"PRIVATE_KEY_PATH={path}" in result.stdout


def test_the_text_of_the_key_is_taken_as_it_is(entrypoint, tmp_path):
    path, key = tmp_path / "a key", "-n \\n $HOME `id` 'quoted' \"too\" %s"
    assert entrypoint("true", PRIVATE_KEY=key, PRIVATE_KEY_PATH=path).returncode == 0
    assert path.read_text() == key + "\n"


def test_an_older_key_is_replaced_and_closed_to_others(entrypoint, tmp_path):
    path = tmp_path / "key.pem"
    path.write_text("an older and much longer key\n")
    path.chmod(0o644)
    assert entrypoint("true", PRIVATE_KEY="new", PRIVATE_KEY_PATH=path).returncode == 0
    assert path.read_text() == "new\n" and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_in_the_keys_place_is_not_followed(entrypoint, tmp_path):
    other, path = tmp_path / "other", tmp_path / "key.pem"
    other.write_text("kept")
    path.symlink_to(other)
    result = entrypoint("true", PRIVATE_KEY="new", PRIVATE_KEY_PATH=path)
    assert result.returncode == 1 and "PRIVATE_KEY_PATH" in result.stderr and other.read_text() == "kept"


@pytest.mark.parametrize("settings", [{}, {"PRIVATE_KEY": ""}, {"PRIVATE_KEY": "x", "PRIVATE_KEY_PATH": ""}], ids=["unset", "empty", "no-path"])
def test_without_a_key_or_a_path_nothing_is_written(entrypoint, tmp_path, settings):
    path = tmp_path / "key.pem"
    result = entrypoint("env", **{"PRIVATE_KEY_PATH": path, **settings})
    assert result.returncode == 0 and not path.exists()
    assert ("PRIVATE_KEY=x" in result.stdout) == (settings.get("PRIVATE_KEY") == "x")


def test_the_programs_arguments_and_status_are_its_own(entrypoint):
    result = entrypoint("sh", "-c", 'echo "$0 $1|$2"; exit 7', "--help", "--version", "two  words")
    assert (result.returncode, result.stdout) == (7, "--help --version|two  words\n")


def test_the_program_takes_the_process_over(entrypoint):
    """So it is the one that gets the signals."""
    result = entrypoint("sh", "-c", "kill -TERM $$; sleep 9")
    assert result.returncode == -15


def test_a_program_that_is_not_there_is_one_clear_line(entrypoint):
    result = entrypoint("/no/such/program")
    assert result.returncode == 127 and len(result.stderr.splitlines()) == 1 and "/no/such/program" in result.stderr


def test_a_key_that_cannot_be_written_stops_the_start(entrypoint):
    result = entrypoint("echo", "started", PRIVATE_KEY="x", PRIVATE_KEY_PATH="/proc/no/key")
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1 and result.stderr.startswith("PRIVATE_KEY_PATH=/proc/no/key: ")
    assert result.stdout == ""


def test_without_a_program_the_script_asks_for_one():
    result = subprocess.run(ENTRYPOINTS["sh"], capture_output=True, text=True, timeout=30)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1


def test_without_a_program_the_service_serves_and_forgets_the_key(database, tmp_path):
    path = tmp_path / "key.pem"
    with serving(arguments=("entrypoint", "--"), DATABASE_URL=database.url, PRIVATE_KEY="a secret", PRIVATE_KEY_PATH=path) as server:
        assert path.read_text() == "a secret\n"
        environment = Path(f"/proc/{server.pid}/environ").read_bytes()
        assert b"PRIVATE_KEY_PATH=" in environment and b"a secret" not in environment
