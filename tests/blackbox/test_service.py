"""The routes around the items: health, docs, the guarded route, ids, errors of the router."""

import re

import pytest
from support.server import serving, until


def test_the_root_greets(client):
    answer = client.get("/")
    assert (answer.status_code, answer.content) == (200, b'{"message":"hello from FastAPI"}')


def test_the_greeting_is_a_setting(database):
    with serving(DATABASE_URL=database.url, GREETING='hi "there"') as server, server.client() as client:
        assert client.get("/").json() == {"message": 'hi "there"'}


@pytest.mark.parametrize("path", ["/healthz", "/health", "/api/v1/health", "/readyz", "/startupz"])
def test_health_is_ok(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.content) == (200, b'{"status":"ok"}')


@pytest.mark.parametrize("key", [None, "", "the-kez", "the-key2", "the-ke"])
def test_a_wrong_key_is_not_let_in(client, key):
    answer = client.get("/protected", headers={} if key is None else {"X-API-Key": key})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
    assert answer.headers["www-authenticate"] == "APIKey"


def test_the_right_key_is_let_in(client):
    assert client.get("/protected", headers={"X-API-Key": "the-key"}).status_code == 200


def test_nobody_is_let_in_when_no_key_is_set(database):
    with serving(DATABASE_URL=database.url) as server, server.client() as client:
        assert client.get("/protected", headers={"X-API-Key": ""}).status_code == 401


def test_an_unknown_path_is_404(client):
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.content) == (404, b'{"detail":"Not Found"}')


def test_a_wrong_method_is_405_and_names_the_right_ones(client):
    answer = client.post("/")
    assert (answer.status_code, answer.json(), answer.headers["allow"]) == (405, {"detail": "Method Not Allowed"}, "GET")


def test_head_on_a_get_route_is_405_without_a_body(client):
    answer = client.head("/")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "GET", b"")


def test_a_trailing_slash_is_redirected(client):
    answer = client.get("/items/?limit=1&q=%20")
    assert answer.status_code == 307
    assert answer.headers["location"].endswith("/items?limit=1&q=%20")


def test_the_docs_are_served(client):
    for path in ("/docs", "/redoc"):
        answer = client.get(path)
        assert answer.status_code == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {"/", "/api/v1/health", "/protected", "/items", "/items/bulk", "/items/stats", "/items/{item_id}"}


def test_what_the_docs_pages_load_is_there(client):
    for path in ("/docs", "/redoc"):
        for asset in re.findall(r'(?:src|href)="(/[^"]+)"', client.get(path).text):
            assert client.get(asset).status_code == 200, asset


@pytest.mark.parametrize("environment", ["prod", "production"])
def test_production_has_no_docs(database, environment):
    with serving(DATABASE_URL=database.url, APP_ENV=environment) as server, server.client() as client:
        assert [client.get(p).status_code for p in ("/docs", "/redoc", "/openapi.json")] == [404, 404, 404]


def test_production_has_docs_when_asked_for(database):
    with serving(DATABASE_URL=database.url, APP_ENV="prod", DOCS="on") as server, server.client() as client:
        assert [client.get(p).status_code for p in ("/docs", "/redoc", "/openapi.json")] == [200, 200, 200]


def test_a_request_id_goes_out_as_it_came_in(client):
    assert client.get("/", headers={"X-Request-ID": "abc-123"}).headers["x-request-id"] == "abc-123"


def test_a_request_without_an_id_gets_one(client):
    ids = {client.get("/").headers["x-request-id"] for _ in range(10)}
    assert len(ids) == 10


def test_a_hostile_request_id_is_not_echoed(client):
    answer = client.get("/", headers={"X-Request-ID": "<script>" + "x" * 500})
    assert "script" not in answer.headers["x-request-id"]


def test_the_server_does_not_name_itself(client):
    assert "server" not in client.get("/").headers


def test_every_answer_has_a_length(client):
    for path in ("/", "/nowhere", "/items", "/items/x", "/docs", "/openapi.json"):
        assert int(client.get(path).headers["content-length"]) > 0


def test_the_trace_of_the_caller_is_kept_in_the_log(server, client):
    trace = "0af7651916cd43dd8448eb211c80319c"
    client.get("/", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert until(lambda: [line for line in server.logged("request") if line.get("trace_id") == trace])


@pytest.mark.parametrize("header", [
    "xx-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-zz", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
])
def test_a_malformed_trace_is_ignored(client, header):
    assert "traceparent" not in client.get("/", headers={"traceparent": header}).headers
