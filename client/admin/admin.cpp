// SPDX-License-Identifier: Apache-2.0
// The public face: blocking calls wait on this thread, async_ ones run on the loop.
#include <ottla/admin.hpp>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "client/admin/admin_core.hpp"
#include "client/cluster/metadata_call.hpp"
#include "client/runtime/blocking.hpp"
#include "client/runtime/spawn.hpp"
#include "client/stats/statistics_json.hpp"

namespace ottla::client {

AdminCore::AdminCore(std::shared_ptr<Runtime> runtime, CommonConfig config)
    : runtime_(std::move(runtime)),
      cluster_(Cluster::make(runtime_, std::move(config), false)),
      began_(runtime_->now()) {}

std::shared_ptr<AdminCore> AdminCore::make(std::shared_ptr<Runtime> runtime, CommonConfig config) {
    return std::shared_ptr<AdminCore>(new AdminCore(std::move(runtime), std::move(config)));
}

Error AdminCore::closed_error(std::string_view call) const {
    if (runtime_->is_of_parent()) return made_before_fork();
    return Error::of(ErrorCode::closed,
                     fmt::format("{}: {} is closed; make a new admin client", call, runtime_->name()));
}

awaitable<Result<std::string>> AdminCore::statistics(AdminPtr self) {
    if (self->is_closed()) co_return self->closed_error("statistics");
    auto out = client_json(*self->runtime_, self->cluster_->config(), "admin", self->began_);
    out["metadata_cache_cnt"] = self->cluster_->metadata().topics().size();
    add_brokers(out, *self->cluster_);
    co_return boost::json::serialize(out);
}

awaitable<Result<void>> AdminCore::close(AdminPtr self) {
    if (const Runtime::Entry entry(*self->runtime_); entry)
        asio::post(self->runtime_->executor(), [self] { self->cluster_->close(); });
    return wait_for_end(self);
}

awaitable<Result<void>> AdminCore::wait_for_end(AdminPtr self) {
    // Behind it.
    co_await asio::post(self->runtime_->executor(), asio::use_awaitable);
    co_return ok();
}

Error item_error(std::int16_t code, const std::optional<std::string>& message, std::string_view item) {
    const auto error = static_cast<ErrorCode>(code);
    if (error == ErrorCode::none) return {};
    if (!message || message->empty()) return Error::of(error).with_context(item);
    return Error::of(error, fmt::format("{}: {}", item, *message));
}

}  // namespace ottla::client

namespace ottla::inline v0 {

using client::AdminCore;
using std::chrono::nanoseconds;

namespace {

template <class MakeRuntime>
Result<Admin> make_admin(const Config& config, AdminClientOptions options, MakeRuntime make_runtime) {
    auto settings = client::common_config(config);
    if (!settings) return settings.error();
    settings->logs_are_events = false;  // there are none
    auto runtime = make_runtime(client::client_name(*settings, "admin"), *settings,
                                client::Listeners{std::move(options.log), std::move(options.hooks)});
    client::log_settings_without_effect(config, "A", runtime->log(client::DebugContext::conf));
    client::log_settings(config, runtime->log(client::DebugContext::conf));
    return Admin(AdminCore::make(std::move(runtime), std::move(*settings)));
}

}  // namespace

Result<Admin> Admin::create(const Config& config, AdminClientOptions options) {
    return make_admin(config, std::move(options),
                      [](std::string name, const client::CommonConfig& common, client::Listeners listeners) {
                          return client::Runtime::with_thread(std::move(name), common, std::move(listeners));
                      });
}

Result<Admin> Admin::create(boost::asio::any_io_executor executor, const Config& config, AdminClientOptions options) {
    return make_admin(config, std::move(options),
                      [&](std::string name, const client::CommonConfig& common, client::Listeners listeners) {
                          return client::Runtime::on_executor(std::move(executor), std::move(name), common,
                                                              std::move(listeners));
                      });
}

Admin::Admin(std::shared_ptr<AdminCore> core) noexcept : core_(std::move(core)) {}
Admin::Admin(Admin&&) noexcept = default;

Admin& Admin::operator=(Admin&& other) noexcept {
    Admin old(std::move(*this));
    core_ = std::move(other.core_);
    return *this;
}

Admin::~Admin() {
    if (core_ && !core_->is_closed()) static_cast<void>(close(std::chrono::seconds(1)).has_value());
}

#define OTTLA_ADMIN_CALL(NAME, ANSWER, ARGUMENT)                                                                 \
    Result<ANSWER> Admin::NAME(ARGUMENT asked, AdminOptions options) {                                           \
        if (core_->is_closed()) return core_->closed_error(#NAME);                                               \
        return client::wait_for<ANSWER>(core_->runtime(), #NAME, options.timeout, [&](Completion<ANSWER> done) { \
            start_##NAME(*core_, std::move(asked), options, std::move(done));                                    \
        });                                                                                                      \
    }                                                                                                            \
    void Admin::start_##NAME(AdminCore& core, ARGUMENT asked, AdminOptions options, Completion<ANSWER> done) {   \
        if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error(#NAME));     \
        client::spawn_call(core.runtime(), client::NAME(core.shared_from_this(), std::move(asked), options),     \
                           std::move(done));                                                                     \
    }
OTTLA_ADMIN_CALL(create_topics, std::vector<TopicResult>, std::vector<NewTopic>)
OTTLA_ADMIN_CALL(delete_topics, std::vector<TopicResult>, std::vector<std::string>)
OTTLA_ADMIN_CALL(create_partitions, std::vector<TopicResult>, std::vector<NewPartitions>)
OTTLA_ADMIN_CALL(describe_topics, std::vector<TopicMetadata>, std::vector<std::string>)
OTTLA_ADMIN_CALL(describe_configs, std::vector<ConfigResult>, std::vector<ConfigResource>)
OTTLA_ADMIN_CALL(incremental_alter_configs, std::vector<ConfigResult>, std::vector<ResourceAlterations>)
OTTLA_ADMIN_CALL(list_offsets, std::vector<ListedOffset>, std::vector<TopicPartition>)
OTTLA_ADMIN_CALL(delete_records, std::vector<TopicPartition>, std::vector<TopicPartition>)
OTTLA_ADMIN_CALL(describe_log_dirs, std::vector<BrokerLogDirs>, std::vector<std::int32_t>)
OTTLA_ADMIN_CALL(list_groups, GroupList, GroupFilter)
OTTLA_ADMIN_CALL(describe_groups, std::vector<GroupDescription>, std::vector<std::string>)
OTTLA_ADMIN_CALL(delete_groups, std::vector<GroupResult>, std::vector<std::string>)
OTTLA_ADMIN_CALL(list_group_offsets, std::vector<GroupOffsets>, std::vector<GroupOffsets>)
OTTLA_ADMIN_CALL(alter_group_offsets, std::vector<GroupOffsets>, std::vector<GroupOffsets>)
OTTLA_ADMIN_CALL(delete_group_offsets, std::vector<GroupOffsets>, std::vector<GroupOffsets>)
OTTLA_ADMIN_CALL(remove_group_members, std::vector<RemovedMember>, MembersToRemove)
#undef OTTLA_ADMIN_CALL

Result<std::vector<TopicListing>> Admin::list_topics(AdminOptions options) {
    if (core_->is_closed()) return core_->closed_error("list_topics");
    return client::wait_for<std::vector<TopicListing>>(
        core_->runtime(), "list_topics", options.timeout,
        [&](Completion<std::vector<TopicListing>> done) { start_list_topics(*core_, options, std::move(done)); });
}

void Admin::start_list_topics(AdminCore& core, AdminOptions options, Completion<std::vector<TopicListing>> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("list_topics"));
    client::spawn_call(core.runtime(), client::list_topics(core.shared_from_this(), options), std::move(done));
}

Result<ClusterDescription> Admin::describe_cluster(AdminOptions options) {
    if (core_->is_closed()) return core_->closed_error("describe_cluster");
    return client::wait_for<ClusterDescription>(
        core_->runtime(), "describe_cluster", options.timeout,
        [&](Completion<ClusterDescription> done) { start_describe_cluster(*core_, options, std::move(done)); });
}

void Admin::start_describe_cluster(AdminCore& core, AdminOptions options, Completion<ClusterDescription> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("describe_cluster"));
    client::spawn_call(core.runtime(), client::describe_cluster(core.shared_from_this(), options), std::move(done));
}

Result<Metadata> Admin::metadata(std::optional<std::string> topic, nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("metadata");
    return client::wait_for<Metadata>(core_->runtime(), "metadata", timeout, [&](Completion<Metadata> done) {
        start_metadata(*core_, std::move(topic), timeout, std::move(done));
    });
}

Result<std::string> Admin::statistics(nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("statistics");
    return client::wait_for<std::string>(core_->runtime(), "statistics", timeout, [&](Completion<std::string> done) {
        start_statistics(*core_, std::move(done));
    });
}

Result<void> Admin::close(nanoseconds timeout) {
    if (!core_->begin_close()) return core_->closed_error("close");
    auto& runtime = core_->runtime();
    if (runtime.on_loop()) {
        client::spawn_call(runtime, AdminCore::close(core_), Completion<void>([](Result<void>) {}));
        return ok();
    }
    const auto until = runtime.deadline(timeout);
    auto closed = client::wait_for<void>(runtime, "close", timeout, [&](Completion<void> done) {
        client::spawn_call(runtime, AdminCore::close(core_), std::move(done));
    });
    runtime.finish(until);
    return closed;
}

bool Admin::is_closed() const noexcept { return core_->is_closed(); }
const std::string& Admin::name() const noexcept { return core_->runtime().name(); }

void Admin::start_metadata(AdminCore& core, std::optional<std::string> topic, nanoseconds timeout,
                           Completion<Metadata> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("metadata"));
    client::spawn_call(core.runtime(),
                       client::metadata_call(core.cluster(), std::move(topic), core.runtime().deadline(timeout)),
                       std::move(done));
}

void Admin::start_statistics(AdminCore& core, Completion<std::string> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("statistics"));
    client::spawn_call(core.runtime(), AdminCore::statistics(core.shared_from_this()), std::move(done));
}

void Admin::start_close(AdminCore& core, Completion<void> done) {
    if (!core.begin_close()) return client::answer_without_loop(std::move(done), core.closed_error("close"));
    client::spawn_call(core.runtime(), AdminCore::close(core.shared_from_this()), std::move(done));
}

}  // namespace ottla::inline v0
