"""Serves FastAPI's own page on the socket at descriptor 3, as a port would: `python reference.py docs_src.body.tutorial001`."""

import importlib
import os
import socket
import sys
import types
import warnings

import uvicorn


def use_database_in_memory(page: types.ModuleType) -> None:
    """FastAPI's tests of the database pages do the same in their process: each server begins with an empty one."""
    from sqlmodel import StaticPool, create_engine

    page.__dict__["engine"] = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)


def main() -> None:
    warnings.simplefilter("ignore")
    sys.path[0] = os.environ["REFERENCE_SDIST"]
    page = importlib.import_module(sys.argv[1])
    if hasattr(page, "sqlite_url"):
        use_database_in_memory(page)
    config = uvicorn.Config(page.app, log_level="warning", access_log=False, root_path=os.environ.get("ROOT_PATH", ""))
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=3)])


if __name__ == "__main__":
    main()
