"""Numbers out of a model: distributions, log-probabilities, activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Union, overload

import numpy as np
from numpy.typing import NDArray

from . import _arguments as arguments
from . import _tiller
from ._base import BaseModel
from ._errors import ArgumentTypeError, BadInputError, UsageError
from ._results import NextToken
from ._steering import One, Prompt, Prompts, Steer, paired

if TYPE_CHECKING:
    from .lens import ActivationCache, NamesFilter

Floats = NDArray[np.float32]
Where = Union[str, "tuple[str, int]", range]


class Reads(BaseModel):
    """The part of a Model that gives numbers."""

    @overload
    def next_token(self, prompts: Prompt, *, steer: One = None, top: int = 10,  # type: ignore[overload-overlap]
                   logits: bool = False) -> NextToken: ...
    @overload
    def next_token(self, prompts: Prompts, *, steer: Steer = None, top: int = 10,
                   logits: bool = False) -> list[NextToken]: ...
    def next_token(self, prompts: Prompts, *, steer: Steer = None, top: int = 10,
                   logits: bool = False) -> NextToken | list[NextToken]:
        """The distribution of the next token: a NextToken with the `top` likeliest, or a list of them. `logits`
        keeps all n_vocab logits as well. Raises BadInputError when steering leaves no distribution."""
        rows, entries, single = paired(prompts, steer)
        built = self._rows(rows, entries)
        for row in built:
            row.n_top = arguments.integer("top", top, 1, self.n_vocab)
            row.want_logits = arguments.flag("logits", logits)
        out = []
        for i, result in enumerate(self._run(built, "next_token")):
            _refuse_broken(result, i)
            ids = np.array([token for token, _ in result.top], dtype=np.int32)
            out.append(NextToken([str(self._session.piece(int(t))) for t in ids], ids,
                                 np.array([p for _, p in result.top], dtype=np.float32),
                                 result.logits if logits else None))
        return out[0] if single else out

    @overload
    def logprobs(self, prompts: str, continuations: str, *,  # type: ignore[overload-overlap]
                 steer: One = None) -> Floats: ...
    @overload
    def logprobs(self, prompts: str | Sequence[str], continuations: str | Sequence[str], *,
                 steer: Steer = None) -> list[Floats]: ...
    def logprobs(self, prompts: str | Sequence[str], continuations: str | Sequence[str], *,
                 steer: Steer = None) -> Floats | list[Floats]:
        """Log-probabilities of a given continuation's tokens: [n_token] float32, natural logarithms, or a list of
        such arrays. Their sum is the continuation's log-probability. One continuation for all prompts, one prompt
        for all continuations, or as many of both. A continuation begins where its prompt ends: mostly with a blank.
        An entry is -inf where steering left no distribution.
        """
        wanted = [continuations] if isinstance(continuations, str) else arguments.texts("continuations", continuations)
        if isinstance(prompts, str) and not isinstance(continuations, str):
            prompts = [prompts] * len(wanted)
        rows, entries, single = paired(prompts, steer)
        if isinstance(continuations, str):
            wanted *= len(rows)
        if len(wanted) != len(rows):
            raise UsageError(f"continuations: found {len(wanted)} texts for {len(rows)} prompts, expected one for each")
        built = self._rows(rows, entries)
        for row, prompt, text in zip(built, rows, wanted):
            if not isinstance(prompt, str):
                raise ArgumentTypeError(f"prompts: found {arguments.shown(prompt)}, expected texts")
            if not text:
                raise UsageError("continuations: found an empty text, expected at least one token")
            row.forced = self._session.continuation(prompt, text)
        out = [result.forced_logprob for result in self._run(built, "logprobs")]
        return out[0] if single else out

    # --- Activations

    @overload
    def capture(self, prompts: Prompts, *, site: str = "residual",  # type: ignore[overload-overlap]
                positions: Literal["last_prompt"] = "last_prompt", layers: range | None = None, mean: bool = False,
                steer: Steer = None) -> Floats: ...
    @overload
    def capture(self, prompts: Prompts, *, mean: Literal[True], site: str = "residual",
                positions: Where = "last_prompt", layers: range | None = None, steer: Steer = None) -> Floats: ...
    @overload
    def capture(self, prompts: Prompt, *, positions: Where, site: str = "residual",  # type: ignore[overload-overlap]
                layers: range | None = None, steer: One = None) -> Floats: ...
    @overload
    def capture(self, prompts: Prompts, *, positions: Where, site: str = "residual", layers: range | None = None,
                steer: Steer = None) -> list[Floats]: ...
    def capture(self, prompts: Prompts, *, site: str = "residual", positions: Where = "last_prompt",
                layers: range | None = None, mean: bool = False, steer: Steer = None) -> Floats | list[Floats]:
        """Reads activations.

        "last_prompt" and mean=True (the mean over the positions, summed in float64): [prompt, layer, width] float32.
        Other positions: a list with [layer, position, width] for each prompt, since prompts differ in length.
        One prompt: without the first axis, or the array itself.

        site: "residual" (after the layer), "attention_output", "mlp_output" (n_embd wide), "head_output" (heads
        side by side, n_head * d_head wide). layers: range(begin, end), all by default. positions: of the prompt, as
        for Edit. With `steer`, what the model computes while it is steered, before an edit at the same site and
        layer.
        """
        rows, entries, single = paired(prompts, steer)
        where = arguments.positions("positions", positions)
        if positions in ("generated", "steered"):
            raise UsageError(f"positions: found {positions!r}, expected positions of the prompt: capture() generates "
                             "nothing")
        span = range(self.n_layers) if layers is None else layers
        if not isinstance(span, range) or span.step != 1 or not 0 <= span.start < span.stop <= self.n_layers:
            raise UsageError(f"layers: found {arguments.shown(span)}, expected range(begin, end) within 0 to "
                             f"{self.n_layers}, not empty")
        native_site = arguments.site("site", site)
        built = self._rows(rows, entries)
        one_each = positions == "last_prompt" or arguments.flag("mean", mean)
        width = max(self._session.site_width(native_site, layer) for layer in span)
        n_position = sum(1 if one_each else len(row.prompt) for row in built)
        self._refuse_size(4 * width * len(span) * n_position, max(len(row.prompt) for row in built))
        for row in built:
            row.captures = [_tiller.Capture(native_site, span.start, span.stop, where, arguments.flag("mean", mean))]
        results = self._run(built, "capture")
        if not one_each:
            found: list[Floats] = [result.captured[0] for result in results]
            return found[0] if single else found
        out = np.empty((len(results), len(span), results[0].captured[0].shape[2]), dtype=np.float32)
        for i, result in enumerate(results):
            out[i] = result.captured[0][:, 0]
        return out[0] if single else out

    def run_with_cache(self, prompts: str | Sequence[str], names_filter: NamesFilter = None, *,
                       steer: Steer = None) -> tuple[Floats, ActivationCache]:
        """TransformerLens' call: (logits, cache). Logits are [batch, 1, n_vocab], after the last token only; the
        cache answers to TransformerLens' names (tiller.lens.ActivationCache). Prompts of one call must have the same
        number of tokens."""
        from .lens import run_with_cache  # it needs this module's types

        return run_with_cache(self, prompts, names_filter, steer)


def _refuse_broken(result: _tiller.RowResult, row: int) -> None:
    if result.broken:
        raise BadInputError(f"row {row}: steering drives the model's numbers to infinity or NaN, so that there is no "
                            "distribution; use a smaller strength")
