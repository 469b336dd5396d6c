"""Names of tutorial pages and their ports, and the tables that say something about them.

A *module* is FastAPI's (`docs_src.header_params.tutorial003_non_an`), a *page* is the name of the C port that serves it
(`header_params/tutorial003`).
"""

import re
from pathlib import Path

VARIANT_SUFFIX = re.compile(r"(_non_an|_an)?(_py3\d+)?$")
RELATIVE_IMPORT = re.compile(r"^from \.(\w+) import", re.MULTILINE)
DOCS_REFERENCE = re.compile(r"docs_src\.(\w+)")


def read_table(path: Path) -> list[list[str]]:
    """Rows of a tab-separated file; empty lines and lines that begin with # are left out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line.strip() and not line.startswith("#")]


def read_pairs(path: Path) -> dict[str, str]:
    """A two-column table as a dictionary; a malformed or repeated row stops the run."""
    pairs: dict[str, str] = {}
    for row in read_table(path):
        if len(row) != 2 or row[0] in pairs:
            raise SystemExit(f"{path}: expected two columns and a new name in the first: {row}")
        pairs[row[0]] = row[1]
    return pairs


class Pages:
    """Every page of the tutorial, as found in the source distribution."""

    def __init__(self, sdist: Path, aliases: dict[str, str]) -> None:
        self.sdist = sdist
        self.aliases = aliases
        root = sdist / "docs_src"
        files = sorted(path for path in root.rglob("*.py") if path.name != "__init__.py")
        sources = {".".join(path.relative_to(sdist).with_suffix("").parts): path for path in files}
        self.applications = []
        self.neighbours: dict[str, list[str]] = {}
        for name, path in sources.items():
            source = path.read_text(encoding="utf-8")
            package = name.rpartition(".")[0]
            self.neighbours[name] = [f"{package}.{neighbour}" for neighbour in RELATIVE_IMPORT.findall(source)]
            if "FastAPI(" in source:
                self.applications.append(name)

    def page_of(self, module: str) -> str:
        """The page that serves a module: variants of one page share a port, and so do the pages of the alias table."""
        parts = [VARIANT_SUFFIX.sub("", part) for part in module.split(".")[1:]]
        page = "/".join(parts)
        return self.aliases.get(page, page)

    def names(self) -> set[str]:
        """The pages that can have a port; others hold a part of an application, or none."""
        return {self.page_of(module) for module in self.applications}

    def test_files(self) -> list[Path]:
        return sorted((self.sdist / "tests" / "test_tutorial").rglob("test_*.py"))

    def applications_named_in(self, test_file: Path) -> list[str]:
        """The applications that a test file may import, judged by its text, by themselves or through a neighbour.

        Most files import a page whose name is a fixture's parameter, so that only the run shows which one an instance
        uses; this choice may be too wide, never too narrow.
        """
        text = test_file.read_text(encoding="utf-8")
        packages = set(DOCS_REFERENCE.findall(text))
        words = set(re.findall(r"\w+", text))
        named: list[str] = []
        for module, neighbours in self.neighbours.items():
            package, *rest = module.split(".")[1:]
            if package in packages and words.issuperset(rest):
                named += [module, *neighbours]
        return [module for module in self.applications if module in named]

    def files_for(self, pages: set[str]) -> dict[Path, list[str]]:
        """The test files that may use one of these pages, each with the modules that it names."""
        files = {}
        for test_file in self.test_files():
            modules = self.applications_named_in(test_file)
            if any(self.page_of(module) in pages for module in modules):
                files[test_file] = modules
        return files
