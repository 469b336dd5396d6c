"""Requests drawn at random from a page's OpenAPI document: mostly what it asks for, often a little wrong."""

import json
import random
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
WORDS = (
    "|0|1|-1|5|42|1.5|1e3|true|on|null|None|foo|bar|baz|plumbus|portal-gun|the-one|alexnet|fixedquery|jessica-token"
    "|fake-super-secret-token|coneofsilence|a b|é|日本|%|%41|%C3%A9|%FF|%zz|+|a/b|..|['a']|{}|[1]|a,b|a=b|\"q\"|-0|00|1_0| 5|5 "
    "|2024-01-01|" + "x" * 60
).split("|")
QUERIES = ("a=1", "&", "==", "x", "limit=3", "skip=1", "q=zz", "tool=plumbus", "%20=1", "q=", "q")
KEYS = ("name", "price", "tax", "description", "x", "a", "1", "item", "url", "tags")
VALUES: dict[str, list[Any]] = {
    "integer": [0, 1, 5, -3, 1000, "7", 2.0, 1.5],
    "number": [0, 1, 5.5, -3, 1e10, "7.25", 1e-5, 35.4],
    "boolean": [True, False, "yes", 1],
    "null": [None],
}
BROKEN_BODIES = (
    "", "null", "[]", '""', " ", "{", "nul", '{"a":1,}', "{'a':1}", "[1", '"\\x"', '{"a" 1}', "1 2", '"a\tb"', '{"a":"b}', "[1,,2]", "-",
    "01", "+1", "tru", '{"a":1 "b":2}', "\n{}\n", "{}x",
)  # fmt: skip
CONTENT_TYPES = (
    "text/plain", "application/x-www-form-urlencoded", "application/vnd.api+json", "application/json; charset=utf-8",
    "APPLICATION/JSON", "application/geo+json", "text/json", "json",
)  # fmt: skip


@dataclass
class Draft:
    """A request in the making."""

    method: str
    path: str
    query: list[str]
    headers: list[tuple[str, str]]
    body: bytes | None = None

    def bytes(self) -> bytes:
        target = self.path + ("?" + "&".join(self.query) if self.query else "")
        target = "".join(c if "!" <= c <= "~" else quote(c) for c in target)
        lines = [f"{self.method} {target} HTTP/1.1", "host: testserver", "connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body is not None:
            lines.append(f"content-length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + (self.body or b"")


class Drawer:
    """Draws requests; the same seed gives the same ones."""

    def __init__(self, seed: int, document: dict[str, Any]) -> None:
        self.random = random.Random(seed)
        self.document = document

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def word(self) -> str:
        return self.random.choice(WORDS)

    def json(self, depth: int = 0) -> Any:
        kind = self.random.random()
        if kind < 0.15:
            return self.random.choice([None, True, False])
        if kind < 0.35:
            return self.random.choice([0, 1, -1, 5, 1.5, 1e3, 1e-7, 123456789012, -0.0, 3.2])
        if kind < 0.65 or depth > 2:
            return self.word()
        if kind < 0.8:
            return [self.json(depth + 1) for _ in range(self.random.randrange(4))]
        return {self.random.choice(KEYS): self.json(depth + 1) for _ in range(self.random.randrange(4))}

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        made = {k: self.value(v, depth + 1) for k, v in schema.get("properties", {}).items() if self.chance(0.8)}
        more = schema.get("additionalProperties")
        for _ in range(self.random.randrange(3) if isinstance(more, dict) or self.chance(0.15) else 0):
            made[self.word()] = self.value(more, depth + 1) if isinstance(more, dict) else self.json()
        return made

    def value(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """A value that suits the schema, or, now and then, any other."""
        if self.chance(0.12) or depth > 6:
            return self.json()
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        kind = schema.get("type", "")
        if "anyOf" in schema:
            return self.value(self.random.choice(schema["anyOf"]), depth + 1)
        if "enum" in schema or kind in VALUES:
            return self.random.choice(schema.get("enum") or VALUES[kind])
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(self.random.randrange(4))]
        if schema.get("format") in ("uri", "url"):
            return "http://example.com/a b"
        return self.word() if kind == "string" else self.json()

    def _texts(self, schema: dict[str, Any]) -> list[str]:
        value = self.value(schema) if self.chance(0.5) else self.word()
        texts = [v if isinstance(v, str) else json.dumps(v) for v in (value if isinstance(value, list) else [value])]
        return texts if self.chance(0.9) else texts * 2

    def _escape(self, text: str, unescaped: str) -> str:
        return quote(text, safe="") if self.chance(0.75) else quote(text, safe=unescaped)

    def _parameter(self, draft: Draft, parameter: dict[str, Any], cookies: list[str]) -> None:
        name, place, texts = parameter["name"], parameter["in"], self._texts(parameter["schema"])
        if place == "path":
            draft.path = draft.path.replace("{%s}" % name, self._escape(texts[0] if texts else "", "/%"))
        elif place == "query" and self.chance(0.8):
            draft.query += [f"{quote(name)}={self._escape(text, '%+')}" if self.chance(0.95) else quote(name) for text in texts]
        elif place == "header" and name != "host" and self.chance(0.8):
            sent = name if self.chance(0.9) else name.replace("-", "_")
            draft.headers += [(sent, text.strip()) for text in texts if text.isascii()]
        elif place == "cookie" and self.chance(0.8):
            cookies += [f"{name}={text}" for text in texts if text.isascii()]

    def _body(self, draft: Draft, operation: dict[str, Any]) -> None:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        text = json.dumps(self.value(content.get("schema", {})), ensure_ascii=self.chance(0.5))
        if self.chance(0.06):
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.random.choice(["", "x", '"', "{", ",", "]"]) + text[at + 1 :]
        elif self.chance(0.03):
            text = self.random.choice(BROKEN_BODIES)
        draft.body = text.encode()
        if self.chance(0.96):
            draft.headers.append(("content-type", "application/json" if self.chance(0.93) else self.random.choice(CONTENT_TYPES)))

    def request(self) -> bytes:
        path = self.random.choice(list(self.document["paths"]))
        operations = self.document["paths"][path]
        method = self.random.choice(list(operations)).upper() if self.chance(0.9) else self.random.choice(METHODS)
        operation = operations.get(method.lower()) or self.random.choice(list(operations.values()))
        draft, cookies = Draft(method, path, [], []), list[str]()
        for parameter in operation.get("parameters", []):
            self._parameter(draft, parameter, cookies)
        if cookies:
            draft.headers.append(("cookie", "; ".join(cookies)))
        draft.path = re.sub(r"\{[^}]*\}", lambda _: quote(self.word(), safe=""), draft.path)
        if self.chance(0.1):
            path = draft.path
            draft.path = self.random.choice([path + "/", path.rstrip("/") or "/", path + "x", "/" + path, path.upper()])
        if self.chance(0.15):
            draft.query.append(self.random.choice(QUERIES))
        self.random.shuffle(draft.query)
        if "requestBody" in operation or (method in ("POST", "PUT", "PATCH") and self.chance(0.3)):
            self._body(draft, operation)
        return draft.bytes()
