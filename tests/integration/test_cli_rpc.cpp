// --rpc, as far as it can be tried without a server: what is typed, and what is said where none answers.
// tests/rpc has the rest.
#include <gtest/gtest.h>

#include "support/cli_test.h"
#include "support/fake_server.h"

namespace tiller {
namespace {

using test::expect_parts;

class CliRpcFlags : public test::CliTest {};

TEST_F(CliRpcFlags, AddressesAreReadBeforeAnythingElse) {
    expect_parts(refusal(2, {"next", "-m", "none.gguf", "-p", "the", "--rpc", "127.0.0.1"}),
                 {"'127.0.0.1' has no port", "127.0.0.1:50052", "(--rpc)"});
    expect_parts(refusal(2, {"compare", "--rpc", "a:1,a:1"}), {"'a:1' stands twice"});
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "the", "--insecure-rpc"}), {"--rpc"});
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "the", "--exact", "--rpc", "127.0.0.1:9"}),
                 {"--exact", "--rpc"});
    // Shards cannot share a server.
    expect_parts(refusal(2, {"submit", "--slurm", "-N", "2", "--plan", "p", "-o", "r", "--rpc", "a:1"}),
                 {"--rpc"});
}

// An error of the child is the program's own, with its exit code: an engine without RPC, or nobody there.
TEST_F(CliRpcFlags, WithoutAServerNothingIsComputed) {
    const std::string nobody = "127.0.0.1:" + std::to_string(test::free_port());
    const std::string error = refusal(4, {"next", "-m", "m.gguf", "-p", "the", "--rpc", nobody});
    EXPECT_TRUE(error.find("-DTILLER_RPC=ON") != std::string::npos ||
                error.find(nobody + " does not answer") != std::string::npos)
        << error;
    EXPECT_EQ(error.find("ended the process"), std::string::npos) << error;
}

}  // namespace
}  // namespace tiller
