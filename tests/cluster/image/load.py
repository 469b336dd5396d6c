"""Asks a service at a steady rate and keeps a ledger. Needs nothing but Python.

usage: load.py HOST:PORT [--rate N] [--seconds N] [--prefix TEXT] [--reads-only]
It ends after --seconds, or when its input is closed, and prints one JSON object.

Of ten requests two are writes, POST /items/bulk of one item whose name is its idempotency key, three are GET / and five are
GET /items/{id}. Every fifth has a connection of its own; the others share some that are kept alive, in turn. Nothing is sent twice:
whatever did not get a complete and right answer is a failure.
"""

import argparse
import asyncio
import collections
import json
import os
import sys
import time

ANSWER_SECONDS = 10
IDLE_SECONDS = 1  # a connection is used again within this time after its last request; a pod's drain takes longer
MOST_UNDER_WAY = 2000
SHOWN = 20


class Failure(Exception):
    """What was not a complete and right answer, in words that can be counted."""


class Connection:
    def __init__(self, reader, writer):
        self.reader, self.writer, self.used = reader, writer, time.monotonic()

    async def ask(self, request):
        """(status, body, whether another request may follow)"""
        self.used = time.monotonic()
        try:
            self.writer.write(request)
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            body = await self.reader.readexactly(int(head.partition("\r\ncontent-length:")[2].partition("\r\n")[0]))
        except asyncio.IncompleteReadError as cut:
            raise Failure("closed within an answer" if cut.partial else "closed without an answer") from None
        except ConnectionError:
            raise Failure("reset") from None
        return int(head[9:12]), body, "\r\nconnection: close" not in head

    def close(self):
        self.writer.close()


class Load:
    def __init__(self, options):
        self.host, _, port = options.address.rpartition(":")
        self.port, self.rate, self.seconds = int(port), options.rate, options.seconds
        self.prefix, self.reads_only = options.prefix, options.reads_only
        self.idle = collections.deque()
        self.tasks, self.sent, self.ok = set(), 0, 0
        self.failures, self.shown, self.last_failure = collections.Counter(), [], None
        self.writes, self.acknowledged = 0, set()
        self.greetings, self.seconds_taken = {}, []

    def clock(self):
        return time.monotonic() - self.begun

    async def connect(self):
        try:
            return Connection(*await asyncio.open_connection(self.host, self.port))
        except OSError as error:
            words = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise Failure(f"no connection: {words}") from None

    async def connection(self, fresh):
        while self.idle and not fresh:
            kept = self.idle.popleft()
            if time.monotonic() - kept.used < IDLE_SECONDS and not kept.reader.at_eof():
                return kept
            kept.close()
        return await self.connect()

    async def exchange(self, request, fresh):
        connection = await self.connection(fresh)
        try:
            status, body, more = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        if more and not fresh:
            self.idle.append(connection)
        else:
            connection.close()
        return status, body

    def request(self, method, path, fresh, body="", extra=""):
        ending = "connection: close\r\n" if fresh else ""
        length = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n" if body else ""
        return f"{method} {path} HTTP/1.1\r\nhost: {self.host}\r\n{extra}{length}{ending}\r\n{body}".encode()

    async def write(self, fresh):
        n = self.writes
        self.writes += 1
        name = f"{self.prefix}-{n}"
        body = json.dumps([{"name": name, "price": 1.5}])
        request = self.request("POST", "/items/bulk", fresh, body, f"idempotency-key: {name}\r\n")
        status, answer = await self.exchange(request, fresh)
        if status != 201:
            raise Failure(f"status {status}")
        if json.loads(answer)[0]["name"] != name:
            raise Failure("somebody else's answer")
        self.acknowledged.add(n)

    async def read_item(self, n, fresh):
        item = n % 100 + 1
        status, answer = await self.exchange(self.request("GET", f"/items/{item}", fresh), fresh)
        if status != 200:
            raise Failure(f"status {status}")
        if not answer.startswith(b'{"id":%d,' % item):
            raise Failure("somebody else's answer")

    async def read_root(self, fresh):
        status, answer = await self.exchange(self.request("GET", "/", fresh), fresh)
        if status != 200:
            raise Failure(f"status {status}")
        greeting = answer.decode()
        first_last = self.greetings.setdefault(greeting, [0, round(self.clock(), 2), 0])
        first_last[0] += 1
        first_last[2] = round(self.clock(), 2)

    def kind(self, n):
        fresh = n // 10 % 5 == n % 5
        if n % 10 < 2 and not self.reads_only:
            return self.write(fresh)
        return self.read_root(fresh) if n % 10 < 5 else self.read_item(n, fresh)

    async def one(self, n):
        begun = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.kind(n)
            self.ok += 1
            self.seconds_taken.append(time.monotonic() - begun)
        except TimeoutError:
            self.failed("no answer in time", begun)
        except Failure as failure:
            self.failed(str(failure), begun)
        except ValueError as error:
            self.failed(f"an answer that nobody can read: {error}", begun)

    def failed(self, words, begun):
        self.failures[words] += 1
        self.last_failure = round(self.clock(), 2)
        if len(self.shown) < SHOWN:
            self.shown.append(f"at {begun - self.begun:.2f} s, after {time.monotonic() - begun:.3f} s: {words}")

    def send_due(self):
        for _ in range(int(self.clock() * self.rate) - self.sent):
            n, self.sent = self.sent, self.sent + 1
            if len(self.tasks) >= MOST_UNDER_WAY:
                self.failed("not sent, too many are under way", time.monotonic())
                continue
            task = asyncio.create_task(self.one(n))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def run(self, stop):
        self.begun = time.monotonic()
        while self.clock() < self.seconds and not stop.is_set():
            self.send_due()
            await asyncio.sleep(0.004)
        lasted = self.clock()
        while self.tasks:
            await asyncio.wait(set(self.tasks))
        return self.report(lasted)

    def report(self, lasted):
        taken = sorted(self.seconds_taken) or [0]
        return {
            "seconds": round(lasted, 2),
            "sent": self.sent,
            "ok": self.ok,
            "failed": sum(self.failures.values()),
            "failures": dict(self.failures),
            "first_failures": self.shown,
            "last_failure": self.last_failure,
            "greetings": self.greetings,
            "milliseconds": {f"p{p}": round(1000 * taken[min(len(taken) - 1, len(taken) * p // 100)], 1) for p in (50, 99, 100)},
            "writes": self.writes,
            "unacknowledged": sorted(set(range(self.writes)) - self.acknowledged),
        }


async def main(options):
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(sys.stdin, lambda: sys.stdin.buffer.raw.read(4096) or (stop.set(), loop.remove_reader(sys.stdin)))
    print(json.dumps(await Load(options).run(stop)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--prefix", default="load")
    parser.add_argument("--reads-only", action="store_true")
    asyncio.run(main(parser.parse_args()))
