// tiller against the oracle's golden files.
#include <fmt/format.h>
#include <gguf.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "engine/gguf_file.h"
#include "support/oracle.h"
#include "tiller/method.h"

namespace tiller::test {
using nlohmann::json;
namespace {

std::vector<double> every(const std::vector<float>& values, int stride) {
    std::vector<double> out;
    for (std::size_t i = 0; i < values.size(); i += static_cast<std::size_t>(stride))
        out.push_back(static_cast<double>(values[i]));
    return out;
}

double largest_difference(const std::vector<double>& got, const std::vector<double>& expected) {
    if (got.size() != expected.size())
        throw std::runtime_error(
            fmt::format("{} values, the golden file has {}", got.size(), expected.size()));
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double d = std::fabs(got[i] - expected[i]);
        if (!(d <= worst)) worst = d;  // keeps NaN
    }
    return worst;
}

double relative_distance(const std::vector<double>& got, const std::vector<double>& expected) {
    if (got.size() != expected.size())
        throw std::runtime_error(
            fmt::format("{} values, the golden file has {}", got.size(), expected.size()));
    double square = 0, norm = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        square += (got[i] - expected[i]) * (got[i] - expected[i]);
        norm += expected[i] * expected[i];
    }
    return std::sqrt(square / norm);
}

std::vector<float> flat(const std::vector<std::vector<float>>& layers) {
    std::vector<float> out;
    for (const auto& l : layers) out.insert(out.end(), l.begin(), l.end());
    return out;
}

void same_tokens(const std::vector<Token>& got, const json& expected, const std::string& text) {
    if (got != expected.get<std::vector<Token>>())
        throw std::runtime_error("the tokens of \"" + text + "\" are not the golden file's; make it again");
}

// One comparison: the golden file, the engine and what was found so far.
class Comparison {
public:
    Comparison(Engine& engine, const json& input, const json& results)
        : engine_(engine), golden_(results), input_(input), stride_(input_.at("stride")) {}

    OracleDifferences run() {
        if (golden_.contains("sites")) sites();
        const HeadSearch search = heads();
        function_vector(search);
        in_context_vector();
        return out_;
    }

private:
    std::string text_of(const json& prompt) const {
        const auto text = prompt.at("text").get<std::string>();
        same_tokens(engine_.model().tokenize(text), prompt.at("tokens"), text);
        return text;
    }

    void sites() {
        Row row;
        row.prompt = engine_.model().tokenize(text_of(input_.at("prompts").at(0)));
        const std::pair<Site, double*> all[] = {{Site::head_output, &out_.head_output},
                                                {Site::attention_output, &out_.attention_output},
                                                {Site::mlp_output, &out_.mlp_output},
                                                {Site::residual, &out_.residual}};
        // Layer by layer, because heads are not equally wide in all layers of every model.
        const int n_layer = engine_.info().n_layer;
        for (const auto& [site, difference] : all)
            for (int il = 0; il < n_layer; ++il)
                row.captures.push_back({site, il, il + 1, {Positions::Kind::last_prompt, 0, 0}, false});
        const auto captured = engine_.run(std::span(&row, 1))[0].captured;
        for (std::size_t c = 0; c < captured.size(); ++c) {
            const auto& [site, difference] = all[c / static_cast<std::size_t>(n_layer)];
            const json& expected =
                golden_.at("sites").at(site_name(site)).at(c % static_cast<std::size_t>(n_layer));
            *difference =
                std::max(*difference, relative_distance(every(captured[c].values, stride_), expected));
        }
    }

    HeadSearch heads() {
        FvTrials trials;
        for (const json& p : input_.at("mean")) trials.mean.push_back(text_of(p));
        for (const json& p : input_.at("patch")) {
            trials.patch.push_back({text_of(p), p.at("target")});
            const auto target =
                engine_.model().continuation(trials.patch.back().prompt, trials.patch.back().target);
            same_tokens({target.front()}, json::array({p.at("target_token")}), trials.patch.back().target);
        }
        HeadSearch search = search_heads(engine_, trials);
        if (golden_.contains("mean_head_output"))
            out_.mean_head_output = relative_distance(every(flat(search.mean_head_output), stride_),
                                                      golden_.at("mean_head_output"));
        out_.clean_probability =
            std::fabs(search.clean_probability - golden_.at("clean_probability").get<double>());
        out_.near_tie = golden_.at("near_tie");
        const auto expected = golden_.at("aie").get<std::vector<std::vector<double>>>();
        std::vector<double> all;
        for (const auto& layer : expected) all.insert(all.end(), layer.begin(), layer.end());
        out_.aie = largest_difference(every(flat(search.aie), 1), all);

        // Any two heads, not only neighbours: how wrong the worst swap is by the oracle's numbers.
        double best_so_far = -INFINITY;
        const auto ranked = rank_heads(search.aie);
        for (auto it = ranked.rbegin(); it != ranked.rend(); ++it) {
            const double effect =
                expected.at(static_cast<std::size_t>(it->layer)).at(static_cast<std::size_t>(it->head));
            out_.swapped = std::max(out_.swapped, best_so_far - effect);
            best_so_far = std::max(best_so_far, effect);
        }
        std::sort(all.begin(), all.end());
        out_.smallest_gap = INFINITY;
        for (std::size_t i = 1; i < all.size(); ++i)
            out_.smallest_gap = std::min(out_.smallest_gap, all[i] - all[i - 1]);
        return search;
    }

    void function_vector(const HeadSearch& search) {
        const json& settings = input_.at("fv");
        FvOptions options;
        options.n_heads = settings.at("n_heads");
        options.layer = settings.at("layer");
        const SteeringVector vector = tiller::function_vector(engine_.model(), search, options);
        if (golden_.contains("fv"))
            out_.fv =
                relative_distance(every(vector.directions.at(options.layer), stride_), golden_.at("fv"));
        const json& logprobs = golden_.at("logprobs");
        out_.clean = steered({}, logprobs.at("clean"));
        out_.fv_steered = steered(edits_of(vector, settings.at("strength")), logprobs.at("fv"));
        out_.effect = change(logprobs.at("fv"));
    }

    void in_context_vector() {
        std::vector<Pair> pairs;
        for (const json& p : input_.at("pairs"))
            pairs.push_back({text_of(p.at("negative")), text_of(p.at("positive"))});
        IcvOptions options;
        options.n_last = input_.at("icv").at("n_last");
        const SteeringVector vector = tiller::in_context_vector(engine_, pairs, options);
        std::vector<std::vector<float>> layers;
        for (const auto& [il, direction] : vector.directions) layers.push_back(direction);
        if (golden_.contains("icv"))
            out_.icv = relative_distance(every(flat(layers), stride_), golden_.at("icv"));
        for (const json& expected : golden_.at("logprobs").at("icv")) {
            out_.icv_steered =
                std::max(out_.icv_steered, steered(edits_of(vector, expected.at("alpha")), expected));
            out_.effect = std::min(out_.effect, change(expected));
        }
    }

    // All check prompts with these edits: after the prompt and along the forced continuation.
    double steered(const std::vector<Edit>& edits, const json& expected) {
        std::vector<Row> rows;
        for (const json& p : input_.at("prompts")) {
            Row row;
            const std::string text = text_of(p);
            row.prompt = engine_.model().tokenize(text);
            row.forced = engine_.model().continuation(text, p.at("continuation").get<std::string>());
            same_tokens(row.forced, p.at("forced"), p.at("continuation"));
            row.watch = input_.at("watch").get<std::vector<Token>>();
            row.edits = edits;
            rows.push_back(std::move(row));
        }
        const auto results = engine_.run(rows);
        double worst = 0;
        for (std::size_t i = 0; i < results.size(); ++i) {
            worst = std::max(
                worst, largest_difference(every(results[i].watch_logprob, 1), expected.at("next").at(i)));
            worst = std::max(
                worst, largest_difference(every(results[i].forced_logprob, 1), expected.at("forced").at(i)));
        }
        return worst;
    }

    double change(const json& with) const {
        const json& clean = golden_.at("logprobs").at("clean");
        double most = 0;
        for (const char* kind : {"next", "forced"})
            for (std::size_t i = 0; i < clean.at(kind).size(); ++i)
                most = std::max(most, largest_difference(with.at(kind).at(i), clean.at(kind).at(i)));
        return most;
    }

    Engine& engine_;
    const json& golden_;
    const json& input_;
    int stride_;
    OracleDifferences out_;
};

json metadata_value(const gguf_context* g, std::int64_t key) {
    switch (gguf_get_kv_type(g, key)) {
        case GGUF_TYPE_UINT32: return gguf_get_val_u32(g, key);
        case GGUF_TYPE_INT32: return gguf_get_val_i32(g, key);
        case GGUF_TYPE_FLOAT32: return static_cast<double>(gguf_get_val_f32(g, key));
        case GGUF_TYPE_BOOL: return gguf_get_val_bool(g, key);
        case GGUF_TYPE_STRING: return std::string(gguf_get_val_str(g, key));
        default: return {};
    }
}

bool same_value(const json& a, const json& b) {
    if (a.is_number_float() || b.is_number_float())
        return a.is_number() && b.is_number() &&
               std::fabs(a.get<double>() - b.get<double>()) <= 1e-6 * std::fabs(b.get<double>());
    return a == b;
}

}  // namespace

std::string model_difference(const json& golden, const std::filesystem::path& path) {
    const engine::GgufFile file(path);
    const gguf_context* g = file.gguf();
    for (const auto& [key, expected] : golden.at("model").at("metadata").items()) {
        const auto id = gguf_find_key(g, key.c_str());
        const json value = id < 0 ? json() : metadata_value(g, id);
        if (!same_value(value, expected))
            return fmt::format("metadata {} is {}, the golden file has {}", key, value.dump(),
                               expected.dump());
    }
    const json& tensors = golden.at("model").at("tensors");
    if (static_cast<std::size_t>(gguf_get_n_tensors(g)) != tensors.size())
        return fmt::format("{} tensors, the golden file has {}", gguf_get_n_tensors(g), tensors.size());
    for (const auto& [name, expected] : tensors.items()) {
        if (!file.tensor(name)) return "no tensor " + name;
        const auto values = file.values(name);
        // The second sum sees an exchange of values, which leaves the first as it is.
        double square = 0, ordered = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto v = static_cast<double>(values[i]);
            square += v * v;
            ordered += v * (1 + static_cast<double>(i % 251));
        }
        const double bound = 1e-6 * (251 * std::sqrt(square * static_cast<double>(values.size())) + 1);
        if (values.size() != expected.at(0).get<std::size_t>() ||
            !(std::fabs(square - expected.at(1).get<double>()) <= 1e-6 * (square + 1)) ||
            !(std::fabs(ordered - expected.at(2).get<double>()) <= bound))
            return fmt::format("tensor {}: {} values, sums {:.9g} and {:.9g}; the golden file has {}", name,
                               values.size(), square, ordered, expected.dump());
    }
    return {};
}

OracleDifferences compare_with_oracle(Engine& engine, const json& golden, const char* results) {
    return Comparison(engine, golden.at("input"), golden.at(results)).run();
}

}  // namespace tiller::test
