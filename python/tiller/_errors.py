"""The errors of tiller. Every failure that the library can name is one of these."""

from __future__ import annotations


class Error(Exception):
    """Anything that tiller refuses or cannot do. The text says what was found, what was expected, and what to
    do next. `code` is the library's own name for the kind of failure ("usage", "bad_input", ...)."""

    code = "error"


class UsageError(Error, ValueError):
    """An argument, or a name that is looked up, is wrong."""

    code = "usage"


class ArgumentTypeError(UsageError, TypeError):
    """An argument has the wrong type: a text where a number belongs, say."""


class BadInputError(Error, ValueError):
    """A file, a model or a plan does not have the form that it must have."""

    code = "bad_input"


class UnsupportedError(Error):
    """The model cannot do this: a site that its architecture does not have, say."""

    code = "unsupported"


class IncompleteError(Error):
    """An edit or a capture was not carried out, so there is no result."""

    code = "incomplete"


class MissingError(Error, FileNotFoundError):
    """A file, a folder or a model is not there."""

    code = "missing"


class MachineError(Error):
    """Memory, disk, permissions, or the machine itself."""

    code = "environment"


class InterruptedRun(Error):
    """Something asked the work to stop. Ctrl-C raises KeyboardInterrupt instead."""

    code = "interrupted"


_CLASSES = {
    kind.code: kind
    for kind in (UsageError, BadInputError, UnsupportedError, IncompleteError, MissingError, MachineError,
                 InterruptedRun)
}


def error_of(code: str, message: str) -> Error:
    """The error of a code, for the compiled half."""
    return _CLASSES.get(code, Error)(message)
