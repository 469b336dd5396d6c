"""Cross-origin requests, as Starlette's CORSMiddleware answers them."""

import pytest
from support.server import serving

ORIGIN = "https://ok.example"
ALLOW = "access-control-allow-origin"


@pytest.fixture(scope="module")
def cors(database):
    with serving(DATABASE_URL=database.url, CORS_ORIGINS=f"{ORIGIN}, https://also.example") as server, server.client() as client:
        yield client


def preflight(client, origin, method="POST", headers=None):
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options("/", headers=asked | ({"Access-Control-Request-Headers": headers} if headers else {}))


def test_an_allowed_origin_is_named(cors):
    answer = cors.get("/", headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers[ALLOW], answer.headers["vary"]) == (200, ORIGIN, "Origin")


def test_another_origin_is_answered_without_permission(cors):
    answer = cors.get("/", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 200 and ALLOW not in answer.headers


def test_errors_of_the_router_carry_the_permission_too(cors):
    assert cors.get("/nowhere", headers={"Origin": ORIGIN}).headers[ALLOW] == ORIGIN


def test_a_preflight_is_answered(cors):
    answer = preflight(cors, "https://also.example", "PATCH", "X-Foo, Content-Type")
    assert (answer.status_code, answer.text) == (200, "OK")
    assert answer.headers[ALLOW] == "https://also.example"
    assert answer.headers["access-control-allow-headers"] == "X-Foo, Content-Type"
    assert "PATCH" in answer.headers["access-control-allow-methods"] and answer.headers["access-control-max-age"] == "600"


def test_a_preflight_of_a_stranger_is_refused(cors):
    answer = preflight(cors, "https://evil.example", "BREW")
    assert (answer.status_code, answer.text) == (400, "Disallowed CORS origin, method")
    assert ALLOW not in answer.headers


def test_any_origin_is_a_star(database):
    with serving(DATABASE_URL=database.url, CORS_ORIGINS="*") as server, server.client() as client:
        assert client.get("/", headers={"Origin": "https://who.example"}).headers[ALLOW] == "*"


def test_without_the_setting_nothing_is_said(client):
    answer = client.get("/", headers={"Origin": ORIGIN})
    assert ALLOW not in answer.headers and "vary" not in answer.headers
