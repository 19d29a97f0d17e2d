"""What comes of rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from . import _tiller
from ._errors import UsageError


class Continuation(str):
    """A generated text: a str that also knows its tokens and why it ended.

    tokens: [n_token] int32, without the end-of-generation token.
    logprobs: [n_token] float32, natural logarithms under the steered model before temperature; None unless asked
        for.
    finish: "end_token", "stop_text", "length", or "broken" where steering drove the model's numbers to NaN or
        infinity: the text ends there, and a smaller strength is needed.
    """

    __slots__ = ("tokens", "logprobs", "finish")
    tokens: NDArray[np.int32]
    logprobs: NDArray[np.float32] | None
    finish: str

    @classmethod
    def _of(cls, result: _tiller.RowResult, with_logprobs: bool) -> Continuation:
        out = cls(result.text)
        out.tokens = result.generated
        out.logprobs = result.generated_logprob if with_logprobs else None
        out.finish = result.finish
        return out

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return (str, (str(self),))


@dataclass(frozen=True)
class NextToken:
    """The likeliest tokens after a prompt, most likely first.

    tokens: their texts; ids: [top] int32; logprobs: [top] float32, natural logarithms over the whole vocabulary.
    """

    tokens: list[str]
    ids: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    _logits: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def logits(self) -> NDArray[np.float32]:
        """[n_vocab] float32. Raises UsageError unless next_token() was asked for them."""
        if self._logits is None:
            raise UsageError("the logits were not kept; ask for them with next_token(..., logits=True)")
        return self._logits


@dataclass(frozen=True)
class StreamEvent:
    """A piece of a text that is being generated.

    text: what became certain, whole characters only; may be empty. token: -1 when only the end is told.
    logprob: natural logarithm under the steered model; NaN unless asked for. finish: None until the last event.
    """

    text: str
    token: int
    logprob: float
    finish: str | None


class Stream:
    """An iterator over the StreamEvents of one text. Keeps its model; closing it, or losing it, gives the memory of
    its cache back."""

    def __init__(self, native: _tiller.Stream) -> None:
        self._native: _tiller.Stream | None = native

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> StreamEvent:
        native = self._native  # another thread may close it meanwhile
        event = None if native is None else native.next()
        if event is None:
            self.close()
            raise StopIteration
        finish = None if event.finish == "unfinished" else event.finish
        return StreamEvent(event.text, event.token, event.logprob, finish)

    def close(self) -> None:
        """Ends the text."""
        native = self._native
        if native is not None:
            native.close()
            self._native = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Stream cannot be pickled: it belongs to a running model")
