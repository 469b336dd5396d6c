"""The same routes as every peer, on FastAPI and an asyncpg pool of 15 connections.

Usage: DATABASE_URL=… uvicorn main:app --loop uvloop --http httptools
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

import asyncpg
from fastapi import FastAPI, HTTPException, Path, Query, Request
from pydantic import BaseModel, Field

POOL_SIZE = 15
ITEM_BY_ID = "select id, name, description, price, stock, created_at from items where id = $1"


class TypedAnswer(BaseModel):
    item_id: int
    q: str | None
    limit: int


class NewItem(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    price: Annotated[float, Field(gt=0)]
    description: str | None = None


class CreatedItem(BaseModel):
    id: int
    name: str
    price: float
    description: str | None


class Item(BaseModel):
    id: int
    name: str
    description: str | None
    price: float
    stock: int | None
    created_at: datetime


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=5, max_size=POOL_SIZE) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def hello():
    return {"message": "hello from FastAPI"}


@app.get("/typed/{item_id}")
async def typed_get(
    item_id: Annotated[int, Path(ge=1)],
    q: Annotated[str | None, Query(max_length=50)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> TypedAnswer:
    return TypedAnswer(item_id=item_id, q=q, limit=limit)


@app.post("/typed", status_code=201)
async def typed_post(item: NewItem) -> CreatedItem:
    return CreatedItem(id=1, name=item.name, price=item.price, description=item.description)


@app.get("/items/{item_id}", response_model=Item)
async def read_item(item_id: int, request: Request):
    row = await request.app.state.pool.fetchrow(ITEM_BY_ID, item_id)
    if row is None:
        raise HTTPException(404, "Item not found")
    return dict(row)


@app.get("/twenty", response_model=list[Item])
async def twenty(request: Request):
    async with request.app.state.pool.acquire() as connection:
        rows = await connection.fetchmany(ITEM_BY_ID, [(n * 500 + 1,) for n in range(20)])
    return [dict(row) for row in rows]
