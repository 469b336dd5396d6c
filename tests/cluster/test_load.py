"""The load's own ledger: it sees what goes wrong. Needs no cluster."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

LOAD = Path(__file__).with_name("image") / "load.py"
OK = "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}"


def answer(request):
    """What the application would say."""
    path = request.split()[1]
    if path == "/items/bulk":
        name = re.search(r"idempotency-key: (\S+)", request).group(1)
        return 201, json.dumps([{"name": name}])
    return 200, '{"message":"hello"}' if path == "/" else '{"id":%s,"name":"x"}' % path.rpartition("/")[2]


def whole(request):
    status, body = answer(request)
    return OK.format(status=status, length=len(body), body=body)


def cut(request):
    return whole(request)[:-5]


def wrong(request):
    status, body = answer(request)
    body = re.sub(r'"id":.*', '"id":0}', re.sub(r'"name": ".*', '"name": "somebody"}]', body))
    return OK.format(status=status, length=len(body), body=body)


def unavailable(_):
    return OK.format(status=503, length=2, body="{}")


def nothing(_):
    return ""


class Server:
    """Answers each seventh request otherwise than it should."""

    def __init__(self, otherwise):
        self.otherwise, self.count, self.bad = otherwise, 0, 0
        self.loop, self.up = asyncio.new_event_loop(), threading.Event()
        threading.Thread(target=self.run, daemon=True).start()
        self.up.wait(10)

    def run(self):
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        self.up.set()
        self.loop.run_forever()

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"content-length: (\d+)", head)
                await reader.readexactly(int(length.group(1)) if length else 0)
                self.count += 1
                said = (self.otherwise if self.count % 7 == 0 else whole)(head)
                bad = said != whole(head)
                self.bad += bad
                writer.write(said.encode())
                if bad and self.otherwise in (cut, nothing):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


def asked(server, *options):
    command = [sys.executable, LOAD, f"127.0.0.1:{server.port}", "--rate", "300", "--seconds", "1", *options]
    end, kept_open = os.pipe()
    done = subprocess.run(command, stdin=end, capture_output=True, text=True, timeout=30, check=True)
    os.close(end)
    os.close(kept_open)
    report = json.loads(done.stdout)
    assert report["sent"] > 250
    return report


def test_a_service_without_a_fault_shows_none():
    server = Server(whole)
    report = asked(server)
    assert (report["failed"], report["unacknowledged"], report["ok"]) == (0, [], server.count)
    assert report["writes"] >= report["sent"] // 5


@pytest.mark.parametrize(
    "otherwise, words",
    [
        (cut, "closed within an answer"),
        (nothing, "closed without an answer"),
        (unavailable, "status 503"),
        (wrong, "somebody else's answer"),
    ],
)
def test_every_answer_that_is_not_right_is_counted(otherwise, words):
    server = Server(otherwise)
    report = asked(server)
    assert server.bad > 5 and report["failures"] == {words: server.bad}
    assert report["ok"] == report["sent"] - server.bad


def test_a_write_is_acknowledged_by_its_own_answer_alone():
    report = asked(Server(wrong))
    assert 0 < len(report["unacknowledged"]) < report["writes"]


def test_a_service_that_is_not_there_fails_every_request():
    server = Server(whole)
    server.loop.call_soon_threadsafe(server.server.close)
    report = asked(server)
    assert report["failures"] == {"no connection: Connection refused": report["sent"]}
