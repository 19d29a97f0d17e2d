#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "core/names.h"
#include "core/util.h"
#include "tiller/error.h"
#include "tiller/vector.h"
#include "vectors/reject.h"
#include "vectors/vector_format.h"

namespace tiller {
namespace {

using Parts = std::vector<std::pair<SteeringVector, float>>;

[[noreturn]] void misfit(std::size_t part, const char* what, const std::string& found,
                         const std::string& expected) {
    throw Error(Code::usage,
                fmt::format("combine: {} of part {} is {}, of part 0 {}. Combine only vectors of one "
                            "model that are applied in the same way",
                            what, part, found, expected));
}

void check_part(const SteeringVector& first, const SteeringVector& other, std::size_t part) {
    const auto same = [part](const char* what, const std::string& a, const std::string& b) {
        if (a != b) misfit(part, what, printable(b), printable(a));
    };
    const auto same_count = [part](const char* what, std::size_t a, std::size_t b) {
        if (a != b) misfit(part, what, fmt::format("{}", b), fmt::format("{}", a));
    };
    const Provenance &a = first.provenance, &b = other.provenance;
    same("site", site_name(first.site), site_name(other.site));
    same("operation", operation_name(first.operation), operation_name(other.operation));
    same("positions", positions_name(first.positions), positions_name(other.positions));
    same("architecture", a.architecture, b.architecture);
    same("model_digest", a.model_digest, b.model_digest);
    same("tokenizer_digest", a.tokenizer_digest, b.tokenizer_digest);
    same("quantisation", a.quantisation, b.quantisation);
    same_count("n_layer", static_cast<std::size_t>(a.n_layer), static_cast<std::size_t>(b.n_layer));
    same_count("n_embd", static_cast<std::size_t>(a.n_embd), static_cast<std::size_t>(b.n_embd));
    same_count("length of the directions", first.directions.begin()->second.size(),
               other.directions.begin()->second.size());
}

std::map<int, std::vector<float>> sum_of(const Parts& parts) {
    std::map<int, std::vector<double>> sums;  // float64, parts in order: the sum depends on nothing else
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

Provenance provenance_of(const Parts& parts) {
    Provenance from = parts[0].first.provenance;
    from.settings.clear();
    from.task.clear();
    Digest digest;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto& [vector, weight] = parts[i];
        const Provenance& part = vector.provenance;
        from.task += (i == 0 ? "" : " + ") + part.task;
        if (part.seed != from.seed) from.seed = 0;  // each part's own is in the settings
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
        check_part(parts[0].first, vector, i);
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
    // Parts with different scales have no common dose: 1 then means the sum as it stands.
    result.scale = first.scale;
    for (const auto& [vector, weight] : parts)
        if (vector.scale != first.scale) result.scale = 1.0f;
    result.provenance = provenance_of(parts);
    return result;
}

}  // namespace tiller
