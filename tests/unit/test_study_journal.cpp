// The journal: what is kept when a process is killed, when the disk is full, and when somebody else writes.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "core/util.h"
#include "study/journal.h"
#include "study/record_json.h"
#include "test_tasks_files.h"

namespace tiller::study {

// A record of a few fields.
struct Note {
    std::optional<int> item = {};
    std::optional<double> number = {};
    std::optional<std::string> text = {};
    bool operator==(const Note&) const = default;
};
template <class V, Is<Note> T>
void fields(V& visit, T& x) {
    visit.optional("item", x.item), visit.optional("number", x.number), visit.optional("text", x.text);
}
TILLER_RECORD(Note);

namespace {

using test::error_of;
using test::expect_parts;

std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t most_at_once = SIZE_MAX;  // bytes that a call of pwrite() takes

}  // namespace
}  // namespace tiller::study

// In place of the C library's: a file system may take a part of what it is given.
extern "C" ssize_t pwrite(int file, const void* bytes, std::size_t n, off_t at) {
    return ::syscall(SYS_pwrite64, file, bytes, std::min(n, tiller::study::most_at_once), at);
}

namespace tiller::study {
namespace {

class JournalTest : public testing::Test {
protected:
    std::filesystem::path file() const { return folder.path() / "records.jsonl"; }
    void put(const std::string& bytes) const { folder.write("records.jsonl", bytes); }
    std::string refusal() const {
        return error_of(Code::bad_input, [&] { Journal journal(folder.path()); });
    }

    test::ScratchFolder folder;
    const std::vector<Note> two = {{1, -0.5}, {2, {}, "b"}};
    // A unit as it is written, with the digest as docs/formats.md says.
    static std::string unit(const std::string& key, const std::string& lines, int n) {
        return lines + R"({"digest":")" + sha256(key + "\n" + lines).substr(0, 16) + R"(","end":)" +
               std::to_string(n) + R"(,"unit":")" + key + "\"}\n";
    }
    // As versions before the digest wrote them.
    const std::string first = R"({"item":1,"unit":"a"})"
                              "\n"
                              R"({"end":1,"unit":"a"})"
                              "\n";
    const std::string second = R"({"item":2,"unit":"b"})"
                               "\n"
                               R"({"end":1,"unit":"b"})"
                               "\n";
};

TEST_F(JournalTest, UnitsAreThereAfterReopening) {
    {
        Journal journal(folder.path());
        EXPECT_FALSE(journal.has("a"));
        journal.append("a", two);
        journal.append<Note>("empty", {});
        EXPECT_TRUE(journal.has("a"));
        EXPECT_EQ(journal.lines("a").size(), 2u);
    }
    Journal journal(folder.path());
    ASSERT_TRUE(journal.has("a"));
    EXPECT_TRUE(journal.has("empty"));
    EXPECT_TRUE(journal.lines("empty").empty());
    EXPECT_FALSE(journal.has("b"));
    EXPECT_EQ(journal.records<Note>("a"), two);
    EXPECT_NE(journal.lines("a")[1].find(R"("unit":"a")"), std::string::npos);
}

TEST_F(JournalTest, TheFileIsWhatTheFormatSays) {
    Journal journal(folder.path());
    journal.append<Note>("a", {{1}});
    journal.append<Note>("b", {{2}});
    EXPECT_EQ(slurp(file()),
              unit("a", "{\"item\":1,\"unit\":\"a\"}\n", 1) + unit("b", "{\"item\":2,\"unit\":\"b\"}\n", 1));
}

// Any one byte that is not what it was: a refusal, or units that are done again, never other records.
TEST_F(JournalTest, EveryFlippedByteIsNoticed) {
    {
        Journal journal(folder.path());
        journal.append("a", two);
        journal.append<Note>("empty", {});
        journal.append<Note>("b", {{3, 0.25}});
    }
    const std::string whole = slurp(file());
    const auto units = read_units(folder.path());
    int n_refused = 0;
    for (std::size_t i = 0; i < whole.size(); ++i)
        for (const int bit : {0, 3, 5}) {
            std::string flipped = whole;
            flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
            put(flipped);
            Units found;
            try {
                found = read_units(folder.path());
            } catch (const Error&) {
                ++n_refused;
                continue;
            }
            for (const auto& [key, records] : found) {
                ASSERT_TRUE(units.contains(key)) << "byte " << i << " made the unit " << key;
                ASSERT_EQ(records, units.at(key)) << "byte " << i;
            }
            ASSERT_LT(found.size(), units.size()) << "byte " << i << " was not noticed";
        }
    EXPECT_GT(n_refused, 0);
}

TEST_F(JournalTest, AnExchangedUnitIsNoticed) {
    const std::string a = unit("a", "{\"item\":1,\"unit\":\"a\"}\n", 1);
    put(a);
    EXPECT_EQ(read_units(folder.path()).size(), 1u);
    std::string other = a;
    for (auto at = other.find("\"a\""); at != std::string::npos; at = other.find("\"a\""))
        other[at + 1] = 'c';
    put(other);
    expect_parts(refusal(), {"records.jsonl", "line 2", "digest"});
}

TEST_F(JournalTest, FilesOfAKilledProcessAreRemoved) {
    folder.write(".summary.json.4711.tmp", "half");
    folder.write(".mine.tmp", "kept");
    folder.write("notes.4711.tmp", "kept");
    const Journal journal(folder.path());
    EXPECT_FALSE(std::filesystem::exists(folder.path() / ".summary.json.4711.tmp"));
    EXPECT_TRUE(std::filesystem::exists(folder.path() / ".mine.tmp"));
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "notes.4711.tmp"));
}

TEST_F(JournalTest, AFolderThatIsRemovedIsNoticedAtTheNextUnit) {
    Journal journal(folder.path());
    journal.append("a", two);
    std::filesystem::rename(file(), folder.path() / "elsewhere.jsonl");
    expect_parts(error_of(Code::environment, [&] { journal.append("b", two); }),
                 {"records.jsonl", "removed or replaced", "1 finished unit"});
    put(first);  // another file in its place is no better
    error_of(Code::environment, [&] { journal.append("b", two); });
    EXPECT_EQ(slurp(file()), first);
}

// Numbers used now are those that a restart reads.
TEST_F(JournalTest, RecordsAreTheSameNowAndAfterARestart) {
    const std::vector<Note> numbers = {{1, static_cast<double>(-0.1f)},
                                       {2, 1.0 / 3},
                                       {3, std::nan("")},
                                       {4, std::numeric_limits<double>::infinity()}};
    Journal journal(folder.path());
    journal.append("a", numbers);
    EXPECT_EQ(journal.lines("a"), read_units(folder.path()).at("a"));
    const auto now = journal.records<Note>("a"),
               later = read_records<Note>(read_units(folder.path()).at("a"));
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(now[i].number, numbers[i].number);
        EXPECT_EQ(later[i].number, numbers[i].number);
    }
    // What is no number is null in the file, and none again.
    EXPECT_NE(journal.lines("a")[2].find(R"("number":null)"), std::string::npos);
    EXPECT_TRUE(std::isnan(*now[2].number));
    EXPECT_TRUE(std::isnan(*now[3].number));
}

TEST_F(JournalTest, TornLastLineIsCutOff) {
    put(first + second + R"({"item":3,"un)");
    {
        Journal journal(folder.path());
        EXPECT_TRUE(journal.has("a"));
        EXPECT_TRUE(journal.has("b"));
        EXPECT_EQ(slurp(file()), first + second);
        journal.append<Note>("c", {});
    }
    EXPECT_TRUE(read_units(folder.path()).count("c"));
}

TEST_F(JournalTest, EveryCutLeavesTheFinishedUnits) {
    const std::string whole = first + second;
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        put(whole.substr(0, size));
        Journal journal(folder.path());
        EXPECT_EQ(journal.has("a"), size >= first.size()) << size;
        EXPECT_EQ(journal.has("b"), size == whole.size()) << size;
        EXPECT_EQ(slurp(file()), size == whole.size() ? whole : size >= first.size() ? first : "") << size;
    }
}

TEST_F(JournalTest, UnfinishedUnitIsCutOff) {
    put(first + R"({"item":3,"unit":"c"})"
                "\n"
                R"({"item":4,"unit":"c"})"
                "\n");
    Journal journal(folder.path());
    EXPECT_FALSE(journal.has("c"));
    EXPECT_EQ(slurp(file()), first);
}

TEST_F(JournalTest, DamagedLinesAreRefusedAndLeft) {
    const std::vector<std::pair<std::string, const char*>> damaged = {
        {first + "{\"item\":2,\"unit\n" + second, "line 3"},
        {first + "\n" + second, "line 3"},
        {first + "[1]\n" + second, "line 3"},
        {first + "{\"item\":2}\n" + second, "line 3"},
        {first + "{\"item\":2,\"unit\":3}\n" + second, "line 3"},
        {std::string("\0\0\0\0\n", 5) + first, "line 1"},
        {first + second.substr(0, second.find('\n') + 1) +
             R"({"end":2,"unit":"b"})"
             "\n" +
             first,
         "line 4"},
        {first +
             R"({"end":1,"unit":"b"})"
             "\n" +
             first,
         "line 3"},
        {first +
             R"({"end":-1,"unit":"b"})"
             "\n" +
             first,
         "line 3"},
        {first +
             R"({"end":"x","unit":"b"})"
             "\n" +
             first,
         "line 3"},
        {first +
             R"({"item":2,"unit":"b"})"
             "\n"
             R"({"end":1,"unit":"c"})"
             "\n" +
             first,
         "line 4"},
    };
    for (const auto& [text, line] : damaged) {
        put(text);
        expect_parts(refusal(), {"records.jsonl", line, "damaged"});
        EXPECT_EQ(slurp(file()), text);
    }
}

TEST_F(JournalTest, ARefusalGivesTheLockBack) {
    put("no json\n");
    refusal();
    put(first);
    EXPECT_NO_THROW(Journal(folder.path()));
}

TEST_F(JournalTest, SecondJournalIsRefused) {
    {
        Journal journal(folder.path());
        expect_parts(error_of(Code::environment, [&] { Journal other(folder.path()); }),
                     {folder.path().c_str(), "in use"});
        journal.append("a", two);  // the first one goes on
    }
    EXPECT_TRUE(Journal(folder.path()).has("a"));
}

TEST_F(JournalTest, ReadingNeedsNoLock) {
    Journal journal(folder.path());
    journal.append("a", two);
    EXPECT_EQ(read_units(folder.path()).at("a").size(), 2u);
}

TEST_F(JournalTest, MissingFolderIsTheEnvironment) {
    expect_parts(error_of(Code::environment, [&] { Journal journal(folder.path() / "no"); }),
                 {"no", "cannot open"});
    EXPECT_TRUE(read_units(folder.path() / "no").empty());
}

TEST_F(JournalTest, AFullDiskLeavesTheFileAsItWas) {
    Journal journal(folder.path());
    journal.append<Note>("a", {{1}});
    const std::string before_it = slurp(file());
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    // Some of the bytes fit, so that there is something to take back.
    rlimit limit = before;
    limit.rlim_cur = before_it.size() + 30;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    std::string message;
    Code code = Code::usage;
    try {
        journal.append<Note>("b", {{2, {}, std::string(1000, 'x')}});
    } catch (const Error& e) {
        message = e.what();
        code = e.code();
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(code, Code::environment);
    expect_parts(message, {"records.jsonl", "File too large", "run the same command again"});
    EXPECT_FALSE(journal.has("b"));
    EXPECT_EQ(slurp(file()), before_it);
    journal.append<Note>("b", {{2}});  // there is space again
    EXPECT_EQ(slurp(file()), before_it + unit("b", "{\"item\":2,\"unit\":\"b\"}\n", 1));
}

TEST_F(JournalTest, AFileThatTakesFewBytesAtOnceGetsThemAll) {
    const auto text_after = [&](std::size_t most) {
        const test::ScratchFolder place;
        Journal journal(place.path());
        most_at_once = most;
        journal.append("a", two);
        journal.append("b", two);
        most_at_once = SIZE_MAX;
        return slurp(place.path() / "records.jsonl");
    };
    EXPECT_EQ(text_after(7), text_after(SIZE_MAX));
}

TEST_F(JournalTest, InvalidUtf8BecomesValid) {
    {
        Journal journal(folder.path());
        journal.append<Note>("a", {{{}, {}, "ok \xff\xfe end\n\"quoted\""}});
        EXPECT_EQ(journal.records<Note>("a")[0].text, "ok \xef\xbf\xbd\xef\xbf\xbd end\n\"quoted\"");
    }
    EXPECT_EQ(Journal(folder.path()).records<Note>("a")[0].text,
              "ok \xef\xbf\xbd\xef\xbf\xbd end\n\"quoted\"");
}

}  // namespace
}  // namespace tiller::study
