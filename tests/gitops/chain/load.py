"""Load for one address until standard input ends; then prints what came of it as JSON.
usage: load.py HOST PORT RATE

Half of the clients keep their connection until the server says that it closes it, the others make one for each request. One request
in ten is a write, and at the end every write that was acknowledged is looked for. A request has failed when it has no answer, or one
that is not of 2xx; nothing is tried again."""

import asyncio
import json
import sys
import time
import uuid

CLIENTS = 16
HOST, PORT, RATE = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
RUN = uuid.uuid4().hex[:12]


class Client:
    def __init__(self, number):
        self.number, self.keep = number, number % 2 == 0
        self.reader = self.writer = None
        self.sent, self.latencies, self.failures, self.written = 0, [], [], []

    async def run(self, ended):
        due = time.monotonic() + self.number / RATE
        while not ended.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self.step()
            due = max(due + CLIENTS / RATE, time.monotonic() - 1)
        self.close()

    async def step(self):
        self.sent += 1
        began = time.monotonic()
        name = f"{RUN}-{self.number}-{self.sent}"
        write = self.sent % 10 == 0
        try:
            request = post("/items", {"name": name, "price": 1.5}) if write else get(("/", "/items?limit=5")[self.sent % 2])
            status, _ = await asyncio.wait_for(self.exchange(request), 10)
            if not 200 <= status < 300:
                raise OSError(f"status {status}")
            if write:
                self.written.append(name)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError) as error:
            words = f"{time.time():.3f} {'kept' if self.keep else 'new'} connection, {'POST' if write else 'GET'}: {error!r}"
            self.failures.append(words)
            print(words, file=sys.stderr, flush=True)
            self.close()
        self.latencies.append(time.monotonic() - began)

    async def exchange(self, request):
        if not self.writer:
            self.reader, self.writer = await asyncio.open_connection(HOST, PORT)
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await self.reader.readexactly(int(fields["content-length"]))
        if not self.keep or fields.get("connection") == "close":
            self.close()
        return int(head.split(" ", 2)[1]), body

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def post(path, value):
    body = json.dumps(value)
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


async def lost(names):
    """Those of the names that the service does not know."""
    client, found, offset = Client(0), set(), 0
    while True:
        _, body = await client.exchange(get(f"/items?q={RUN}&limit=100&offset={offset}"))
        page = [item["name"] for item in json.loads(body)["items"]]
        found.update(page)
        offset += 100
        if len(page) < 100:
            return set(names) - found


async def main():
    ended = asyncio.Event()
    asyncio.get_running_loop().run_in_executor(None, sys.stdin.read).add_done_callback(lambda _: ended.set())
    began = time.monotonic()
    clients = [Client(number) for number in range(CLIENTS)]
    await asyncio.gather(*(client.run(ended) for client in clients))
    took = time.monotonic() - began
    requests, written = sum(client.sent for client in clients), [name for client in clients for name in client.written]
    failures = [words for client in clients for words in client.failures]
    print(
        json.dumps(
            {
                "requests": requests,
                "rate": requests / took,
                "failed": len(failures),
                "failures": failures[:20],
                "written": len(written),
                "lost": len(await lost(written)),
                "slowest": max(latency for client in clients for latency in client.latencies),
            }
        )
    )


asyncio.run(main())
