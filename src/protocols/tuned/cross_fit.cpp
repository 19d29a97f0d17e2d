// The tuned protocol with folds: for each draw, one part of the items is tested. Its vectors are extracted
// from the other items, and its settings are those that did best on the other draws' parts.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "core/names.h"
#include "protocols/tuned/controls.h"
#include "protocols/tuned/evidence.h"
#include "protocols/tuned/tuned.h"
#include "study/choose.h"
#include "study/contestants.h"
#include "study/draws.h"
#include "study/method_vectors.h"
#include "study/second_judge.h"
#include "study/study_inputs.h"
#include "study/tune.h"
#include "study/units.h"
#include "tiller/task_check.h"

namespace tiller::study {
namespace {

class CrossFit {
public:
    explicit CrossFit(TaskContext& c) : c_(c), splits_(draws_of(c)) {
        for (const auto& name : c.plan.methods) {
            Contestant m{contestant(c.plan, name), {}, {}, {}, {}};
            m.offered = offered_settings(c, m.method);
            contestants_.push_back(std::move(m));
        }
    }

    void carry_out() {
        for (int k = 0; k < n_draw(); ++k) {
            use_draw(c_, splits_, k);
            train_scorer(c_);
            prepare();
            scorers_.push_back(std::move(c_.scorer));
        }
        for (int k = 0; k < n_draw(); ++k) {
            use_draw(c_, splits_, k);
            c_.scorer = std::move(scorers_[static_cast<std::size_t>(k)]);
            test(k);
        }
        finish();
    }

private:
    struct Contestant {
        const Method& method;
        std::vector<Setting> offered;
        std::vector<MethodVectors> draws;
        std::vector<Candidate> grid;      // with the last draw's edits; ids and settings are the same in all
        std::vector<ItemRecord> records;  // of the grid, over all draws so far
    };

    int n_draw() const { return static_cast<int>(splits_.size()); }

    // Extracts the vectors of the present draw, and tries all settings on its items.
    void prepare() {
        std::vector<Candidate> together;
        for (Contestant& m : contestants_) {
            m.draws.emplace_back(c_, m.method, sizes_in(m.offered));
            m.grid.clear();
            for (const auto& setting : m.offered) m.grid.push_back(m.draws.back().grid_point(setting));
            if (c_.behavioural())
                together.insert(together.end(), m.grid.begin(), m.grid.end());
            else
                take(try_settings(c_, m.method.name(), m.grid, Phase::valid, closing_.valid_units));
        }
        if (!together.empty())
            take(try_settings(c_, "settings", together, Phase::valid, closing_.valid_units));
    }
    void take(const std::vector<ItemRecord>& records) {
        for (Contestant& m : contestants_)
            for (const ItemRecord& record : records)
                if (std::any_of(m.grid.begin(), m.grid.end(),
                                [&](const Candidate& k) { return k.id == record.setting; }))
                    m.records.push_back(record);
    }

    // The setting that all draws but `without` choose; -1: all draws.
    const Candidate& choice(const Contestant& m, int without) const {
        return m.grid[choose(m.grid, m.records, c_.primary,
                             [&](const ItemRecord& r) { return r.draw != without; })];
    }

    void test(int draw) {
        std::vector<Candidate> candidates = baselines(c_);
        auto& chosen = closing_.chosen_by_draw.emplace_back();
        for (Contestant& m : contestants_) {
            const Setting setting = choice(m, draw).setting;
            chosen[m.method.name()] = setting;
            add_method(m, draw, setting, candidates);
            if (c_.behavioural())
                std::copy_if(m.records.begin(), m.records.end(), std::back_inserter(c_.tried),
                             [&](const ItemRecord& r) { return r.draw == draw; });
        }
        for (auto& name : run_test_items(c_, candidates)) closing_.test_units.push_back(std::move(name));
        if (draw == 0) {
            closing_.settings = setting_records(candidates);
            closing_.n_train = static_cast<int>(c_.split.train.size());
        }
        closing_.n_seen += static_cast<int>(items_seen(c_.task, c_.split.train, c_.test).size());
        if (c_.scorer) add_scorer();
        if (c_.behavioural())
            if (const auto judge = second_judge_of(c_); judge->count() > 0)
                part_.second_judge.push_back({judge->accuracy(), judge->count()});
    }
    void add_method(Contestant& m, int draw, const Setting& setting, std::vector<Candidate>& candidates) {
        const MethodVectors& vectors = m.draws[static_cast<std::size_t>(draw)];
        const std::string name = m.method.name(), title = method_title(name);
        const Setting paper = m.method.paper_setting(c_.engine.info());
        const auto add = [&](const Setting& at, const char* which, const std::string& label, Kind kind) {
            candidates.push_back(vectors.candidate(at, name + which, label, kind));
            for (const Candidate& tried : m.grid)
                if (tried.setting == at) candidates.back().tried_as = tried.id;
        };
        add(paper, "-paper", fmt::format("{}, paper's setting ({})", title, setting_label(paper)),
            Kind::paper);
        add(setting, "-chosen", "", Kind::chosen);
        const SteeringVector vector = vectors.build(setting);
        if (draw == 0) {
            closing_.vector_prompts[name] = vectors.base().provenance.prompts_digest;
            part_.evidence[name] = method_evidence(c_, m.method, vectors.base(), vector);
        }
        for (const auto& [of, file] : vectors.files())
            closing_.vector_files[draw == 0 ? of : fmt::format("{}, draw {}", of, draw + 1)] = file;
        if (has_effects(vectors.base())) add_effects(vectors.base().aie);
        if (!c_.plan.controls) return;
        const Candidate k = candidates.back();
        candidates.push_back(random_control(c_, m.method, k, vector));
        for (auto& control : shuffled_control(c_, m.method, setting))
            candidates.push_back(std::move(control));
    }
    void add_scorer() {
        ScorerRecord all = closing_.scorer.value_or(ScorerRecord{});
        const int n = c_.scorer->held_out_count();
        if (all.count + n > 0)
            all.accuracy = (all.accuracy * all.count + c_.scorer->held_out_accuracy() * n) / (all.count + n);
        all.count += n;
        closing_.scorer = all;
    }
    // Sums up the effects of heads; finish() makes them means over draws and methods.
    void add_effects(const std::vector<std::vector<float>>& aie) {
        if (effects_.empty()) effects_.resize(aie.size());
        for (std::size_t l = 0; l < aie.size(); ++l) {
            effects_[l].resize(aie[l].size());
            for (std::size_t h = 0; h < aie[l].size(); ++h) effects_[l][h] += aie[l][h];
        }
        ++n_effects_;
    }

    void finish() {
        leave_draws(c_, splits_);
        for (const Contestant& m : contestants_) name_choice(m);
        for (auto& layer : effects_)
            for (float& effect : layer) effect /= static_cast<float>(n_effects_);
        set_effects(closing_, effects_);
        close_task(c_, closing_, part_);
    }
    // Records the setting that all draws together choose. Its label says for how many draws the other draws
    // chose the same one.
    void name_choice(const Contestant& m) {
        const std::string name = m.method.name();
        const Candidate& all = choice(m, -1);
        closing_.chosen[name] = all.setting;
        const auto same = std::count_if(closing_.chosen_by_draw.begin(), closing_.chosen_by_draw.end(),
                                        [&](const auto& chosen) { return chosen.at(name) == all.setting; });
        for (SettingRecord& record : closing_.settings)
            if (record.id == name + "-chosen") {
                record.setting = all.setting;
                record.label = fmt::format("{}, chosen ({}; {} of {} draws)", method_title(name),
                                           setting_label(all.setting), same, n_draw());
            }
        for (const Candidate& k : m.grid) {
            closing_.grid.push_back(setting_record(k));
            if (k.setting == m.method.paper_setting(c_.engine.info())) part_.selection[name].standard = k.id;
            if (k.id == all.id) part_.selection[name].chosen = k.id;
        }
    }

    TaskContext& c_;
    std::vector<Split> splits_;
    std::vector<Contestant> contestants_;
    std::vector<std::optional<StyleScorer>> scorers_;  // by draw; none for tasks without style
    TaskClosing closing_;
    TunedClosing part_;
    std::vector<std::vector<float>> effects_;
    int n_effects_ = 0;
};

}  // namespace

void run_draws(TaskContext& c) { CrossFit(c).carry_out(); }

}  // namespace tiller::study
