#include "study/sweeps/fv_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/util.h"
#include "study/run_files.h"
#include "tiller/doctor.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller::study {

std::string source_key(const FvSource& s) {
    Digest d;
    d.add(TILLER_VERSION).add(TILLER_ENGINE_VERSION).add(s.engine.info().digest);
    d.add(s.task.digest).add(s.task.name).add(s.seed);
    for (const int n :
         {s.counts.n_mean, s.counts.n_patch, s.counts.n_shot, static_cast<int>(s.engine.options().cache_f32),
          static_cast<int>(s.engine.options().flash_attention), s.n_gpu_layers})
        d.add(static_cast<std::uint64_t>(static_cast<std::int64_t>(n)));
    d.add(name_of(s.engine.info().weights));
    if (!s.engine.info().servers.empty()) d.add("rpc");
    return d.hex();
}

FvBase fv_base(const FvSource& s, const std::filesystem::path& folder, const StepProgress& progress) {
    const Method& method = find_method("fv");
    const ModelInfo& info = s.engine.info();
    const auto file =
        std::filesystem::path("vectors") / fmt::format("{}-{}-s{}-fv-{}.gguf", info.path.stem().string(),
                                                       s.task.name, s.seed, source_key(s).substr(0, 12));
    const auto path = folder / file;
    const auto said = [&](const std::string& what) {
        return [&progress, what](std::size_t done, std::size_t all) {
            if (progress) progress(what, done, all);
        };
    };
    if (!std::filesystem::exists(path)) {
        if (s.check && !s.was_checked) {
            DoctorOptions options;
            options.fast = true;
            require_passed(diagnose(s.engine, options, said("check of the hooks")), info);
        }
        FolderCheckpoint checkpoint(folder / "checkpoints" / file.stem());
        const Setting counts = {
            {"n_mean", s.counts.n_mean}, {"n_patch", s.counts.n_patch}, {"n_shot", s.counts.n_shot}};
        SteeringVector vector = method.extract({s.engine,
                                                s.task,
                                                s.train,
                                                {},
                                                s.seed,
                                                counts,
                                                &checkpoint,
                                                said(s.task.name + ": head search")});
        vector.provenance.settings["checked"] = s.check ? "true" : "false";
        make_folder(path.parent_path());
        save_vector(vector, path);
        checkpoint.remove();
    }
    FvBase base{load_vector(path), file};
    require_match(base.vector, info);
    return base;
}

Edit fv_edit(SharedFloats direction, int layer, double strength) {
    Edit edit;
    edit.site = Site::residual;
    edit.layer = layer;
    edit.operation = Operation::add;
    edit.positions = {Positions::Kind::steered, 0, 0};
    edit.vector = std::move(direction);
    edit.strength = static_cast<float>(strength);
    return edit;
}

void require_answers(const Task& task, const std::string& command) {
    if (task.family == Family::behavioural)
        throw Error(Code::usage,
                    fmt::format("task {} is behavioural, and `tiller {}` scores the first token of a right "
                                "answer; choose a functional or extractive task (see `tiller tasks`)",
                                task.name, command));
}

void require_different(const std::string& what, std::vector<double> values, Topic topic) {
    for (const double v : values)
        if (!std::isfinite(v))
            throw Error(Code::usage, fmt::format("{} has {}, expected finite numbers", what, v), topic);
    std::sort(values.begin(), values.end());
    const auto twice = std::adjacent_find(values.begin(), values.end());
    if (twice != values.end())
        throw Error(Code::usage, fmt::format("{} names {} twice; name it once", what, *twice), topic);
}

void check_scales(const std::vector<double>& scales) {
    if (scales.empty())
        throw Error(Code::usage, "the list of strengths is empty; give at least one, like 1", Topic::scales);
    require_different("the list of strengths", scales, Topic::scales);
}

std::vector<int> first_items(const std::vector<int>& items, int n) {
    return {items.begin(),
            items.begin() + std::min<std::ptrdiff_t>(n, static_cast<std::ptrdiff_t>(items.size()))};
}

}  // namespace tiller::study
