"""Many at once: nobody's answer is another's, and memory stays where it was."""

import asyncio
import random
import re

import httpx
import pytest
from support.server import SANITIZED, serving

MIB = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def _migrated(server):
    """The file's database has its tables."""


async def ask(client, n, rng):
    """One request of a kind chosen by chance; whether its answer carries what it sent."""
    kind = rng.randrange(6)
    if kind == 0:
        answer = await client.get("/items", params={"q": f"mark {n}"})
        return answer.status_code == 200 and answer.json() == {"items": [], "total": 0}
    if kind == 1:
        answer = await client.get(f"/items/no-{n}")
        return answer.status_code == 422 and answer.json()["detail"][0]["input"] == f"no-{n}"
    if kind == 2:
        answer = await client.post("/items", json={"name": f"name {n}", "price": n + 0.5, "description": "x" * (n % 300)})
        item = answer.json()
        again = await client.get(f"/items/{item['id']}")
        return (item["name"], item["price"], len(item["description"])) == (f"name {n}", n + 0.5, n % 300) and again.json() == item
    if kind == 3:
        answer = await client.post("/items", json={"name": n, "price": -n - 1})
        return [e["input"] for e in answer.json()["detail"]] == [n, -n - 1]
    if kind == 4:
        answer = await client.get("/", headers={"X-Request-ID": f"id-{n}"})
        return answer.headers["x-request-id"] == f"id-{n}"
    answer = await client.get(f"/nowhere/{n}")
    return answer.status_code == 404


async def converse(url, share):
    """A connection of its own, kept for all of its requests; each is of a kind chosen by chance, but the same in every run."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits, trust_env=False) as client:
        return [await ask(client, n, random.Random(n)) for n in share]


async def many(url, requests, connections):
    shares = [range(first, requests, connections) for first in range(connections)]
    return sum(await asyncio.gather(*(converse(url, share) for share in shares)), [])


@pytest.mark.tsan
def test_a_thousand_mixed_requests_over_64_connections_and_two_workers_are_never_mixed_up(database):
    database.run("truncate items, idempotency_keys restart identity")
    with serving(DATABASE_URL=database.url, WORKERS=2, ACCESS_LOG="off") as server:
        results = asyncio.run(many(server.url, 1000, 64))
        assert server.metric("http_server_accepted_connections_total") >= 64
        _, text = server.admin("/metrics")
        turns = re.findall(r'^apus_event_loop_lag_seconds_total\{worker="(\d)"\} (\S+)$', text, re.M)
    assert results.count(True) == 1000 and len(results) == 1000
    assert len(turns) == 2 and all(float(seconds) > 0 for _, seconds in turns)


@pytest.mark.skipif(SANITIZED, reason="the sanitizers' memory is not the program's")
def test_memory_after_200000_requests_is_that_after_20000(database):
    with serving(DATABASE_URL=database.url, ACCESS_LOG="off") as server:
        paths = ["/", "/items?limit=3", "/items/x", "/nowhere"]
        hammer(server, paths, 20_000)
        before = server.memory()
        hammer(server, paths, 180_000)
        after = server.memory()
    assert abs(after - before) <= 2 * MIB, (before, after)


def hammer(server, paths, requests):
    """That many requests over a few pipelined connections."""
    text = b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths) * 4
    per_round = len(paths) * 4
    connections = [server.raw() for _ in range(8)]
    for _ in range(requests // (per_round * len(connections))):
        for connection in connections:
            connection.sendall(text)
        for connection in connections:
            seen = 0
            while seen < per_round:
                data = connection.recv(1 << 20)
                assert data, "the connection was closed"
                seen += data.count(b"HTTP/1.1 ")
    for connection in connections:
        connection.close()
