// The engine over servers on loopback: edits and captures do there what they do here.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "support/engine_rows.h"
#include "support/rpc_servers.h"
#include "tiller/doctor.h"
#include "tiller/engine.h"

namespace tiller {
namespace {

using test::exact;
using test::expect_error;
using test::random_edit;
using test::random_prompt;
using test::RpcServers;
using test::TinyOptions;

std::shared_ptr<const Model> over(const std::filesystem::path& path, const RpcServers& servers,
                                  int n_gpu_layers = 0) {
    ModelOptions options;
    options.rpc = servers.options();
    options.n_gpu_layers = n_gpu_layers;
    return Model::load(path, options);
}

// Rows of all kinds: each site and operation, captures of all layers, generated tokens, logits.
std::vector<Row> all_rows(const ModelInfo& info) {
    std::vector<Row> rows;
    unsigned seed = 1;
    for (const Site site : test::kAllSites)
        for (const Operation operation : test::kAllOperations) {
            Row row;
            row.prompt = random_prompt(5 + static_cast<int>(seed % 7), seed, info.n_vocab);
            row.max_new_tokens = 3;
            row.want_logits = true;
            row.edits = {random_edit(info, site, static_cast<int>(seed) % info.n_layer, operation,
                                     {Positions::Kind::steered, 0, 0}, seed, 0.7f)};
            row.captures = {{site}};
            rows.push_back(row);
            ++seed;
        }
    // Nothing but captures, of which the last lies on the first or the second server: the graph ends early.
    for (const int end : {1, 2, info.n_layer}) {
        Row only;
        only.prompt = random_prompt(9, 50 + static_cast<unsigned>(end), info.n_vocab);
        only.captures = {{Site::head_output, 0, end}, {Site::residual, 0, end}};
        rows.push_back(only);
    }
    Row plain;
    plain.prompt = random_prompt(40, 99, info.n_vocab);
    plain.want_logits = true;
    plain.captures = {{Site::residual, 0, -1, {Positions::Kind::prompt, 0, 0}, true}};
    rows.push_back(plain);
    return rows;
}

/// The largest difference of logits and captured values.
double distance(const std::vector<RowResult>& a, const std::vector<RowResult>& b) {
    EXPECT_EQ(a.size(), b.size());
    double worst = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        worst = std::max(worst, test::max_difference(a[i].logits, b[i].logits));
        EXPECT_EQ(a[i].captured.size(), b[i].captured.size());
        for (std::size_t c = 0; c < std::min(a[i].captured.size(), b[i].captured.size()); ++c)
            worst = std::max(worst, test::max_difference(a[i].captured[c].values, b[i].captured[c].values));
        EXPECT_EQ(a[i].generated, b[i].generated) << i;
    }
    return worst;
}

struct Shape {
    const char* architecture;
    int n_server;
    int n_gpu_layers;  ///< Of four.
};

class RpcEngine : public testing::TestWithParam<Shape> {
protected:
    static std::filesystem::path model() {
        TinyOptions o;
        o.architecture = GetParam().architecture;
        o.n_layer = 4;
        return test::make_tiny_model(o);
    }
};

// Float32 weights: the server's kernels are this machine's, and get the same numbers.
TEST_P(RpcEngine, GivesTheBitsThatItGivesHere) {
    RpcServers servers(GetParam().n_server);
    Engine here(Model::load(model()), exact());
    Engine there(over(model(), servers, GetParam().n_gpu_layers), exact());
    const auto rows = all_rows(here.info());
    EXPECT_EQ(distance(here.run(rows), there.run(rows)), 0);
    EXPECT_EQ(here.stats().n_edit, there.stats().n_edit);
    EXPECT_EQ(here.stats().n_capture, there.stats().n_capture);
    EXPECT_GT(there.stats().n_edit, rows.size());
    const std::span branches = std::span(rows).first(rows.size() - 1);  // the last captures within its prompt
    EXPECT_EQ(distance(here.fork(branches), there.fork(branches)), 0);
    // Texts that are only read, and shared prompts.
    std::vector<Row> texts;
    for (unsigned i = 0; i < 5; ++i) {
        Row row;
        row.prompt = random_prompt(6, 7, here.info().n_vocab);
        row.forced = random_prompt(9, 20 + i, here.info().n_vocab);
        texts.push_back(row);
    }
    const auto a = here.fork(texts), b = there.fork(texts);
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(a[i].forced_logprob, b[i].forced_logprob);
}

TEST_P(RpcEngine, PassesTheDoctor) {
    RpcServers servers(GetParam().n_server);
    Engine engine(over(model(), servers, GetParam().n_gpu_layers), exact());
    const Diagnosis diagnosis = diagnose(engine);
    EXPECT_TRUE(diagnosis.passed()) << diagnosis.failures();
    EXPECT_EQ(diagnosis.layers.size(), 4u);
}

INSTANTIATE_TEST_SUITE_P(Shapes, RpcEngine,
                         testing::Values(Shape{"llama", 1, 0}, Shape{"llama", 2, -1}, Shape{"llama", 2, 2},
                                         Shape{"gemma3", 2, 0}, Shape{"gptneox", 2, 0}),
                         [](const auto& shape) {
                             std::string name = shape.param.architecture;
                             name += std::to_string(shape.param.n_server);
                             return name + (shape.param.n_gpu_layers > 0 ? "Part" : "All");
                         });

// Each of them is needed, so the layers are theirs; and the engine ends the process without it, as
// tiller/rpc.h says.
class RpcLoss : public testing::TestWithParam<std::size_t> {};

TEST_P(RpcLoss, EndsTheProcess) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto lose = [] {
        ::setenv("GGML_NO_BACKTRACE", "1", 1);  // or it would start a debugger
        RpcServers servers(2);
        Engine engine(over(test::make_tiny_model(), servers), exact());
        servers[GetParam()].stop();
        engine.run(all_rows(engine.info()));
    };
    // By which signal depends on whether the connection is read or written when it breaks.
    const auto is_ended = [](int status) {
        return WIFSIGNALED(status) && (WTERMSIG(status) == SIGABRT || WTERMSIG(status) == SIGPIPE);
    };
    EXPECT_EXIT(lose(), is_ended, "");
}

INSTANTIATE_TEST_SUITE_P(Servers, RpcLoss, testing::Values(0u, 1u));

// Servers round quantised products in another way than this machine, which packs such weights for its matrix
// units; but always in the same way.
TEST(RpcModel, OtherWeightsPassTheDoctor) {
    TinyOptions wide;
    wide.n_embd = wide.n_ff = 256, wide.d_head = 64, wide.n_layer = 2;
    for (const std::string type : {"BF16", "Q8_0", "Q4_K"}) {
        SCOPED_TRACE(type);
        const auto path = test::quantise_tiny_model(test::make_tiny_model(wide), type);
        RpcServers servers(2);
        Engine there(over(path, servers), exact());
        const Diagnosis diagnosis = diagnose(there);
        EXPECT_TRUE(diagnosis.passed()) << diagnosis.failures();
        if (type != "BF16") continue;
        Engine here(Model::load(path), exact());
        const auto rows = all_rows(here.info());
        EXPECT_EQ(distance(here.run(rows), there.run(rows)), 0);
    }
}

TEST(RpcModel, SaysWhichServersHoldIt) {
    RpcServers servers(2);
    const auto model = over(test::make_tiny_model(), servers);
    EXPECT_EQ(model->info().servers, rpc_addresses(servers.list()));
    EXPECT_TRUE(Model::load(test::make_tiny_model())->info().servers.empty());
}

// A server serves one connection at a time, so that a second model of this process must not knock first.
TEST(RpcModel, TwoModelsShareServers) {
    RpcServers servers(2);
    TinyOptions other;
    other.seed = 2;
    const auto first = over(test::make_tiny_model(), servers);
    const auto second = over(test::make_tiny_model(other), servers);
    Engine a(first, exact()), b(second, exact());
    Engine here(Model::load(test::make_tiny_model(other)), exact());
    const auto rows = all_rows(here.info());
    a.run(rows);
    EXPECT_EQ(distance(b.run(rows), here.run(rows)), 0);
}

TEST(RpcModel, ServersAreFreeAgainAfterwards) {
    RpcServers servers(1);
    for (int i = 0; i < 3; ++i) {
        Engine engine(over(test::make_tiny_model(), servers), exact());
        engine.run(all_rows(engine.info()));
    }
    servers.restart(0);
    Engine engine(over(test::make_tiny_model(), servers), exact());
    engine.run(all_rows(engine.info()));
}

TEST(RpcModel, AServerThatIsNotThereIsNamed) {
    RpcServers servers(2);
    servers[1].stop();
    const auto load = [&] { over(test::make_tiny_model(), servers); };
    expect_error(Code::environment, {servers[1].address(), "Connection refused", "ggml-rpc-server"}, load,
                 Topic::rpc);
    servers.restart(1);
    load();
}

TEST(RpcModel, AddressesBeyondLoopbackAndTwinsAreRefused) {
    const auto load = [](const std::string& list, bool insecure = false) {
        ModelOptions options;
        options.rpc = {rpc_addresses(list), insecure};
        Model::load(test::make_tiny_model(), options);
    };
    // 192.0.2.0/24 is nobody's (RFC 5737).
    expect_error(
        Code::usage, {"192.0.2.1:50052", "no authentication", "ssh -N -L 50052:127.0.0.1:50052"},
        [&] { load("192.0.2.1:50052"); }, Topic::insecure_rpc);
    expect_error(Code::usage, {"127.0.0.1:50052", "localhost:50052", "one server"},
                 [&] { load("127.0.0.1:50052,localhost:50052"); });
    expect_error(Code::environment, {"192.0.2.1:50052", "does not answer"},
                 [&] { load("192.0.2.1:50052", true); });
}

}  // namespace
}  // namespace tiller
