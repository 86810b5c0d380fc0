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

// As the coordinator wrote it down with an assignment, or when nobody was left.
struct LoggedGeneration {
    std::int32_t number = -1;
    std::map<std::string, std::set<Place>> members;  // what each is assigned, by its id
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
    // A record that cannot be understood is a problem.
    void take(const MessageView&);
    const std::map<std::string, GroupLog>& groups() const noexcept { return groups_; }

    std::vector<std::string> problems;

private:
    std::int64_t next_offset_ = 0;
    bool whole_ = true;
    std::map<std::string, GroupLog> groups_;
};

}  // namespace ottla::test
