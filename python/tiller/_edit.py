"""One change to a model's activations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _arguments as arguments
from . import _tiller
from ._errors import UsageError


class Edit:
    """What to do to one site of one layer at some tokens of a sequence. Immutable.

    site: "residual" (the stream after the layer), "mlp_output", "attention_output", each n_embd wide, or
        "head_output" (the heads' outputs before W_O, n_head * d_head wide, or d_head with `head`).
    layer: counted from 0.
    vector: [width] float32; for "project" [1 + n_row, width], the centre m and then the rows of W.
    operation, with vector v, strength s and activation x:
        "add": x + s v.  "replace": x + s (v - x).  "turn": a norm-preserving turn towards v (in-context
        vectors).  "project": x + s (m + W^T W (x - m) - x).
    positions: "last_prompt", "prompt", "generated", "steered" (the last prompt token and all generated),
        "all", ("last", k) for the last k prompt tokens, or range(begin, end), counted from 0 with BOS.
    strength: finite; 0 changes nothing, bit for bit.
    head: counted from 0; only with "head_output".
    """

    __slots__ = ("_native", "_width")
    _native: _tiller.Edit

    def __init__(self, site: str, layer: int, vector: ArrayLike, operation: str = "add",
                 positions: str | tuple[str, int] | range = "all", strength: float = 1.0,
                 head: int | None = None) -> None:
        op = arguments.operation("operation", operation)
        values = arguments.floats("vector", vector, 2 if operation == "project" else 1)
        if operation == "project" and values.shape[0] < 2:
            raise UsageError(f"vector: found shape {values.shape}, expected [1 + n_row, width] with n_row >= 1: "
                             "the centre, then the rows of W")
        if head is not None and site != "head_output":
            raise UsageError(f"head: found {head} with site {site!r}, expected head only with \"head_output\"")
        self._native = _tiller.Edit(
            arguments.site("site", site), arguments.integer("layer", layer, 0, 4096),
            -1 if head is None else arguments.integer("head", head, 0, 1 << 20), op,
            arguments.positions("positions", positions), values, arguments.number("strength", strength))
        self._width = int(values.shape[-1])

    @classmethod
    def _of(cls, native: _tiller.Edit, width: int) -> Edit:
        edit = cls.__new__(cls)
        edit._native = native
        edit._width = width
        return edit

    @property
    def site(self) -> str:
        return arguments.name_of(self._native.site)

    @property
    def layer(self) -> int:
        return self._native.layer

    @property
    def head(self) -> int | None:
        return None if self._native.head < 0 else self._native.head

    @property
    def operation(self) -> str:
        return arguments.name_of(self._native.operation)

    @property
    def positions(self) -> str | tuple[str, int] | range:
        return arguments.positions_text(self._native.positions)

    @property
    def strength(self) -> float:
        return self._native.strength

    @property
    def vector(self) -> NDArray[np.float32]:
        """[width], or [1 + n_row, width] for "project"; read-only, no copy."""
        values: NDArray[np.float32] = self._native.vector
        return values.reshape(-1, self._width) if self.operation == "project" else values

    def at(self, strength: float) -> Edit:
        """The same edit with another strength; the vector is shared."""
        return Edit._of(self._native.at(arguments.number("strength", strength)), self._width)

    def __repr__(self) -> str:
        head = "" if self.head is None else f", head={self.head}"
        return (f"Edit({self.site!r}, layer={self.layer}, vector=<{self._width}>, {self.operation!r}, "
                f"positions={self.positions!r}, strength={self.strength:g}{head})")
