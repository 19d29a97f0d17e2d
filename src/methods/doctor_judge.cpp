#include "methods/doctor_judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace tiller::doctor {
namespace {

Check check(const char* name, double figure, double bound, std::string text) {
    // The comparison is false for NaN, so that NaN fails.
    return {name, figure <= bound ? Outcome::passed : Outcome::failed, figure, bound, std::move(text)};
}

Check nothing_to_do(const char* name, std::string text) {
    return {name, Outcome::not_applicable, 0, 0, std::move(text)};
}

}  // namespace

Judge::Judge(const ModelInfo& info, const EngineOptions& options)
    : info_(&info), flash_attention_(options.flash_attention) {}

double Judge::unchanged_bound() const {
    // On the CPU the batch-shape rules (tiller/engine.h) make results exact. With flash attention, which is
    // for GPUs, the number of rows decides on the kernel. Logits of single-row and wider kernels were seen to
    // differ by 0.52.
    return flash_attention_ ? 0.6 : 0;
}

double Judge::contribution_bound() const {
    const auto has = [&](const char* type) { return info_->quantisation.find(type) != std::string::npos; };
    // Errors by rounding of activations: up to 0.065 on three models with quantised weights (8 bits), 0.002
    // with bfloat16 (8 bits of mantissa), 1e-5 with float32 (no rounding). Real mistakes give 0.3 and more.
    if (has("F32")) return 1e-3;
    return has("F16") ? 0.02 : 0.15;
}

Check Judge::sites(const Engine& engine, const Findings& findings) const {
    std::vector<std::string> missing, without_heads;
    int n_reached = 0;
    for (int il = 0; il < info_->n_layer; ++il) {
        // A layer without heads may lack its MLP too (Nemotron's "deci" models), so that no site is required.
        const bool heads = info_->n_head[static_cast<std::size_t>(il)] > 0;
        if (!heads) without_heads.push_back(std::to_string(il));
        for (Site site : kSites) {
            n_reached += engine.has_site(site, il);
            if (heads && !engine.has_site(site, il))
                missing.push_back(fmt::format("{} in layer {}", site_name(site), il));
        }
    }
    const auto n_wrong = missing.size() + findings.not_carried_out.size();
    std::string text;
    if (n_wrong > 0) {
        text = missing.empty() ? ""
                               : fmt::format("the graph of architecture {} lacks {}", info_->architecture,
                                             fmt::join(missing, ", "));
        for (const auto& what : findings.not_carried_out) text += (text.empty() ? "" : "; ") + what;
    } else {
        text = fmt::format("{} sites in {} layers, none missing", n_reached, info_->n_layer);
        if (!without_heads.empty())
            text += fmt::format("; without heads: layer {}", fmt::join(without_heads, ", "));
    }
    return check("sites", static_cast<double>(n_wrong), 0, text);
}

Check Judge::effect(const Findings& findings) const {
    if (findings.n_steered == 0) return nothing_to_do("effect", "no row was steered");
    const auto n = findings.without_effect.size();
    return check("effect", static_cast<double>(n), 0,
                 n > 0
                     ? fmt::format("{} of {} steered rows have the unsteered row's logits: {}", n,
                                   findings.n_steered, fmt::join(findings.without_effect, ", "))
                     : fmt::format("{} steered rows, none without effect; the least moves a logit by {:.2g}",
                                   findings.n_steered, findings.least_effect));
}

Check Judge::unchanged(const char* name, const char* what, const Worst& worst) const {
    if (worst.n == 0) return nothing_to_do(name, "nothing was tried");
    return check(name, worst.figure, unchanged_bound(),
                 worst.figure == 0 ? fmt::format("{}: no logit moves ({} rows)", what, worst.n)
                                   : fmt::format("{}: a logit moves by up to {:.3g}, in {} ({} rows)", what,
                                                 worst.figure, worst.where, worst.n));
}

Check Judge::contribution(const char* name, const char* what, const Worst& worst) const {
    if (worst.n == 0) return nothing_to_do(name, "no layer with heads could be tried");
    return check(
        name, worst.figure, contribution_bound(),
        fmt::format("{} against the change of the {}, relative; worst: {} (of {})", what,
                    info_->changes_stream ? "attention output" : "residual stream", worst.where, worst.n));
}

Check Judge::fork(const Findings& findings) const {
    if (findings.fork.n == 0) return nothing_to_do("fork", "not part of the fast check");
    Check c{"fork", Outcome::informative, findings.fork_mean, 0, ""};
    c.text = fmt::format("mean difference of log-probabilities between fork and run; at most {:.2g}",
                         findings.fork.figure);
    if (!std::isfinite(findings.fork.figure)) c.outcome = Outcome::failed;
    return c;
}

Check Judge::finite(std::size_t n_prompt, const std::vector<std::size_t>& broken) const {
    const auto n = broken.size();
    return check("finite", static_cast<double>(n), 0,
                 n > 0 ? fmt::format("{} of {} prompts give NaN or infinity without any edit, so the other "
                                     "checks say nothing; the weights are damaged or overflow",
                                     n, n_prompt)
                       : fmt::format("{} prompts, all logits finite", n_prompt));
}

}  // namespace tiller::doctor
