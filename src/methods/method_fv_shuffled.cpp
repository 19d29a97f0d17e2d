// Control of function vectors: the same heads, but with mean outputs over prompts with shuffled labels. An
// effect of this control is due to the heads and the form of the prompts, not to the task.
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
    // The head search's prompts for the means with their labels shuffled. Ignores MethodInput::trials.
    std::vector<std::string> prompts_of_means(const MethodInput& in) const override {
        return texts_of(make_prompts(in.task, in.train, option(in, "n_mean", 100), option(in, "n_shot", 10),
                                     in.seed, true, in.form, in.queries));
    }
};

}  // namespace

const Method& method_fv_shuffled() {
    static const ShuffledLabels method;
    return method;
}

}  // namespace tiller
