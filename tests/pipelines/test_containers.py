"""Dockerfile and compose.yaml, as far as they can be judged without an Engine."""

from support.tools import ROOT, need, out


def test_hadolint_has_no_complaint():
    need("hadolint")
    out("hadolint", ROOT / "Dockerfile", ROOT / "deploy/elsewhere/railway/Dockerfile")


def test_the_compose_file_is_valid_by_its_schema():
    need("check-jsonschema")
    out("check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml")
