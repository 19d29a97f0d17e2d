#include "tiller/export.h"

#include <fmt/format.h>

#include <cmath>

#include "core/names.h"
#include "core/util.h"
#include "tiller/error.h"
#include "vectors/layer_arrays.h"
#include "vectors/reject.h"
#include "vectors/vector_format.h"

namespace tiller {

const char* export_format_name(ExportFormat format) noexcept {
    switch (format) {
        case ExportFormat::llama_cpp: return "llama.cpp";
        case ExportFormat::npz: return "npz";
        case ExportFormat::safetensors: return "safetensors";
    }
    return "";
}

std::vector<std::string> export_obstacles(const SteeringVector& vector, ExportFormat format) {
    std::vector<std::string> out;
    if (vector.operation != Operation::add)
        out.push_back(fmt::format("its operation is {}, not add", operation_name(vector.operation)));
    if (vector.site != Site::residual)
        out.push_back(fmt::format("it works at {}, not on the residual stream", site_name(vector.site)));
    if (vector.positions != Positions::Kind::all)
        out.push_back(fmt::format("it works at {} positions, not at all", positions_name(vector.positions)));
    if (format == ExportFormat::llama_cpp && vector.directions.contains(0))
        out.emplace_back("it has a direction for layer 0, which llama.cpp never steers");
    return out;
}

SteeringVector exact_export(const SteeringVector& vector, float strength, ExportFormat format) {
    if (!std::isfinite(strength))
        throw Error(Code::usage, fmt::format("strength is {}, expected a finite number", strength));
    std::string why;
    for (const auto& obstacle : export_obstacles(vector, format)) why += (why.empty() ? "" : "; ") + obstacle;
    if (!why.empty())
        throw Error(
            Code::usage,
            fmt::format("steering vector {} cannot be exactly what {} reads, a direction added to the "
                        "residual stream at every position: {}. Take the nearest one instead",
                        printable(vector.method), export_format_name(format), why),
            Topic::nearest);
    SteeringVector out = vector;
    out.heads.clear();
    out.aie.clear();
    out.mean_head_output.clear();
    out.scale = 1;
    for (auto& [layer, direction] : out.directions)
        for (float& value : direction) value *= strength;
    out.provenance.settings["export.strength"] = fmt::format("{}", strength);
    check_vector(out, {fmt::format("steering vector {} times {}", printable(vector.method), strength),
                       "Use a smaller strength."});
    return out;
}

void export_vector(const SteeringVector& vector, const std::filesystem::path& path, ExportFormat format) {
    exact_export(vector, 1, format);  // throws for vectors that other tools would apply differently
    if (vector.scale != 1)
        throw Error(Code::usage,
                    fmt::format("{}: the scale is {}, which {} would not know; fold it into the directions "
                                "(exact_export())",
                                path.string(), vector.scale, export_format_name(format)));
    const Checked checked{path.string(), "Nothing was written; correct the vector first."};
    switch (format) {
        case ExportFormat::llama_cpp: return save_vector(vector, path);
        case ExportFormat::npz: return write_file_atomic(path, npz_bytes(arrays_of(vector), checked));
        case ExportFormat::safetensors: return write_file_atomic(path, safetensors_bytes(arrays_of(vector)));
    }
}

}  // namespace tiller
