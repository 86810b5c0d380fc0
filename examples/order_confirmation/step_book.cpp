// SPDX-License-Identifier: Apache-2.0
#include "step_book.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "topics.hpp"

namespace orders {

namespace {

// A step is done, failed, or undone because the order was rejected. `taken` is what all that is done comes to: pieces,
// cents, parcels. It is counted by itself, so that whatever was done twice would show.
constexpr const char* schema = R"(
    CREATE TABLE IF NOT EXISTS steps(order_id TEXT PRIMARY KEY, state TEXT NOT NULL, item TEXT NOT NULL,
        amount INTEGER NOT NULL, answer TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS total(taken INTEGER NOT NULL);
    INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT * FROM total);
)";

}  // namespace

StepBook::StepBook(const std::string& path, std::string step) : step_(std::move(step)), database_(path, schema) {}

std::vector<Answer> StepBook::take_in(std::string_view topic, const ottla::MessageBatch& batch) {
    std::vector<Answer> answers;
    sqlite::Transaction transaction(database_);
    for (const auto& message : batch) {
        if (message.key().is_null()) continue;  // it only tells the time
        const std::string id(message.key().text());
        if (topic == order_events)
            on_order(id, message.value().text(), answers);
        else
            on_confirmation(id, message.value().text(), answers);
    }
    transaction.commit();
    return answers;
}

void StepBook::on_order(const std::string& id, std::string_view value, std::vector<Answer>& answers) {
    auto known = database_.query("SELECT answer, item FROM steps WHERE order_id = ?", id);
    if (known.step()) return say(id, known.text(1), known.text(0), answers);  // the answer may not have got through
    const auto space = std::min(value.find(' '), value.size());
    const std::string item(value.substr(0, space));
    const auto cents = std::atoll(std::string(value.substr(space)).c_str());
    const auto why = refusal(item, cents);
    const std::int64_t amount = step_ == "payment" ? cents : 1;
    const std::string answer = why ? "failed: " + *why : "ok";
    database_.run("INSERT INTO steps(order_id, state, item, amount, answer) VALUES(?, ?, ?, ?, ?)", id,
                  why ? "failed" : "done", item, amount, answer);
    if (!why) database_.run("UPDATE total SET taken = taken + ?", amount);
    say(id, item, answer, answers);
}

// What was done for an order that is rejected is undone; what comes for it later is not done any more.
void StepBook::on_confirmation(const std::string& id, std::string_view value, std::vector<Answer>& answers) {
    auto known = database_.query("SELECT state, item, amount FROM steps WHERE order_id = ?", id);
    if (!known.step()) {
        if (!value.starts_with("rejected")) return;
        database_.run("INSERT INTO steps(order_id, state, item, amount, answer) VALUES(?, 'failed', '', 0, ?)", id,
                      "failed: the order is rejected already");
        return;
    }
    if (value.starts_with("rejected") && known.text(0) == "done") {
        database_.run("UPDATE total SET taken = taken - ?", known.integer(2));
        database_.run("UPDATE steps SET state = 'undone' WHERE order_id = ?", id);
    }
    if (step_ == "shipping" && known.text(1) == "late") answers.push_back({id, "ok"});
}

std::optional<std::string> StepBook::refusal(std::string_view item, std::int64_t cents) const {
    if (cents <= 0) return "it is no order";
    if (step_ == "inventory" && item == "unicorn") return "there is none in stock";
    if (step_ == "payment" && cents > 10'000'000) return "the account does not have so much";
    if (step_ == "shipping" && item == "anvil") return "too heavy";
    return std::nullopt;
}

// The troubles of the world, by the name of the item: an answer comes twice, never, or after all is over.
void StepBook::say(const std::string& id, const std::string& item, const std::string& answer,
                   std::vector<Answer>& answers) const {
    if (step_ == "shipping" && (item == "lost" || item == "late")) return;
    answers.push_back({id, answer});
    if (step_ == "payment" && item == "twice") answers.push_back({id, answer});
}

}  // namespace orders
