"""HTTP/1.1 by hand: bytes in, one answer out."""

import json
import select
import socket
from dataclasses import dataclass

PATIENCE = 30


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


def read_answer(connection, buffered=b""):
    """The next answer and the bytes behind it; None when the connection ends first."""
    data = buffered
    while b"\r\n\r\n" not in data:
        more = receive(connection)
        if not more:
            assert not data, f"half an answer: {data!r}"
            return None, b""
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    if status == 100:
        return read_answer(connection, rest)
    length = 0 if status in (204, 304) else int(headers["content-length"])
    while len(rest) < length:
        more = receive(connection)
        assert more, "the body was cut short"
        rest += more
    return Answer(status, headers, rest[:length]), rest[length:]


def receive(connection):
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


def exchange(server, *pieces):
    """All answers to these bytes, until the server closes or has nothing to say for a while."""
    answers, rest = [], b""
    with server.raw() as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.settimeout(PATIENCE)
        while True:
            answer, rest = read_answer(connection, rest)
            if answer is None:
                return answers
            answers.append(answer)
            if answer.headers.get("connection") == "close":
                assert receive(connection) == b"" and rest == b""
                return answers
            if not rest:
                connection.settimeout(0.2)
                try:
                    rest = connection.recv(65536)
                except (TimeoutError, socket.timeout):
                    return answers
                if not rest:
                    return answers
                connection.settimeout(PATIENCE)


def readable(sockets):
    """Those that have something to read, or their end."""
    waiting = select.poll()
    for s in sockets:
        waiting.register(s, select.POLLIN)
    return waiting.poll(0)
