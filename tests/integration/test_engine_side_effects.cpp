// What an application that links tiller may rely on: no file that it did not ask for, and no exception lost
// or thrown through the engine, which is C.
#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "support/engine_rows.h"
#include "tiller/plain_decode.h"
#include "unit/test_tasks_files.h"

using namespace tiller;
using namespace tiller::test;
namespace fs = std::filesystem;

namespace {

std::size_t files_below(const fs::path& folder) {
    std::size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) n += entry.is_regular_file();
    return n;
}

TEST(EngineSideEffects, NothingIsWrittenUnlessAFolderIsNamed) {
    const ScratchFolder folder;
    // Wherever the program's cache would be: the library does not look.
    for (const char* name : {"TILLER_CACHE_DIR", "XDG_CACHE_HOME", "HOME"})
        ::setenv(name, folder.path().c_str(), 1);
    const auto path = make_tiny_model();
    const auto plain = Model::load(path);
    Engine(plain, exact()).run(std::vector<Row>{logits_row(random_prompt(5, 1))});
    EXPECT_EQ(files_below(folder.path()), 0u);

    ModelOptions options;
    options.cache_dir = folder.path() / "cache";
    EXPECT_EQ(Model::load(path, options)->info().digest, plain->info().digest);
    EXPECT_EQ(files_below(options.cache_dir / "digests"), 2u) << "of the file and of its weights";
    EXPECT_EQ(files_below(folder.path()), 2u) << "and nowhere else";
    EXPECT_EQ(Model::load(path, options)->info().digest, plain->info().digest) << "from the folder";
}

// Without a callback of the application's, the engine prints what it logs, down to its debug messages: each
// of tiller's calls has to keep them.
TEST(EngineSideEffects, NothingIsPrinted) {
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    {
        const auto model = tiny();
        Engine engine(model, exact());
        Row row = logits_row(random_prompt(9, 1));
        row.max_new_tokens = 4;
        row.sampling.temperature = 1;
        row.captures = {{Site::residual, 0, 3, {Positions::Kind::last_prompt, 0, 0}, false}};
        const std::vector<Row> rows(3, row);
        engine.run(rows);
        engine.fork(rows);
        plain_decode_seconds(model, exact(), {1, 8, 1}, 1);
        EXPECT_FALSE(model->text(model->tokenize("the cat")).empty());
        EXPECT_FALSE(model->output_head(std::vector<Token>{3}).w_u.empty());
        EXPECT_FALSE(model->attention_projection(0).w_o.empty());
        for (const auto& bad :
             {make_tiny_model().parent_path() / "absent.gguf", make_tiny_model().parent_path()})
            EXPECT_THROW(Model::load(bad), Error);
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST(EngineSideEffects, WhatTheProgressCallbackThrowsComesOutOfLoad) {
    ModelOptions options;
    options.progress = [](float) -> bool { throw std::domain_error("from the caller's own code"); };
    try {
        Model::load(make_tiny_model(), options);
        ADD_FAILURE() << "nothing was thrown";
    } catch (const std::domain_error& e) {
        EXPECT_STREQ(e.what(), "from the caller's own code");
    }
    EXPECT_NO_THROW(Model::load(make_tiny_model())) << "the engine works on";
}

}  // namespace
