"""Extracts, applies and compares steering vectors of language models.

    import tiller
    lm = tiller.load("gemma3-270m")
    v = lm.extract("icv", pairs=[("rude text", "kind text"), ...])
    lm.generate("Dear neighbour,", steer=[None, 0.4 * v, 0.8 * v])

Shapes are NumPy's, float32 in C order; layers and positions count from 0; log-probabilities are natural logarithms.
"""

from __future__ import annotations

from . import _tiller
from ._edit import Edit
from ._errors import (
    ArgumentTypeError,
    BadInputError,
    Error,
    IncompleteError,
    InterruptedRun,
    MachineError,
    MissingError,
    UnsupportedError,
    UsageError,
)
from ._extract import Task, split, task
from ._model import Model, load
from ._results import Continuation, NextToken, Stream, StreamEvent
from ._study import Run, compare
from ._vector import SteeringVector, load_vector
from .lens import ActivationCache
from .repeng import ControlVector, DatasetEntry

__version__: str = _tiller.version()
engine_version: str = _tiller.engine_version()


def methods() -> dict[str, str]:
    """Methods of extract() and compare(): name -> one line."""
    return dict(_tiller.methods())


def tasks() -> dict[str, str]:
    """tiller's own tasks: name -> file."""
    return dict(_tiller.tasks(""))


def known_models() -> dict[str, str]:
    """Models that load() knows by name, once `tiller models get NAME` has fetched them: name -> one line."""
    return dict(_tiller.known_models())


__all__ = [
    "ActivationCache",
    "ArgumentTypeError",
    "BadInputError",
    "Continuation",
    "ControlVector",
    "DatasetEntry",
    "Edit",
    "Error",
    "IncompleteError",
    "InterruptedRun",
    "MachineError",
    "MissingError",
    "Model",
    "NextToken",
    "Run",
    "SteeringVector",
    "Stream",
    "StreamEvent",
    "Task",
    "UnsupportedError",
    "UsageError",
    "compare",
    "engine_version",
    "known_models",
    "load",
    "load_vector",
    "methods",
    "split",
    "task",
    "tasks",
]
