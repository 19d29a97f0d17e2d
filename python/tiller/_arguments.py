"""Checks of what callers hand in. Each names the argument, what was found and what was expected."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Iterable, Sequence
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from . import _tiller
from ._errors import ArgumentTypeError, UsageError

PathLike = Union[str, "os.PathLike[str]"]

SITES = ("head_output", "attention_output", "mlp_output", "residual")
OPERATIONS = ("add", "replace", "turn", "project")
POSITIONS = ("last_prompt", "prompt", "generated", "steered", "all")


def shown(value: object) -> str:
    """A value for an error message, short."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def number(name: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number between low and high, both inclusive."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise ArgumentTypeError(f"{name}: found {shown(value)}, expected a number")
    found = float(value)
    if not math.isfinite(found) or not low <= found <= high:
        bounds = "a finite number" if low == -math.inf and high == math.inf else f"a number from {low} to {high}"
        raise UsageError(f"{name}: found {found}, expected {bounds}")
    return found


def integer(name: str, value: object, low: int, high: int) -> int:
    """A whole number between low and high, both inclusive."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise ArgumentTypeError(f"{name}: found {shown(value)}, expected a whole number")
    found = int(value)
    if not low <= found <= high:
        raise UsageError(f"{name}: found {found}, expected {low} to {high}")
    return found


def flag(name: str, value: object) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ArgumentTypeError(f"{name}: found {shown(value)}, expected True or False")
    return bool(value)


def text(name: str, value: object) -> str:
    """A str."""
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{name}: found {shown(value)}, expected a text (str)")
    return value


def texts(name: str, value: object) -> list[str]:
    """A list of str, at least one."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ArgumentTypeError(f"{name}: found {shown(value)}, expected a list of texts")
    out = [text(f"{name}[{i}]", item) for i, item in enumerate(value)]
    if not out:
        raise UsageError(f"{name}: found an empty list, expected at least one text")
    return out


def path(name: str, value: object) -> str:
    """A path as str."""
    if not isinstance(value, (str, os.PathLike)):
        raise ArgumentTypeError(f"{name}: found {shown(value)}, expected a path (str or os.PathLike)")
    found = os.fspath(value)
    if not isinstance(found, str):
        raise ArgumentTypeError(f"{name}: found {shown(found)}, expected a path of str, not bytes")
    return found


def choice(name: str, value: object, known: Sequence[str]) -> str:
    """One of the known texts."""
    found = text(name, value)
    if found not in known:
        raise UsageError(f"{name}: found {found!r}, expected one of {', '.join(known)}")
    return found


def floats(name: str, value: object, ndim: int | tuple[int, ...]) -> NDArray[np.float32]:
    """A float32 array in C order with so many axes and finite values only. Numbers of other real types are
    converted; texts, objects, complex numbers and booleans are not."""
    found = np.asarray(value)
    if found.dtype.kind not in "fiu":
        raise ArgumentTypeError(f"{name}: found an array of {found.dtype}, expected real numbers (float32)")
    expected = (ndim,) if isinstance(ndim, int) else ndim
    if found.ndim not in expected or found.size == 0:
        axes = " or ".join(str(n) for n in expected)
        raise UsageError(f"{name}: found shape {found.shape}, expected {axes} axis(es), none empty")
    with np.errstate(over="ignore"):
        out = np.ascontiguousarray(found, dtype=np.float32)
    wrong = np.flatnonzero(~np.isfinite(out))
    if wrong.size:
        at = np.unravel_index(int(wrong[0]), out.shape)
        raise UsageError(f"{name}: found {found[at]} at {tuple(int(i) for i in at)} ({wrong.size} such values), "
                         "expected finite float32 values")
    return out


def site(name: str, value: object) -> _tiller.Site:
    return getattr(_tiller.Site, choice(name, value, SITES))  # type: ignore[no-any-return]


def operation(name: str, value: object) -> _tiller.Operation:
    return getattr(_tiller.Operation, choice(name, value, OPERATIONS))  # type: ignore[no-any-return]


def positions(name: str, value: object) -> _tiller.Positions:
    """A name of POSITIONS, ("last", k), or a range of positions with step 1."""
    if isinstance(value, str):
        if value not in POSITIONS:
            raise UsageError(f"{name}: found {value!r}, expected one of {', '.join(POSITIONS)}, (\"last\", k), "
                             "or range(begin, end)")
        return _tiller.Positions(getattr(_tiller.PositionKind, value))
    if isinstance(value, range):
        if value.step != 1 or value.start < 0 or len(value) == 0:
            raise UsageError(f"{name}: found {value}, expected a range from 0 or more, not empty, with step 1")
        return _tiller.Positions(_tiller.PositionKind.range, value.start, value.stop)
    if isinstance(value, tuple) and len(value) == 2 and value[0] == "last":
        return _tiller.Positions(_tiller.PositionKind.last_k, 0, integer(f"{name}[1]", value[1], 1, 2**30))
    raise ArgumentTypeError(f"{name}: found {shown(value)}, expected one of {', '.join(POSITIONS)}, "
                            "(\"last\", k), or range(begin, end)")


def positions_text(value: _tiller.Positions) -> str | tuple[str, int] | range:
    """What positions() was given."""
    if value.kind == _tiller.PositionKind.range:
        return range(value.begin, value.end)
    if value.kind == _tiller.PositionKind.last_k:
        return ("last", value.end)
    return name_of(value.kind)


def name_of(value: Any) -> str:
    """The name of a value of one of the compiled half's enumerations."""
    return str(value.name)
