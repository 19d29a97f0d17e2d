#include "core/names.h"

#include "tiller/row.h"

namespace tiller {
namespace {

using Kind = Positions::Kind;

// Every enumerator once. find() compares a text with the name of each.
constexpr Site sites[] = {Site::head_output, Site::attention_output, Site::mlp_output, Site::residual};
constexpr Operation operations[] = {Operation::add, Operation::replace, Operation::turn, Operation::project};
constexpr Kind kinds[] = {Kind::last_prompt, Kind::last_k, Kind::prompt, Kind::generated,
                          Kind::steered,     Kind::all,    Kind::range};

template <typename T, std::size_t n>
std::optional<T> find(const T (&values)[n], const char* (*name_of)(T) noexcept,
                      std::string_view name) noexcept {
    for (const T value : values)
        if (name == name_of(value)) return value;
    return std::nullopt;
}

}  // namespace

const char* site_name(Site site) noexcept {
    switch (site) {
        case Site::head_output: return "head_output";
        case Site::attention_output: return "attention_output";
        case Site::mlp_output: return "mlp_output";
        case Site::residual: return "residual";
    }
    return "unknown";
}

const char* operation_name(Operation operation) noexcept {
    switch (operation) {
        case Operation::add: return "add";
        case Operation::replace: return "replace";
        case Operation::turn: return "turn";
        case Operation::project: return "project";
    }
    return "unknown";
}

const char* finish_name(Finish finish) noexcept {
    switch (finish) {
        case Finish::unfinished: return "unfinished";
        case Finish::end_token: return "end_token";
        case Finish::stop_text: return "stop_text";
        case Finish::length: return "length";
        case Finish::cancelled: return "cancelled";
        case Finish::broken: return "broken";
    }
    return "unknown";
}

const char* positions_name(Kind kind) noexcept {
    switch (kind) {
        case Kind::last_prompt: return "last_prompt";
        case Kind::last_k: return "last_k";
        case Kind::prompt: return "prompt";
        case Kind::generated: return "generated";
        case Kind::steered: return "steered";
        case Kind::all: return "all";
        case Kind::range: return "range";
    }
    return "unknown";
}

std::optional<Site> site_from_name(std::string_view name) noexcept { return find(sites, site_name, name); }

std::optional<Operation> operation_from_name(std::string_view name) noexcept {
    return find(operations, operation_name, name);
}

std::optional<Kind> positions_from_name(std::string_view name) noexcept {
    return find(kinds, positions_name, name);
}

std::string method_title(std::string_view method) {
    std::string title(method);
    if (title.size() <= 3)
        for (char& c : title)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return title;
}

}  // namespace tiller
