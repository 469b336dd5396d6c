"""Asking a server a few things one by one, and comparing each answer byte for byte."""

import http.client
import time

from harness.payloads import Exchange
from harness.process import Failed

READY_SECONDS = 20
POLL_SECONDS = 0.0003


def ask(connection: http.client.HTTPConnection, exchange: Exchange) -> None:
    headers = {"Content-Type": "application/json"} if exchange.body else {}
    connection.request(exchange.method, exchange.path, exchange.body and exchange.body.encode(), headers)
    response = connection.getresponse()
    body = response.read()
    asked = f"{exchange.method} {exchange.path[:60]} {(exchange.body or '')[:60]}".strip()
    if response.status != exchange.status:
        raise Failed(f"{asked}: status {response.status} instead of {exchange.status}: {body[:200]!r}")
    if exchange.answer is None:
        return
    kind = response.getheader("content-type", "")
    if not kind.startswith("application/json"):
        raise Failed(f"{asked}: content-type {kind!r}")
    if body != exchange.answer:
        raise Failed(f"{asked}: answered\n  {body[:400]!r}\ninstead of\n  {exchange.answer[:400]!r}")


def answers(port: int, exchanges: list[Exchange]) -> None:
    """All on one connection: a server that loses its place after an error is found too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        for exchange in exchanges:
            ask(connection, exchange)
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"{exchange.method} {exchange.path}: {error!r}") from error
    finally:
        connection.close()


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def until_ready(port: int, path: str, alive) -> None:
    """Returns as soon as the path answers 200. `alive()` tells whether waiting still makes sense."""
    deadline = time.monotonic() + READY_SECONDS
    status = None
    while time.monotonic() < deadline and alive():
        status = _status(port, path)
        if status == 200:
            return
        time.sleep(POLL_SECONDS)
    reason = "it ended" if not alive() else f"{path} gave {status or 'no answer'} after {READY_SECONDS} s"
    raise Failed(f"the server did not get ready: {reason}")
