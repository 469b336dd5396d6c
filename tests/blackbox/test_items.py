"""The items of contracts.md: what a user of the API sees."""

import datetime

import pytest

pytestmark = pytest.mark.usefixtures("empty")

ESPRESSO = {"name": "Espresso", "price": 2.5}


def create(client, **fields):
    answer = client.post("/items", json={**ESPRESSO, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_created_item_comes_back_whole(client):
    item = create(client, description="short", stock=3)
    created_at = datetime.datetime.fromisoformat(item.pop("created_at"))
    assert abs(datetime.datetime.now(datetime.UTC) - created_at) < datetime.timedelta(minutes=1)
    assert item == {"id": 1, "name": "Espresso", "description": "short", "price": 2.5, "stock": 3}


def test_an_item_reads_as_it_was_created(client):
    item = create(client)
    answer = client.get(f"/items/{item['id']}")
    assert (answer.status_code, answer.json()) == (200, item)
    assert answer.headers["content-type"] == "application/json"


def test_optional_members_are_null_when_absent(client):
    item = create(client)
    assert item["description"] is None and item["stock"] is None


def test_an_unknown_item_is_404(client):
    for method in ("GET", "DELETE"):
        answer = client.request(method, "/items/999")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Item not found"})
    for method in ("PUT", "PATCH"):
        answer = client.request(method, "/items/999", json=ESPRESSO)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Item not found"})


def test_a_taken_name_is_409(client):
    create(client)
    answer = client.post("/items", json=ESPRESSO)
    assert (answer.status_code, answer.json()) == (409, {"detail": "Item already exists"})


def test_renaming_to_a_taken_name_is_409(client):
    create(client)
    other = create(client, name="Lungo")
    for method in ("PUT", "PATCH"):
        answer = client.request(method, f"/items/{other['id']}", json=ESPRESSO)
        assert (answer.status_code, answer.json()) == (409, {"detail": "Item already exists"})


def test_put_replaces_every_member(client):
    item = create(client, description="short", stock=3)
    answer = client.put(f"/items/{item['id']}", json={"name": "Lungo", "price": 3})
    assert answer.status_code == 200
    assert answer.json() == {**item, "name": "Lungo", "price": 3.0, "description": None, "stock": None}


def test_patch_leaves_what_was_not_sent(client):
    item = create(client, description="short", stock=3)
    answer = client.patch(f"/items/{item['id']}", json={"price": 9.75})
    assert (answer.status_code, answer.json()) == (200, {**item, "price": 9.75})


def test_patch_with_null_empties_a_member(client):
    item = create(client, description="short", stock=3)
    answer = client.patch(f"/items/{item['id']}", json={"description": None})
    assert answer.json() == {**item, "description": None}


def test_patch_refuses_null_where_there_must_be_a_value(client):
    item = create(client)
    answer = client.patch(f"/items/{item['id']}", json={"name": None, "price": None})
    assert answer.status_code == 422
    assert [e["loc"] for e in answer.json()["detail"]] == [["body", "name"], ["body", "price"]]


def test_a_deleted_item_is_gone(client):
    item = create(client)
    answer = client.delete(f"/items/{item['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(f"/items/{item['id']}").status_code == 404


def test_the_list_is_paged_and_counts_all(client):
    for n in range(25):
        create(client, name=f"item {n:02}")
    page = client.get("/items").json()
    assert [i["name"] for i in page["items"]] == [f"item {n:02}" for n in range(20)] and page["total"] == 25
    page = client.get("/items", params={"limit": 3, "offset": 24}).json()
    assert [i["name"] for i in page["items"]] == ["item 24"] and page["total"] == 25


def test_an_empty_list_is_a_list(client):
    assert client.get("/items").json() == {"items": [], "total": 0}


def test_the_search_is_for_a_part_of_the_name_in_any_case(client):
    for name in ("Espresso", "Caffè lungo", "100% Arabica"):
        create(client, name=name)
    for q, names in {"SPRESS": ["Espresso"], "lungo": ["Caffè lungo"], "0%": ["100% Arabica"], "_": [], "": 3}.items():
        page = client.get("/items", params={"q": q}).json()
        assert page["total"] == (names if isinstance(names, int) else len(names))
        assert isinstance(names, int) or [i["name"] for i in page["items"]] == names


def test_statistics_of_no_items_are_zero_and_null(client):
    assert client.get("/items/stats").json() == {
        "count": 0, "total_stock": 0, "min_price": None, "max_price": None, "mean_price": None}


def test_statistics_sum_up_all_items(client):
    create(client, name="a", price=1, stock=2)
    create(client, name="b", price=2)
    create(client, name="c", price=6, stock=5)
    assert client.get("/items/stats").json() == {
        "count": 3, "total_stock": 7, "min_price": 1.0, "max_price": 6.0, "mean_price": 3.0}


@pytest.mark.parametrize("price, stock, total", [
    (1e308, 2**63 - 1, 2**63 - 1), (1.7976931348623157e308, -2**63, -2**63), (5e-324, 0, 0)])
def test_extreme_items_do_not_break_the_statistics(client, price, stock, total):
    create(client, name="a", price=price, stock=stock)
    create(client, name="b", price=price, stock=stock)
    answer = client.get("/items/stats")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "count": 2, "total_stock": total, "min_price": price, "max_price": price, "mean_price": price}


def test_the_mean_price_keeps_every_digit(client):
    create(client, price=0.1234567890123456)
    assert client.get("/items/stats").json()["mean_price"] == 0.1234567890123456


@pytest.mark.parametrize("body, errors", [
    ({}, [("missing", "name"), ("missing", "price")]),
    ({"name": "", "price": 1}, [("string_too_short", "name")]),
    ({"name": "x" * 81, "price": 1}, [("string_too_long", "name")]),
    ({"name": "x", "price": 0}, [("greater_than", "price")]),
    ({"name": "x", "price": "dear"}, [("float_parsing", "price")]),
    ({"name": 7, "price": None, "stock": 1.5}, [("string_type", "name"), ("float_type", "price"), ("int_from_float", "stock")]),
    ({"name": "x", "price": 1, "stock": 2**63}, [("int_parsing_size", "stock")]),
])
def test_a_wrong_body_names_every_wrong_member(client, body, errors):
    answer = client.post("/items", json=body)
    assert answer.status_code == 422
    assert [(e["type"], e["loc"]) for e in answer.json()["detail"]] == [(kind, ["body", name]) for kind, name in errors]


@pytest.mark.parametrize("query, kind", [
    ({"limit": 0}, "greater_than_equal"), ({"limit": 101}, "less_than_equal"), ({"limit": "x"}, "int_parsing"),
    ({"offset": -1}, "greater_than_equal"), ({"q": "x" * 81}, "string_too_long"),
])
def test_a_wrong_query_is_422(client, query, kind):
    answer = client.get("/items", params=query)
    assert answer.status_code == 422 and answer.json()["detail"][0]["type"] == kind


def test_a_name_with_a_nul_byte_never_reaches_postgres_as_a_server_error(client):
    answer = client.post("/items", json={"name": "a\0b", "price": 1})
    assert answer.status_code == 422
    [error] = answer.json()["detail"]  # a list, as of every 422: clients read it so
    assert set(error) == {"type", "loc", "msg", "input", "ctx"} and error["loc"] == ["body"] and "$" not in error["msg"]
    assert error["msg"] == "Value error, a text holds a NUL character (\\u0000), which the database cannot store"
    answer = client.get("/items?q=a%00b")
    assert (answer.status_code, [e["loc"] for e in answer.json()["detail"]]) == (422, [["query"]])
    assert client.get("/items").json()["total"] == 0


def test_unicode_survives_the_round_trip(client):
    name = "Ünïcödé 😀 \u2028 \"quoted\" \\ \t"
    item = create(client, name=name)
    assert client.get(f"/items/{item['id']}").json()["name"] == name


BULK = [{"name": "a", "price": 1}, {"name": "b", "price": 2, "stock": 4}]


def bulk(client, key="k1", body=None):
    return client.post("/items/bulk", json=BULK if body is None else body, headers={"Idempotency-Key": key})


def test_bulk_creates_all(client):
    answer = bulk(client)
    assert answer.status_code == 201
    assert [(i["id"], i["name"], i["stock"]) for i in answer.json()] == [(1, "a", None), (2, "b", 4)]


def test_bulk_creates_none_when_one_cannot_be(client):
    create(client, name="b")
    answer = bulk(client)
    assert (answer.status_code, answer.json()) == (409, {"detail": "Item already exists"})
    assert [i["name"] for i in client.get("/items").json()["items"]] == ["b"]
    client.delete("/items/1")
    assert bulk(client).status_code == 201  # the key was not used up


def test_the_same_key_and_body_give_the_same_answer(client):
    first = bulk(client)
    client.patch("/items/1", json={"price": 99})
    again = bulk(client)
    assert (again.status_code, again.content) == (201, first.content)
    assert client.get("/items").json()["total"] == 2


def test_the_same_key_with_another_body_is_409(client):
    bulk(client)
    answer = bulk(client, body=[{"name": "c", "price": 1}])
    assert (answer.status_code, answer.json()) == (409, {"detail": "Idempotency-Key was used with another body"})


def test_bulk_without_a_key_is_422(client):
    answer = client.post("/items/bulk", json=BULK)
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["header", "idempotency-key"]


def test_bulk_takes_a_thousand_items_and_no_more(client):
    items = [{"name": f"n{n}", "price": 1} for n in range(1001)]
    assert bulk(client, body=items).status_code == 422
    assert len(bulk(client, body=items[:1000]).json()) == 1000
