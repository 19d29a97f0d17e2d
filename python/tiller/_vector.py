"""Steering vectors: directions, how to apply them, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _arguments as arguments
from . import _tiller
from ._edit import Edit
from ._errors import ArgumentTypeError, UsageError

_Self = TypeVar("_Self", bound="SteeringVector")


class SteeringVector:
    """Directions in some layers, and how they are applied. Immutable.

    directions: layer -> [n_embd] float32 ([1 + n_row, n_embd] for "project"), layers counted from 0.
    site, operation, positions: as for Edit; positions must be a name.
    strength: what the directions are applied with, the whole dose.

    `0.5 * v` is applied half as strongly, whatever the operation. `v + w` adds directions, each weighted by its
    vector's strength; the sum's strength is the larger one, so that the sum of two vectors that are added to
    activations has the effect of both. `v.at(0.5)` sets the strength, as `--vector v.gguf:0.5` does.
    """

    __slots__ = ("_native",)
    _native: _tiller.SteeringVector

    def __init__(self, directions: Mapping[int, ArrayLike], *, site: str = "residual", operation: str = "add",
                 positions: str = "steered", strength: float = 1.0, method: str = "array") -> None:
        if not isinstance(directions, Mapping) or not directions:
            raise ArgumentTypeError(f"directions: found {arguments.shown(directions)}, expected a dict from layers "
                                    "to arrays, not empty")
        if site == "head_output":
            raise UsageError("site: found 'head_output', expected a site that is n_embd wide; make an Edit for heads")
        values = {
            arguments.integer("directions' layer", layer, 0, 4096):
                arguments.floats(f"directions[{layer}]", direction, 2 if operation == "project" else 1)
            for layer, direction in directions.items()
        }
        widths = {int(v.shape[-1]) for v in values.values()}
        if len(widths) != 1:
            raise UsageError(f"directions: found widths {sorted(widths)}, expected n_embd in every layer")
        kind = getattr(_tiller.PositionKind, arguments.choice("positions", positions, arguments.POSITIONS))
        self._native = _tiller.vector_from(
            list(values.items()), arguments.site("site", site), arguments.operation("operation", operation), kind,
            arguments.number("strength", strength), arguments.text("method", method), widths.pop())
        self._native.edits(1.0)  # refuses what is no vector

    @classmethod
    def _of(cls: type[_Self], native: _tiller.SteeringVector) -> _Self:
        vector = cls.__new__(cls)
        vector._native = native
        return vector

    @property
    def directions(self) -> dict[int, NDArray[np.float32]]:
        """layer -> [n_embd] ([1 + n_row, n_embd] for "project"), without the strength; read-only, no copy."""
        return self._native.directions

    @property
    def layers(self) -> list[int]:
        """The layers that are edited, rising."""
        return list(self._native.directions)

    @property
    def strength(self) -> float:
        return self._native.scale

    @property
    def site(self) -> str:
        return arguments.name_of(self._native.site)

    @property
    def operation(self) -> str:
        return arguments.name_of(self._native.operation)

    @property
    def positions(self) -> str:
        return arguments.name_of(self._native.positions)

    @property
    def method(self) -> str:
        """Which method made it: "fv", "icv", ...; "control-vector" for other tools' files, "array" for yours."""
        return str(self._native.method)

    @property
    def heads(self) -> list[tuple[int, int, float]]:
        """(layer, head, score) of the heads that it is made of, best first; empty for most methods."""
        return self._native.heads

    @property
    def head_scores(self) -> list[NDArray[np.float32]]:
        """[n_head] scores for each layer (average indirect effects for "fv"); empty for most methods."""
        return [np.array(layer, dtype=np.float32) for layer in self._native.head_scores]

    @property
    def provenance(self) -> dict[str, Any]:
        """Task, seed, model and settings that it was made with; empty or 0 where it is not known."""
        return self._native.provenance

    def at(self: _Self, strength: float) -> _Self:
        """The same directions with this strength, the whole dose."""
        return self._of(self._native.at(arguments.number("strength", strength)))

    def only_layers(self: _Self, first: int, last: int) -> _Self:
        """Only the directions of layers first to last, both inclusive."""
        return self._of(self._native.only_layers(arguments.integer("first", first, 0, 4096),
                                                 arguments.integer("last", last, 0, 4096)))

    def edits(self, strength: float | None = None) -> list[Edit]:
        """The edits that apply it, one for each layer; its own strength unless another is given."""
        dose = self.strength if strength is None else arguments.number("strength", strength)
        width = next(iter(self.directions.values())).shape[-1]
        return [Edit._of(edit, width) for edit in self._native.edits(dose)]

    def save(self, path: arguments.PathLike) -> None:
        """Writes the file (GGUF) whole or not at all. tiller's program reads it, and vectors that are added to the
        residual stream are read by llama.cpp too."""
        self._native.save(arguments.path("path", path))

    def __mul__(self: _Self, factor: float) -> _Self:
        if isinstance(factor, SteeringVector):
            return NotImplemented
        return self._of(self._native.at(self.strength * arguments.number("factor", factor)))

    __rmul__ = __mul__

    def __truediv__(self: _Self, divisor: float) -> _Self:
        found = arguments.number("divisor", divisor)
        if found == 0:
            raise UsageError("divisor: found 0, expected another number")
        return self._of(self._native.at(self.strength / found))

    def __neg__(self: _Self) -> _Self:
        return self * -1.0

    def __add__(self, other: SteeringVector) -> SteeringVector:
        if not isinstance(other, SteeringVector):
            return NotImplemented
        return _sum(self, self.strength, other, other.strength)

    def __sub__(self, other: SteeringVector) -> SteeringVector:
        if not isinstance(other, SteeringVector):
            return NotImplemented
        return _sum(self, self.strength, other, -other.strength)

    def __reduce__(self) -> NoReturn:
        raise ArgumentTypeError("a SteeringVector cannot be pickled; v.save(path) and tiller.load_vector(path) keep "
                                "all of it")

    def __repr__(self) -> str:
        layers = self.layers
        shown = f"layer {layers[0]}" if len(layers) == 1 else f"layers {layers[0]} to {layers[-1]} ({len(layers)})"
        task = self.provenance["task"]
        return (f"<SteeringVector {self.method}{' of ' + task if task else ''}: {shown}, {self.site}, "
                f"{self.operation}, {self.positions}, strength {self.strength:g}>")


def _sum(a: SteeringVector, strength_a: float, b: SteeringVector, strength_b: float) -> SteeringVector:
    if a.operation == "replace":
        raise UsageError("v + w: the vectors replace activations, so the sum of their directions is no mixture of "
                         "them; make the direction that you mean with SteeringVector({layer: array}, "
                         "operation=\"replace\")")
    # Of equal strengths with one sign the sum keeps it; else the larger size.
    strength = max(abs(strength_a), abs(strength_b)) or 1.0
    if strength_a < 0 and strength_b < 0:
        strength = -strength
    return SteeringVector._of(
        _tiller.combine([a._native, b._native], [strength_a / strength, strength_b / strength], strength))


def load_vector(path: arguments.PathLike) -> SteeringVector:
    """Reads a vector: tiller's own, llama.cpp's and repeng's control vectors (GGUF), .npz, safetensors.

    Raises MissingError (no such file) and BadInputError (not a vector, damaged).
    """
    return SteeringVector._of(_tiller.load_vector(arguments.path("path", path)))
