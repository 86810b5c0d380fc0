// SPDX-License-Identifier: Apache-2.0
#include "client/config/client_config.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <ottla/protocol/compression_type.hpp>

#include "base/assert.hpp"
#include "client/config/iso_duration.hpp"
#include "client/config/property_table.hpp"
#include "client/consumer/assignors/assignor.hpp"

namespace ottla::client {
namespace {

// Reads settings that are checked already.
class Values {
public:
    explicit Values(const Config& config) : config_(config) {}

    std::string text(std::string_view name) const {
        auto value = config_.get(name);
        OTTLA_ASSERT(value.has_value());
        return value ? *value : std::string();
    }
    std::int64_t integer(std::string_view name) const { return read_integer(text(name)).value_or(0); }
    bool boolean(std::string_view name) const { return read_boolean(text(name)).value_or(false); }
    double real(std::string_view name) const { return read_real(text(name)).value_or(0); }
    milliseconds ms(std::string_view name) const { return milliseconds(integer(name)); }
    DebugContexts contexts(std::string_view name) const {
        DebugContexts found;
        const std::string list = lower(text(name));
        for (std::size_t begin = 0; begin < list.size();) {
            const std::size_t end = std::min(list.find_first_of(", \t", begin), list.size());
            const std::string_view item = std::string_view(list).substr(begin, end - begin);
            if (item == "all") found = DebugContexts::all();
            if (const auto at = std::ranges::find(debug_context_names, item); at != debug_context_names.end())
                found.add(static_cast<DebugContext>(at - debug_context_names.begin()));
            begin = end + 1;
        }
        return found;
    }
    // Nothing: the value does not begin with `word`.
    std::optional<milliseconds> duration_after(std::string_view word, std::string_view name) const {
        const std::string value = word_of(name);
        if (!value.starts_with(word)) return std::nullopt;
        return parse_iso_duration(std::string_view(value).substr(word.size()));
    }
    // The place of the value in the list.
    template <std::size_t N>
    std::size_t choice(std::string_view name, const std::array<std::string_view, N>& names) const {
        const std::string value = word_of(name);
        const auto at = std::ranges::find(names, value);
        OTTLA_ASSERT(at != names.end());
        return static_cast<std::size_t>(at - names.begin());
    }

private:
    // Without the blanks around it, which are allowed.
    std::string word_of(std::string_view name) const {
        const std::string value = lower(text(name));
        const auto begin = value.find_first_not_of(" \t");
        if (begin == std::string::npos) return {};
        return value.substr(begin, value.find_last_not_of(" \t") - begin + 1);
    }
    static std::string lower(std::string value) {
        for (char& c : value)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        return value;
    }

    const Config& config_;
};

Error contradiction(std::string text) { return Error::of(ErrorCode::invalid_argument, std::move(text)); }

// Syslog's numbers, 0 (emergency) to 7 (debug): of debug lines there are those alone that `debug` names.
base::LogLevel log_level(std::int64_t syslog) {
    if (syslog >= 5) return base::LogLevel::info;
    if (syslog == 4) return base::LogLevel::warn;
    return base::LogLevel::error;
}

// The larger age of the two that librdkafka has is of no use: what is old by the smaller is refreshed.
milliseconds metadata_max_age(const Values& v) {
    const auto age = v.ms("metadata.max.age.ms");
    const auto interval = v.integer("topic.metadata.refresh.interval.ms");
    return interval <= 0 ? age : std::min(age, milliseconds(interval));
}

// What idempotence needs and is set otherwise; empty when nothing is.
std::string against_idempotence(const ProducerConfig& p) {
    constexpr int in_flight_most = 5;
    std::vector<std::string> needs;
    if (p.acks != Acks::all) needs.push_back(fmt::format("acks=all (it is {})", static_cast<int>(p.acks)));
    if (p.common.max_in_flight > in_flight_most)
        needs.push_back(fmt::format("max.in.flight of at most {} (it is {})", in_flight_most, p.common.max_in_flight));
    if (p.retries == 0) needs.emplace_back("retries above 0 (it is 0)");
    return fmt::format("{}", fmt::join(needs, " and "));
}

}  // namespace

Result<CommonConfig> common_config(const Config& config) {
    if (auto checked = config.check(); !checked) return checked.error();
    const Values v(config);
    const std::string servers = v.text("bootstrap.servers");
    if (servers.empty())
        return Error::of(ErrorCode::not_configured,
                         "bootstrap.servers is not set: name at least one broker as host:port");
    auto endpoints = net::Endpoint::parse_list(servers);
    if (!endpoints) return endpoints.error().with_context("setting bootstrap.servers");

    CommonConfig c;
    c.client_id = v.text("client.id");
    c.client_rack = v.text("client.rack");
    c.bootstrap_servers = std::move(*endpoints);
    c.receive_message_bytes_max = static_cast<std::size_t>(v.integer("receive.message.max.bytes"));
    c.metadata_max_age = metadata_max_age(v);
    c.metadata_refresh_backoff = v.ms("topic.metadata.refresh.fast.interval.ms");
    c.metadata_propagation_max = v.ms("topic.metadata.propagation.max.ms");
    c.socket_timeout = v.ms("socket.timeout.ms");
    c.connection_setup_timeout = v.ms("socket.connection.setup.timeout.ms");
    c.api_version_timeout = v.ms("api.version.request.timeout.ms");
    c.reconnect_backoff = v.ms("reconnect.backoff.ms");
    c.reconnect_backoff_max = v.ms("reconnect.backoff.max.ms");
    c.retry_backoff = v.ms("retry.backoff.ms");
    c.retry_backoff_max = v.ms("retry.backoff.max.ms");
    c.connections_idle_max = v.ms("connections.max.idle.ms");
    static constexpr std::array<std::string_view, 2> strategies = {"none", "rebootstrap"};
    c.rebootstraps = v.choice("metadata.recovery.strategy", strategies) == 1;
    c.rebootstrap_after = v.ms("metadata.recovery.rebootstrap.trigger.ms");
    c.allow_auto_create_topics = v.boolean("allow.auto.create.topics");
    c.max_in_flight = static_cast<int>(v.integer("max.in.flight"));
    c.statistics_interval = v.ms("statistics.interval.ms");
    c.log_level = log_level(v.integer("log_level"));
    c.debug = v.contexts("debug");
    c.logs_are_events = v.boolean("log.queue");
    c.logs_ends_of_connections = v.boolean("log.connection.close");
    if (c.reconnect_backoff > c.reconnect_backoff_max)
        return contradiction(fmt::format("reconnect.backoff.ms ({}) is above reconnect.backoff.max.ms ({})",
                                         c.reconnect_backoff.count(), c.reconnect_backoff_max.count()));
    if (c.retry_backoff > c.retry_backoff_max)
        return contradiction(fmt::format("retry.backoff.ms ({}) is above retry.backoff.max.ms ({})",
                                         c.retry_backoff.count(), c.retry_backoff_max.count()));
    return c;
}

namespace {

std::string_view levels_of(Compression c) {
    switch (c) {
        case Compression::gzip: return "use 0 to 9, or -1 for its default";
        case Compression::snappy: return "it has no levels";
        default: return "use 0 to 12, or -1 for its default";
    }
}

}  // namespace

Result<ProducerConfig> producer_config(const Config& config) {
    auto common = common_config(config);
    if (!common) return common.error();
    const Values v(config);
    static constexpr std::array<std::string_view, 5> codecs = {"none", "gzip", "snappy", "lz4", "zstd"};
    static constexpr std::array<std::string_view, 8> partitioners = {
        "consistent", "consistent_random", "murmur2", "murmur2_random",
        "fnv1a",      "fnv1a_random",      "random",  "round_robin"};
    static constexpr std::array<std::string_view, 4> acks = {"all", "-1", "0", "1"};
    static constexpr std::array<Acks, 4> acks_values = {Acks::all, Acks::all, Acks::none, Acks::leader};

    ProducerConfig p;
    p.common = std::move(*common);
    p.acks = acks_values[v.choice("acks", acks)];
    p.linger =
        std::chrono::duration_cast<base::Duration>(std::chrono::duration<double, std::milli>(v.real("linger.ms")));
    p.batch_bytes_max = static_cast<std::size_t>(v.integer("batch.size"));
    p.batch_messages_max = static_cast<std::int32_t>(v.integer("batch.num.messages"));
    p.message_bytes_max = static_cast<std::size_t>(v.integer("message.max.bytes"));
    p.queue_messages_max = static_cast<std::size_t>(v.integer("queue.buffering.max.messages"));
    p.queue_bytes_max = static_cast<std::size_t>(v.integer("queue.buffering.max.kbytes")) * 1024;
    p.retries = v.integer("retries");
    p.request_timeout = v.ms("request.timeout.ms");
    p.delivery_timeout = v.ms("delivery.timeout.ms");
    p.compression = static_cast<Compression>(v.choice("compression.type", codecs));
    p.compression_level = static_cast<int>(v.integer("compression.level"));
    if (p.compression != Compression::none &&
        !protocol::is_valid_level(static_cast<protocol::CompressionType>(p.compression), p.compression_level))
        return contradiction(fmt::format("compression.level={} is none of compression.type={}: {}", p.compression_level,
                                         v.text("compression.type"), levels_of(p.compression)));
    p.partitioner = static_cast<Partitioner>(v.choice("partitioner", partitioners));
    p.topic_idle_max = v.ms("metadata.max.idle.ms");
    p.sticky_linger = v.ms("sticky.partitioning.linger.ms");
    p.idempotence = v.boolean("enable.idempotence");
    if (const std::string against = against_idempotence(p); p.idempotence && !against.empty()) {
        if (config.entries().contains("enable.idempotence"))
            return contradiction(fmt::format("enable.idempotence=true needs {}", against));
        p.idempotence = false;
        p.no_idempotence_because = against;
    }
    if (p.delivery_timeout.count() != 0 && p.linger > p.delivery_timeout)
        return contradiction(fmt::format("linger.ms ({}) is above delivery.timeout.ms ({}): no record could be sent",
                                         v.text("linger.ms"), p.delivery_timeout.count()));
    return p;
}

namespace {

std::vector<std::string> items_of(std::string_view list) {
    std::vector<std::string> items;
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        auto item = list.substr(0, comma);
        while (item.starts_with(' ')) item.remove_prefix(1);
        while (item.ends_with(' ')) item.remove_suffix(1);
        if (!item.empty()) items.emplace_back(item);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return items;
}

// Each has a name of its own, and is named in the setting.
Result<void> check_own_assignors(const GroupConfig& g) {
    std::set<std::string_view> names;
    for (const auto& own : g.own_assignors) {
        if (!own) return contradiction("ConsumerOptions::assignors has one that is null");
        const auto name = own->name();
        if (name.empty() || name.find_first_of(", \t") != std::string_view::npos)
            return contradiction(fmt::format("an assignor cannot be named '{}': no commas, no spaces", name));
        if (find_assignor(name) || !names.insert(name).second)
            return contradiction(fmt::format("there is an assignor '{}' already: give yours another name", name));
        if (std::ranges::find(g.assignors, name) == g.assignors.end())
            return contradiction(
                fmt::format("assignor '{}' is not named in partition.assignment.strategy: nobody would use it", name));
    }
    return ok();
}

bool is_known(const GroupConfig& g, const std::string& assignor) {
    return find_assignor(assignor) ||
           std::ranges::any_of(g.own_assignors, [&](const auto& own) { return own->name() == assignor; });
}

Result<void> check_classic_group(const Config& config, const GroupConfig& g) {
    if (auto fine = check_own_assignors(g); !fine) return fine;
    if (config.entries().contains("group.remote.assignor"))
        return contradiction(
            "group.remote.assignor names an assignor of the coordinator, which group.protocol=classic has none of: use "
            "partition.assignment.strategy, or group.protocol=consumer");
    if (g.assignors.empty())
        return contradiction(
            "partition.assignment.strategy names no assignor; use range, roundrobin, sticky or "
            "cooperative-sticky");
    for (const auto& name : g.assignors)
        if (!is_known(g, name))
            return contradiction(fmt::format(
                "partition.assignment.strategy: there is no assignor '{}'; use range, roundrobin, sticky or "
                "cooperative-sticky, or give yours in ConsumerOptions::assignors",
                name));
    if (g.heartbeat_interval >= g.session_timeout)
        return contradiction(fmt::format("heartbeat.interval.ms ({}) must be below session.timeout.ms ({})",
                                         g.heartbeat_interval.count(), g.session_timeout.count()));
    if (g.session_timeout > g.max_poll_interval)
        return contradiction(fmt::format("session.timeout.ms ({}) is above max.poll.interval.ms ({})",
                                         g.session_timeout.count(), g.max_poll_interval.count()));
    return ok();
}

// What the brokers decide there (KIP-848).
Result<void> check_consumer_group(const Config& config, const GroupConfig& g) {
    if (!g.own_assignors.empty())
        return contradiction(
            "ConsumerOptions::assignors has no meaning with group.protocol=consumer, where the coordinator shares out: "
            "use "
            "group.remote.assignor, or group.protocol=classic");
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> of_the_brokers = {{
        {"session.timeout.ms",
         "the group's consumer.session.timeout.ms, or the brokers' group.consumer.session.timeout.ms"},
        {"heartbeat.interval.ms",
         "the group's consumer.heartbeat.interval.ms, or the brokers' group.consumer.heartbeat.interval.ms"},
        {"partition.assignment.strategy", "group.remote.assignor"},
    }};
    for (const auto& [name, instead] : of_the_brokers)
        if (config.entries().contains(std::string(name)))
            return contradiction(fmt::format("{} has no meaning with group.protocol=consumer: use {}", name, instead));
    return ok();
}

Result<GroupConfig> group_config(const Config& config, const Values& v,
                                 std::vector<std::shared_ptr<GroupAssignor>> own) {
    GroupConfig g;
    g.own_assignors = std::move(own);
    g.id = v.text("group.id");
    if (const auto instance = v.text("group.instance.id"); !instance.empty()) g.instance_id = instance;
    static constexpr std::array<std::string_view, 2> protocols = {"classic", "consumer"};
    g.protocol = static_cast<GroupProtocol>(v.choice("group.protocol", protocols));
    g.remote_assignor = v.text("group.remote.assignor");
    g.assignors = items_of(v.text("partition.assignment.strategy"));
    g.session_timeout = v.ms("session.timeout.ms");
    g.heartbeat_interval = v.ms("heartbeat.interval.ms");
    g.max_poll_interval = v.ms("max.poll.interval.ms");
    g.give_back_max = g.protocol == GroupProtocol::classic
                          ? g.session_timeout / 2
                          : std::min(g.max_poll_interval / 2, v.ms("socket.timeout.ms"));
    g.auto_commit_interval = v.ms("auto.commit.interval.ms");
    g.auto_commit = v.boolean("enable.auto.commit") && g.auto_commit_interval.count() > 0;
    g.auto_store = v.boolean("enable.auto.offset.store");
    if (g.id.empty()) return g;
    const bool classic = g.protocol == GroupProtocol::classic;
    if (auto fine = classic ? check_classic_group(config, g) : check_consumer_group(config, g); !fine)
        return fine.error();
    return g;
}

}  // namespace

Result<ConsumerConfig> consumer_config(const Config& config, std::vector<std::shared_ptr<GroupAssignor>> own) {
    auto common = common_config(config);
    if (!common) return common.error();
    const Values v(config);
    static constexpr std::array<std::string_view, 8> resets = {"smallest", "earliest", "beginning", "largest",
                                                               "latest",   "end",      "error",     "none"};
    static constexpr std::array<std::string_view, 2> levels = {"read_uncommitted", "read_committed"};

    ConsumerConfig c;
    c.common = std::move(*common);
    if (const auto age = v.duration_after("by_duration:", "auto.offset.reset")) {
        c.offset_reset = OffsetReset::by_duration;
        c.offset_reset_age = *age;
    } else {
        const auto reset = v.choice("auto.offset.reset", resets);
        c.offset_reset = reset < 3 ? OffsetReset::earliest : reset < 6 ? OffsetReset::latest : OffsetReset::none;
        c.offset_reset_age = milliseconds(0);
    }
    c.isolation_level = static_cast<IsolationLevel>(v.choice("isolation.level", levels));
    c.fetch_wait_max = v.ms("fetch.wait.max.ms");
    c.fetch_error_backoff = v.ms("fetch.error.backoff.ms");
    c.fetch_bytes_min = static_cast<std::int32_t>(v.integer("fetch.min.bytes"));
    c.fetch_bytes_max = static_cast<std::int32_t>(v.integer("fetch.max.bytes"));
    c.partition_fetch_bytes_max = static_cast<std::int32_t>(v.integer("max.partition.fetch.bytes"));
    c.prefetch_bytes_max = v.integer("queued.max.messages.kbytes") * 1024;
    c.partition_eof = v.boolean("enable.partition.eof");
    c.check_crcs = v.boolean("check.crcs");
    auto group = group_config(config, v, std::move(own));
    if (!group) return group.error();
    c.group = std::move(*group);
    if (c.fetch_wait_max >= c.common.socket_timeout)
        return contradiction(fmt::format("fetch.wait.max.ms ({}) must be below socket.timeout.ms ({})",
                                         c.fetch_wait_max.count(), c.common.socket_timeout.count()));
    if (c.fetch_bytes_min > c.fetch_bytes_max)
        return contradiction(
            fmt::format("fetch.min.bytes ({}) is above fetch.max.bytes ({})", c.fetch_bytes_min, c.fetch_bytes_max));
    return c;
}

void log_settings_without_effect(const Config& config, std::string_view client, const base::Log& log) {
    for (const auto& [name, value] : config.entries()) {
        const Property* p = find_property(name);
        if (!p) continue;
        if (p->state == ConfigProperty::State::accepted)
            log.warn("setting {} has no effect: {}", name, p->note);
        else if (p->clients != "*" && p->clients != client)
            log.warn("setting {} has no effect on a {}", name,
                     client == "P"   ? "producer"
                     : client == "C" ? "consumer"
                                     : "admin client");
        else if (client == "A" && name == "statistics.interval.ms")
            log.warn("setting {} has no effect on an admin client, which has no events: call statistics()", name);
        else if (client == "A" && name == "log.queue")
            log.warn("setting {} has no effect on an admin client, which has no events: give AdminClientOptions::log",
                     name);
    }
}

void log_settings(const Config& config, const base::Log& log) {
    if (!log.enabled(base::LogLevel::debug)) return;
    const std::string all = to_string(config);
    for (std::size_t begin = 0; begin < all.size();) {
        const std::size_t end = std::min(all.find('\n', begin), all.size());
        log.debug("setting {}", std::string_view(all).substr(begin, end - begin));
        begin = end + 1;
    }
}

}  // namespace ottla::client
