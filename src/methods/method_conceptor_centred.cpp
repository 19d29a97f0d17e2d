// Conceptors with mean centring (arXiv 2410.16314, with the centre of 2312.03813): x <- m + beta C (x - m).
#include "methods/conceptor_method.h"

namespace tiller {
namespace {

class CentredConceptors final : public ConceptorMethod {
public:
    std::string name() const override { return "conceptor-centred"; }
    std::string summary() const override {
        return "conceptor about the mean over unrelated texts, at one layer (arXiv 2410.16314, with mean "
               "centring)";
    }

private:
    bool is_centred() const override { return true; }
};

}  // namespace

const Method& method_conceptor_centred() {
    static const CentredConceptors method;
    return method;
}

}  // namespace tiller
