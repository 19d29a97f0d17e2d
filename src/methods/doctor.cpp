// tiller doctor: picks the layers to try, runs the trials and collects the checks.
#include "tiller/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "methods/doctor_judge.h"
#include "methods/doctor_trials.h"
#include "tiller/error.h"

namespace tiller {

using namespace doctor;

namespace {

// With `fast` the first, middle and last layer with heads and the first layer without; else all layers.
std::vector<int> layers_to_try(const ModelInfo& info, bool fast) {
    std::vector<int> with, without, layers;
    for (int il = 0; il < info.n_layer; ++il)
        (info.n_head[static_cast<std::size_t>(il)] > 0 ? with : without).push_back(il);
    if (fast) {
        layers = {with.front(), with[with.size() / 2], with.back()};
        if (!without.empty()) layers.push_back(without.front());
    } else {
        layers = with;
        layers.insert(layers.end(), without.begin(), without.end());
    }
    std::sort(layers.begin(), layers.end());
    layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
    return layers;
}

// Runs `work`. A plan that the graph does not carry out becomes a finding, because the doctor looks for that;
// any other error passes through.
template <class Work>
bool carried_out(Findings& findings, Work work) {
    try {
        work();
        return true;
    } catch (const Error& e) {
        if (e.code() != Code::incomplete) throw;
        findings.not_carried_out.emplace_back(e.what());
        return false;
    }
}

}  // namespace

bool Diagnosis::passed() const {
    return std::none_of(checks.begin(), checks.end(),
                        [](const Check& c) { return c.outcome == Outcome::failed; });
}

std::string Diagnosis::failures() const {
    std::string text;
    for (const Check& c : checks)
        if (c.outcome == Outcome::failed)
            text += fmt::format("{}{}: {} (measured {:.3g}, at most {:g} passes)", text.empty() ? "" : "\n",
                                c.name, c.text, c.figure, c.bound);
    return text;
}

const char* outcome_name(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::passed: return "passed";
        case Outcome::failed: return "failed";
        case Outcome::not_applicable: return "not_applicable";
        case Outcome::informative: return "informative";
    }
    return "";
}

Diagnosis diagnose(Engine& engine, const DoctorOptions& options, const Progress& progress) {
    const ModelInfo& info = engine.info();
    Diagnosis diagnosis;
    diagnosis.fast = options.fast;
    diagnosis.layers = layers_to_try(info, options.fast);
    for (int il = 0; il < info.n_layer; ++il)
        if (info.n_head[static_cast<std::size_t>(il)] == 0) diagnosis.layers_without_heads.push_back(il);

    Findings findings;
    Baseline baseline;
    const std::size_t n_step = diagnosis.layers.size() + (options.fast ? 1 : 2);
    std::size_t done = 0;
    const auto step = [&] {
        if (progress) progress(++done, n_step);
    };
    const bool measured =
        carried_out(findings, [&] { baseline = measure_baseline(engine, diagnosis.layers); });
    const auto broken = broken_prompts(baseline);
    step();
    // Comparing NaN or infinite numbers would say nothing.
    if (measured && broken.empty()) {
        for (int layer : diagnosis.layers) {
            carried_out(findings, [&] {
                try_layer(engine, baseline, layer, !options.fast, findings);
                try_contributions(engine, baseline, layer, options, findings);
            });
            step();
        }
        if (!options.fast) {
            carried_out(findings, [&] { try_fork(engine, baseline, diagnosis.layers, findings); });
            step();
        }
    }
    const Judge judge(info, engine.options());
    diagnosis.checks = {
        judge.sites(engine, findings),
        judge.effect(findings),
        judge.unchanged("zero_edit", "edits of strength 0", findings.zero_edit),
        judge.unchanged("self_replacement", "activations replaced by themselves", findings.self_replacement),
        judge.unchanged("neighbours", "rows alone and among others", findings.neighbours),
        judge.contribution("contribution", "contributions of a layer's heads", findings.contribution),
        judge.contribution("head_contribution", "contribution of one head", findings.head_contribution),
        judge.fork(findings),
        judge.finite(baseline.results.size(), broken)};
    return diagnosis;
}

void require_passed(const Diagnosis& diagnosis, const ModelInfo& model) {
    if (diagnosis.passed()) return;
    throw Error(Code::unsupported,
                fmt::format("{} ({}, {}) cannot be trusted for steering:\n{}\nUse another model or another "
                            "conversion of it, and please report this.{}",
                            model.name, model.architecture, model.quantisation, diagnosis.failures(),
                            diagnosis.fast ? " Only some of the layers were looked at." : ""),
                Topic::hooks);
}

}  // namespace tiller
