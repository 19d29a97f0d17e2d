"""A loaded model: text in, NumPy out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _arguments as arguments
from . import _tiller
from ._base import Progress
from ._errors import UsageError
from ._extract import extract
from ._generation import Generates
from ._hub import local_file
from ._numbers import Reads
from ._progress import listening
from ._vector import SteeringVector


def load(name: arguments.PathLike, *, exact: bool = False, threads: int = 0, cache: str = "f16", rows: int = 64,
         gpu_layers: int = 0, control_names: str = "refuse", always_bos: bool = False,
         progress: Progress = None) -> Model:
    """Loads a model.

    name: a known name ("gemma3-270m"; tiller.known_models() lists them), a GGUF file, or "hf:user/repo[:quantisation or
        file]" (needs the package huggingface_hub; which file is meant is in docs/models.md).
    exact: weights, activations and cache in float32: slower, 4 bytes a parameter.
    threads: 0 = all cores.  cache: "f16" or "f32", the type of the key/value cache.
    rows: sequences computed together at most, 1 to 256.  gpu_layers: layers on a GPU, -1 = all.
    control_names: what a control token's name in a prompt ("<bos>") is: "refuse" an error, "parse" the token,
        "text" text like any other.
    always_bos: put BOS in front of texts even where the model's file does not ask for it.
    progress: None shows a bar where tqdm is installed and somebody looks; True, False, or your own callable
        (what, done, all).

    Raises MissingError, BadInputError (not a model, damaged), UnsupportedError, MachineError (memory).
    """
    file = local_file(arguments.path("name", name))
    arguments.choice("cache", cache, ("f16", "f32"))
    arguments.choice("control_names", control_names, ("refuse", "parse", "text"))
    layers = arguments.integer("gpu_layers", gpu_layers, -1, 100000)
    is_exact = arguments.flag("exact", exact)
    if is_exact and layers != 0:
        raise UsageError(f"exact: found True with gpu_layers={layers}; exact results need the processor, leave "
                         "gpu_layers out")
    with listening(progress) as listener:
        session = _tiller.load(file, is_exact, control_names, arguments.flag("always_bos", always_bos), layers,
                               arguments.integer("threads", threads, 0, 1024), cache == "f32",
                               arguments.integer("rows", rows, 1, 256), listener)
    settings = {"exact": is_exact, "threads": threads, "cache": cache, "rows": rows, "gpu_layers": layers}
    return Model(session, progress, settings)


class Model(Generates, Reads):
    """A model that load() made. Calls from several threads take turns; the interpreter's lock is released while the
    engine computes, and Ctrl-C stops it. `with tiller.load(...) as lm:` frees its memory at the end.

    Prompts are texts, or conversations ([{"role": "user", "content": ...}, ...]) in the model's own chat format. A
    list of prompts is one batch and gives a list; one prompt gives one result. `steer` is None, a SteeringVector, an
    Edit or, in a list, one of these (or a list of several together) for each prompt. With one prompt and a list of
    steer the prompt is repeated. No row's numbers depend on the others.
    """

    def extract(self, method: str, task: arguments.PathLike | None = None, *,
                pairs: Sequence[tuple[str, str]] | None = None, seed: int = 0, family: str | None = None,
                beside: Sequence[str] = (), n_mean: int | None = None, n_patch: int | None = None,
                n_shot: int | None = None, n_pairs: int | None = None, n_last: int | None = None, check: bool = True,
                progress: Progress = None, **settings: float) -> SteeringVector:
        """A vector by a method ("fv", "icv", "mean-diff", ...; tiller.methods() lists them), ready to use.

        task: the name of one of tiller's tasks (tiller.tasks()) or a task file.
        pairs: [(negative, positive), ...] texts instead, for methods that read pairs; the vector points from the
            first to the second.
        settings: the method's own numbers (layer=10, heads=20, ...; lm.settings(method) explains them); the paper's
            where they are left out.
        seed: of splits and prompts.  family: what a task file holds: "functional", "extractive" or "behavioural".
        beside: for "concept-heads", tasks to tell it from.
        n_mean, n_patch, n_shot, n_pairs, n_last: how much is read; as in a comparison where left out.
        check: first check, once for each model, that activations are read and written as they should be.

        Raises UsageError (an unknown method, task or setting), BadInputError, UnsupportedError (check failed).
        """
        counts = {"n_mean": n_mean, "n_patch": n_patch, "n_shot": n_shot, "n_pairs": n_pairs, "n_last": n_last}
        with listening(self._progress if progress is None else progress) as listener:
            return extract(self._session, method, task, pairs, seed, family, beside, counts, check, settings, listener)

    def settings(self, method: str, n_pairs: int = 100) -> dict[str, str]:
        """What a method's settings mean on this model: name -> one line with its range and default."""
        out = {}
        for name, meaning, low, high, _, usual, _ in _tiller.method_settings(
                self._session, arguments.text("method", method), arguments.integer("n_pairs", n_pairs, 1, 1 << 20)):
            out[name] = f"{meaning}; {low:g} to {high:g}, {usual:g} unless given"
        return out

    def check(self, *, fast: bool = False) -> list[dict[str, Any]]:
        """Checks that activations of this model are read and written as they should be (`tiller doctor`): a dict
        with name, outcome, figure, bound and text for each check."""
        with listening(self._progress) as listener:
            found = self._session.doctor(arguments.flag("fast", fast), False, listener)
        return [dict(zip(("name", "outcome", "figure", "bound", "text"), line)) for line in found]
