"""Serves FastAPI's own page on the socket at descriptor 3, as a port would: `python reference.py docs_src.body.tutorial001`."""

import importlib
import os
import socket
import sys
import warnings

import uvicorn


def main() -> None:
    warnings.simplefilter("ignore")
    sys.path[0] = os.environ["REFERENCE_SDIST"]
    page = importlib.import_module(sys.argv[1])
    config = uvicorn.Config(
        page.app, log_level="warning", access_log=False, root_path=os.environ.get("ROOT_PATH", "")
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=3)])


if __name__ == "__main__":
    main()
