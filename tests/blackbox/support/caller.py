"""A client that goes on asking."""

import multiprocessing
import socket
import threading
import time


class Caller(threading.Thread):
    """Asks again and again on keep-alive connections, as a load balancer does; counts what got no whole answer."""

    def __init__(self, port, pause=0):
        super().__init__(daemon=True)
        self.pause = pause
        self.port, self.answered, self.lost, self.refused, self.stopped = port, 0, [], False, False

    def run(self):
        while not self.stopped and not self.refused:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            except (ConnectionRefusedError, ConnectionResetError):  # nobody took it
                self.refused = True
                return
            with connection:
                self.converse(connection)

    def converse(self, connection):
        while not self.stopped:
            try:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = connection.recv(65536)
            except OSError as error:
                self.lost.append(repr(error))
                return
            if not answer.startswith(b"HTTP/1.1 200") or not answer.endswith(b'"}'):
                self.lost.append(answer)
                return
            self.answered += 1
            time.sleep(self.pause)
            if b"connection: close" in answer.lower():
                return


class Strangers:
    """Processes that ask once on each connection, as fast as they can, until one is refused."""

    def __init__(self, port, count=8):
        context = multiprocessing.get_context("fork")
        self.lost = context.SimpleQueue()
        self.processes = [context.Process(target=self.ask, args=(port,), daemon=True) for _ in range(count)]
        for process in self.processes:
            process.start()

    def ask(self, port):
        lost = []
        while not lost:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    answer = connection.recv(65536)
                if not answer.startswith(b"HTTP/1.1 200"):
                    lost.append(repr(answer))
            except ConnectionRefusedError:
                break
            except OSError as error:
                lost.append(repr(error))
        self.lost.put(lost)

    def losses(self):
        lost = [one for _ in self.processes for one in self.lost.get()]
        for process in self.processes:
            process.join()
        return lost
