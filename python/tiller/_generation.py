"""Texts out of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict, Union, overload

import numpy as np

from . import _arguments as arguments
from . import _tiller
from ._base import BaseModel
from ._errors import ArgumentTypeError, UsageError
from ._progress import log
from ._results import Continuation, Stream
from ._steering import Entry, One, Prompt, Prompts, Steer, is_conversation, paired

if TYPE_CHECKING:
    from typing_extensions import Unpack

Stop = Union[str, Sequence[str], None]


class Sampling(TypedDict, total=False):
    """How tokens are chosen. temperature: 0 = the likeliest token (the default). top_p in (0, 1], top_k (0 = off) and
    min_p in [0, 1] limit what is drawn from. Penalties as OpenAI's and llama.cpp's servers have them."""

    temperature: float
    top_p: float
    top_k: int
    min_p: float
    presence_penalty: float
    frequency_penalty: float
    repetition_penalty: float


def _sampling(seed: int, given: Sampling) -> _tiller.Sampling:
    unknown = sorted(set(given) - set(Sampling.__annotations__))
    if unknown:
        raise ArgumentTypeError(f"{unknown[0]}: there is no such argument, expected one of "
                                f"{', '.join(Sampling.__annotations__)}")
    return _tiller.Sampling(
        arguments.number("temperature", given.get("temperature", 0), 0, 100),
        arguments.number("top_p", given.get("top_p", 1), 1e-4, 1),
        arguments.integer("top_k", given.get("top_k", 0), 0, 1 << 20), seed,
        arguments.number("min_p", given.get("min_p", 0), 0, 1),
        arguments.number("presence_penalty", given.get("presence_penalty", 0)),
        arguments.number("frequency_penalty", given.get("frequency_penalty", 0)),
        arguments.number("repetition_penalty", given.get("repetition_penalty", 1), 1e-6, 1e6))


def _seeds(seed: int | Sequence[int], n: int) -> list[int]:
    if isinstance(seed, (Sequence, np.ndarray)) and not isinstance(seed, str):
        if len(seed) != n:
            raise UsageError(f"seed: found {len(seed)} seeds for {n} rows, expected one for each")
        return [arguments.integer(f"seed[{i}]", s, 0, 2**32 - 1) for i, s in enumerate(seed)]
    return [arguments.integer("seed", seed, 0, 2**32 - 1)] * n


class Generates(BaseModel):
    """The part of a Model that continues texts."""

    @overload
    def generate(self, prompts: Prompt, *, steer: One = None, max_tokens: int = 32,  # type: ignore[overload-overlap]
                 seed: int | Sequence[int] = 0, stop: Stop = None, logprobs: bool = False,
                 **sampling: Unpack[Sampling]) -> Continuation: ...
    @overload
    def generate(self, prompts: Prompts, *, steer: Steer = None, max_tokens: int = 32,
                 seed: int | Sequence[int] = 0, stop: Stop = None, logprobs: bool = False,
                 **sampling: Unpack[Sampling]) -> list[Continuation]: ...
    def generate(self, prompts: Prompts, *, steer: Steer = None, max_tokens: int = 32, seed: int | Sequence[int] = 0,
                 stop: Stop = None, logprobs: bool = False,
                 **sampling: Unpack[Sampling]) -> Continuation | list[Continuation]:
        """Continues prompts: a Continuation (a str), or a list of them. All rows are one batch.

        max_tokens: new tokens at most.  seed: of each row; a list has one for each.
        stop: the text ends before any of these.  logprobs: keep each token's log-probability.
        sampling: temperature (0, the default: the likeliest token), top_p, top_k, min_p, presence_penalty,
            frequency_penalty, repetition_penalty.
        """
        rows, entries, single = paired(prompts, steer)
        built = self._rows(rows, entries)
        for row, row_seed in zip(built, _seeds(seed, len(rows))):
            _ask(row, max_tokens, row_seed, stop, logprobs, sampling)
        results = [Continuation._of(r, arguments.flag("logprobs", logprobs)) for r in self._run(built, "generate")]
        for i, text in enumerate(results):
            if text.finish == "broken":
                log.warning("continuation %d: steering drove the model's numbers to NaN or infinity and it ended "
                            "there; use a smaller strength", i)
        return results[0] if single else results

    def stream(self, prompt: Prompt, *, steer: Entry = None, max_tokens: int = 256, seed: int = 0, stop: Stop = None,
               logprobs: bool = False, **sampling: Unpack[Sampling]) -> Stream:
        """One text (or one answer to a conversation), piece by piece: an iterator of StreamEvents. The pieces
        together are what generate() gives. Arguments as there; a list in `steer` is done together."""
        if not isinstance(prompt, str) and not is_conversation(prompt):
            raise ArgumentTypeError(f"prompt: found {arguments.shown(prompt)}, expected one text or conversation; "
                                    "generate() takes several")
        row = self._rows([prompt], [steer])[0]
        _ask(row, max_tokens, _seeds(seed, 1)[0], stop, logprobs, sampling)
        return Stream(_tiller.Stream(self._session, row))


def _ask(row: _tiller.Row, max_tokens: int, seed: int, stop: Stop, logprobs: bool, sampling: Sampling) -> None:
    row.max_new_tokens = arguments.integer("max_tokens", max_tokens, 1, 1 << 20)
    row.sampling = _sampling(seed, sampling)
    row.stop = [] if stop is None else [stop] if isinstance(stop, str) else arguments.texts("stop", stop)
    row.want_logprobs = arguments.flag("logprobs", logprobs)
