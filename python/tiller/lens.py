"""Activations under TransformerLens' names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Union

import numpy as np
from numpy.typing import NDArray

from . import _arguments as arguments
from . import _tiller
from ._errors import ArgumentTypeError, UnsupportedError, UsageError
from ._steering import Steer, paired

if TYPE_CHECKING:
    from ._base import BaseModel

NamesFilter = Union[None, str, Sequence[str], Callable[[str], bool]]

# TransformerLens' name within a block -> tiller's site.
_SITES = {
    "attn.hook_z": "head_output",
    "hook_attn_out": "attention_output",
    "hook_mlp_out": "mlp_output",
    "hook_resid_post": "residual",
}
_SHORT = {"z": "attn.hook_z", "attn_out": "hook_attn_out", "mlp_out": "hook_mlp_out", "resid_post": "hook_resid_post"}
_NAME = re.compile(r"blocks\.(\d+)\.(.+)")


def hook_names(lm: BaseModel) -> list[str]:
    """The names that a cache of this model has. `hook_mlp_out` is missing where a norm follows the MLP (Gemma 2 and 3,
    OLMo 2): TransformerLens reads after that norm, tiller before it (lm.capture(site="mlp_output"))."""
    inner = [name for name in _SITES if not (name == "hook_mlp_out" and lm.info["post_norm"])]
    return [f"blocks.{layer}.{name}" for layer in range(lm.n_layers) for name in inner
            if name != "attn.hook_z" or lm.n_heads[layer] > 0]


class ActivationCache(Mapping[str, NDArray[np.float32]]):
    """Activations by name, float32: [batch, pos, n_embd], and [batch, pos, n_head, d_head] for "attn.hook_z".

    cache["blocks.10.hook_resid_post"] and cache["resid_post", 10] are the same; a negative layer counts from the end.
    Positions include BOS.
    """

    def __init__(self, values: dict[str, NDArray[np.float32]], n_layers: int) -> None:
        self._values = values
        self._n_layers = n_layers

    def __getitem__(self, key: str | tuple[str, int]) -> NDArray[np.float32]:
        name = self._name(key)
        if name in self._values:
            return self._values[name]
        raise KeyError(f"{name} is not in the cache, which has {self._listed()}")

    def _name(self, key: object) -> str:
        if isinstance(key, tuple) and len(key) == 2:
            layer = arguments.integer("cache's layer", key[1], -self._n_layers, self._n_layers - 1) % self._n_layers
            return f"blocks.{layer}.{_SHORT.get(key[0], key[0])}"
        return arguments.text("cache's name", key)

    def _listed(self) -> str:
        names = list(self._values)
        return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:4])}, ... {names[-1]} ({len(names)} names)"

    def __contains__(self, key: object) -> bool:
        return self._name(key) in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<ActivationCache: {self._listed()}>"


def _wanted(lm: BaseModel, names_filter: NamesFilter) -> list[str]:
    known = hook_names(lm)
    if names_filter is None:
        return known
    if callable(names_filter):
        return [name for name in known if names_filter(name)]
    names = [names_filter] if isinstance(names_filter, str) else arguments.texts("names_filter", names_filter)
    for name in names:
        if name in known:
            continue
        match = _NAME.fullmatch(name)
        if match and match.group(2) == "hook_mlp_out" and int(match.group(1)) < lm.n_layers:
            raise UnsupportedError(f"{name}: in {lm.name} a norm follows the MLP, and TransformerLens reads after it; "
                                   "lm.capture(site=\"mlp_output\") reads before it")
        raise UsageError(f"names_filter: found {name!r}, expected names like {known[0]} "
                         f"({', '.join(_SITES)} of blocks 0 to {lm.n_layers - 1})")
    return names


def run_with_cache(lm: BaseModel, prompts: str | Sequence[str], names_filter: NamesFilter,
                   steer: Steer) -> tuple[NDArray[np.float32], ActivationCache]:
    """Model.run_with_cache()."""
    rows, entries, _ = paired(prompts, steer)
    if not all(isinstance(row, str) for row in rows):
        raise ArgumentTypeError("prompts: found a conversation, expected texts")
    wanted = _wanted(lm, names_filter)
    by_layer: dict[str, list[int]] = {}
    for name in wanted:
        match = _NAME.fullmatch(name)
        assert match is not None
        by_layer.setdefault(match.group(2), []).append(int(match.group(1)))
    built = lm._rows(rows, entries)
    lengths = sorted({len(row.prompt) for row in built})
    if len(lengths) != 1:
        raise UsageError(f"prompts: found texts of {lengths[0]} to {lengths[-1]} tokens, expected the same number in "
                         "one call; lm.capture() takes texts of any length")
    plan = []  # (name in a block, layer), in the order of the captures
    session = lm._session
    n_byte = 0
    for inner, layers in by_layer.items():
        for layer in layers:
            plan.append((inner, layer))
            n_byte += 4 * session.site_width(arguments.site("site", _SITES[inner]), layer)
    lm._refuse_size(n_byte * lengths[0] * len(built), lengths[0])
    everywhere = arguments.positions("positions", "all")
    for row in built:
        row.want_logits = True
        row.captures = [_tiller.Capture(arguments.site("site", _SITES[inner]), layer, layer + 1, everywhere, False)
                        for inner, layer in plan]
    results = lm._run(built, "run_with_cache")
    logits = np.stack([result.logits for result in results])[:, np.newaxis]
    captured = [result.captured for result in results]
    values: dict[str, NDArray[np.float32]] = {}
    for i, (inner, layer) in enumerate(plan):
        value = np.stack([row[i][0] for row in captured])
        if inner == "attn.hook_z":
            value = value.reshape(*value.shape[:2], lm.n_heads[layer], lm.d_head[layer])
        values[f"blocks.{layer}.{inner}"] = value
    return logits, ActivationCache({name: values[name] for name in wanted}, lm.n_layers)

