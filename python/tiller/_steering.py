"""From what callers say of steering to edits of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Union

import numpy as np

from . import _tiller
from ._arguments import shown
from ._edit import Edit
from ._errors import ArgumentTypeError, UsageError
from ._progress import log
from ._vector import SteeringVector

Part = Union[SteeringVector, Edit]
Entry = Union[None, Part, Sequence[Part]]
"""What is done to one row: nothing, a vector, an edit, or several of them together."""
Steer = Union[Entry, Sequence[Entry]]
"""One entry for all rows, or a list with an entry for each."""

One = Union[None, Part]
"""What is done to one row by itself."""

Conversation = Sequence[Mapping[str, str]]
Prompt = Union[str, Conversation]
"""A text, or a conversation: [{"role": "user", "content": ...}, ...]."""
Prompts = Union[Prompt, Sequence[str], Sequence[Conversation]]


def is_conversation(prompt: object) -> bool:
    return (isinstance(prompt, Sequence) and not isinstance(prompt, (str, bytes)) and len(prompt) > 0
            and isinstance(prompt[0], Mapping))


def paired(prompts: object, steer: object, name: str = "prompts") -> tuple[list[Prompt], list[Entry], bool]:
    """One prompt and one entry for each row, and whether the caller gave one of each (then one result is wanted).

    A list of entries needs as many prompts, or one prompt, which is then repeated.
    """
    single = isinstance(prompts, str) or is_conversation(prompts)
    if single:
        rows: list[Prompt] = [prompts]  # type: ignore[list-item]
    elif isinstance(prompts, Iterable) and not isinstance(prompts, (bytes, Mapping)):
        rows = list(prompts)
        if not rows:
            raise UsageError(f"{name}: found an empty list, expected at least one prompt")
    else:
        raise ArgumentTypeError(f"{name}: found {shown(prompts)}, expected a text, a conversation (a list of "
                                "{\"role\", \"content\"}), or a list of them")
    for i, row in enumerate(rows):
        if not isinstance(row, str) and not is_conversation(row):
            raise ArgumentTypeError(f"{name}[{i}]: found {shown(row)}, expected a text or a conversation")
    if not isinstance(steer, (list, tuple)):
        return rows, [steer] * len(rows), single  # type: ignore[list-item]
    entries = list(steer)
    if single:
        rows = rows * len(entries)
    if not entries or len(entries) != len(rows):
        raise UsageError(f"steer: found a list of {len(entries)} entries for {len(rows)} prompts, expected one entry "
                         "for each prompt; several vectors for one prompt go into an inner list: steer=[[v, w]]")
    return rows, entries, False


class Edits:
    """Entries as edits for one model. Equal entries of one call are read once."""

    def __init__(self, session: _tiller.Session) -> None:
        self._session = session
        self._known: dict[int, tuple[object, list[_tiller.Edit]]] = {}

    def of(self, entry: Entry, name: str) -> list[_tiller.Edit]:
        if entry is None:
            return []
        if id(entry) in self._known:
            return self._known[id(entry)][1]
        if isinstance(entry, (SteeringVector, Edit)):
            parts: list[Part] = [entry]
        elif isinstance(entry, (list, tuple)):
            parts = list(entry)
        else:
            raise ArgumentTypeError(f"{name}: found {shown(entry)}, expected None, a SteeringVector, an Edit, or a "
                                    "list of them")
        for i, part in enumerate(parts):
            if not isinstance(part, (SteeringVector, Edit)):
                raise ArgumentTypeError(f"{name}[{i}]: found {shown(part)}, expected a SteeringVector or an Edit")
        edits = self._together(parts)
        self._known[id(entry)] = (entry, edits)
        return edits

    def _together(self, parts: list[Part]) -> list[_tiller.Edit]:
        made: list[tuple[_tiller.Edit, bool]] = []  # with: is it a vector's turn?
        for part in parts:
            if isinstance(part, Edit):
                made.append((part._native, False))
                continue
            for remark in self._session.require_match(part._native, False):
                log.info("%r: %s", part, remark)
            turns = part.operation == "turn"
            made.extend((edit, turns) for edit in part._native.edits(part.strength))
        # As the program has it: where n vectors turn the same site of a layer, each gets 1/n of its strength.
        n_turn = Counter((edit.site, edit.layer) for edit, turns in made if turns)
        return [edit.at(float(np.float32(edit.strength) / np.float32(n_turn[edit.site, edit.layer]))) if turns else edit
                for edit, turns in made]
