"""Vectors by tiller's methods, and the tasks that they are made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import _arguments as arguments
from . import _tiller
from ._errors import ArgumentTypeError, UsageError
from ._progress import Listener
from ._vector import SteeringVector

FAMILIES = ("functional", "extractive", "behavioural")


@dataclass(frozen=True)
class Task:
    """A task: items of an input and its right answers. family: "functional" (one right answer), "extractive" (it
    stands in the input), "behavioural" (the input in another style)."""

    name: str
    family: str
    items: list[tuple[str, list[str]]]


def task(name: arguments.PathLike, *, family: str | None = None) -> Task:
    """Reads one of tiller's tasks by name, or a task file (.json, .jsonl, .csv, .tsv)."""
    return Task(*_tiller.read_task(arguments.path("name", name), _family(family)))


def split(name: arguments.PathLike, *, family: str | None = None,
          seed: int = 0) -> tuple[list[int], list[int], list[int]]:
    """(train, test, validation): which items of a task extractions read, comparisons judge by and choose by."""
    return _tiller.split_task(arguments.path("name", name), _family(family),
                              arguments.integer("seed", seed, 0, 2**64 - 1))


def _family(family: str | None) -> str:
    return "" if family is None else arguments.choice("family", family, FAMILIES)


def _pairs(pairs: object) -> list[tuple[str, str]]:
    if isinstance(pairs, (str, bytes)) or not isinstance(pairs, Iterable):
        raise ArgumentTypeError(f"pairs: found {arguments.shown(pairs)}, expected a list of (negative, positive) texts")
    out = []
    for i, pair in enumerate(pairs):
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise ArgumentTypeError(f"pairs[{i}]: found {arguments.shown(pair)}, expected (negative, positive)")
        out.append((arguments.text(f"pairs[{i}][0]", pair[0]), arguments.text(f"pairs[{i}][1]", pair[1])))
    if not out:
        raise UsageError("pairs: found an empty list, expected at least one pair")
    return out


def extract(session: _tiller.Session, method: str, task: arguments.PathLike | None, pairs: object, seed: int,
            family: str | None, beside: Sequence[str], counts: Mapping[str, int | None], check: bool,
            settings: Mapping[str, float], listener: Listener) -> SteeringVector:
    """Model.extract()."""
    name = arguments.text("method", method)
    if (task is None) == (pairs is None):
        raise UsageError(f"extract: found {'neither task nor pairs' if task is None else 'task and pairs'}, expected "
                         "one of them")
    given = {count: arguments.integer(count, value, 1, 1 << 20) for count, value in counts.items() if value is not None}
    reads = [*_tiller.method_counts(name), "n_last"]
    for count in given:
        if count not in reads:
            raise UsageError(f"{count}: the method {name} does not read it, expected {', '.join(reads)}")
    native = _tiller.extract(
        session, name, "" if task is None else arguments.path("task", task), _family(family),
        [] if pairs is None else _pairs(pairs), "pairs",
        arguments.texts("beside", beside) if beside else [],
        {key: arguments.number(key, value) for key, value in settings.items()},
        {key: float(value) for key, value in given.items()},
        arguments.integer("seed", seed, 0, 2**64 - 1), arguments.flag("check", check), listener)
    return SteeringVector._of(native)
