"""Comparisons: the program's and the module's are the same."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

import tiller

SMALL = {"n_test": 10, "n_valid": 6, "n_mean": 6, "n_patch": 3, "n_pairs": 6, "n_shot": 2}


@pytest.fixture(scope="module")
def run(lm, folder, tmp_path_factory):
    return tiller.compare(lm, tasks=[str(folder / "second.json")], methods=["mean-diff", "icv"],
                          out=tmp_path_factory.mktemp("study") / "run", **SMALL)


def test_same_as_the_program(run, program, folder, tmp_path):
    flags = [x for name, value in SMALL.items()
             for x in ("--" + name.replace("_", "-").replace("n-shot", "shots"), value)]
    found = program("compare", "-m", folder / "tiny.gguf", "-t", folder / "second.json", "--method", "mean-diff", "icv",
                    "-o", tmp_path / "run", *flags)
    mine = dict(run.summary)
    for summary in (found, mine):
        summary["provenance"] = {k: v for k, v in summary["provenance"].items() if k not in ("command",)}
    assert mine == found


def test_what_a_run_says(run, lm):
    assert list(run.verdicts) == ["second"] and run.verdicts["second"]
    v = run.winner("second")
    assert isinstance(v, tiller.SteeringVector) and lm.generate("the cat", steer=v, max_tokens=3)
    assert run.winner("second", "icv").method == "icv"
    with pytest.raises(tiller.UsageError, match="second"):
        run.winner("third")
    with pytest.raises(tiller.UsageError, match="mean-diff"):
        run.winner("second", "fv")
    rows = run.rows()
    assert {row["task"] for row in rows} == {"second", "all"}


def test_reports(run, tmp_path):
    for name in ("report.html", "report.md", "report.csv", "report.json"):
        run.report(tmp_path / name)
        assert "second" in (tmp_path / name).read_text()
    assert "tasks" in json.loads((tmp_path / "report.json").read_text())
    with pytest.raises(tiller.UsageError, match="report.pdf"):
        run.report(tmp_path / "report.pdf")


def test_tables(run):
    pandas = pytest.importorskip("pandas")
    table = run.to_pandas()
    assert isinstance(table, pandas.DataFrame) and len(table) == len(run.rows())
    zero_shot = run.summary["tasks"][0]["test"][0]
    rows = table[(table.phase == "test") & (table.setting == zero_shot["id"])]
    for name, value in zero_shot["metrics"].items():
        row = rows[(rows.metric == name) & rows.versus.isna()]
        assert np.allclose(row["mean"].iloc[0], value["mean"])
    answers = next(a for a in run.summary["analyses"] if a["id"] == "answers")
    assert list(run.answers["remark"]) == [row["remark"] for row in answers["rows"]]
    assert list(run.answers.columns)[1:-1] == answers["columns"]
    assert np.allclose(run.answers[answers["columns"][0]], [row["values"][0]["mean"] for row in answers["rows"]])
    assert len(run.analysis("cost", "second")) > 0 and len(run.analysis("none")) == 0


def test_a_folder_read_again(run):
    again = tiller.Run(run.folder)
    assert again.summary == run.summary
    with pytest.raises(tiller.MissingError):
        tiller.Run(run.folder + "-none")


def test_wrong_arguments(lm, tmp_path):
    for change, words in [({"tasks": "antonym"}, "tasks"), ({"methods": ["fvv"]}, "fvv"), ({"n_test": 1}, "n_test"),
                          ({"protocol": "tunedd"}, "tunedd"), ({"tasks": []}, "tasks"), ({"seeds": [-1]}, "seeds")]:
        with pytest.raises(tiller.Error, match=words):
            tiller.compare(lm, out=tmp_path / "run", **change)
    assert not (tmp_path / "run").exists()


def test_how_settings_are_chosen_and_asked(lm, folder, tmp_path):
    """The tiny model has no chat template, so that one is given; folds and choose_by are the program's."""
    template = tmp_path / "t.jinja"
    template.write_text("{% for m in messages %}{{ m.role + '\\n' + m.content + '\\n' }}{% endfor %}"
                        "{% if add_generation_prompt %}{{ 'assistant\\n' }}{% endif %}")
    chosen = tiller.compare(lm, tasks=[str(folder / "second.json")], methods=["mean-diff"], out=tmp_path / "run",
                            folds=2, choose_by="exact", chat=True, chat_template=template, **SMALL)
    plan = chosen.summary["provenance"]["plan_toml"]
    for line in ("n_fold = 2", 'choose_by = "exact"', "chat = true", f'chat_template = "{template}"'):
        assert line in plan
    assert chosen.summary["tasks"][0]["winners"][0]["chat"]
    with pytest.raises(tiller.Error, match="chat_template"):
        tiller.compare(lm, out=tmp_path / "other", chat_template=template)


def test_notes_are_logged(lm, folder, tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="tiller"):
        for _ in range(2):
            tiller.compare(lm, tasks=[str(folder / "second.json")], methods=["mean-diff"],
                           out=tmp_path / "run", **SMALL)
    assert any(message.startswith("tiny needs about") for message in caplog.messages)
