"""`entrypoint --`: a key from the environment becomes a file, then the program runs in its place."""

import stat

from support.server import run


def test_the_key_is_written_for_its_owner_only_and_leaves_the_environment(tmp_path):
    path = tmp_path / "a" / "b" / "key.pem"
    result = run("entrypoint", "--", "env", PRIVATE_KEY="line 1\nline 2", PRIVATE_KEY_PATH=path)
    assert result.returncode == 0
    assert path.read_text() == "line 1\nline 2\n" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "PRIVATE_KEY=" not in result.stdout and f"PRIVATE_KEY_PATH={path}" in result.stdout


def test_without_a_key_nothing_is_written(tmp_path):
    path = tmp_path / "key.pem"
    assert run("entrypoint", "--", "true", PRIVATE_KEY_PATH=path).returncode == 0
    assert not path.exists()


def test_the_programs_arguments_and_status_are_its_own():
    result = run("entrypoint", "--", "sh", "-c", 'echo "$0 $1"; exit 7', "--help", "--version")
    assert (result.returncode, result.stdout) == (7, "--help --version\n")


def test_a_program_that_is_not_there_is_one_clear_line():
    result = run("entrypoint", "--", "/no/such/program")
    assert result.returncode == 127 and len(result.stderr.splitlines()) == 1 and "/no/such/program" in result.stderr


def test_a_key_that_cannot_be_written_stops_the_start():
    result = run("entrypoint", "--", "true", PRIVATE_KEY="x", PRIVATE_KEY_PATH="/proc/no/key")
    assert result.returncode == 1 and "PRIVATE_KEY_PATH" in result.stderr
