"""How far long work is: a bar where tqdm is installed, remarks through logging."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Optional

log = logging.getLogger("tiller")

Listener = Optional[Callable[[str, int, int], None]]
"""Called with (what, steps done, steps in all) about ten times a second, in the calling thread."""


class _Bar:
    """One bar for each step of the work, shown only for work that takes longer than a second."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None
        self._what = ""
        self._begin = time.monotonic()

    def __call__(self, what: str, done: int, all: int) -> None:
        if self._bar is None or what != self._what or all != self._bar.total:
            if self._bar is None and time.monotonic() - self._begin < 1:
                return
            self.close()
            self._bar = self._tqdm(total=all, desc=what, leave=False)
            self._what = what
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def listening(progress: bool | Callable[[str, int, int], None] | None) -> Iterator[Listener]:
    """What the compiled half reports to. None: a bar where tqdm is installed and standard error is a terminal or
    a notebook's; True: a bar wherever tqdm is installed; False: nothing; a callable: that."""
    if callable(progress):
        yield progress
        return
    wanted = progress if progress is not None else sys.stderr is not None and (
        sys.stderr.isatty() or "ipykernel" in sys.modules)
    tqdm = _tqdm() if wanted else None
    if tqdm is None:
        yield None
        return
    bar = _Bar(tqdm)
    try:
        yield bar
    finally:
        bar.close()


def _tqdm() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that notebooks would look better with ipywidgets
            from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm
