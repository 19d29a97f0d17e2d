#include <fmt/format.h>

#include <charconv>

#include "tiller/error.h"
#include "tiller/many.h"

namespace tiller {
namespace {

constexpr int kMost = 100000;

using Variable = std::function<std::optional<std::string>(const std::string&)>;

std::optional<long> whole_number(std::string_view text) {
    long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                     : std::nullopt;
}

std::optional<long> number_of(const Variable& variable, const char* name) {
    const auto text = variable(name);
    if (!text) return std::nullopt;
    const auto value = whole_number(*text);
    if (!value)
        throw Error(Code::usage,
                    fmt::format("the variable {} is \"{}\", expected a whole number; give the shard as i/N",
                                name, *text));
    return value;
}

Shard checked(long index, long count, const std::string& found, std::string source = {}) {
    if (count < 1 || count > kMost || index < 0 || index >= count)
        throw Error(Code::usage,
                    fmt::format("shard {}: expected i/N with N from 1 to {} and i from 0 to {}", found, kMost,
                                count >= 1 && count <= kMost ? fmt::format("{}", count - 1) : "N - 1"));
    return {static_cast<int>(index), static_cast<int>(count), std::move(source)};
}

// The shard of a task of a Slurm array. Arrays may begin at any number and have any step.
std::optional<Shard> of_slurm_array(const Variable& variable) {
    const auto id = number_of(variable, "SLURM_ARRAY_TASK_ID");
    if (!id) return std::nullopt;
    const auto count = number_of(variable, "SLURM_ARRAY_TASK_COUNT");
    const long low = number_of(variable, "SLURM_ARRAY_TASK_MIN").value_or(0);
    const long step = number_of(variable, "SLURM_ARRAY_TASK_STEP").value_or(1);
    const long high = number_of(variable, "SLURM_ARRAY_TASK_MAX").value_or(-1);
    if (!count)
        throw Error(Code::usage,
                    "SLURM_ARRAY_TASK_ID is set and SLURM_ARRAY_TASK_COUNT is not; give the shard as i/N");
    // From a list with gaps (--array=3,7,20) a task cannot tell which of the tasks it is.
    if (step < 1 || *id < low || (*id - low) % step != 0 || (high >= 0 && (high - low) / step + 1 != *count))
        throw Error(
            Code::usage,
            fmt::format("the tasks of this Slurm array are not evenly spaced ({} of them from {} to {}, and "
                        "this is {}), so they do not say which shards they are; give the shard as i/N, like "
                        "$SLURM_ARRAY_TASK_ID/16",
                        *count, low, high, *id));
    const long index = (*id - low) / step;
    return checked(index, *count, fmt::format("{}/{} (Slurm's array)", index, *count), "a Slurm array");
}

std::optional<Shard> of_rank(const Variable& variable, const char* rank_name, const char* size_name,
                             const char* source) {
    const auto rank = number_of(variable, rank_name), size = number_of(variable, size_name);
    if (!rank || !size) return std::nullopt;
    return checked(*rank, *size, fmt::format("{}/{} ({}, {})", *rank, *size, rank_name, size_name), source);
}

}  // namespace

Shard parse_shard(const std::string& text, const Variable& variable) {
    if (text == "auto") {
        if (const auto shard = of_slurm_array(variable)) return *shard;
        struct Ranks {
            const char *rank, *size, *source;
        };
        for (const Ranks& r : {Ranks{"SLURM_PROCID", "SLURM_NTASKS", "Slurm's ranks"},
                               Ranks{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OpenMPI's ranks"},
                               Ranks{"PMI_RANK", "PMI_SIZE", "PMI's ranks"}})
            if (const auto shard = of_rank(variable, r.rank, r.size, r.source)) return *shard;
        throw Error(
            Code::usage,
            "shard auto: neither a Slurm array nor ranks of Slurm, OpenMPI or PMI in the environment; "
            "give the shard as i/N, like 0/4");
    }
    const auto slash = text.find('/');
    const auto index =
        slash == std::string::npos ? std::nullopt : whole_number(std::string_view(text).substr(0, slash));
    const auto count =
        slash == std::string::npos ? std::nullopt : whole_number(std::string_view(text).substr(slash + 1));
    if (!index || !count)
        throw Error(
            Code::usage,
            fmt::format("shard \"{}\": expected auto, or i/N with N from 1 to {} and i from 0 to N - 1", text,
                        kMost));
    return checked(*index, *count, "\"" + text + "\"");
}

}  // namespace tiller
