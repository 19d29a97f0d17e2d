// Function vectors (arXiv 2310.15213) as a Method.
#include "methods/head_method.h"

namespace tiller {
namespace {

class FunctionVectors final : public HeadMethod {
public:
    std::string name() const override { return "fv"; }
    std::string summary() const override {
        return "function vector: sum of the heads that carry the task, added at one layer (arXiv 2310.15213)";
    }
    std::string control() const override { return "fv-shuffled"; }
};

}  // namespace

const Method& method_fv() {
    static const FunctionVectors method;
    return method;
}

}  // namespace tiller
