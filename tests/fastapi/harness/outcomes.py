"""Why an instance of a test gave no verdict on a port.

These derive from BaseException so that no `pytest.raises(Exception)` and no handler in a test swallows them.
"""


class NoVerdict(BaseException):
    """The instance says nothing about any port that was asked for."""

    category = ""


class NotPorted(NoVerdict):
    """The instance's page has no port."""

    category = "not ported"


class NotSelected(NoVerdict):
    """The instance's page has a port that this run was not asked about."""

    category = "not selected"


class ListedInProcess(NoVerdict):
    """The instance stands in in_process.tsv."""

    category = "in-process only"


class NeedsPython(BaseException):
    """The test wants something of the page's Python objects: a failure unless in_process.tsv lists the instance."""


class ServerFailed(BaseException):
    """The port ended by itself, did not answer or did not stop as it should."""
