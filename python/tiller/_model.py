"""A loaded model: text in, NumPy out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Union

import numpy as np
from numpy.typing import NDArray

from . import _arguments as arguments
from . import _tiller
from ._errors import ArgumentTypeError, BadInputError, MachineError, UsageError
from ._extract import extract
from ._hub import local_file
from ._progress import listening, log
from ._results import Continuation, NextToken, Stream
from ._steering import Edits, Entry, Messages, Prompt, Steer, paired
from ._vector import SteeringVector

if TYPE_CHECKING:
    from .lens import ActivationCache

Progress = Union[bool, Callable[[str, int, int], None], None]
Floats = NDArray[np.float32]


def load(name: arguments.PathLike, *, exact: bool = False, threads: int = 0, cache: str = "f16", rows: int = 64,
         gpu_layers: int = 0, control_names: str = "refuse", always_bos: bool = False,
         progress: Progress = None) -> Model:
    """Loads a model.

    name: a known name ("gemma3-270m"; tiller.known_models() lists them), a GGUF file, or "hf:user/repo/file.gguf"
        (needs the package huggingface_hub; "hf:user/repo" where the repository holds one GGUF file).
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
    if exact and layers != 0:
        raise UsageError(f"exact: found True with gpu_layers={layers}; exact results need the processor, leave "
                         "gpu_layers out")
    with listening(progress) as listener:
        session = _tiller.load(file, bool(exact), control_names, bool(always_bos), layers,
                               arguments.integer("threads", threads, 0, 1024), cache == "f32",
                               arguments.integer("rows", rows, 1, 256), listener)
    settings = {"exact": bool(exact), "threads": threads, "cache": cache, "rows": rows, "gpu_layers": layers}
    return Model(session, control_names, progress, settings)


class Model:
    """A model that load() made. Calls from several threads take turns; the interpreter's lock is released while the
    engine computes, and Ctrl-C stops it. `with tiller.load(...) as lm:` frees its memory at the end.

    Prompts are texts, or conversations ([{"role": "user", "content": ...}, ...]) in the model's own chat format. A
    list of prompts is one batch and gives a list; one prompt gives one result. `steer` is None, a SteeringVector, an
    Edit or, in a list, one of these (or a list of several together) for each prompt. With one prompt and a list of
    steer the prompt is repeated. No row's numbers depend on the others.
    """

    def __init__(self, session: _tiller.Session, control_names: str, progress: Progress,
                 settings: dict[str, Any]) -> None:
        self._open: _tiller.Session | None = session
        self._info: dict[str, Any] = session.info
        self._control_names = control_names
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
        tokens = self._session.tokenize(arguments.text("text", text), bool(bos), self._control_names)
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

    def chat_prompt(self, messages: Messages) -> str:
        """A conversation as the model reads it. A last message of the assistant's is a beginning to go on from."""
        return str(self._chat(messages, "messages")[0])

    def _chat(self, messages: Messages, name: str) -> tuple[str, list[int]]:
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

    # --- Texts out

    def generate(self, prompts: Prompt | Sequence[Prompt], *, steer: Steer = None, max_tokens: int = 32,
                 temperature: float = 0.0, top_p: float = 1.0, top_k: int = 0, min_p: float = 0.0,
                 seed: int | Sequence[int] = 0, stop: str | Sequence[str] | None = None,
                 presence_penalty: float = 0.0, frequency_penalty: float = 0.0, repetition_penalty: float = 1.0,
                 logprobs: bool = False) -> Any:
        """Continues prompts: a Continuation (a str), or a list of them. All rows are one batch.

        max_tokens: new tokens at most.  temperature: 0 = the likeliest token.  top_p in (0, 1], top_k (0 = off) and
        min_p in [0, 1] limit what is drawn from.  seed: of each row; a list has one for each.
        stop: the text ends before any of these.  Penalties as OpenAI's and llama.cpp's servers have them.
        logprobs: keep each token's log-probability.
        """
        rows, entries, single = paired(prompts, steer)
        seeds = self._seeds(seed, len(rows))
        built = self._rows(rows, entries)
        for row, row_seed in zip(built, seeds):
            row.max_new_tokens = arguments.integer("max_tokens", max_tokens, 1, 1 << 20)
            row.sampling = _sampling(temperature, top_p, top_k, row_seed, min_p, presence_penalty, frequency_penalty,
                                     repetition_penalty)
            row.stop = [] if stop is None else [stop] if isinstance(stop, str) else arguments.texts("stop", stop)
            row.want_logprobs = bool(logprobs)
        results = [Continuation._of(r, bool(logprobs)) for r in self._run(built, "generate")]
        for i, text in enumerate(results):
            if text.finish == "broken":
                log.warning("continuation %d: steering drove the model's numbers to NaN or infinity and it ended "
                            "there; use a smaller strength", i)
        return results[0] if single else results

    def _seeds(self, seed: int | Sequence[int], n: int) -> list[int]:
        if isinstance(seed, (Sequence, np.ndarray)) and not isinstance(seed, str):
            if len(seed) != n:
                raise UsageError(f"seed: found {len(seed)} seeds for {n} rows, expected one for each")
            return [arguments.integer(f"seed[{i}]", s, 0, 2**32 - 1) for i, s in enumerate(seed)]
        return [arguments.integer("seed", seed, 0, 2**32 - 1)] * n

    def stream(self, prompt: Prompt, *, steer: Entry = None, max_tokens: int = 256, temperature: float = 0.0,
               top_p: float = 1.0, top_k: int = 0, min_p: float = 0.0, seed: int = 0,
               stop: str | Sequence[str] | None = None, presence_penalty: float = 0.0,
               frequency_penalty: float = 0.0, repetition_penalty: float = 1.0, logprobs: bool = False) -> Stream:
        """One text (or one answer to a conversation), piece by piece: an iterator of StreamEvents. The pieces
        together are what generate() gives."""
        rows, entries, single = paired(prompt, [steer], "prompt")
        if len(rows) != 1 or not (isinstance(prompt, str) or single or rows[0] is prompt):
            raise ArgumentTypeError(f"prompt: found {arguments.shown(prompt)}, expected one text or conversation; "
                                    "generate() takes several")
        row = self._rows(rows, entries)[0]
        row.max_new_tokens = arguments.integer("max_tokens", max_tokens, 1, 1 << 20)
        row.sampling = _sampling(temperature, top_p, top_k, self._seeds(seed, 1)[0], min_p, presence_penalty,
                                 frequency_penalty, repetition_penalty)
        row.stop = [] if stop is None else [stop] if isinstance(stop, str) else arguments.texts("stop", stop)
        row.want_logprobs = bool(logprobs)
        return Stream(_tiller.Stream(self._session, row))

    # --- Numbers out

    def next_token(self, prompts: Prompt | Sequence[Prompt], *, steer: Steer = None, top: int = 10,
                   logits: bool = False) -> Any:
        """The distribution of the next token: a NextToken with the `top` likeliest, or a list of them. `logits`
        keeps all n_vocab logits as well. Raises BadInputError when steering leaves no distribution."""
        rows, entries, single = paired(prompts, steer)
        built = self._rows(rows, entries)
        for row in built:
            row.n_top = arguments.integer("top", top, 1, self.n_vocab)
            row.want_logits = bool(logits)
        out = []
        for i, result in enumerate(self._run(built, "next_token")):
            _refuse_broken(result, i)
            ids = np.array([token for token, _ in result.top], dtype=np.int32)
            out.append(NextToken([str(self._session.piece(int(t))) for t in ids], ids,
                                 np.array([p for _, p in result.top], dtype=np.float32),
                                 result.logits if logits else None))
        return out[0] if single else out

    def logprobs(self, prompts: str | Sequence[str], continuations: str | Sequence[str], *,
                 steer: Steer = None) -> Any:
        """Log-probabilities of a given continuation's tokens: [n_token] float32, natural logarithms, or a list of
        such arrays. Their sum is the continuation's log-probability. One continuation for all prompts, or one for
        each. `continuations` begin where the prompts end: mostly with a blank. An entry is -inf where steering left
        no distribution."""
        rows, entries, single = paired(prompts, steer)
        if isinstance(continuations, str):
            wanted = [continuations] * len(rows)
        else:
            wanted = arguments.texts("continuations", continuations)
            if single or isinstance(prompts, str):
                raise UsageError(f"continuations: found {len(wanted)} texts for one prompt, expected one text; repeat "
                                 "the prompt for several")
            if len(wanted) != len(rows):
                raise UsageError(f"continuations: found {len(wanted)} texts for {len(rows)} prompts, expected one for "
                                 "each")
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

    def capture(self, prompts: Prompt | Sequence[Prompt], *, site: str = "residual",
                positions: str | tuple[str, int] | range = "last_prompt", layers: range | None = None,
                mean: bool = False, steer: Steer = None) -> Any:
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
        one_each = positions == "last_prompt" or bool(mean)
        width = max(self._session.site_width(native_site, layer) for layer in span)
        n_position = sum(1 if one_each else len(row.prompt) for row in built)
        self._refuse_size(4 * width * len(span) * n_position, max(len(row.prompt) for row in built))
        for row in built:
            row.captures = [_tiller.Capture(native_site, span.start, span.stop, where, bool(mean))]
        results = self._run(built, "capture")
        if not one_each:
            found: list[Floats] = [result.captured[0] for result in results]
            return found[0] if single else found
        out = np.empty((len(results), len(span), results[0].captured[0].shape[2]), dtype=np.float32)
        for i, result in enumerate(results):
            out[i] = result.captured[0][:, 0]
        return out[0] if single else out

    def _refuse_size(self, n_byte: int, n_token: int) -> None:
        if n_byte < 1 << 26:
            return
        free = _tiller.free_memory(self._session, n_token)
        if n_byte > free:
            raise MachineError(f"capture() would hold {n_byte / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free; ask for "
                               "fewer prompts, layers or positions, or for mean=True")

    def run_with_cache(self, prompts: str | Sequence[str], names_filter: Any = None, *,
                       steer: Steer = None) -> tuple[Floats, ActivationCache]:
        """TransformerLens' call: (logits, cache). Logits are [batch, 1, n_vocab], after the last token only; the
        cache answers to TransformerLens' names (tiller.lens.ActivationCache). Prompts of one call must have the same
        number of tokens."""
        from .lens import run_with_cache

        return run_with_cache(self, prompts, names_filter, steer)

    # --- Vectors

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
            found = self._session.doctor(bool(fast), False, listener)
        return [dict(zip(("name", "outcome", "figure", "bound", "text"), line)) for line in found]

    # --- Its end

    def close(self) -> None:
        """Frees its memory, once streams that are under way are gone. Calls raise UsageError afterwards."""
        self._open = None

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise ArgumentTypeError("a Model cannot be pickled, nor sent to another process; load it there")

    def __repr__(self) -> str:
        state = "" if self._open is not None else ", closed"
        return (f"<Model {self.name}: {self._info['architecture']}, {self.n_layers} layers, n_embd {self.n_embd}, "
                f"{self._info['quantisation']}{state}>")


def _sampling(temperature: float, top_p: float, top_k: int, seed: int, min_p: float, presence_penalty: float,
              frequency_penalty: float, repetition_penalty: float) -> _tiller.Sampling:
    return _tiller.Sampling(
        arguments.number("temperature", temperature, 0, 100), arguments.number("top_p", top_p, 1e-4, 1),
        arguments.integer("top_k", top_k, 0, 1 << 20), seed, arguments.number("min_p", min_p, 0, 1),
        arguments.number("presence_penalty", presence_penalty), arguments.number("frequency_penalty", frequency_penalty),
        arguments.number("repetition_penalty", repetition_penalty, 1e-6, 1e6))


def _refuse_broken(result: _tiller.RowResult, row: int) -> None:
    if result.broken:
        raise BadInputError(f"row {row}: steering drives the model's numbers to infinity or NaN, so that there is no "
                            "distribution; use a smaller strength")
