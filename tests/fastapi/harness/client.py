"""`TestClient` over a real socket: the interface of Starlette's, in front of a server process."""

import sys
import types
from typing import Any, Self

import httpx

from .outcomes import NeedsPython
from .servers import Servers
from .stubs import PortApp
from .websocket import WebSocketSession


class PageTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends every request, whatever its host, to the server of one page."""

    servers: Servers

    def __init__(self, app: Any, root_path: str = "", **_in_process_options: Any) -> None:
        if not isinstance(app, PortApp):
            raise NeedsPython(f"the test makes a client of {type(app).__name__}, which is not the page's own application")
        self.app = app
        self.root_path = root_path

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Stands where a proxy would: it knows about TLS, and strips the root path if the request has it."""
        self.app.refuse_what_only_python_has(request.url.path)
        if request.url.scheme == "https":
            request.headers["x-forwarded-proto"] = "https"
        if self.root_path and request.url.path.startswith(f"{self.root_path}/"):
            path = request.url.raw_path.removeprefix(self.root_path.encode())
            request.url = request.url.copy_with(raw_path=path)
        return self.servers.get(self.app, self.root_path).request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """For the tutorial's page about asynchronous tests; one request at a time is all that it needs."""
        await request.aread()
        answer = self.handle_request(request)
        content = b"".join(answer.stream)  # type: ignore[arg-type]
        answer.close()
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)


class TestClient(httpx.Client):
    """Starlette's TestClient as tests see it. An exception in a handler is what it is over HTTP: a 500."""

    __test__ = False

    def __init__(
        self,
        app: PortApp,
        base_url: str = "http://testserver",
        raise_server_exceptions: bool = True,
        root_path: str = "",
        backend: str = "asyncio",
        backend_options: dict[str, Any] | None = None,
        cookies: Any = None,
        headers: dict[str, str] | None = None,
        follow_redirects: bool = True,
        client: tuple[str, int] = ("testclient", 50000),
    ) -> None:
        self.app = app
        self.pages = PageTransport(app, root_path)
        super().__init__(
            base_url=base_url,
            headers={"user-agent": "testclient", **(headers or {})},
            transport=self.pages,
            follow_redirects=follow_redirects,
            cookies=cookies,
        )

    def __enter__(self) -> Self:
        """The application's life is that of the `with` block: a fresh server, stopped at its end."""
        self.pages.servers.restart(self.app, self.pages.root_path)
        return self

    def __exit__(self, *error: object) -> None:
        self.pages.servers.stop(self.app, self.pages.root_path)

    def websocket_connect(self, url: str, subprotocols: list[str] | None = None, **request: Any) -> WebSocketSession:
        server = self.pages.servers.get(self.app, self.pages.root_path)
        return WebSocketSession(server, self.build_request("GET", url, **request), subprotocols)


def install(servers: Servers) -> None:
    """Puts the client where tests import Starlette's; to be called before anything imports that."""
    PageTransport.servers = servers
    module = types.ModuleType("starlette.testclient", TestClient.__doc__)
    module.__dict__["TestClient"] = TestClient
    sys.modules["starlette.testclient"] = module
    httpx.ASGITransport = PageTransport  # type: ignore[assignment,misc]
