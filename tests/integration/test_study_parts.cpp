// Test items are scored a part at a time, as many as fill the rows in flight: all of them, whatever the
// parts.
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <utility>

#include "support/json_units.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"

namespace tiller::test {
namespace {

class StudyParts : public StudyTest {
protected:
    // What the records of tested items hold beside the unit's name, which tells the part.
    std::multiset<std::string> tested(const std::string& name) const {
        std::multiset<std::string> all;
        for (auto& [unit, records] : json_units(folder.path() / name))
            for (auto& record : records) {
                if (record.value("phase", "") != "test") continue;
                record.erase("unit");
                all.insert(record.dump());
            }
        return all;
    }
};

TEST_F(StudyParts, AllItemsAreTestedWhateverTheRows) {
    plan = tiny_plan(make_tiny_model(), write_tasks(folder));
    plan.tasks = {"twice"}, plan.methods = {"icv"};
    run("whole");
    ASSERT_GT(tested("whole").size(), 20u);

    host.engine.max_rows = 2;
    std::set<std::pair<int, int>> parts;  // first and last item, from 1
    host.observer.step = [&](const std::string&, const std::string& what, std::size_t, std::size_t) {
        static const std::regex of_items("test items (\\d+)-(\\d+) of 6");
        if (std::smatch found; std::regex_search(what, found, of_items))
            parts.emplace(std::stoi(found[1]), std::stoi(found[2]));
    };
    run("in-parts");
    EXPECT_EQ(tested("in-parts"), tested("whole"));
    EXPECT_GT(parts.size(), 1u);
    int next = 1;
    for (const auto& [first, last] : parts) {
        EXPECT_EQ(first, next);
        EXPECT_GE(last, first);
        next = last + 1;
    }
    EXPECT_EQ(next, 7);
}

}  // namespace
}  // namespace tiller::test
