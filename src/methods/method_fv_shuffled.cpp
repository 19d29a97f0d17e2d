// Control of function vectors: the same heads, but their mean outputs are taken from prompts whose labels are
// permuted. What it reaches comes from the heads and the prompts' form, not from the task.
#include "methods/head_method.h"
#include "methods/inputs.h"

namespace tiller {
namespace {

class ShuffledLabels final : public HeadMethod {
public:
    std::string name() const override { return "fv-shuffled"; }
    std::string summary() const override {
        return "control: function vector of the same heads from prompts with shuffled labels";
    }

protected:
    // The prompts of the head search's means, but for the labels.
    std::vector<std::string> prompts_of_means(const MethodInput& in) const override {
        return texts_of(make_prompts(in.task, in.train, option(in, "n_mean", 100), option(in, "n_shot", 10),
                                     in.seed, true, in.form));
    }
};

}  // namespace

const Method& method_fv_shuffled() {
    static const ShuffledLabels method;
    return method;
}

}  // namespace tiller
