// /v1/vectors: list, upload, download, forget.
#include "serve/base64.h"
#include "serve/service.h"

namespace tiller::serve {
namespace {

struct Upload {
    std::string name, bytes, name_path = "name", data_path = "";
};

Upload upload_of(const Request& request) {
    Upload upload;
    const auto name = request.query.find("name");
    if (name != request.query.end()) upload.name = name->second;
    if (request.body.starts_with("GGUF")) {
        upload.bytes = request.body;
        return upload;
    }
    const Json body = parse_json(request.body);
    Fields fields(body);
    if (const auto given = fields.text("name")) upload.name = *given;
    const auto bytes = from_base64(fields.need_text("data"));
    if (!bytes) throw Problem(400, "invalid_value", "data: this is not base64", "data");
    fields.done();
    upload.bytes = *bytes;
    upload.data_path = "data";
    return upload;
}

}  // namespace

void get_vectors(Service& service, const Request&, const std::shared_ptr<Reply>& reply) {
    Json data = Json::array();
    for (const VectorPointer& vector : service.vectors.all()) data.push_back(vector->description());
    send_json(reply, 200, {{"object", "list"}, {"data", data}});
}

void post_vectors(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    Upload upload = upload_of(request);
    if (upload.name.empty())
        throw Problem(400, "missing_field", "the vector has no name; give ?name=NAME, or name in the JSON",
                      "name");
    check_vector_name(upload.name);
    const auto replace = request.query.find("replace");
    const VectorPointer stored = service.vectors.read(upload.name, std::move(upload.bytes), upload.data_path);
    service.vectors.add(stored, replace != request.query.end() && replace->second == "true");
    send_json(reply, 200, stored->description());
}

void get_vector(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    const VectorPointer vector = service.vectors.find(std::string(last_part(request)), "");
    if (request.header("accept").find("application/json") != std::string::npos)
        return send_json(reply, 200, vector->description());
    reply->send(200, "application/octet-stream", vector->bytes, {{"Content-Disposition", "attachment"}});
}

void delete_vector(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    const std::string name(last_part(request));
    service.vectors.remove(name);
    send_json(reply, 200, {{"id", name}, {"object", "vector"}, {"deleted", true}});
}

}  // namespace tiller::serve
