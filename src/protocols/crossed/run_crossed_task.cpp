// One task under the crossed design: directions, sizes of activations, choice of layers and doses on the
// validation items, and every cell on the test items.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/names.h"
#include "methods/grid_layers.h"
#include "protocols/crossed/crossed.h"
#include "study/choose.h"
#include "study/evaluate.h"
#include "study/extraction.h"
#include "study/units.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

class CrossedTask {
public:
    explicit CrossedTask(TaskContext& c)
        : c_(c), plan_(c.plan.crossed), cells_(crossed_cells(plan_)), n_layer_(c.engine.info().n_layer) {
        for (int layer = 0; layer < n_layer_; ++layer) all_layers_.push_back(layer);
        const auto layers = grid_layers(n_layer_, c.behavioural());
        layers_ = plan_.layers.empty() ? std::vector<int>(layers.begin(), layers.end()) : plan_.layers;
        within("crossed.layers", layers_, 0, n_layer_ - 1);
        if (!uses_fv()) return;
        std::set<int> heads;
        for (const auto& setting : find_method("fv").grid(c.engine.info(), c.behavioural()))
            heads.insert(static_cast<int>(setting.at("heads")));
        heads_ = plan_.heads.empty() ? std::vector<int>(heads.begin(), heads.end()) : plan_.heads;
        within("crossed.heads", heads_, 1, c.engine.info().n_head_total());
    }

    void run() {
        take_directions();
        sizes_ = sizes();
        directions_.emplace(sources_, sizes_);
        if (uses_fv()) choose_heads();
        for (const auto& source : plan_.sources)
            for (const auto& place : plan_.places) choose_layer(source, place);
        for (const auto& source : plan_.sources)
            for (const auto& positions : plan_.positions) choose_doses(source, positions);
        test();
    }

private:
    void within(const char* key, const std::vector<int>& values, int least, int most) const {
        for (const int value : values)
            if (value > most)
                throw Error(
                    Code::bad_input,
                    fmt::format("plan: {} has {}, but {} allows {} to {}; change the list, or leave it out",
                                key, value, c_.model_name, least, most));
    }
    bool uses_fv() const {
        const auto has = [](const std::vector<std::string>& levels, const char* level) {
            return std::find(levels.begin(), levels.end(), level) != levels.end();
        };
        return has(plan_.sources, "fv") || has(plan_.places, "attention-heads");
    }

    SteeringVector extracted(const std::string& name) {
        const Method& method = find_method(name);
        SteeringVector vector = extracted_vector(c_, method);
        closing_.vector_prompts[name] = vector.provenance.prompts_digest;
        closing_.vector_files[name] = vector_file(c_, method).string();
        return vector;
    }

    // Source names of the function vectors that choose_heads() chooses from. Each is one direction, the same
    // in every layer.
    static std::string fv_of(int n_head) { return fmt::format("fv/{}", n_head); }
    void take_directions() {
        if (uses_fv()) {
            const SteeringVector base = extracted("fv");
            const auto build = find_method("fv").builder(c_.engine.model(), base);
            for (const int n : heads_) {
                const auto fv = build({{"heads", n}, {"layer", layers_.front()}, {"scale", 1}});
                for (const auto& head : fv.heads) head_layers_[n].insert(head.layer);
                for (const int layer : all_layers_) sources_[fv_of(n)][layer] = fv.directions.begin()->second;
            }
            set_effects(closing_, base.aie);
        }
        for (const auto& source : plan_.sources) {
            if (source == "icv" || source == "mean-diff") sources_[source] = extracted(source).directions;
            if (source == "random") {
                SteeringVector shape;
                for (const int layer : all_layers_)
                    shape.directions[layer].assign(static_cast<std::size_t>(c_.engine.info().n_embd), 1.0f);
                sources_[source] = random_like(shape, c_.seed).directions;
            }
        }
    }

    // Mean length of the activation at the last token of the validation items' zero-shot prompts, for every
    // site and layer that a cell may edit.
    CrossedDirections::Sizes sizes() {
        std::set<std::pair<Site, int>> needed;
        for (const auto& place : plan_.places)
            for (const int layer : place.ends_with("-one") ? layers_ : all_layers_)
                if (place != "attention-heads" ||
                    c_.engine.info().n_head[static_cast<std::size_t>(layer)] > 0)
                    needed.emplace(crossed_site(place), layer);
        if (uses_fv())
            for (const int layer : layers_) needed.emplace(Site::residual, layer);
        std::vector<std::string> unlisted;  // the closing record does not list this unit
        const auto record =
            unit<SizesRecord>(c_, "sizes", {"all"}, "sizes", unlisted, [&]() -> std::vector<SizesRecord> {
                return {{mean_lengths({needed.begin(), needed.end()})}};
            });
        const auto& values = record.at(0).sizes;
        CrossedDirections::Sizes out;
        std::size_t k = 0;
        for (const auto& [site, layer] : needed) out[site][layer] = values.at(k++);
        return out;
    }

    std::vector<double> mean_lengths(const std::vector<std::pair<Site, int>>& where) {
        std::vector<Row> rows;
        for (const int item : c_.valid) {
            Row row;
            row.prompt = c_.tokens(c_.plain_prompt(item));
            for (const auto& [site, layer] : where) row.captures.push_back({site, layer, layer + 1});
            rows.push_back(std::move(row));
        }
        std::vector<double> mean(where.size(), 0.0);
        for (const auto& result : c_.engine.run(rows))
            for (std::size_t k = 0; k < mean.size(); ++k) {
                double squares = 0;
                for (const float x : result.captured[k].values)
                    squares += static_cast<double>(x) * static_cast<double>(x);
                mean[k] += std::sqrt(squares) / static_cast<double>(rows.size());
            }
        return mean;
    }

    std::vector<int> layers_of(const std::string& place) const {
        if (place != "attention-heads") return all_layers_;
        const auto& layers = head_layers_.at(n_head_);
        return {layers.begin(), layers.end()};
    }

    Candidate candidate(const CrossedCell& cell, int layer, double dose) const {
        const auto layers = cell.one_layer() ? std::vector<int>{layer} : layers_of(cell.place());
        Candidate k;
        k.id = cell.id();
        k.method = cell.source();
        k.kind = Kind::condition;
        k.clean = zero_shot_id;
        k.edits = directions_->edits(cell, layers, dose);
        k.setting = {{"dose", dose}, {"part", dose / static_cast<double>(layers.size())}};
        if (cell.one_layer()) k.setting["layer"] = layer;
        if (cell.source() == "fv") k.setting["heads"] = n_head_;
        if (cell.operation() == "turn") k.setting["alpha"] = 10 * k.setting["part"];
        k.label = fmt::format("{} direction, {}{}, {}, {}, dose {}", method_title(cell.source()),
                              cell.place(), cell.one_layer() ? fmt::format(" ({})", layer) : "",
                              cell.positions(), cell.operation(), dose);
        return k;
    }

    // The settings of a cell that are tried on the validation items: every dose in each of `layers`. A place
    // of several layers ignores the layer, so that one entry is enough.
    std::vector<Candidate> grid(const CrossedCell& cell, const std::vector<int>& layers) const {
        std::vector<Candidate> grid;
        for (const int layer : layers)
            for (const double dose : plan_.doses) {
                grid.push_back(candidate(cell, layer, dose));
                grid.back().id += fmt::format(" dose {}", dose);
                if (cell.one_layer()) grid.back().id += fmt::format(" layer {}", layer);
            }
        return grid;
    }

    std::vector<ItemRecord> validate(const std::string& name, const std::string& source,
                                     const std::vector<Candidate>& grid) {
        return unit<ItemRecord>(c_, name, {source}, "tune", closing_.valid_units, [&] {
            return evaluate(c_, c_.valid, grid, Phase::valid, name, c_.behavioural());
        });
    }
    const Setting& best_of(const std::vector<Candidate>& grid, const std::vector<ItemRecord>& records) const {
        return grid[choose(grid, records, c_.primary)].setting;
    }

    // Takes the number of heads whose function vector does best in FV's own cell (added in one layer). The
    // layer and dose found with it are kept for that cell.
    void choose_heads() {
        std::vector<Candidate> settings;
        std::vector<ItemRecord> records;
        for (const int n : heads_) {
            auto some = grid({{fv_of(n), "residual-one", "steered", "add"}}, layers_);
            for (auto& k : some) k.setting["heads"] = n;
            for (auto& record : validate(fmt::format("valid/fv {} heads", n), "fv", some))
                records.push_back(std::move(record));
            settings.insert(settings.end(), some.begin(), some.end());
        }
        const Setting& best = best_of(settings, records);
        n_head_ = static_cast<int>(best.at("heads"));
        layer_["fv residual-one"] = static_cast<int>(best.at("layer"));
        dose_["fv residual-one steered add"] = best.at("dose");
        sources_["fv"] = sources_.at(fv_of(n_head_));
        for (const int n : heads_) sources_.erase(fv_of(n));
        directions_.emplace(sources_, sizes_);
    }

    // Chooses one layer for all cells of a source and a one-layer place: the best with "add" at the positions
    // "steered", as function vectors are used. The dose found with it is kept for that cell.
    void choose_layer(const std::string& source, const std::string& place) {
        const CrossedCell cell{{source, place, "steered", "add"}};
        if (!cell.one_layer()) return;
        const auto [known, is_new] = layer_.emplace(source + " " + place, layers_.front());
        if (!is_new || layers_.size() == 1) return;
        const auto settings = grid(cell, layers_);
        const auto records = validate(fmt::format("valid/layer {} {}", source, place), source, settings);
        const Setting& best = best_of(settings, records);
        known->second = static_cast<int>(best.at("layer"));
        dose_[cell.id()] = best.at("dose");
    }

    // The cell whose validation scores decide the dose of `cell`. Functional tasks are validated by the next
    // token, which edits at generated tokens cannot change: cells that differ only in these share a dose.
    CrossedCell deciding(CrossedCell cell) const {
        auto& positions = cell.levels[2];
        if (!c_.behavioural()) positions = positions == "all" || positions == "prompt" ? "prompt" : "steered";
        return cell;
    }

    // The dose of every cell of a source at these positions.
    void choose_doses(const std::string& source, const std::string& positions) {
        std::vector<std::vector<Candidate>> grids;
        std::vector<std::string> ids;
        for (const auto& asked : cells_) {
            if (asked.source() != source || asked.positions() != positions) continue;
            const CrossedCell cell = deciding(asked);
            if (dose_.count(cell.id())) continue;
            ids.push_back(cell.id());
            grids.push_back(grid(cell, {layer_of(cell)}));
        }
        // Generated texts take long. One unit per cell keeps what a killed run has to repeat small.
        std::vector<Candidate> together;
        for (const auto& grid : grids) together.insert(together.end(), grid.begin(), grid.end());
        std::vector<ItemRecord> records;
        if (!c_.behavioural() && !together.empty())
            records = validate(fmt::format("valid/{} {}", source, positions), source, together);
        for (std::size_t i = 0; i < grids.size(); ++i) {
            if (c_.behavioural()) records = validate("valid/" + ids[i], source, grids[i]);
            dose_[ids[i]] = best_of(grids[i], records).at("dose");
        }
    }

    int layer_of(const CrossedCell& cell) const {
        return cell.one_layer() ? layer_.at(cell.source() + " " + cell.place()) : 0;
    }

    void test() {
        std::vector<Candidate> run = {zero_shot(), few_shot(c_.counts().n_shot)};
        closing_.settings = setting_records(run);
        CrossedClosing part;
        for (const auto& cell : cells_) {
            Candidate k = candidate(cell, layer_of(cell), dose_.at(deciding(cell).id()));
            part.cells.push_back(setting_record(k));
            if (const std::string school = school_of(plan_, k.id); !school.empty()) {
                k.label = fmt::format("{}'s own cell: {}", school, k.label);
                closing_.settings.push_back(setting_record(k));
            }
            run.push_back(std::move(k));
        }
        part.n_heads = n_head_;
        closing_.test_units = run_test_items(c_, run);
        close_task(c_, closing_, part);
    }

    TaskContext& c_;
    const CrossedPlan& plan_;
    const std::vector<CrossedCell> cells_;
    const int n_layer_;
    std::vector<int> all_layers_, layers_;
    std::vector<int> heads_;  // numbers of heads to choose from
    CrossedDirections::BySource sources_;
    CrossedDirections::Sizes sizes_;
    std::optional<CrossedDirections> directions_;
    std::map<int, std::set<int>> head_layers_;  // by number of heads
    int n_head_ = 0;
    std::map<std::string, int> layer_;    // by "source place"
    std::map<std::string, double> dose_;  // by deciding cell
    TaskClosing closing_;
};

}  // namespace

void Crossed::run(TaskContext& context) const { CrossedTask(context).run(); }

}  // namespace tiller::study
