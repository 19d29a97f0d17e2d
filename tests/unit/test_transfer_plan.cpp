// Plans of the protocol "transfer": the table [transfer] and what is refused.
#include <gtest/gtest.h>

#include <string>

#include "test_tasks_files.h"
#include "tiller/study.h"

namespace tiller {
namespace {

using test::error_of;
using test::expect_parts;

class TransferPlanFile : public testing::Test {
protected:
    Plan load(const std::string& text) const { return load_plan(folder.write("plan.toml", text)); }
    std::string refusal(const std::string& text) const {
        return error_of(Code::bad_input, [&] { load("protocol = \"transfer\"\n" + text); });
    }
    test::ScratchFolder folder;
};

TEST_F(TransferPlanFile, MissingKeysAreTheProtocols) {
    const Plan plan = load("protocol = \"transfer\"\n");
    EXPECT_EQ(plan_toml(plan), plan_toml(default_plan("transfer")));
    EXPECT_EQ(plan.methods, (std::vector<std::string>{"fv", "icv", "task-vector"}));
    EXPECT_EQ(plan.n_example, 0);
    EXPECT_EQ(plan.transfer.forms.front(), "qa");
    EXPECT_NO_THROW(check_plan(plan));
}

TEST_F(TransferPlanFile, EveryFieldSurvivesTheRoundTrip) {
    Plan plan = default_plan("transfer");
    plan.transfer.forms = {"arrow"};
    plan.transfer.places = {"qa", "natural"};
    plan.transfer.shots = {2, 7};
    plan.transfer.factors = {-2, 1.0 / 3};
    const Plan read = load(plan_toml(plan));
    EXPECT_EQ(plan_toml(read), plan_toml(plan));
    EXPECT_EQ(read.transfer.forms, plan.transfer.forms);
    EXPECT_EQ(read.transfer.places, plan.transfer.places);
    EXPECT_EQ(read.transfer.shots, plan.transfer.shots);
    EXPECT_EQ(read.transfer.factors, plan.transfer.factors);
}

TEST_F(TransferPlanFile, OtherProtocolsHaveNoSuchTable) {
    EXPECT_EQ(plan_toml(Plan{}).find("[transfer]"), std::string::npos);
    expect_parts(error_of(Code::bad_input, [&] { load("[transfer]\nshots = [1]\n"); }),
                 {"[transfer]", "protocol"});
}

TEST_F(TransferPlanFile, RefusesWhatIsImpossible) {
    expect_parts(refusal("[transfer]\nforms = []\n"), {"line 3", "transfer.forms", "empty"});
    expect_parts(refusal("[transfer]\nforms = [\"morse\"]\n"),
                 {"line 3", "transfer.forms", "morse", "arrow"});
    expect_parts(refusal("[transfer]\nforms = [\"natural\"]\n"),
                 {"transfer.forms", "natural", "demonstrations"});
    expect_parts(refusal("[transfer]\nforms = [\"qa\", \"qa\"]\n"), {"transfer.forms", "qa twice"});
    expect_parts(refusal("[transfer]\nplaces = [\"morse\"]\n"), {"transfer.places", "morse", "natural"});
    expect_parts(refusal("[transfer]\nplaces = [\"qa\"]\n"), {"transfer.places", "qa twice"});
    expect_parts(refusal("[transfer]\nshots = [0]\n"), {"transfer.shots", "has 0", "1 to 1000"});
    expect_parts(refusal("[transfer]\nshots = [2, 2]\n"), {"transfer.shots", "2 twice"});
    expect_parts(refusal("[transfer]\nfactors = [1]\n"), {"transfer.factors", "has 1", "without 0 and 1"});
    expect_parts(refusal("[transfer]\nfactors = [nan]\n"), {"transfer.factors", "nan"});
    expect_parts(refusal("methods = []\n"), {"line 2", "methods", "empty"});
    expect_parts(refusal("n_example = 3\n"), {"line 2", "n_example", "3", "expected 0"});
}

}  // namespace
}  // namespace tiller
