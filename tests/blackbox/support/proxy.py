"""What networks do: a proxy before Postgres that delays, cuts, trickles or swallows."""

import contextlib
import selectors
import socket
import threading
import time


class Proxy:
    """Passes connections on. The members say how and may be changed at any time."""

    def __init__(self, target: int, host: str = "127.0.0.1", port: int = 0) -> None:
        self.target = target
        self.delay = 0.0  # seconds that each piece from Postgres is late
        self.frozen = False  # nothing passes, nothing is closed
        self.rate = 0  # bytes per second from Postgres; 0: any
        self.cut_after: int | None = None  # bytes from Postgres, then all is cut; once
        self.accepted = 0
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.create_server((host, port), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            self._pairs.add((near, far))
            threading.Thread(target=self._pump, args=(near, far), daemon=True).start()

    def _pump(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, contextlib.suppress(OSError, ValueError, KeyError):
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in selector.select():
                    while self.frozen:
                        time.sleep(0.01)
                    data = key.fileobj.recv(4096)
                    if not data or not self._pass(data, key.data, key.fileobj is far):
                        raise OSError
        self._pairs.discard((near, far))
        near.close()
        far.close()

    def _pass(self, data: bytes, sink: socket.socket, answer: bool) -> bool:
        if answer and self.delay:
            time.sleep(self.delay)
        if answer and self.rate:
            time.sleep(len(data) / self.rate)
        if answer and self.cut_after is not None:
            data, self.cut_after = data[: self.cut_after], self.cut_after - len(data)
            if self.cut_after <= 0:
                self.cut_after = None
                sink.sendall(data)
                return False
        sink.sendall(data)
        return True

    def cut(self) -> None:
        """Ends what is connected."""
        for pair in list(self._pairs):
            for s in pair:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """As if the host were gone: nobody listens, what was connected is cut."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        self.frozen = False
        self.cut()
