// One task under the protocol "dose": the strengths that give each dose, the test items at these strengths,
// and the damage on an unrelated task.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/names.h"
#include "core/paths.h"
#include "engine/shift.h"
#include "protocols/dose/dose.h"
#include "study/evaluate.h"
#include "study/extraction.h"
#include "study/tune.h"
#include "study/units.h"

namespace tiller::study {
namespace {

// most_items: validation items that a dose is measured on, at most. The unsteered logits of all of them are
// kept, about a megabyte each where the vocabulary is large. most_rows: rows in one call of run(), all of
// whose logits are in memory at once.
constexpr std::size_t most_items = 64, most_rows = 32;

// Measures doses on the validation items' zero-shot prompts.
class DoseMeter {
public:
    explicit DoseMeter(TaskContext& c) : context_(c) {
        for (const int item : std::span(c.valid).first(std::min(c.valid.size(), most_items))) {
            items_.push_back(c.item(item).id);
            Row row;
            row.prompt = c.tokens(c.plain_prompt(item));
            row.want_logits = true;
            rows_.push_back(std::move(row));
        }
    }
    const std::vector<int>& items() const { return items_; }

    /// KL(steered || unsteered) of the next token in nats, [strength][item]; infinite where a row broke.
    std::vector<std::vector<double>> kl(const SteeringVector& vector, std::span<const double> strengths) {
        if (unsteered_.empty()) measure_unsteered();
        std::vector<std::vector<Edit>> edits;
        for (const double s : strengths) edits.push_back(edits_of(vector, static_cast<float>(s)));
        std::vector<std::vector<double>> out(strengths.size());
        const std::size_t n = rows_.size();
        for (std::size_t begin = 0; begin < n * strengths.size(); begin += most_rows) {
            const std::size_t end = std::min(begin + most_rows, n * strengths.size());
            std::vector<Row> rows;
            for (std::size_t r = begin; r < end; ++r) {
                rows.push_back(rows_[r % n]);
                rows.back().edits = edits[r / n];
            }
            const auto results = context_.engine.run(rows);
            for (std::size_t r = begin; r < end; ++r) {
                const RowResult& result = results[r - begin];
                out[r / n].push_back(result.broken ? std::numeric_limits<double>::infinity()
                                                   : engine::shift_of(result.logits, unsteered_[r % n]).kl);
            }
        }
        return out;
    }

private:
    void measure_unsteered() {
        for (std::size_t begin = 0; begin < rows_.size(); begin += most_rows)
            for (auto& result : context_.engine.run(
                     std::span(rows_).subspan(begin, std::min(most_rows, rows_.size() - begin)))) {
                if (result.broken)
                    throw Error(Code::bad_input,
                                fmt::format("task {}: the unsteered model gives NaN or infinite logits; "
                                            "check the model with tiller doctor",
                                            context_.task.name));
                unsteered_.push_back(std::move(result.logits));
            }
    }

    TaskContext& context_;
    std::vector<int> items_;
    std::vector<Row> rows_;
    std::vector<std::vector<float>> unsteered_;
};

// Finds the strengths at which one vector gives the plan's doses, as a unit of work. `own` is the strength of
// the vector's setting. The unit's name is added to `units`.
std::vector<DoseFit> fit_doses(TaskContext& c, DoseMeter& meter, const std::string& id,
                               const std::string& method, const SteeringVector& vector, double own,
                               std::vector<std::string>& units) {
    const DosePlan& plan = c.plan.dose;
    // At strength 1, replace and project put the vector or the projection wholly in the activation's place.
    const bool is_whole_at_1 =
        vector.operation == Operation::replace || vector.operation == Operation::project;
    const double most = is_whole_at_1 ? 1 : own * plan.max_factor;
    const auto records = unit<DoseRecord>(c, "dose/" + id, {method}, "dose", units, [&] {
        std::vector<DoseRecord> made;
        const auto add = [&](double strength, double dose) -> DoseRecord& {
            return made.emplace_back(DoseRecord{c.model_name, c.task.name, c.seed, id, strength, dose});
        };
        // Calls of `measure` at most, for progress: doublings from an eighth of `own`, then bisections.
        const int n_most = plan.n_bisection + 4 + static_cast<int>(std::ceil(std::log2(most / own)));
        std::size_t n_done = 0;
        const auto measure = [&](std::span<const double> strengths) {
            const auto values = meter.kl(vector, strengths);
            std::vector<double> doses;
            for (std::size_t s = 0; s < strengths.size(); ++s) {
                doses.push_back(mean_of(values[s]));
                DoseRecord& tried = add(strengths[s], doses.back());
                tried.items = meter.items();
                tried.kl = values[s];
            }
            ++n_done;
            c.step(id + ": dose", n_done, static_cast<std::size_t>(n_most));
            return doses;
        };
        const DoseRange range{std::min(own, most) / 8, most, plan.n_bisection, plan.tolerance};
        for (const DoseFit& fit : find_doses(plan.targets, range, measure).fits) {
            DoseRecord& found = add(fit.point.strength, fit.point.dose);
            found.target = fit.target;
            found.outcome = fit.outcome;
        }
        return made;
    });
    std::vector<DoseFit> fits;
    for (const DoseRecord& r : records)
        if (r.target && r.outcome) fits.push_back({*r.target, *r.outcome, {r.strength, r.dose}});
    return fits;
}

// Runs the test items of the unrelated task under every candidate's edits, which shows what steering damages.
// Returns the names of the units.
std::vector<std::string> run_unrelated(TaskContext& c, const Task& other,
                                       const std::vector<Candidate>& candidates) {
    const DosePlan& plan = c.plan.dose;
    std::vector<Candidate> steered;
    for (Candidate k : candidates) {
        if (k.method == "prompt") continue;
        k.n_shot = plan.n_shot_unrelated;
        k.want_shift = false;
        steered.push_back(std::move(k));
    }
    TaskContext d{.plan = c.plan,
                  .host = c.host,
                  .engine = c.engine,
                  .journal = c.journal,
                  .folder = c.folder,
                  .model_name = c.model_name,
                  .seed = c.seed,
                  .task = other,
                  .split = split_task(other, c.seed),
                  .policy = c.policy,
                  .label = c.label,
                  .key = c.key,
                  .primary = primary_metric(false)};
    d.test = d.split.test;
    d.test.resize(std::min(d.test.size(), static_cast<std::size_t>(plan.n_unrelated)));
    std::vector<std::string> units;
    const std::size_t part = std::max<std::size_t>(1, 64 / steered.size());
    for (std::size_t begin = 0; begin < d.test.size(); begin += part) {
        const auto items = std::span(d.test).subspan(begin, std::min(part, d.test.size() - begin));
        unit<ItemRecord>(c, fmt::format("damage/{}", begin), {"all"}, "damage", units, [&] {
            return evaluate(d, items, steered, Phase::damage,
                            fmt::format("{}: items {}-{} of {}", other.name, begin + 1, begin + items.size(),
                                        d.test.size()),
                            false);
        });
    }
    return units;
}

Task unrelated_task(const TaskContext& c) {
    const auto data = c.plan.data_dir.empty() ? data_dir() : std::filesystem::path(c.plan.data_dir);
    Task task = find_task(unrelated_name(c.plan, c.task.name), data);
    if (task.family == Family::behavioural)
        throw Error(Code::bad_input,
                    fmt::format("dose.unrelated: the task {} is behavioural, expected one with right "
                                "answers, whose first tokens can be counted; name another",
                                task.name));
    return task;
}

// The setting without its strength: the layers and heads at which a method steers.
Setting place_of(Setting setting) {
    setting.erase("scale");
    setting.erase("alpha");
    return setting;
}

// A method's vector at one setting, the extraction it was built from, and the files of the extractions.
struct Steering {
    SteeringVector base, vector;
    Setting setting;
    std::map<std::string, std::string> files;
};

Steering paper_steering(TaskContext& c, const Method& method) {
    Steering out;
    out.base = extracted_vector(c, method);
    out.setting = method.paper_setting(c.engine.info());
    out.vector = method.builder(c.engine.model(), out.base)(out.setting);
    out.files[method.name()] = vector_file(c, method).string();
    return out;
}

Steering tuned_steering(TunedMethod tuned, TaskClosing& closing) {
    for (const auto& k : tuned.grid) closing.grid.push_back(setting_record(k));
    return {std::move(tuned.base), std::move(tuned.chosen_vector), std::move(tuned.chosen.setting),
            std::move(tuned.files)};
}

// Brings a method's vector, or its random control, to the plan's doses. Adds what was found to the closing
// record, and a candidate for each dose reached to the test.
class Doses {
public:
    Doses(TaskContext& c, DoseClosing& part, std::vector<Candidate>& test)
        : c_(c), part_(part), test_(test), meter_(c) {}

    void add(const Method& method, const Steering& steering, const SteeringVector& vector, bool control) {
        const std::string id = control ? random_id(method.name()) : method.name();
        for (const DoseFit& fit :
             fit_doses(c_, meter_, id, method.name(), vector,
                       static_cast<double>(method.strength(steering.setting)), part_.dose_units)) {
            part_.doses.push_back({method.name(), control, fit.target, fit.outcome, fit.point.strength,
                                   fit.point.dose, dose_id(id, fit.target)});
            if (part_.doses.back().reached())
                test_.push_back(candidate(part_.doses.back(), steering, vector));
        }
    }

private:
    static Candidate candidate(const DoseEntry& e, const Steering& steering, const SteeringVector& vector) {
        const Setting place = place_of(steering.setting);
        Candidate k{e.setting,
                    fmt::format("{}{}, {} (strength {:.3g}{}{})", e.control ? "Random for the " : "",
                                method_title(e.method), nats_text(e.target), e.strength,
                                place.empty() ? "" : ", ", setting_label(place)),
                    e.control ? "random" : e.method, e.control ? Kind::control : Kind::dose, place};
        k.setting["target"] = e.target;
        k.setting["dose"] = e.dose;
        k.setting["strength"] = e.strength;
        k.edits = edits_of(vector, static_cast<float>(e.strength));
        k.clean = zero_shot_id;
        k.want_shift = true;
        return k;
    }

    TaskContext& c_;
    DoseClosing& part_;
    std::vector<Candidate>& test_;
    DoseMeter meter_;
};

}  // namespace

void Dose::run(TaskContext& c) const {
    const Task other = unrelated_task(c);
    std::vector<Candidate> test = {zero_shot(), few_shot(c.counts().n_shot)};
    for (auto& k : test) k.want_shift = true;
    TaskClosing closing;
    DoseClosing part;
    Doses doses(c, part, test);
    TunedMethods tuned;
    if (c.plan.dose.place != "paper") tuned = tune_methods(c, c.plan.methods);
    for (std::size_t m = 0; m < c.plan.methods.size(); ++m) {
        const std::string& name = c.plan.methods[m];
        const Method& method = find_method(name);
        const Steering steering = tuned.methods.empty()
                                      ? paper_steering(c, method)
                                      : tuned_steering(std::move(tuned.methods[m]), closing);
        if (has_effects(steering.base)) set_effects(closing, steering.base.aie);
        closing.vector_prompts[name] = steering.base.provenance.prompts_digest;
        for (const auto& [title, file] : steering.files) closing.vector_files[title] = file;
        closing.chosen[name] = place_of(steering.setting);
        doses.add(method, steering, steering.vector, false);
        if (c.plan.controls) doses.add(method, steering, random_like(steering.vector, c.seed), true);
    }
    closing.test_units = run_test_items(c, test);
    closing.valid_units = tuned.valid_units;
    part.damage_units = run_unrelated(c, other, test);
    part.unrelated = other.name;
    closing.tables.emplace();
    std::vector<SettingRecord> controls;
    for (const auto& k : test)
        (k.kind == Kind::control ? controls : closing.settings).push_back(setting_record(k));
    if (!controls.empty())
        closing.tables->push_back({"controls", "Random directions at equal dose", c.primary, controls});
    close_task(c, closing, part);
}

}  // namespace tiller::study
