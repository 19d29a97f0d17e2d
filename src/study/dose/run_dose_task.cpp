// One task under the protocol of equal doses.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/names.h"
#include "core/paths.h"
#include "study/dose/dose.h"
#include "study/tune.h"

namespace tiller::study {
namespace {

using nlohmann::json;

// Validation items behind a dose, at most: the logits of all are kept, a megabyte each where the vocabulary
// is large. And rows whose logits are held at once.
constexpr std::size_t most_items = 64, most_rows = 32;

// Measures doses on the validation items' zero-shot prompts.
class DoseMeter {
public:
    explicit DoseMeter(TaskContext& c) : context_(c) {
        for (const int item : std::span(c.valid).first(std::min(c.valid.size(), most_items))) {
            items_.push_back(c.task.items[static_cast<std::size_t>(item)].id);
            Row row;
            row.prompt = c.engine.model().tokenize_prompt(
                make_test_prompt(c.task, c.split.train, item, 0, c.seed).text);
            row.want_logits = true;
            rows_.push_back(std::move(row));
        }
    }
    const std::vector<int>& items() const { return items_; }

    /// Divergences, [strength][item]; infinite where a row broke.
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
                                                   : shift_of(result.logits, unsteered_[r % n]).kl);
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

json number(double value) { return std::isfinite(value) ? json(value) : json(); }

// The strengths of one vector for the plan's doses: a unit of work. `own` is the strength of its setting.
std::vector<DoseFit> fit_doses(TaskContext& c, DoseMeter& meter, const std::string& id,
                               const std::string& method, const SteeringVector& vector, double own,
                               std::vector<std::string>& units) {
    const DosePlan& plan = c.plan.dose;
    // What is replaced or projected wholly cannot be more so.
    const bool is_whole_at_1 =
        vector.operation == Operation::replace || vector.operation == Operation::project;
    const double most = is_whole_at_1 ? 1 : own * plan.max_factor;
    const auto& records = unit(c, "dose/" + id, method, "dose", units, [&] {
        std::vector<json> made;
        const auto add = [&](const json& more) {
            json record = {{"model", c.model_name},
                           {"task", c.task.name},
                           {"seed", c.seed},
                           {"phase", "dose"},
                           {"setting", id}};
            record.update(more);
            made.push_back(std::move(record));
        };
        // Rungs of the ladder and rounds of bisection.
        const auto n_most = static_cast<std::size_t>(plan.n_bisection + 4 +
                                                     static_cast<int>(std::ceil(std::log2(most / own))));
        std::size_t n_done = 0;
        const auto measure = [&](std::span<const double> strengths) {
            const auto values = meter.kl(vector, strengths);
            std::vector<double> doses;
            for (std::size_t s = 0; s < strengths.size(); ++s) {
                double sum = 0;
                json kl = json::array();
                for (const double v : values[s]) {
                    sum += v;
                    kl.push_back(number(v));
                }
                doses.push_back(sum / static_cast<double>(values[s].size()));
                add({{"strength", strengths[s]},
                     {"dose", number(doses.back())},
                     {"items", meter.items()},
                     {"kl", kl}});
            }
            ++n_done;
            c.step(id + ": dose", n_done, n_most);
            return doses;
        };
        const DoseRange range{std::min(own, most) / 8, most, plan.n_bisection, plan.tolerance};
        for (const DoseFit& fit : find_doses(plan.targets, range, measure).fits)
            add({{"target", fit.target},
                 {"outcome", fit.outcome},
                 {"strength", fit.point.strength},
                 {"dose", fit.point.dose}});
        return made;
    });
    std::vector<DoseFit> fits;
    for (const json& record : records)
        if (record.contains("target"))
            fits.push_back(
                {record.at("target"), record.at("outcome"), {record.at("strength"), record.at("dose")}});
    return fits;
}

// The other task's test items under every candidate's edits: what steering costs where it was not asked for.
std::vector<std::string> run_unrelated(TaskContext& c, const Task& other,
                                       const std::vector<Candidate>& candidates) {
    const DosePlan& plan = c.plan.dose;
    std::vector<Candidate> steered;
    for (Candidate k : candidates) {
        if (k.method == "prompt") continue;
        k.n_shot = plan.n_shot_unrelated;
        k.want_dose = false;
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
                  .unrelated = {},
                  .instruction = {},
                  .label = c.label,
                  .key = c.key,
                  .primary = primary_metric(false)};
    d.test = d.split.test;
    d.test.resize(std::min(d.test.size(), static_cast<std::size_t>(plan.n_unrelated)));
    std::vector<std::string> units;
    const std::size_t part = std::max<std::size_t>(1, 64 / steered.size());
    for (std::size_t begin = 0; begin < d.test.size(); begin += part) {
        const auto items = std::span(d.test).subspan(begin, std::min(part, d.test.size() - begin));
        unit(c, fmt::format("damage/{}", begin), "all", "damage", units, [&] {
            return evaluate(d, items, steered, "damage",
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
        throw Error(
            Code::bad_input,
            fmt::format("dose.unrelated: the task {} is behavioural, expected one with right answers, "
                        "whose first tokens can be counted; name another",
                        task.name));
    return task;
}

// Where a method steers, without how strongly.
Setting place_of(Setting setting) {
    setting.erase("scale");
    setting.erase("alpha");
    return setting;
}

// A method's vector at one setting, and what it was made from.
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

Steering tuned_steering(TunedMethod tuned, json& grid) {
    for (const auto& k : tuned.grid) grid.push_back(setting_record(k));
    return {std::move(tuned.base), std::move(tuned.chosen_vector), std::move(tuned.chosen.setting),
            std::move(tuned.files)};
}

}  // namespace

void run_dose_task(TaskContext& c) {
    const Task other = unrelated_task(c);
    const int n_shot = c.behavioural() ? c.plan.n_shot_behavioural : c.plan.n_shot;
    std::vector<Candidate> test(2);
    test[0].id = "zero-shot", test[0].label = "Zero-shot", test[0].method = "none";
    test[1].id = fmt::format("{}-shot", n_shot), test[1].method = "prompt", test[1].n_shot = n_shot;
    test[1].label = fmt::format("{}-shot prompt", n_shot);
    for (auto& k : test) k.kind = "baseline", k.want_dose = true;

    DoseMeter meter(c);
    json grid = json::array(), chosen = json::object(), aie = json::array(), doses = json::array();
    json prompts = json::object(), files = json::object();
    std::vector<std::string> dose_units;
    TunedMethods tuned;
    if (c.plan.dose.place != "paper") tuned = tune_methods(c, c.plan.methods);
    for (std::size_t m = 0; m < c.plan.methods.size(); ++m) {
        const std::string& name = c.plan.methods[m];
        const Method& method = find_method(name);
        const Steering steering = tuned.methods.empty() ? paper_steering(c, method)
                                                        : tuned_steering(std::move(tuned.methods[m]), grid);
        if (has_effects(steering.base)) aie = steering.base.aie;
        prompts[name] = steering.base.provenance.prompts_digest;
        for (const auto& [title, file] : steering.files) files[title] = file;
        const Setting place = place_of(steering.setting);
        chosen[name] = place;
        const auto add = [&](const SteeringVector& vector, bool control) {
            const std::string id = control ? name + "-random" : name;
            const std::string title = (control ? "Random for the " : "") + method_title(name);
            for (const DoseFit& fit :
                 fit_doses(c, meter, id, name, vector, static_cast<double>(method.strength(steering.setting)),
                           dose_units)) {
                const std::string at = fmt::format("{} dose={}", id, fit.target);
                doses.push_back({{"method", name},
                                 {"control", control},
                                 {"target", fit.target},
                                 {"outcome", fit.outcome},
                                 {"strength", fit.point.strength},
                                 {"dose", fit.point.dose},
                                 {"setting", at}});
                if (fit.outcome != "reached") continue;
                Candidate k;
                k.id = at;
                k.label = fmt::format("{}, {} (strength {:.3g}{}{})", title, nats_text(fit.target),
                                      fit.point.strength, place.empty() ? "" : ", ", setting_label(place));
                k.method = control ? "random" : name;
                k.kind = control ? "control" : "dose";
                k.setting = place;
                k.setting["target"] = fit.target;
                k.setting["dose"] = fit.point.dose;
                k.setting["strength"] = fit.point.strength;
                k.edits = edits_of(vector, static_cast<float>(fit.point.strength));
                k.clean = "zero-shot";
                k.want_dose = true;
                test.push_back(std::move(k));
            }
        };
        add(steering.vector, false);
        if (c.plan.controls) add(random_like(steering.vector, c.seed), true);
    }
    const auto test_units = run_test_items(c, test);
    const auto damage_units = run_unrelated(c, other, test);
    json settings = json::array(), controls = json::array(), tables = json::array();
    for (const auto& k : test) (k.kind == "control" ? controls : settings).push_back(setting_record(k));
    if (!controls.empty())
        tables.push_back({{"id", "controls"},
                          {"title", "Random directions at equal dose"},
                          {"primary", c.primary},
                          {"settings", controls}});
    close_task(c, {{"settings", settings},
                   {"tables", tables},
                   {"grid", grid},
                   {"chosen", chosen},
                   {"doses", doses},
                   {"unrelated", other.name},
                   {"aie", aie},
                   {"top_heads", top_heads(aie)},
                   {"valid_units", tuned.valid_units},
                   {"dose_units", dose_units},
                   {"test_units", test_units},
                   {"damage_units", damage_units},
                   {"vector_prompts", prompts},
                   {"vector_files", files}});
}

}  // namespace tiller::study
