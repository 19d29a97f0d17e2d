// /v1/models: the model, and one name for each vector, for clients that can send no further field.
#include "core/util.h"
#include "serve/service.h"

namespace tiller::serve {
namespace {

Json model_json(const Service& service, const std::string& id) {
    const ModelInfo& info = service.model.info();
    return {{"id", id},
            {"object", "model"},
            {"created", service.started},
            {"owned_by", "tiller"},
            {"max_model_len", service.worker.options().row_tokens},
            {"meta",
             {{"name", valid_utf8(info.name)},
              {"architecture", valid_utf8(info.architecture)},
              {"quantisation", valid_utf8(info.quantisation)},
              {"digest", "sha256:" + info.digest},
              {"n_layer", info.n_layer},
              {"n_embd", info.n_embd},
              {"n_vocab", info.n_vocab},
              {"n_ctx_train", info.n_ctx_train},
              {"n_params", info.n_param},
              {"size", info.file_bytes}}}};
}

}  // namespace

void get_models(Service& service, const Request&, const std::shared_ptr<Reply>& reply) {
    Json data = Json::array({model_json(service, service.model_id)});
    for (const VectorPointer& vector : service.vectors.all())
        data.push_back(model_json(service, service.model_id + "+" + vector->name));
    send_json(reply, 200, {{"object", "list"}, {"data", data}});
}

void get_model(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    const std::string id(last_part(request));
    apply_steering(service.steering_of_model(id), service.vectors);
    send_json(reply, 200, model_json(service, id));
}

}  // namespace tiller::serve
