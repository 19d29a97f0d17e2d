"""What a loaded model is: facts, tokens, and rows for its engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar, Union

import numpy as np
from numpy.typing import NDArray

from . import _arguments as arguments
from . import _tiller
from ._errors import ArgumentTypeError, MachineError, UsageError
from ._progress import listening
from ._steering import Conversation, Edits, Entry, Prompt

Progress = Union[bool, Callable[[str, int, int], None], None]


_Self = TypeVar("_Self", bound="BaseModel")


class BaseModel:
    """Facts, tokens and lifetime of a Model."""

    def __init__(self, session: _tiller.Session, progress: Progress,
                 settings: dict[str, Any]) -> None:
        self._open: _tiller.Session | None = session
        self._info: dict[str, Any] = session.info
        self._progress = progress
        self._settings = settings

    # --- What it is

    @property
    def _session(self) -> _tiller.Session:
        if self._open is None:
            raise UsageError(f"the model {self.name} is closed; load it again")
        return self._open

    @property
    def name(self) -> str:
        return str(self._info["name"])

    @property
    def n_layers(self) -> int:
        return int(self._info["n_layer"])

    @property
    def n_embd(self) -> int:
        """Width of the residual stream."""
        return int(self._info["n_embd"])

    @property
    def n_heads(self) -> list[int]:
        """[n_layers]: attention heads; 0 where a layer has none."""
        return list(self._info["n_head"])

    @property
    def d_head(self) -> list[int]:
        """[n_layers]: width of one head's output."""
        return list(self._info["d_head"])

    @property
    def n_vocab(self) -> int:
        return int(self._info["n_vocab"])

    @property
    def n_ctx(self) -> int:
        """The longest text that it was trained on, in tokens."""
        return int(self._info["n_ctx_train"])

    @property
    def digest(self) -> str:
        """SHA-256 of the model's files."""
        return str(self._info["digest"])

    @property
    def info(self) -> dict[str, Any]:
        """All that is known of it: architecture, quantisation, path, counts, digests."""
        return dict(self._info)

    @property
    def chat_template(self) -> str:
        """The model's chat template (Jinja); empty when it has none."""
        return str(self._session.chat_template)

    # --- Texts and tokens

    def tokenize(self, text: str, *, bos: bool = True) -> NDArray[np.int32]:
        """[n_token] int32: the tokens of a text, with BOS in front where the model wants it."""
        tokens = self._session.tokenize(arguments.text("text", text), arguments.flag("bos", bos))
        return np.array(tokens, dtype=np.int32)

    def detokenize(self, tokens: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """The text of tokens. Control tokens give none."""
        return str(self._session.text(self._ids(tokens)))

    def token_texts(self, tokens: Sequence[int] | NDArray[np.integer[Any]]) -> list[str]:
        """Each token as the vocabulary writes it."""
        return [str(self._session.piece(token)) for token in self._ids(tokens)]

    def _ids(self, tokens: Sequence[int] | NDArray[np.integer[Any]]) -> list[int]:
        if isinstance(tokens, str):
            raise ArgumentTypeError(f"tokens: found {arguments.shown(tokens)}, expected token ids; lm.tokenize(text) "
                                    "gives them")
        return [arguments.integer(f"tokens[{i}]", t, 0, self.n_vocab - 1) for i, t in enumerate(tokens)]

    def chat_prompt(self, messages: Conversation) -> str:
        """A conversation as the model reads it. A last message of the assistant's is a beginning to go on from."""
        return str(self._chat(messages, "messages")[0])

    def _chat(self, messages: Conversation, name: str) -> tuple[str, list[int]]:
        turns = []
        for i, message in enumerate(messages):
            if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
                raise ArgumentTypeError(f"{name}[{i}]: found {arguments.shown(message)}, expected a dict with \"role\" "
                                        "and \"content\"")
            turns.append((arguments.text(f"{name}[{i}][\"role\"]", message["role"]),
                          arguments.text(f"{name}[{i}][\"content\"]", message["content"])))
        return self._session.chat_prompt(turns, True, "")

    def _tokens(self, prompt: Prompt, name: str) -> list[int]:
        if isinstance(prompt, str):
            return self._session.tokenize_prompt(prompt)
        return self._chat(prompt, name)[1]

    def _rows(self, prompts: Sequence[Prompt], entries: Sequence[Entry]) -> list[_tiller.Row]:
        edits = Edits(self._session)
        rows = []
        for i, (prompt, entry) in enumerate(zip(prompts, entries)):
            row = _tiller.Row()
            row.prompt = self._tokens(prompt, f"prompts[{i}]")
            row.edits = edits.of(entry, f"steer[{i}]" if len(entries) > 1 else "steer")
            rows.append(row)
        return rows

    def _run(self, rows: list[_tiller.Row], what: str) -> list[_tiller.RowResult]:
        with listening(self._progress) as listener:
            return _tiller.run(self._session, rows, listener, what)

    def _refuse_size(self, n_byte: int, n_token: int) -> None:
        if n_byte < 1 << 26:
            return
        free = _tiller.free_memory(self._session, n_token)
        if n_byte > free:
            raise MachineError(f"capture() would hold {n_byte / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free; ask for "
                               "fewer prompts, layers or positions, or for mean=True")

    # --- Its end

    def close(self) -> None:
        """Frees its memory, once streams that are under way are gone. Calls raise UsageError afterwards."""
        self._open = None

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise ArgumentTypeError("a Model cannot be pickled, nor sent to another process; load it there")

    def __repr__(self) -> str:
        state = "" if self._open is not None else ", closed"
        return (f"<Model {self.name}: {self._info['architecture']}, {self.n_layers} layers, n_embd {self.n_embd}, "
                f"{self._info['quantisation']}{state}>")
