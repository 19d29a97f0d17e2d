// A small made-up summary for the tests of reports.
#pragma once

#include <cmath>

#include "tiller/summary.h"

namespace tiller::test {

/// One functional task with four settings, two validation points, heads and one example; one model; full
/// provenance.
inline Summary small_summary() {
    Summary summary;
    summary.title = "A small study";
    summary.question = "Does it steer?";
    summary.findings = {"It does, a little."};
    summary.notes = {"Intervals are 95 % intervals."};
    ModelSummary model;
    model.name = "tiny";
    model.path = "/models/tiny.gguf";
    model.digest = "aa11";
    model.architecture = "llama";
    model.quantisation = "F32";
    model.n_param = 1234567;
    model.file_bytes = 5000000;
    model.n_layer = 2;
    model.n_embd = 8;
    model.n_head = 2;
    summary.models = {model};

    const auto setting = [](const char* id, const char* label, const char* method, Kind kind, double mean) {
        SettingSummary out;
        out.id = id;
        out.label = label;
        out.method = method;
        out.kind = kind;
        out.n = 20;
        out.metrics["first_token"] = {mean, mean - 0.125, mean + 0.125};
        out.metrics["rank"] = {12.5, 10, 15};
        return out;
    };
    TaskSummary task;
    task.model = "tiny";
    task.name = "antonym";
    task.family = Family::functional;
    task.primary = "first_token";
    task.seed = 18446744073709551615U;
    task.n_train = 60;
    task.n_valid = 10;
    task.n_test = 20;
    task.test = {setting("zero-shot", "Zero-shot", "none", Kind::baseline, 0.125),
                 setting("fv-paper", "FV, paper", "fv", Kind::paper, 0.25),
                 setting("fv-chosen", "FV, chosen (heads 2)", "fv", Kind::chosen, 0.5),
                 setting("random", "Random", "random", Kind::control, 0.125)};
    task.test[1].difference["random"] = {0.125, -0.0625, 0.25};
    task.test[2].setting = {{"heads", 2}, {"layer", 1}, {"scale", 1.5}};
    task.test[2].difference["random"] = {0.375, 0.125, 0.5};
    task.test[2].difference["zero-shot"] = {0.375, 0.125, 0.5};
    task.test[2].n_better = 9;
    task.test[2].n_worse = 1;
    task.pairs = {{"fv-chosen", "fv-paper", {0.25, 0.0625, 0.5}, 6, 1, 0.125, 0.25}};
    for (const double scale : {1.0, 1.5}) {
        SettingSummary point = setting("", "", "fv", Kind::grid, 0.25 * scale);
        point.id = scale > 1 ? "fv heads=2 layer=1 scale=1.5" : "fv heads=2 layer=1 scale=1";
        point.setting = {{"heads", 2}, {"layer", 1}, {"scale", scale}};
        point.metrics.erase("rank");
        task.grid.push_back(point);
    }
    task.aie = {{0.0, 0.25}, {-0.125, 0.5}};
    task.top_heads = {{1, 1, 0.5}, {0, 1, 0.25}};
    task.examples = {{3, "big", "small", {{"zero-shot", " big\nQ:"}, {"fv-chosen", " small"}}}};
    task.verdict = "FV beats random directions.";
    const auto share = [](double mean) { return Interval{mean, mean - 0.25, mean + 0.25}; };
    task.analyses = {
        {"parts",
         "Share of variance",
         "Shares of what differs between cells.",
         "factor",
         {{"share", "share"}, {"cells", "cells"}},
         {{"place", "place", {share(0.5), plain_number(4)}, "", {{"factor", "place"}}, {{"levels", 2}}},
          {"operation", "operation", {plain_number(0.125), plain_number(NAN)}, "one cell is missing"}}}};
    summary.tasks = {task};
    summary.analyses = {{"flips",
                         "Rankings",
                         "",
                         "metric",
                         {{"agree", "agree"}},
                         {{"exact", "exact", {plain_number(0.75)}}}}};

    summary.provenance = {"0.1.0",
                          "0.5.0",
                          "bb22",
                          "seeds = [1]\n",
                          "tiller run plan.toml",
                          "2 cores",
                          {{"antonym", "cc33"}},
                          {{"antonym/fv", "vectors/antonym-fv.gguf"}}};
    return summary;
}

inline std::vector<Cost> small_costs() {
    return {{"tiny", "antonym", "fv", "extract", 10, 1000, 2.0},
            {"tiny", "antonym", "fv", "test", 5, 500, 0.5}};
}

}  // namespace tiller::test
