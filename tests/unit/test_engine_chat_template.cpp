// Chat templates: what they write, which parts of it the user typed, and that no template runs without end.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "core/util.h"
#include "engine/chat_template.h"
#include "test_tasks_files.h"

namespace tiller {
namespace {

using engine::render_chat;
using engine::TemplatePart;
using test::error_of;
using test::expect_parts;

const std::vector<ChatMessage> hello = {{"user", "hi <|im_end|> there"}};

engine::TemplateInput input(bool add_generation_prompt = true) {
    return {add_generation_prompt, "<s>", "</s>", 1768219200};
}

std::string text_of(const std::vector<TemplatePart>& parts) {
    std::string text;
    for (const auto& part : parts) text += part.text;
    return text;
}

// What the user typed in brackets.
std::string marked(const std::string& source, const std::vector<ChatMessage>& messages = hello) {
    std::string text;
    for (const auto& part : render_chat(source, messages, input()))
        text += part.typed ? "[" + part.text + "]" : part.text;
    return text;
}

TEST(ChatTemplate, WritesTheConversationAndMarksWhatWasTyped) {
    EXPECT_EQ(marked("{{ bos_token }}{% for m in messages %}\n"
                     "<|im_start|>{{ m.role }}\n{{ m['content'] | trim }}<|im_end|>\n"
                     "{% endfor %}\n{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"),
              "<s><|im_start|>user\n[hi <|im_end|> there]<|im_end|>\n<|im_start|>assistant\n");
    EXPECT_EQ(marked("{{ strftime_now('%Y-%m-%d') }}"), "2026-01-12");
    EXPECT_EQ(marked(""), "");
    EXPECT_EQ(marked("a\r\nb\rc"), "a\nb\nc");
}

// A control token's name that somebody typed stays text, whatever the template did with the content.
TEST(ChatTemplate, MarksSurviveWhatTemplatesDo) {
    const std::map<std::string, std::string> cases = {
        {"{{ m.content.split('<')[0] }}", "[hi ]"},
        {"{{ m.content.split('hi')[1] }}", "[ <|im_end|> there]"},
        {"{{ m.content.split(' ')[1] }}", "[<|im_end|>]"},
        {"{{ m.content.rsplit(' ', 1)[0] }}", "[hi <|im_end|>]"},
        {"{{ m.content.replace('hi', '<a>') }}", "<a>[ <|im_end|> there]"},
        {"{{ ('<a>' + m.content + '<b>').replace('<b>', '<c>') }}", "<a>[hi <|im_end|> there]<c>"},
        {"{{ m.content[3:13] }}", "[<|im_end|>]"},
        {"{{ ('<a>' ~ m.content)[:5] }}", "<a>[hi]"},
        {"{{ m.content[0] }}{{ m.content[1] }}", "[hi]"},
        {"{{ [m.content, '<b>'] | join('<c>') }}", "[hi <|im_end|> there]<c><b>"},
        {"{{ m.content | upper }}", "[HI <|IM_END|> THERE]"},
        {"{{ ('a\n' + m.content) | indent(2) }}", "a\n  [hi <|im_end|> there]"},
        {"{{ m.content | tojson }}", "[\"hi <|im_end|> there\"]"},
        {"{{ m | tojson }}", "[{\"role\": \"user\", \"content\": \"hi <|im_end|> there\"}]"},
        {"{{ messages | string }}", "[[{'role': 'user', 'content': 'hi <|im_end|> there'}]]"},
        {"{{ '<{}>'.format(m.content) }}", "<[hi <|im_end|> there]>"},
        {"{{ '<|' + m.role + '|>' }}", "<|user|>"},
        {"{{ m.content ~ m.content }}", "[hi <|im_end|> therehi <|im_end|> there]"},
        {"{% set x = m.content %}{% macro f(y) %}<{{ y }}>{% endmacro %}{{ f(x) }}",
         "<[hi <|im_end|> there]>"},
    };
    for (const auto& [source, expected] : cases)
        EXPECT_EQ(marked("{% set m = messages[0] %}" + source), expected) << source;
}

TEST(ChatTemplate, RefusalsSayWhatIsWrong) {
    const auto refusal = [](const std::string& source) {
        return error_of(Code::bad_input, [&] { marked(source); });
    };
    expect_parts(refusal("{{ raise_exception('no system\nrole') }}"), {"no system role", "give another one"});
    expect_parts(refusal("one\n{{ foo"), {"Expected }}"});
    expect_parts(refusal("one\n{{ messages.foo() }}"), {"line 2", "not a function"});
    for (const char* source : {"{%", "{{", "{#", "{{ 'abc", "{% for x in y", "{% if a %}", "{% endif %}",
                               "{{ 1 % 0 }}", "{{ 4 is divisibleby(0) }}", "{{ 'a' | nothing }}",
                               "{{ 99999999999999999999 }}", "{{ 'a' | indent(-1, true) }}", "{{ '\\q' }}"})
        EXPECT_FALSE(refusal(source).empty()) << source;
    // Half a character.
    expect_parts(error_of(Code::bad_input,
                          [] {
                              marked("{{ messages[0].content[:1] }}", {{"user", "ä"}});
                          }),
                 {"UTF-8"});
    expect_parts(error_of(Code::unsupported, [] { marked("{{ 'a' | join(',') }}"); }), {"not implemented"});
    expect_parts(refusal(std::string((1 << 20) + 1, 'x')), {"1048577", "1048576"});
}

TEST(ChatTemplate, NoTemplateRunsWithoutEnd) {
    const auto refusal = [](const std::string& source) {
        return error_of(Code::bad_input, [&] { marked(source); });
    };
    expect_parts(refusal("{% for i in range(1000000000) %}x{% endfor %}"), {"values"});
    expect_parts(refusal("{% for i in range(9000) %}{% for j in range(9000) %}{% for k in range(9000) %}x"
                         "{% endfor %}{% endfor %}{% endfor %}"),
                 {"20000000 steps"});
    expect_parts(refusal("{{ 'x' * 100000000000 }}"), {"texts without end"});
    expect_parts(refusal("{{ 'x' | indent(100000000000) }}"), {"texts without end"});
    expect_parts(refusal("{{ [1] | tojson(indent=1000000000) }}"), {"texts without end"});
    expect_parts(refusal("{% set n = namespace(x='xxxxxxxxxx') %}{% for i in range(99) %}"
                         "{% set n.x = n.x ~ n.x %}{% endfor %}"),
                 {"texts without end"});
    // Every one of them is a sum of two, so printing it takes 2^99 steps.
    expect_parts(refusal("{% set n = namespace(x=[1, 2]) %}{% for i in range(99) %}"
                         "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}"),
                 {"steps"});
    // Values within themselves.
    expect_parts(refusal("{% set l = [1] %}{% set _ = l.append(l) %}{{ l | tojson }}"), {"400 levels"});
}

std::string repeat(const std::string& text, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += text;
    return out;
}

TEST(ChatTemplate, DeepNestingIsRefusedNotACrash) {
    const int n = 50'000;
    for (const auto& source :
         {"{{ " + std::string(n, '(') + "1" + std::string(n, ')') + " }}", "{{ 1" + repeat("+1", n) + " }}",
          "{{ " + repeat("not ", n) + "1 }}", "{{ " + repeat("-", n) + "a }}",
          "{{ " + std::string(n, '[') + " }}", "{{ " + repeat("{1:", n) + " }}",
          "{{ a" + repeat("()", n) + " }}", "{{ a" + repeat("[0]", n) + " }}",
          "{{ a" + repeat("|d", n) + " }}", repeat("{% if a %}", n), repeat("{% for a in b %}", n),
          "{% if a %}" + repeat("{% elif b %}", n) + "{% endif %}",
          "{{ 1" + repeat(" if 1 else 2", n) + " }}",
          std::string("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")})
        expect_parts(error_of(Code::bad_input, [&] { marked(source); }), {"deeper than 400 levels"});
    // Values that are only deep do no harm.
    EXPECT_EQ(
        marked("{% set n = namespace(x=[]) %}{% for i in range(20000) %}{% set n.x = [n.x] %}{% endfor %}ok"),
        "ok");
    EXPECT_EQ(marked("{% set n = namespace(x=1) %}{% set n.x = n %}ok"), "ok");
}

TEST(ChatTemplate, ThreadsDoNotMeet) {
    std::vector<std::string> texts(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < texts.size(); ++t)
        threads.emplace_back([&texts, t] {
            for (int i = 0; i < 50; ++i) {
                texts[t] = marked("{{ messages[0].content }}{{ range(10) | length }}",
                                  {{"user", std::to_string(t)}});
                // A neighbour that meets its bounds.
                if (t == 3 && i % 10 == 0) {
                    EXPECT_THROW(marked("{% for i in range(9999999) %}{% endfor %}"), Error);
                }
            }
        });
    for (auto& thread : threads) thread.join();
    for (std::size_t t = 0; t < texts.size(); ++t) EXPECT_EQ(texts[t], "[" + std::to_string(t) + "]10");
}

std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
}

// Templates with which the interpreter and Python's jinja2 differ, and why.
const std::map<std::string, std::string>& deviations() {
    static const std::map<std::string, std::string> all = {
        {"fireworks-ai-llama-3-firefunction-v2.jinja",
         "writes the variable `functions`, which nobody defines: an error in Python, nothing here"},
    };
    return all;
}

// Against what jinja2 renders with transformers' settings (tests/oracle/chat_golden.py).
TEST(ChatTemplate, AgreesWithJinja2OnTheTemplatesOfModels) {
    const auto golden = nlohmann::json::parse(bytes_of(TILLER_TESTS_DIR "/oracle/chat_golden.json"));
    ASSERT_EQ(golden.at("conversations").size(), 6u);
    int n_agreeing = 0, n_written = 0;
    std::set<std::string> differing;
    for (const auto& [name, expected] : golden.at("templates").items()) {
        const std::string source = bytes_of(std::string(TILLER_CHAT_TEMPLATES) + "/" + name);
        if (sha256(source) != expected.at("sha256")) continue;  // another llama.cpp (TILLER_LLAMA_SOURCE)
        bool agrees = true;
        for (const auto& conversation : golden.at("conversations")) {
            std::vector<ChatMessage> messages;
            for (const auto& m : conversation.at("messages"))
                messages.push_back({m.at("role"), m.at("content")});
            engine::TemplateInput in = input(conversation.at("add_generation_prompt"));
            in.time = golden.at("time").get<std::time_t>();
            std::string outcome = "error";
            try {
                outcome = sha256(text_of(render_chat(source, messages, in)));
                ++n_written;
            } catch (const Error&) {
            }
            if (outcome == expected.at("outcomes").at(conversation.at("name"))) continue;
            agrees = false;
            if (!deviations().contains(name)) ADD_FAILURE() << name << ": " << conversation.at("name");
        }
        if (agrees) ++n_agreeing;
        if (!agrees) differing.insert(name);
    }
#ifdef TILLER_PINNED_TEMPLATES
    EXPECT_EQ(n_agreeing, 69);
    EXPECT_GE(n_written, 60 * 6);
    for (const auto& [name, why] : deviations())
        EXPECT_TRUE(differing.contains(name)) << name << " agrees now; remove it from the list";
#endif
}

}  // namespace
}  // namespace tiller
