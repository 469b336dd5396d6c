"""A WebSocket to a port, with the interface of the session that Starlette's TestClient gives."""

import json
import socket
from typing import Any, Self

import httpx
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from .server import Server

# What the handshake writes by itself, or a request over plain HTTP would say.
HANDSHAKE_HEADERS = {"host", "connection", "accept", "accept-encoding", "user-agent"}
# A refused handshake has no close code; this is what a browser reports.
ABNORMAL_CLOSURE = 1006


class WebSocketSession:
    """Connects on entering the `with` block; a close by the server is a WebSocketDisconnect in the test."""

    def __init__(self, server: Server, request: httpx.Request, subprotocols: list[str] | None) -> None:
        self.server = server
        self.request = request
        self.subprotocols = subprotocols
        self.connection: ClientConnection

    def __enter__(self) -> Self:
        connected = socket.create_connection(("127.0.0.1", self.server.port), self.server.timeout)
        headers = [pair for pair in self.request.headers.multi_items() if pair[0] not in HANDSHAKE_HEADERS]
        try:
            self.connection = connect(
                str(self.request.url.copy_with(scheme="ws")),
                sock=connected,
                additional_headers=headers,
                user_agent_header=self.request.headers["user-agent"],
                subprotocols=self.subprotocols,  # type: ignore[arg-type]
                compression=None,
                proxy=None,
            )
        except InvalidStatus as refusal:
            connected.close()
            raise WebSocketDisconnect(ABNORMAL_CLOSURE, f"handshake answered {refusal.response.status_code}") from refusal
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    def close(self, code: int = 1000, reason: str | None = None) -> None:
        self.connection.close(code, reason or "")

    def send_text(self, data: str) -> None:
        self.connection.send(data)

    def send_bytes(self, data: bytes) -> None:
        self.connection.send(data)

    def send_json(self, data: Any, mode: str = "text") -> None:
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        self.connection.send(text if mode == "text" else text.encode())

    def _receive(self) -> str | bytes:
        try:
            return self.connection.recv(timeout=self.server.timeout)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else ABNORMAL_CLOSURE
            raise WebSocketDisconnect(code, closed.rcvd.reason if closed.rcvd else "") from closed

    def receive_text(self) -> str:
        message = self._receive()
        assert isinstance(message, str), "a text message was expected"
        return message

    def receive_bytes(self) -> bytes:
        message = self._receive()
        assert isinstance(message, bytes), "a binary message was expected"
        return message

    def receive_json(self, mode: str = "text") -> Any:
        return json.loads(self.receive_text() if mode == "text" else self.receive_bytes())
