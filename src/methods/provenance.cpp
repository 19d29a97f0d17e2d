#include "methods/provenance.h"

#include "tiller/version.h"

namespace tiller {

void set_provenance(SteeringVector& vector, const ModelInfo& info, const std::string& task,
                    const std::string& prompts_digest, std::uint64_t seed) {
    Provenance& p = vector.provenance;
    p.task = task;
    p.prompts_digest = prompts_digest;
    p.seed = seed;
    p.model_name = info.name;
    p.model_digest = info.digest;
    p.tokenizer_digest = info.tokenizer_digest;
    p.architecture = info.architecture;
    p.quantisation = info.quantisation;
    p.n_layer = info.n_layer;
    p.n_embd = info.n_embd;
    p.program_version = TILLER_VERSION;
}

}  // namespace tiller
