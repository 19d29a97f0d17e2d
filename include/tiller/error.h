// tiller's one exception type. Every failure the library can name is thrown as
// tiller::Error; the library never prints, aborts or exits.
#pragma once

#include <stdexcept>
#include <string>

namespace tiller {

/// What kind of failure an Error is. The value decides the program's exit code
/// (see exit_code()); the text of an Error names the thing, the value found, the
/// value expected and the next step.
enum class Code {
    usage,        ///< A flag, an argument of the API or a name that is looked up is wrong. exit 2
    bad_input,    ///< A file, a model or a plan does not have the form it must have.    exit 3
    unsupported,  ///< The model cannot do this (a site that does not exist, say).       exit 3
    incomplete,   ///< A plan was not carried out in full: an edit or capture is missing. exit 3
    missing,      ///< A file, a folder or a model is not there.                         exit 4
    environment,  ///< Memory, disk, permissions, or the machine itself.                 exit 4
    interrupted,  ///< The user asked to stop; what was finished is on disk.             exit 130
};

/// The program's exit code for a kind of failure: 2, 3, 4 or 130.
int exit_code(Code code) noexcept;

/// A short stable name ("bad_input", ...), used in JSON output.
const char* code_name(Code code) noexcept;

/// What an Error is about, so that a program can name its own flag or field that decides this. The library's
/// messages name the thing, never a program's flag.
enum class Topic {
    none,
    rows,           ///< EngineOptions::max_rows.
    memory,         ///< Memory of rows: max_rows, the type of the key/value cache.
    cache_type,     ///< EngineOptions::cache_f32.
    gpu_layers,     ///< ModelOptions::n_gpu_layers.
    rpc,            ///< ModelOptions::rpc: its servers.
    insecure_rpc,   ///< RpcOptions::insecure.
    model,          ///< Which model file is loaded.
    vector,         ///< Which steering vectors are applied.
    pairing,        ///< A vector of another model, whose shapes fit.
    nearest,        ///< A vector that another tool's rule cannot express exactly.
    hooks,          ///< The self-check of the hooks (tiller/doctor.h) failed.
    layer,          ///< The layer of an edit.
    layers,         ///< A list of layers.
    heads,          ///< How many heads a vector is made of, or a list of such numbers.
    top_heads,      ///< HeadsPlan::top_k.
    n_last,         ///< IcvOptions::n_last.
    scales,         ///< A list of strengths.
    n_test,         ///< Test items.
    n_valid,        ///< Validation items.
    n_shot,         ///< Demonstrations in a prompt.
    special,        ///< How names of control tokens in a text are read (ModelOptions::control_names).
    chat_template,  ///< ChatOptions::chat_template.
    tasks,          ///< Which tasks are worked on.
    run_folder,     ///< The folder that a study or sweep keeps its records in.
};

/// The only exception that tiller throws on purpose (std::bad_alloc may pass through).
class Error : public std::runtime_error {
public:
    Error(Code code, const std::string& message, Topic topic = Topic::none)
        : std::runtime_error(message), code_(code), topic_(topic) {}

    Code code() const noexcept { return code_; }
    Topic topic() const noexcept { return topic_; }

private:
    Code code_;
    Topic topic_;
};

}  // namespace tiller
