#include "tasks/split_shares.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "tasks/repeats.h"
#include "tiller/error.h"
#include "tiller/random.h"

namespace tiller {

std::string fault_of_shares(const std::vector<int>& percent) {
    if (percent.size() != 3)
        return fmt::format("has {} numbers, expected 3: training, validation and test, in percent",
                           percent.size());
    if (std::any_of(percent.begin(), percent.end(), [](int p) { return p < 1 || p > 98; }))
        return fmt::format("is {}, expected at least 1 % for each part", shares_text(percent));
    if (const int sum = std::accumulate(percent.begin(), percent.end(), 0); sum != 100)
        return fmt::format("is {}, which sums to {}, expected 100", shares_text(percent), sum);
    return "";
}

Split split_task(const Task& task, std::uint64_t seed, const std::vector<int>& percent) {
    if (const std::string fault = fault_of_shares(percent); !fault.empty())
        throw Error(Code::usage, "the split " + fault);
    std::vector<int> order = first_of_each_input(task);
    Random(seed, "split").shuffle(order);
    const std::size_t n = order.size();
    const std::size_t n_train = n * static_cast<std::size_t>(percent[0]) / 100,
                      n_valid = n * static_cast<std::size_t>(percent[1]) / 100,
                      n_test = n - n_train - n_valid;
    if (n_train == 0 || n_valid == 0 || n_test == 0)
        throw Error(
            Code::bad_input,
            fmt::format("task {} has {} items with an input of their own, of which the split {} leaves "
                        "{} for training, {} for validation and {} for testing: add items, or change "
                        "the split",
                        task.name, n, shares_text(percent), n_train, n_valid, n_test));
    const auto train_end = order.begin() + static_cast<std::ptrdiff_t>(n_train);
    const auto test_end = train_end + static_cast<std::ptrdiff_t>(n_test);
    return {{order.begin(), train_end}, {train_end, test_end}, {test_end, order.end()}};
}

std::string shares_text(const std::vector<int>& percent) {
    return fmt::format("{}", fmt::join(percent, ","));
}

std::vector<int> shares_from(const std::string& text) {
    std::vector<int> percent;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        int value = 0;
        const auto [rest, error] = std::from_chars(text.data() + begin, text.data() + end, value);
        if (error != std::errc() || rest != text.data() + end)
            throw Error(Code::usage,
                        fmt::format("the split is \"{}\", expected training, validation and test in percent, "
                                    "like 60,10,30",
                                    text));
        percent.push_back(value);
        begin = end + 1;
    }
    if (const std::string fault = fault_of_shares(percent); !fault.empty())
        throw Error(Code::usage, "the split " + fault);
    return percent;
}

}  // namespace tiller
