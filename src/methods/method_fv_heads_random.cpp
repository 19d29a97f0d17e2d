// Control of function vectors: the same number of heads in the same layers, drawn at random. An effect of
// this control is not due to the head search.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "methods/head_method.h"

namespace tiller {
namespace {

class RandomHeads final : public HeadMethod {
public:
    std::string name() const override { return "fv-heads-random"; }
    std::string summary() const override {
        return "control: function vector of as many random heads in the same layers";
    }

    SteeringVector extract(const MethodInput& in) const override {
        const SteeringVector v = HeadMethod::extract(in);
        return builder(in.engine.model(), v)(paper_setting(in.engine.info()));
    }

protected:
    // Draws for each layer as many heads as the n strongest have in it. Heads that are not among these come
    // first; a layer with more than half of its heads among them repeats some.
    std::vector<HeadEffect> heads_of(const std::vector<HeadEffect>& ranked, std::size_t n,
                                     std::uint64_t seed) const override {
        std::map<int, std::vector<std::size_t>> layers;  // indices in `ranked`
        for (std::size_t i = 0; i < ranked.size(); ++i) layers[ranked[i].layer].push_back(i);
        std::vector<HeadEffect> drawn;
        for (auto& [layer, places] : layers) {
            // Sorted before the shuffle, so that the draw does not depend on the ranking.
            std::sort(places.begin(), places.end(),
                      [&](std::size_t a, std::size_t b) { return ranked[a].head < ranked[b].head; });
            Random(seed, fmt::format("random heads/{}", layer)).shuffle(places);
            const auto chosen =
                std::stable_partition(places.begin(), places.end(), [&](std::size_t i) { return i >= n; });
            const auto count = places.end() - chosen;
            for (auto place = places.begin(); place != places.begin() + count; ++place)
                drawn.push_back(ranked[*place]);
        }
        std::stable_sort(drawn.begin(), drawn.end(),
                         [](const HeadEffect& a, const HeadEffect& b) { return a.aie > b.aie; });
        return drawn;
    }
};

}  // namespace

const Method& method_fv_heads_random() {
    static const RandomHeads method;
    return method;
}

}  // namespace tiller
