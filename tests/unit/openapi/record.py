"""Records the document that FastAPI makes: prints fastapi.json, which test_document.c holds its own tables to.

    python3 -m venv venv && venv/bin/pip install fastapi==0.165.0
    venv/bin/python tests/unit/openapi/record.py > tests/unit/openapi/fastapi.json
"""

import datetime
import enum
import json
import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Cookie, Depends, FastAPI, Header, Path, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field, computed_field


class Color(str, enum.Enum):
    red = "red"
    green = "green"


class Size(BaseModel):
    model_config = {"extra": "forbid"}
    width: float = Field(gt=0)
    height: float | None = None


class Item(BaseModel):
    """What is sold."""

    name: str = Field(min_length=1, max_length=80, pattern="^[a-z]+$", title="The name", description="Unique", examples=["a", "b"])
    price: float = Field(gt=0, le=1000.5, multiple_of=0.5)
    count: int = Field(default=1, ge=0, lt=10)
    color: Color = Color.red
    other_color: Color | None = None
    size: Size
    box: Size | None = None
    tags: list[str] = Field(default=[], min_length=0, max_length=5)
    parts: list[Size] | None = None
    weights: dict[int, float] | None = None
    by_id: dict[uuid.UUID, Size]
    anything: Any
    id: uuid.UUID
    at: datetime.datetime | None = None
    active: bool = True
    old: str | None = Field(default=None, deprecated=True)
    renamed: int = Field(alias="some-name")
    noted: str = Field(default="x", json_schema_extra={"x-note": [1, {"a": 2}]})


class User(BaseModel):
    login: str
    parent: "User | None" = None


class Message(BaseModel):
    detail: str


class Filters(BaseModel):
    model_config = {"extra": "forbid"}
    limit: int = Field(100, gt=0, le=100)
    order_by: Color = Color.green
    tags: list[str] = []


class CommonHeaders(BaseModel):
    save_data: bool
    if_modified_since: str | None = None
    x_tag: list[str] = []


class Square(BaseModel):
    side: float

    @computed_field
    @property
    def area(self) -> float:
        return self.side**2


class Drawing(BaseModel):
    squares: list[Square]


Mood = Literal["good", "bad"]


class Tagging(BaseModel):
    mood: Mood = "good"
    only: Literal["one"]
    colors: list[Color] = []
    moods: list[Mood] | None = None
    by_color: dict[Color, Mood]
    by_mood: dict[Mood, Color]
    by_only: dict[Literal["one"], int]


def paging(limit: int = 10, q: str | None = None) -> int:
    return limit


def strict_paging(q: str, limit: Annotated[int, Depends(paging)]) -> int:
    return limit


app = FastAPI(title="Shop", version="1.2.3", summary="All of it", description="Sells <things>")
router = APIRouter(tags=["router"], responses={404: {"description": "Not found"}, 418: {"model": Message}})


@app.post(
    "/items/",
    status_code=201,
    tags=["items", "new"],
    responses={404: {"model": Message, "description": "Gone"}, 409: {"description": "Known"}},
    response_description="The item as it is kept",
    description="Keeps an item.",
)
def create_item(item: Item) -> Item: ...


@app.put("/items/{item_id}", summary="Replace", operation_id="replace_it")
def replace_item(
    item_id: Annotated[int, Path(ge=1, title="The item", description="Which")],
    item: Item,
    importance: Annotated[int, Body(gt=0)],
    user: User | None = None,
    q: str | None = None,
): ...


@app.get("/items/")
def list_items(
    needy: str,
    x_token: Annotated[list[str] | None, Header()] = None,
    session: Annotated[str | None, Cookie()] = None,
    skip: Annotated[int, Query(multiple_of=5)] = 0,
    share: Annotated[float, Query(ge=0, lt=1.5)] = 0.25,
    color: Color = Color.green,
    other: Color | None = None,
    ids: Annotated[list[int], Query(min_length=2, alias="item-id")] = [1, 2],
    secret: Annotated[str, Query(include_in_schema=False)] = "",
    old: Annotated[str | None, Query(deprecated=True, description="Do not", examples=["x"])] = None,
    since: datetime.datetime | None = None,
    flag: bool = True,
) -> list[Item]: ...


@app.get("/filtered")
def filtered(filters: Annotated[Filters, Query()], headers: Annotated[CommonHeaders, Header()]) -> dict[str, Size]: ...


@app.get("/text")
def text() -> str: ...


@app.delete("/items/{item_id}", status_code=204, deprecated=True)
def delete_item(item_id: int): ...


@app.get("/page", response_class=HTMLResponse)
def page(): ...


@app.get("/hidden", include_in_schema=False)
def hidden(q: int): ...


@app.get("/extra", openapi_extra={"x-one": 1, "responses": {"200": {"x-two": 2}}, "tags": ["more"]}, tags=["first"])
def extra(): ...


@app.post("/embedded")
def embedded(item: Annotated[Size, Body(embed=True)]) -> User | None: ...


@app.patch("/maybe")
def maybe(item: Size | None = None): ...


@app.post("/list")
def list_body(sizes: list[Size]): ...


@app.post("/dict")
def dict_body(weights: Annotated[dict[str, int], Body(description="By name")]): ...


@app.get("/paged/{name:path}")
def paged(name: str, limit: Annotated[int, Depends(strict_paging)], again: Annotated[int, Depends(paging)]): ...


@app.post("/drawings")
def draw(drawing: Drawing) -> Drawing: ...


@app.post("/tagged")
def tag(
    tagging: Tagging,
    mood: Mood,
    colors: Annotated[list[Color], Query()],
    moods: Annotated[list[Mood], Query()] = ["bad"],
    only: Literal["one"] | None = None,
) -> list[Color]: ...


@router.get("/users/{login}", responses={404: {"description": "No such user"}})
def read_user(login: str) -> User: ...


app.include_router(router, prefix="/v1", tags=["v1"], deprecated=True)

print(json.dumps(app.openapi(), indent=1))
