"""Building the peers into build/bench/, each with its own language's ordinary tools and settings."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = ROOT / "bench" / "peers"
OUTPUT = ROOT / "build" / "bench"

C_FLAGS = ["-std=gnu17", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wconversion"]
LIBH2O_FLAGS = ["-DH2O_USE_LIBUV=0", "-DH2O_USE_EPOLL=1"]
ERROR_LINES = 4


class Missing(Exception):
    """This peer cannot take part here; the text says why and what would help."""


def need(tool: str, how: str) -> str:
    path = shutil.which(tool)
    if path is None:
        raise Missing(f"{tool} is not installed ({how})")
    return path


def run(what: str, argv: list[str], cwd: Path = ROOT) -> str:
    """Politely: others may be using the machine."""
    done = subprocess.run(["nice", *argv], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Missing(f"{what} failed: " + " / ".join(lines[-ERROR_LINES:]))
    return done.stdout


def _newer(product: Path, *sources: Path) -> bool:
    return product.exists() and all(product.stat().st_mtime > source.stat().st_mtime for source in sources)


def c_peer(source: str, product: str, package: str | None = None) -> None:
    compiler = need("cc", "apt-get install gcc")
    flags: list[str] = []
    if package:
        need("pkg-config", "apt-get install pkg-config")
        flags = LIBH2O_FLAGS + run(package, ["pkg-config", "--cflags", "--libs", package]).split()
    target = OUTPUT / product
    if _newer(target, PEERS / source, Path(__file__)):
        return
    OUTPUT.mkdir(parents=True, exist_ok=True)
    run(f"compiling {source}", [compiler, *C_FLAGS, str(PEERS / source), "-o", str(target), *flags])


def raw_epoll() -> None:
    c_peer("raw_epoll.c", "raw-epoll")


def libh2o() -> None:
    c_peer("libh2o.c", "libh2o", "libh2o-evloop")


def nginx() -> None:
    need("nginx", "apt-get install nginx-light")


def fastapi() -> None:
    requirements = PEERS / "fastapi" / "requirements.txt"
    home = OUTPUT / "fastapi"
    stamp = home / "installed.sha256"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(home, ignore_errors=True)
    run("python3 -m venv (apt-get install python3-venv)", [sys.executable, "-m", "venv", str(home)])
    run("pip install", [str(home / "bin" / "pip"), "install", "--quiet", "-r", str(requirements)])
    stamp.write_text(wanted)


def axum() -> None:
    cargo = need("cargo", "Rust 1.85 or later: rustup, or apt-get install cargo on Debian 13")
    run(
        "cargo build",
        [cargo, "build", "--quiet", "--release", "--locked", "-j1", "--target-dir", str(OUTPUT / "axum")],
        cwd=PEERS / "axum",
    )


def go() -> None:
    compiler = need("go", "Go 1.25 or later: go.dev/dl")
    run("go build", [compiler, "build", "-p", "1", "-trimpath", "-o", str(OUTPUT / "go" / "go-peer"), "."], cwd=PEERS / "go")
