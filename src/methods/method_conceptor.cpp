// Conceptors (arXiv 2410.16314): x <- beta C x.
#include "methods/conceptor_method.h"

namespace tiller {
namespace {

class Conceptors final : public ConceptorMethod {
public:
    std::string name() const override { return "conceptor"; }
    std::string summary() const override {
        return "soft projection on what few-shot prompts (or positive texts) span, at one layer (arXiv "
               "2410.16314)";
    }

private:
    bool is_centred() const override { return false; }
};

}  // namespace

const Method& method_conceptor() {
    static const Conceptors method;
    return method;
}

}  // namespace tiller
