// SPDX-License-Identifier: Apache-2.0
// GroupLog: what stands in __consumer_offsets about one group, in its order: read as any consumer would read it, and
// decoded here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/message.hpp>
#include <ottla/uuid.hpp>

namespace ottla::test {

// A partition of a topic.
using Place = std::pair<std::string, std::int32_t>;
std::string to_string(const Place&);

struct LoggedCommit {
    Place place;
    std::optional<std::int64_t> offset;  // none: it was deleted
    std::int64_t at_ms = 0;
    std::string metadata;
};

// As the coordinator wrote it down with an assignment, or when nobody was left; of the consumer protocol, as it stands
// behind each of its records.
struct LoggedGeneration {
    std::int32_t number = -1;
    bool is_dealt = false;                           // by the coordinator: the number is the group's epoch
    std::map<std::string, std::set<Place>> members;  // what each is assigned, or has yet to give up, by its id
    std::set<std::string> topics;                    // that they subscribe to
};

struct GroupLog {
    struct Entry {
        std::optional<LoggedCommit> commit;
        std::optional<LoggedGeneration> generation;  // neither: the group was deleted
        std::int64_t at_ms = 0;                      // of the record
    };
    std::vector<Entry> entries;
    // Nothing was compacted away.
    bool whole = true;

    // Of those with members.
    std::set<std::int32_t> generations() const;
};

// All groups, by their ids, out of one partition's records in the order of their offsets.
class GroupLogReader {
public:
    // `names`: of the topics that there are.
    explicit GroupLogReader(std::map<Uuid, std::string> names = {}) : names_(std::move(names)) {}
    // A record that cannot be understood is a problem.
    void take(const MessageView&);
    const std::map<std::string, GroupLog>& groups() const noexcept { return groups_; }

    std::vector<std::string> problems;

private:
    // Of the consumer protocol.
    struct Dealt {
        LoggedGeneration now;
        std::map<std::string, std::vector<std::string>> topics;  // that each member subscribes to
    };
    std::optional<GroupLog::Entry> dealt_in(std::int16_t type, const MessageView&, std::string& group);
    bool take_epoch(const MessageView&, Dealt&);
    bool take_member(const MessageView&, const std::string& member, Dealt&);
    bool take_position(const MessageView&, const std::string& member, Dealt&);

    std::map<Uuid, std::string> names_;
    std::map<std::string, Dealt> dealt_;
    std::int64_t next_offset_ = 0;
    bool whole_ = true;
    std::map<std::string, GroupLog> groups_;
};

}  // namespace ottla::test
