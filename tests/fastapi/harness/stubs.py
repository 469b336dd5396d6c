"""What the test process gets when it imports a page of FastAPI's tutorial: not the page, but a name for its port."""

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import fastapi
from fastapi.exceptions import FastAPIDeprecationWarning

from .outcomes import NeedsPython

# Pages that warn while they are imported, and tests that expect it.
IMPORT_WARNINGS: dict[str, tuple[type[Warning], str]] = {
    "docs_src.events.tutorial001": (DeprecationWarning, "on_event is deprecated"),
    "docs_src.events.tutorial002": (DeprecationWarning, "on_event is deprecated"),
    "docs_src.app_testing.tutorial003": (DeprecationWarning, "on_event is deprecated"),
    "docs_src.behind_a_proxy.tutorial002": (FastAPIDeprecationWarning, "use fastapi run --root-path"),
}

BORROWED_TYPES = (str, bytes, int, float, bool, type(None), types.FunctionType, type)
# Attributes that pytest looks for on whatever a test file imports.
PROBES = ("__", "_pytest", "pytest")
ROUTE_DECORATORS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "api_route", "websocket")


class PortApp:
    """Stands where the page's FastAPI application stood; a client of it talks to the port of that page."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.loading = True
        self.paths_of_test: set[str] = set()
        self._overrides: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name in ROUTE_DECORATORS:
            return self._route
        if name.startswith(PROBES):
            raise AttributeError(name)
        if self.loading:
            return lambda *args, **kwargs: lambda function: function
        raise NeedsPython(f"the test uses .{name} of the application of {self.module}")

    def _route(self, path: str, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        if not self.loading:
            self.paths_of_test.add(path)
        return lambda function: function

    @property
    def dependency_overrides(self) -> dict[Any, Any]:
        """Overrides that a page sets on itself are part of the page, and of its port."""
        if self.loading:
            return {}
        return self._overrides

    @dependency_overrides.setter
    def dependency_overrides(self, overrides: dict[Any, Any]) -> None:
        self._overrides = overrides

    def refuse_what_only_python_has(self, path: str) -> None:
        """Called before each request: changes that the test made to the application cannot have reached the port."""
        if self._overrides:
            raise NeedsPython(f"the test sets dependency_overrides on the application of {self.module}")
        if path in self.paths_of_test:
            raise NeedsPython(f"the test adds the route {path} to the application of {self.module}")


class PythonName:
    """Stands where state of the page stood; using it in any way says so."""

    def __init__(self, module: str, name: str) -> None:
        object.__setattr__(self, "_where", f"{module}.{name}")

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise NeedsPython(f"the test uses {object.__getattribute__(self, '_where')} of the page itself")

    def __getattr__(self, name: str) -> Any:
        if name.startswith(PROBES):
            raise AttributeError(name)
        self._refuse()

    __setattr__ = __call__ = __getitem__ = __setitem__ = _refuse
    __contains__ = __iter__ = __len__ = __eq__ = __ne__ = __bool__ = _refuse
    __hash__ = object.__hash__


def holds_tests(source: str) -> bool:
    """Some pages of the tutorial are about testing: they hold tests beside, or instead of, an application."""
    return "TestClient" in source or "AsyncClient" in source


@functools.cache
def _real_page(name: str, origin: str) -> types.ModuleType:
    """The page itself, loaded beside its stub; it serves nothing."""
    page = types.ModuleType(name)
    page.__package__ = name.rpartition(".")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(Path(origin).read_text(encoding="utf-8"), origin, "exec"), page.__dict__)
    return page


def borrowed_from_page(spec: importlib.machinery.ModuleSpec, name: str) -> Any:
    """What a test may take from the page to make a request or to compare an answer with.

    Immutable values, functions and classes; the page's state in memory is the port's own and stays out of reach.
    """
    value = getattr(_real_page(spec.name, str(spec.origin)), name)
    return value if isinstance(value, BORROWED_TYPES) else PythonName(spec.name, name)


class PageFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers every import of `docs_src` and what lies below it."""

    def __init__(self, sdist: Path, imported: Callable[[str], None]) -> None:
        self.sdist = sdist
        self.imported = imported

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname.split(".")[0] != "docs_src":
            return None
        place = self.sdist.joinpath(*fullname.split("."))
        if place.is_dir():
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        source = place.parent / f"{place.name}.py"
        if source.is_file():
            return importlib.machinery.ModuleSpec(fullname, self, origin=str(source))
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        spec = module.__spec__
        assert spec is not None
        if spec.origin is None:
            return
        self.imported(spec.name)
        if spec.name in IMPORT_WARNINGS:
            category, text = IMPORT_WARNINGS[spec.name]
            warnings.warn(text, category, stacklevel=2)
        source = Path(spec.origin).read_text(encoding="utf-8")
        if holds_tests(source):
            self._run_tests_of_page(module, source)
            return
        app = PortApp(spec.name)
        app.loading = False
        module.__dict__["app"] = app
        module.__dict__["__getattr__"] = lambda name: self._attribute(spec, name)

    def _run_tests_of_page(self, module: types.ModuleType, source: str) -> None:
        """Runs a page that holds tests; an application that it makes is the page's port."""
        app = PortApp(module.__name__)
        with mock.patch.object(fastapi, "FastAPI", lambda *args, **kwargs: app):
            exec(compile(source, str(module.__spec__.origin), "exec"), module.__dict__)  # type: ignore[union-attr]
        app.loading = False

    @staticmethod
    def _attribute(spec: importlib.machinery.ModuleSpec, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return borrowed_from_page(spec, name)
