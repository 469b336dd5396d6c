"""What every peer must answer, byte for byte. README.md tells it in words."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ITEMS = 10_000
TWENTY = [n * 500 + 1 for n in range(20)]
NEW_ITEM = '{"name":"Espresso","price":12.5,"description":null}'


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def item(n: int) -> dict[str, object]:
    """Row n of items.sql."""
    created_at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
    return {
        "id": n,
        "name": f"item {n}",
        "description": f"The {n}th thing on the shelf, dry and well kept" if n % 4 else None,
        "price": n % 1000 + 0.25,
        "stock": n % 97 if n % 5 else None,
        "created_at": created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. A body of None: only the status counts, the text is the peer's own."""

    path: str
    status: int
    answer: bytes | None = None
    body: str | None = None

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"


def _new_item(**changes: object) -> str:
    return compact({**json.loads(NEW_ITEM), **changes}).decode()


def _typed(item_id: int, q: str | None, limit: int) -> bytes:
    return compact({"item_id": item_id, "q": q, "limit": limit})


HELLO = [Exchange("/", 200, compact({"message": "hello from FastAPI"}))]

TYPED_GET = [
    Exchange("/typed/42?q=hello&limit=25", 200, _typed(42, "hello", 25)),
    Exchange("/typed/42", 200, _typed(42, None, 20)),
    Exchange("/typed/1?limit=100&q=" + "x" * 50, 200, _typed(1, "x" * 50, 100)),
    Exchange("/typed/7?q=caf%C3%A9%20%2B%20tea&limit=1", 200, _typed(7, "café + tea", 1)),
    Exchange("/typed/0?q=hello", 422),
    Exchange("/typed/42?limit=0", 422),
    Exchange("/typed/42?limit=101", 422),
    Exchange("/typed/42?q=" + "x" * 51, 422),
]

TYPED_POST = [
    Exchange("/typed", 201, compact({"id": 1, **json.loads(NEW_ITEM)}), NEW_ITEM),
    Exchange("/typed", 201, compact({"id": 1, "name": "n" * 80, "price": 0.5, "description": "dark \"roast\""}),
             _new_item(name="n" * 80, price=0.5, description='dark "roast"')),
    Exchange("/typed", 201, compact({"id": 1, "name": "Espresso", "price": 12.5, "description": None}),
             '{"price":12.5,"name":"Espresso"}'),
    Exchange("/typed", 422, None, _new_item(price=0)),
    Exchange("/typed", 422, None, _new_item(name="")),
    Exchange("/typed", 422, None, _new_item(name="n" * 81)),
]

ITEM = [
    *(Exchange(f"/items/{n}", 200, compact(item(n))) for n in (1, 4, 5, 20, 999, 4242, ITEMS)),
    Exchange(f"/items/{ITEMS + 1}", 404),
]

TWENTY_ITEMS = [Exchange("/twenty", 200, compact([item(n) for n in TWENTY]))]
