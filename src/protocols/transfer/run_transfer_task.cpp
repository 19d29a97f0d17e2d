// One task under the protocol "transfer": extracts each method's vector in each form, chooses its setting
// there, and applies it in every form, together with other vectors, and with demonstrations.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/names.h"
#include "protocols/transfer/transfer.h"
#include "study/choose.h"
#include "study/extraction.h"
#include "study/tune.h"
#include "study/units.h"
#include "tasks/forms.h"

namespace tiller::study {
namespace {

// A vector extracted in one form, at the setting that was chosen in that form.
struct Taken {
    std::string method, form;
    Setting setting;
    std::vector<Edit> edits;
    std::vector<Edit> random;  // edits of its random control; empty = no control
};

class Runner {
public:
    explicit Runner(TaskContext& c) : c_(c) {
        for (const auto& name : transfer_places(c.plan)) places_.push_back(task_form(c.task, name, c.seed));
    }

    void run() {
        for (const auto& name : c_.plan.methods)
            for (std::size_t i = 0; i < plan().forms.size(); ++i) take(find_method(name), i);
        for (std::size_t i = 0; i < places_.size(); ++i) {
            auto all = applied_in(i);
            if (i == 0) {
                for (const auto& k : all)
                    if (k.kind != Kind::transfer) closing_.settings.push_back(setting_record(k));
                for (auto& k : composed()) all.push_back(std::move(k));
            }
            test(all, places_[i].form->name);
        }
        for (const int n : plan().shots) test(beside(n), few_shot_id(n));
        part_.key = c_.key;
        close_task(c_, closing_, part_);
    }

private:
    const TransferPlan& plan() const { return c_.plan.transfer; }
    const std::string& home() const { return plan().forms.front(); }

    void test(const std::vector<Candidate>& candidates, const std::string& what) {
        for (auto& name : run_test_items(c_, candidates, "test " + what, false))
            closing_.test_units.push_back(std::move(name));
    }

    Candidate in(std::size_t place, const std::string& id, const std::string& label,
                 const std::string& method, Kind kind, int n_shot = 0) const {
        Candidate k{id, label, method, kind};
        k.n_shot = n_shot;
        k.prompt = [this, place, n_shot](int item) {
            return places_[place].prompt(c_.split.train, item, n_shot, c_.seed);
        };
        return k;
    }

    // Extracts a method's vector in a form and chooses its setting there.
    void take(const Method& method, std::size_t place) {
        const Model& model = c_.engine.model();
        const TaskForm& form = places_[place];
        const std::string& name = form.form->name;
        const SteeringVector base = extracted_vector(c_, method, &form);
        const auto build = method.builder(model, base);
        const std::string key = fmt::format("{}, {}", method.name(), name);
        closing_.vector_prompts[key] = base.provenance.prompts_digest;
        closing_.vector_files[key] = vector_file(c_, method, {}, &form).string();
        if (place == 0 && has_effects(base)) set_effects(closing_, base.aie);

        const std::string prefix = method.name() + (place == 0 ? "" : "@" + name);
        std::vector<Candidate> grid;
        for (const auto& setting : method.grid(model.info(), false)) {
            grid.push_back(
                in(place, prefix + setting_text(setting), setting_label(setting), method.name(), Kind::grid));
            grid.back().setting = setting;
            grid.back().edits = edits_of(build(setting), method.strength(setting));
            if (place == 0) closing_.grid.push_back(setting_record(grid.back()));
        }
        const Setting best =
            grid.empty()
                ? method.paper_setting(model.info())
                : grid[choose(grid, tune(c_, prefix, grid, closing_.valid_units), primary_metric(false))]
                      .setting;
        const SteeringVector vector = build(best);
        Taken taken{method.name(), name, best, edits_of(vector, method.strength(best)), {}};
        if (place == 0) {
            // For the other models of the plan (second_run()), and ready for use by hand.
            auto file = vector_file(c_, method, {}, &form).replace_extension("chosen.gguf");
            if (!std::filesystem::exists(c_.folder / file)) save_vector(vector, c_.folder / file);
            closing_.vector_files[chosen_file(method.name())] = file.string();
            closing_.chosen[method.name()] = best;
            if (c_.plan.controls)
                taken.random = edits_of(random_like(vector, c_.seed), method.strength(best));
        }
        part_.settings[method.name()][name] = setting_label(best);
        taken_.push_back(std::move(taken));
    }

    // The unsteered prompts of one form, then all vectors and random controls applied in it.
    std::vector<Candidate> applied_in(std::size_t place) const {
        const std::string& name = places_[place].form->name;
        std::vector<Candidate> all = {in(place, unsteered_in(name), "Unsteered", "none", Kind::baseline)};
        const auto add = [&](const Taken& t, const std::string& who, const std::string& label,
                             const std::string& method, Kind kind, const std::vector<Edit>& e) {
            Candidate k = in(place, steered_in(who, t.form, name), label, method,
                             place == 0 && t.form == home() ? kind : Kind::transfer);
            k.setting = t.setting;
            k.edits = e;
            k.clean = all.front().id;
            all.push_back(std::move(k));
        };
        for (const Taken& t : taken_)
            add(t, t.method, fmt::format("{}, chosen ({})", method_title(t.method), setting_label(t.setting)),
                t.method, Kind::chosen, t.edits);
        for (const Taken& t : taken_)
            if (!t.random.empty())
                add(t, random_id(t.method),
                    fmt::format("Random direction in place of the {}", method_title(t.method)), "random",
                    Kind::control, t.random);
        return all;
    }

    std::vector<const Taken*> at_home() const {
        std::vector<const Taken*> out;
        for (const Taken& t : taken_)
            if (t.form == home()) out.push_back(&t);
        return out;
    }

    // In the first form: every two methods' vectors at once, and each vector at multiples of its strength.
    std::vector<Candidate> composed() const {
        std::vector<Candidate> all;
        const auto add = [&](const std::string& id, const std::string& method, std::vector<Edit> edits) {
            all.push_back(in(0, id, id, method, Kind::composition));
            all.back().edits = std::move(edits);
            all.back().clean = unsteered_in(home());
        };
        const auto vectors = at_home();
        for (std::size_t a = 0; a < vectors.size(); ++a)
            for (std::size_t b = a + 1; b < vectors.size(); ++b) {
                auto edits = vectors[a]->edits;
                edits.insert(edits.end(), vectors[b]->edits.begin(), vectors[b]->edits.end());
                // Edits act in order. Replacing first, then projecting, keeps both from wiping out what the
                // other vector has added in the same place.
                const auto rank = [](const Edit& e) {
                    return e.operation == Operation::replace ? 0 : e.operation == Operation::project ? 1 : 2;
                };
                std::stable_sort(edits.begin(), edits.end(),
                                 [&](const Edit& x, const Edit& y) { return rank(x) < rank(y); });
                add(both_of(vectors[a]->method, vectors[b]->method), vectors[a]->method, std::move(edits));
            }
        for (const Taken* t : vectors)
            for (const double factor : plan().factors) {
                auto edits = t->edits;
                for (Edit& edit : edits) edit.strength *= static_cast<float>(factor);
                add(multiple_of(t->method, factor), t->method, std::move(edits));
            }
        return all;
    }

    // The vectors of the first form, on prompts with demonstrations in that form.
    std::vector<Candidate> beside(int n_shot) const {
        std::vector<Candidate> all = {
            in(0, with_shots("unsteered", n_shot), "Unsteered", "prompt", Kind::baseline, n_shot)};
        for (const Taken* t : at_home()) {
            all.push_back(in(0, with_shots(t->method, n_shot), t->method, t->method, Kind::shots, n_shot));
            all.back().edits = t->edits;
            all.back().clean = all.front().id;
        }
        return all;
    }

    TaskContext& c_;
    std::vector<TaskForm> places_;  // the task in each form, as transfer_places() lists them
    std::vector<Taken> taken_;
    TaskClosing closing_;
    TransferClosing part_;
};

}  // namespace

void Transfer::run(TaskContext& c) const { Runner(c).run(); }

}  // namespace tiller::study
