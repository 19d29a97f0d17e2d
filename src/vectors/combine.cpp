#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <type_traits>

#include "core/names.h"
#include "core/util.h"
#include "tiller/error.h"
#include "tiller/vector.h"
#include "vectors/architecture_names.h"
#include "vectors/reject.h"
#include "vectors/vector_format.h"

namespace tiller {
namespace {

using Parts = std::vector<std::pair<SteeringVector, float>>;

// A value that all parts must share, and the index of the first part that has it.
struct Fact {
    std::string value;
    std::size_t part = 0;
};

// Compares each part with the parts before it. Vectors of other tools say little about their model: what a
// part does not say is not compared, and the first part that says it sets the value for the rest.
class PartsCheck {
public:
    void add(const SteeringVector& vector, std::size_t part) {
        const Provenance& from = vector.provenance;
        same("site", printable(site_name(vector.site)), part);
        same("operation", printable(operation_name(vector.operation)), part);
        same("positions", printable(positions_name(vector.positions)), part);
        if (!from.architecture.empty()) architecture(from.architecture, part);
        model(from, part);
        known("tokenizer_digest", from.tokenizer_digest, part);
        known("quantisation", from.quantisation, part);
        if (from.n_layer > 0) same("n_layer", fmt::format("{}", from.n_layer), part);
        if (from.n_embd > 0) same("n_embd", fmt::format("{}", from.n_embd), part);
        same("length of the directions", fmt::format("{}", vector.directions.begin()->second.size()), part);
    }

private:
    void known(const char* what, const std::string& value, std::size_t part) {
        if (!value.empty()) same(what, printable(value), part);
    }
    void architecture(const std::string& name, std::size_t part) {
        if (architecture_.value.empty()) architecture_ = {name, part};
        if (!same_architecture(architecture_.value, name))
            misfit("architecture", printable(name), part,
                   {printable(architecture_.value), architecture_.part});
    }
    // A model in one file and the same model in several have different file digests, but the same weights
    // digest.
    void model(const Provenance& from, std::size_t part) {
        if (from.model_digest.empty()) return;
        if (model_.value.empty()) model_ = {from.model_digest, part}, weights_ = from.weights_digest;
        const bool by_weights = !weights_.empty() && !from.weights_digest.empty();
        if (by_weights ? weights_ != from.weights_digest : model_.value != from.model_digest)
            misfit("model_digest", printable(from.model_digest), part,
                   {printable(model_.value), model_.part});
    }
    void same(const char* what, const std::string& value, std::size_t part) {
        const Fact& first = facts_.emplace(what, Fact{value, part}).first->second;
        if (first.value != value) misfit(what, value, part, first);
    }
    [[noreturn]] static void misfit(const char* what, const std::string& found, std::size_t part,
                                    const Fact& first) {
        throw Error(Code::usage,
                    fmt::format("combine: {} of part {} is {}, of part {} {}. Combine only vectors of one "
                                "model that are applied in the same way",
                                what, part, found, first.part, first.value));
    }

    std::map<std::string, Fact> facts_;
    Fact architecture_;  // not in facts_, since two names may mean the same architecture
    Fact model_;
    std::string weights_;
};

std::map<int, std::vector<float>> sum_of(const Parts& parts) {
    std::map<int, std::vector<double>> sums;  // float64, summed in the order of the parts: reproducible
    for (const auto& [vector, weight] : parts)
        for (const auto& [layer, direction] : vector.directions) {
            std::vector<double>& sum = sums[layer];
            sum.resize(direction.size());
            for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += double{weight} * double{direction[i]};
        }
    std::map<int, std::vector<float>> directions;
    for (const auto& [layer, sum] : sums) {
        std::vector<float>& direction = directions[layer];
        for (const double value : sum) {
            direction.push_back(static_cast<float>(value));
            if (!std::isfinite(direction.back()))
                throw Error(Code::usage,
                            fmt::format("combine: the sum in layer {} is {}, too large for float32. "
                                        "Use smaller weights",
                                        layer, value));
        }
    }
    return directions;
}

// Fills in what `from` does not know of its model and `part` does. The architecture of a part with a model
// digest goes before others: it is the engine's name, where other tools may write Hugging Face's.
void know_model(Provenance& from, const Provenance& part) {
    const auto fill = [](auto& value, const auto& other) {
        if (value == std::remove_reference_t<decltype(value)>{}) value = other;
    };
    if (from.architecture.empty() || (from.model_digest.empty() && !part.model_digest.empty()))
        from.architecture = part.architecture.empty() ? from.architecture : part.architecture;
    fill(from.model_name, part.model_name);
    fill(from.model_digest, part.model_digest);
    fill(from.weights_digest, part.weights_digest);
    fill(from.tokenizer_digest, part.tokenizer_digest);
    fill(from.quantisation, part.quantisation);
    fill(from.n_layer, part.n_layer);
    fill(from.n_embd, part.n_embd);
}

Provenance provenance_of(const Parts& parts) {
    Provenance from = parts[0].first.provenance;
    for (const auto& [vector, weight] : parts) know_model(from, vector.provenance);
    from.settings.clear();
    from.task.clear();
    Digest digest;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto& [vector, weight] = parts[i];
        const Provenance& part = vector.provenance;
        from.task += (i == 0 ? "" : " + ") + part.task;
        if (part.seed != from.seed) from.seed = 0;  // the settings below have each part's seed
        if (part.program_version != from.program_version) from.program_version.clear();
        digest.add(part.prompts_digest).add(std::uint64_t{std::bit_cast<std::uint32_t>(weight)});
        const auto set = [&](const std::string& name, const std::string& value) {
            from.settings[fmt::format("part.{}.{}", i, name)] = value;
        };
        set("method", vector.method);
        set("weight", fmt::format("{}", weight));
        set("scale", fmt::format("{}", vector.scale));
        set("task", part.task);
        set("prompts_digest", part.prompts_digest);
        set("seed", fmt::format("{}", part.seed));
        set("program_version", part.program_version);
        for (const auto& [name, value] : part.settings) set("settings." + name, value);
    }
    from.prompts_digest = digest.hex();
    return from;
}

}  // namespace

SteeringVector combine(const Parts& parts) {
    if (parts.empty()) throw Error(Code::usage, "combine: no vectors were given, expected at least one");
    PartsCheck check;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto& [vector, weight] = parts[i];
        if (!std::isfinite(weight))
            throw Error(Code::usage,
                        fmt::format("combine: weight of part {} is {}, expected a finite number", i, weight));
        check_vector(vector, {fmt::format("combine: part {}", i), "Extract that vector again."});
        if (vector.extraction)
            throw Error(Code::usage,
                        fmt::format("combine: part {} is a raw extraction ({}), before a setting was chosen. "
                                    "Combine vectors that are ready to use",
                                    i, printable(vector.method)));
        check.add(vector, i);
    }
    const SteeringVector& first = parts[0].first;
    if (first.operation == Operation::project)
        throw Error(
            Code::usage,
            fmt::format("combine: the operation of part 0 ({}) is project, whose rows cannot be added "
                        "up, expected add, replace or turn. Apply the vectors together instead: "
                        "they are applied one after the other",
                        printable(first.method)),
            Topic::vector);
    SteeringVector result;
    result.method = "combine";
    result.site = first.site;
    result.operation = first.operation;
    result.positions = first.positions;
    result.directions = sum_of(parts);
    if (is_zero(result))
        throw Error(Code::bad_input,
                    "combine: the sum is 0 in all layers, expected a direction: the parts cancel, or are 0 "
                    "themselves. Give other weights",
                    Topic::vector);
    // Parts with different scales have no common default strength: 1 then applies the sum as it is.
    result.scale = first.scale;
    for (const auto& [vector, weight] : parts)
        if (vector.scale != first.scale) result.scale = 1.0f;
    result.provenance = provenance_of(parts);
    return result;
}

}  // namespace tiller
