"""Control vectors in repeng's spelling, with its arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import _arguments as arguments
from . import _tiller
from ._errors import ArgumentTypeError, UsageError
from ._vector import SteeringVector

if TYPE_CHECKING:
    from ._model import Model


@dataclass(frozen=True)
class DatasetEntry:
    """Two prompts that differ in what the vector should control."""

    positive: str
    negative: str


class ControlVector(SteeringVector):
    """A SteeringVector that is added to the residual stream of several layers at every token."""

    __slots__ = ()

    @classmethod
    def train(cls, lm: Model, dataset: Sequence[DatasetEntry], *, method: str = "pca_diff",
              hidden_layers: Sequence[int] | None = None) -> ControlVector:
        """repeng's ControlVector.train(): in each layer the first principal component, of length 1, of the residual
        stream at the prompts' last tokens.

        dataset: entries with `positive` and `negative` texts, at least two.
        method: "pca_diff" (of positive - negative, centred over the entries) or "pca_center" (of all texts, each entry
            centred on its own mean).
        hidden_layers: counted from 0, or negative from the end; all but layer 0 by default, as repeng has it.

        As in repeng, a component points to where more positives than negatives lie, and its length says nothing: try
        strengths from 1 to a tenth of the stream's own length.
        """
        pairs = _entries(dataset)
        arguments.choice("method", method, ("pca_diff", "pca_center"))
        layers = _layers(hidden_layers, lm.n_layers)
        texts = [text for pair in pairs for text in pair]
        states = lm.capture(texts, site="residual", positions="last_prompt")  # [2 n, layer, n_embd]
        directions = {layer: _direction(states[:, layer].astype(np.float64), method) for layer in layers}
        return cls._of(_tiller.vector_from(
            list(directions.items()), _tiller.Site.residual, _tiller.Operation.add, _tiller.PositionKind.all, 1.0,
            f"repeng {method}", lm.n_embd))

    def export_gguf(self, path: arguments.PathLike) -> None:
        """save(), by repeng's name."""
        self.save(path)

    @classmethod
    def import_gguf(cls, path: arguments.PathLike) -> ControlVector:
        """load_vector(), by repeng's name."""
        return cls._of(_tiller.load_vector(arguments.path("path", path)))


def _entries(dataset: Sequence[DatasetEntry]) -> list[tuple[str, str]]:
    pairs = []
    for i, entry in enumerate(dataset):
        try:
            pair = (entry.positive, entry.negative)
        except AttributeError:
            raise ArgumentTypeError(f"dataset[{i}]: found {arguments.shown(entry)}, expected a DatasetEntry") from None
        pairs.append((arguments.text(f"dataset[{i}].positive", pair[0]),
                      arguments.text(f"dataset[{i}].negative", pair[1])))
    if len(pairs) < 2:
        raise UsageError(f"dataset: found {len(pairs)} entries, expected at least 2: of one difference there is no "
                         "principal component")
    return pairs


def _layers(hidden_layers: Sequence[int] | None, n_layers: int) -> list[int]:
    if hidden_layers is None:
        return list(range(1, n_layers))
    found = {arguments.integer(f"hidden_layers[{i}]", layer, -n_layers, n_layers - 1) % n_layers
             for i, layer in enumerate(hidden_layers)}
    if not found:
        raise UsageError("hidden_layers: found none, expected at least one")
    return sorted(found)


def _direction(states: NDArray[np.float64], method: str) -> NDArray[np.float32]:
    positive, negative = states[0::2], states[1::2]
    if method == "pca_diff":
        train = positive - negative
    else:
        centre = (positive + negative) / 2
        train = np.concatenate([positive - centre, negative - centre])
    _, _, components = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)
    direction = components[0]
    # repeng's vote over the entries.
    higher, lower = positive @ direction, negative @ direction
    if np.mean(higher < lower) > np.mean(higher > lower):
        direction = -direction
    return np.ascontiguousarray(direction, dtype=np.float32)
