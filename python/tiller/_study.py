"""Comparisons of methods on tasks."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _arguments as arguments
from . import _tiller
from ._base import Progress
from ._errors import UsageError
from ._hub import local_file
from ._model import Model
from ._progress import listening, log
from ._vector import SteeringVector, load_vector

if TYPE_CHECKING:
    import pandas as pd


class Run:
    """A run folder and what was found in it."""

    def __init__(self, folder: arguments.PathLike) -> None:
        """Reads a folder that compare() or `tiller compare` made. Raises MissingError, BadInputError."""
        self._folder = arguments.path("folder", folder)
        self._summary: dict[str, Any] = json.loads(_tiller.summarise_run(self._folder))

    @property
    def folder(self) -> str:
        return self._folder

    @property
    def summary(self) -> dict[str, Any]:
        """All that reports show, as `summary.json` has it."""
        return self._summary

    @property
    def findings(self) -> list[str]:
        """What was found over all tasks, a sentence each."""
        return list(self._summary.get("findings", []))

    @property
    def verdicts(self) -> dict[str, str]:
        """Task -> one sentence computed from its numbers. With several models, seeds: of the first."""
        out: dict[str, str] = {}
        for task in self._summary["tasks"]:
            out.setdefault(task["name"], task["verdict"])
        return out

    @property
    def answers(self) -> pd.DataFrame:
        """Which method for each task, and by how much: the table "answers" of the reports, a row for each task.
        Needs pandas. Empty where the protocol has no such table."""
        return self.analysis("answers")

    def analysis(self, id: str, task: str | None = None) -> pd.DataFrame:
        """A table that the protocol computed over all tasks, or for one, by id (docs/comparisons.md); empty where there
        is none. Needs pandas."""
        tables = list(self._summary.get("analyses", []))
        if task is not None:
            tables = [table for t in self._summary["tasks"] if t["name"] == task for table in t.get("analyses", [])]
        for table in tables:
            if table["id"] == id:
                rows = [[row["label"], *(value["mean"] for value in row["values"]), row["remark"]] for row in
                        table["rows"]]
                found: pd.DataFrame = _pandas().DataFrame(rows, columns=[table["head"], *table["columns"], "remark"])
                return found
        empty: pd.DataFrame = _pandas().DataFrame()
        return empty

    def winner(self, task: str, method: str | None = None) -> SteeringVector:
        """The vector that was chosen for a task, at its strength: the best method's, or that of `method`. Raises
        UsageError where there is none."""
        wanted = arguments.text("task", task)
        names = [t["name"] for t in self._summary["tasks"]]
        if wanted not in names:
            raise UsageError(f"task: found {wanted!r}, expected one of {', '.join(sorted(set(names)))}")
        found = [w for t in self._summary["tasks"] if t["name"] == wanted for w in t.get("winners", [])]
        if method is not None:
            known = [w["method"] for w in found]
            arguments.choice("method", method, known)
            found = [w for w in found if w["method"] == method]
        elif found and not found[0]["shown"]:
            log.warning("%s: %s is not shown to work: see the run's verdict", wanted, found[0]["method"])
        if not found:
            raise UsageError(f"{wanted}: the run has no chosen vector for it")
        return load_vector(os.path.join(self._folder, found[0]["file"]))

    def to_pandas(self) -> pd.DataFrame:
        """A row for each model, task, phase, setting and metric, as results.csv has them. Needs pandas."""
        table: pd.DataFrame = _pandas().read_csv(io.StringIO(_tiller.report(self._folder, "csv")))
        return table

    def rows(self) -> list[dict[str, str]]:
        """The rows of to_pandas() as dicts of texts, without pandas."""
        return list(csv.DictReader(io.StringIO(_tiller.report(self._folder, "csv"))))

    def report(self, path: arguments.PathLike) -> None:
        """Writes a report: .html (opens without a network), .md, .csv or .json."""
        file = arguments.path("path", path)
        form = os.path.splitext(file)[1].lstrip(".")
        if form not in ("html", "md", "csv", "json"):
            raise UsageError(f"path: found {file!r}, expected a name that ends with .html, .md, .csv or .json")
        text = _tiller.report(self._folder, form)
        with open(file, "w", encoding="utf-8", newline="") as out:
            out.write(text)

    def __repr__(self) -> str:
        tasks = sorted({task["name"] for task in self._summary["tasks"]})
        return f"<Run {self._folder}: {', '.join(tasks)}>"


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise UsageError("this table needs pandas: pip install pandas; run.rows() and run.summary do without") from None
    return pandas


def compare(model: Model | str, tasks: Sequence[str] | None = None, methods: Sequence[str] | None = None, *,
            out: arguments.PathLike, plan: arguments.PathLike | None = None, protocol: str | None = None,
            vectors: Sequence[arguments.PathLike] = (), seeds: Sequence[int] | None = None, n_test: int | None = None,
            n_valid: int | None = None, n_mean: int | None = None, n_patch: int | None = None,
            n_pairs: int | None = None, n_shot: int | None = None, controls: bool | None = None,
            family: str | None = None, folds: int | None = None, choose_by: str | None = None,
            chat: bool | None = None, chat_template: arguments.PathLike | None = None,
            title: str | None = None, check: bool = True,
            progress: Progress = None) -> Run:
    """Compares methods on tasks, as `tiller compare` does, in the folder `out`. The same call goes on where an
    interrupted one stopped.

    model: a loaded Model (its file and its settings are used; the study loads it again) or what load() takes.
    tasks: names or files. methods: names. vectors: files of vectors that compete as they are. plan: a plan file
    (TOML), of which the other arguments replace parts. protocol: `tiller compare --help` lists them. chat: prompts are
    conversations in the model's own chat format (chat_template: a file of Jinja in its place). Counts and the rest:
    as the program's flags of the same names; the plan's where left out.
    """
    chosen = _plan(plan, protocol)
    settings: dict[str, Any] = {"exact": False, "threads": 0, "cache": "f16", "rows": 64, "gpu_layers": 0}
    if isinstance(model, Model):
        settings = model._settings
        chosen.models = [str(model.info["path"])]
    elif model is not None:
        chosen.models = [local_file(arguments.path("model", model))]
    if tasks is not None:
        chosen.tasks = arguments.texts("tasks", tasks)
    if methods is not None:
        chosen.methods = arguments.texts("methods", methods)
    for file in vectors:
        chosen.add_vector(arguments.path("vectors", file))
    if seeds is not None:
        chosen.seeds = [arguments.integer(f"seeds[{i}]", seed, 0, 2**64 - 1) for i, seed in enumerate(seeds)]
    if n_test is not None:
        chosen.n_test = arguments.integer("n_test", n_test, 2, 1000000)
    if n_valid is not None:
        chosen.n_valid = arguments.integer("n_valid", n_valid, 1, 1000000)
    if controls is not None:
        chosen.controls = arguments.flag("controls", controls)
    if family is not None:
        chosen.family = arguments.choice("family", family, ("functional", "extractive", "behavioural"))
    if folds is not None:
        chosen.folds = arguments.integer("folds", folds, 1, 1000)
    if choose_by is not None:
        chosen.choose_by = arguments.text("choose_by", choose_by)
    if chat is not None:
        chosen.chat = arguments.flag("chat", chat)
    if chat_template is not None:
        chosen.chat_template = arguments.path("chat_template", chat_template)
    if title is not None:
        chosen.title = arguments.text("title", title)
    chosen.set_counts(*(0 if n is None else arguments.integer(name, n, 1, 100000) for name, n in (
        ("n_mean", n_mean), ("n_patch", n_patch), ("n_pairs", n_pairs), ("n_shot", n_shot))))
    folder = arguments.path("out", out)
    with listening(progress) as listener:
        try:
            _tiller.compare(chosen, folder, settings["threads"], settings["gpu_layers"], settings["rows"],
                            settings["exact"], settings["cache"] == "f32", arguments.flag("check", check), listener,
                            log.info)
        except KeyboardInterrupt:
            log.warning("interrupted; finished work is in %s, the same call goes on from there", folder)
            raise
    return Run(folder)


def _plan(plan: arguments.PathLike | None, protocol: str | None) -> _tiller.Plan:
    if plan is None:
        return _tiller.default_plan("tuned" if protocol is None else arguments.text("protocol", protocol))
    chosen = _tiller.load_plan(arguments.path("plan", plan))
    if protocol is not None and protocol != chosen.protocol:
        raise UsageError(f"protocol: found {protocol!r} with a plan for {chosen.protocol!r}, expected one of them")
    return chosen
