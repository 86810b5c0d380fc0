// SPDX-License-Identifier: Apache-2.0
#include "broker/log/memory_disk.hpp"

#include <cerrno>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "broker/log/memory_content.hpp"
#include "broker/log/open_files.hpp"

namespace ottla::broker::log {
namespace {

struct Node {
    // A change of names since the last sync of the directory: what each name came to mean; null: removed.
    using Change = std::vector<std::pair<std::string, std::shared_ptr<Node>>>;
    using Names = std::map<std::string, std::shared_ptr<Node>>;

    explicit Node(bool directory) : is_directory(directory) {}

    bool is_directory;
    bool is_mount = false;
    MemoryContent content;
    Names names;
    Names durable_names;
    std::vector<Change> pending;

    static void apply(Names& names, const Change& change) {
        for (const auto& [name, node] : change) {
            if (node) {
                names[name] = node;
            } else {
                names.erase(name);
            }
        }
    }
    void change_names(Change change) {
        apply(names, change);
        pending.push_back(std::move(change));
    }
    void sync_names() {
        durable_names = names;
        pending.clear();
    }
    void sync_tree() {
        if (!is_directory) return content.sync();
        sync_names();
        for (const auto& [name, node] : names) {
            if (!node->is_mount) node->sync_tree();
        }
    }
    void crash(base::Random& random) {
        if (!is_directory) return content.crash(random);
        const std::size_t kept = random.below(pending.size() + 1);
        for (std::size_t i = 0; i < kept; ++i) apply(durable_names, pending[i]);
        names = durable_names;
        pending.clear();
        for (auto& [name, node] : names) node->crash(random);
    }
};

std::vector<std::string> parts_of(std::string_view path) {
    std::vector<std::string> parts;
    while (!path.empty()) {
        const auto slash = path.find('/');
        const auto part = path.substr(0, slash);
        if (!part.empty() && part != ".") parts.emplace_back(part);
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    }
    return parts;
}

Error failed(const char* doing, const std::string& path, const char* why) {
    return Error::of(ErrorCode::file_system, fmt::format("{} '{}': {}", doing, path, why));
}
Error full(const std::string& path) {
    return Error::of(ErrorCode::storage_full, fmt::format("cannot write '{}': No space left on device", path));
}

}  // namespace

// Shared with open files, which may outlive the disk.
struct MemoryDisk::State {
    mutable std::mutex mutex;  // guards everything below: syncs and reads come from worker threads
    std::shared_ptr<Node> root = std::make_shared<Node>(true);
    std::set<std::string> locked;
    Script script;
    std::uint64_t generation = 0;
    std::uint64_t changes = 0;
    std::uint64_t stop_at = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t capacity = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t used = 0;
    bool syncs_at_once = true;

    std::shared_ptr<Node> find(std::string_view path) const {
        auto node = root;
        for (const auto& part : parts_of(path)) {
            if (!node->is_directory) return nullptr;
            const auto found = node->names.find(part);
            if (found == node->names.end()) return nullptr;
            node = found->second;
        }
        return node;
    }
    // Where the file system begins on which it lies.
    std::shared_ptr<Node> file_system_of(std::string_view path) const {
        auto node = root;
        auto begin = root;
        for (const auto& part : parts_of(path)) {
            const auto found = node->names.find(part);
            if (found == node->names.end()) break;
            node = found->second;
            if (node->is_mount) begin = node;
        }
        return begin;
    }
    // The directory a path lies in and its last part; null when there is no such directory.
    std::pair<std::shared_ptr<Node>, std::string> locate(std::string_view path) const {
        auto parts = parts_of(path);
        if (parts.empty()) return {nullptr, ""};
        std::string last = std::move(parts.back());
        parts.pop_back();
        auto node = root;
        for (const auto& part : parts) {
            const auto found = node->names.find(part);
            if (found == node->names.end() || !found->second->is_directory) return {nullptr, ""};
            node = found->second;
        }
        return {node, std::move(last)};
    }

    // What the script and the stop say about the operation that is about to happen.
    Fault fault_of(Kind kind, const std::string& path, std::uint64_t bytes = 0) {
        if (changes >= stop_at) return Fault::fail;
        if (kind != Kind::read) ++changes;
        return script ? script({kind, path, bytes}) : Fault::none;
    }
    Result<void> admit(Kind kind, const std::string& path, const char* doing) {
        switch (fault_of(kind, path)) {
            case Fault::none: return ok();
            case Fault::full:
            case Fault::torn_full: return full(path);
            case Fault::read_only: return posix_error(doing, path, EROFS);
            default: return failed(doing, path, "Input/output error");
        }
    }

    void recount() {
        used = 0;
        count(*root);
    }

private:
    void count(const Node& node) {
        used += node.content.size();
        for (const auto& [name, child] : node.names) count(*child);
    }
};

class MemoryDisk::OpenFile final : public File {
public:
    OpenFile(std::shared_ptr<State> state, std::string path, std::shared_ptr<Node> node)
        : state_(std::move(state)),
          path_(std::move(path)),
          node_(std::move(node)),
          generation_(state_->generation) {}

    const std::string& path() const override { return path_; }

    Result<std::size_t> read_at(std::uint64_t position, std::span<std::uint8_t> out) const override {
        const std::lock_guard hold(state_->mutex);
        if (stale()) return failed("cannot read", path_, "the machine was restarted");
        if (auto admitted = state_->admit(Kind::read, path_, "cannot read"); !admitted) return admitted.error();
        const std::uint64_t size = node_->content.size();
        const std::size_t count = position < size ? std::min<std::uint64_t>(out.size(), size - position) : 0;
        if (count != 0) node_->content.read(position, out.first(count));
        return count;
    }

    Result<std::uint64_t> size() const override {
        const std::lock_guard hold(state_->mutex);
        if (stale()) return failed("cannot stat", path_, "the machine was restarted");
        return node_->content.size();
    }

    Result<void> write_at(std::uint64_t position, std::span<const ByteSpan> pieces) override {
        std::uint64_t bytes = 0;
        for (const auto piece : pieces) bytes += piece.size();
        const std::lock_guard hold(state_->mutex);
        if (stale()) return failed("cannot write", path_, "the machine was restarted");
        const Fault fault = state_->fault_of(Kind::write, path_, bytes);
        if (fault == Fault::fail) return failed("cannot write", path_, "Input/output error");
        if (fault == Fault::full) return full(path_);
        if (fault == Fault::read_only) return posix_error("cannot write", path_, EROFS);
        std::uint64_t allowed = fault == Fault::none ? bytes : bytes / 2;
        const std::uint64_t size = node_->content.size();
        const std::uint64_t growth = position + bytes > size ? position + bytes - size : 0;
        const std::uint64_t room = state_->capacity - std::min(state_->capacity, state_->used);
        const bool no_room = growth > room;
        if (no_room) allowed = std::min(allowed, bytes - std::min(bytes, growth - room));
        for (auto piece : pieces) {
            piece = piece.first(std::min<std::uint64_t>(piece.size(), allowed));
            node_->content.write(position, piece);
            position += piece.size();
            allowed -= piece.size();
        }
        state_->used += node_->content.size() - size;
        if (no_room || fault == Fault::torn_full) return full(path_);
        if (fault == Fault::torn) return failed("cannot write", path_, "Input/output error");
        return ok();
    }
    using File::write_at;

    Result<void> truncate(std::uint64_t size) override {
        const std::lock_guard hold(state_->mutex);
        if (stale()) return failed("cannot truncate", path_, "the machine was restarted");
        if (auto admitted = state_->admit(Kind::truncate, path_, "cannot truncate"); !admitted) return admitted;
        state_->used -= node_->content.size();
        node_->content.truncate(size);
        state_->used += size;
        return ok();
    }

    Result<void> sync() override {
        const std::lock_guard hold(state_->mutex);
        if (stale()) return failed("cannot sync", path_, "the machine was restarted");
        if (auto admitted = state_->admit(Kind::sync, path_, "cannot sync"); !admitted) return admitted;
        node_->content.sync();
        return ok();
    }

private:
    bool stale() const { return generation_ != state_->generation; }

    std::shared_ptr<State> state_;
    std::string path_;
    std::shared_ptr<Node> node_;
    std::uint64_t generation_;
};

class MemoryDisk::Lock final : public FileLock {
public:
    Lock(std::shared_ptr<State> state, std::string path)
        : state_(std::move(state)),
          path_(std::move(path)),
          generation_(state_->generation) {}
    ~Lock() override {
        const std::lock_guard hold(state_->mutex);
        if (generation_ == state_->generation) state_->locked.erase(path_);
    }

private:
    std::shared_ptr<State> state_;
    std::string path_;
    std::uint64_t generation_;
};

class MemoryDisk::WholeSync final : public FileSystemSync {
public:
    WholeSync(std::shared_ptr<State> state, std::string directory)
        : state_(std::move(state)),
          directory_(std::move(directory)),
          generation_(state_->generation) {}

    Result<void> sync(std::span<const std::shared_ptr<File>>) override {
        const std::lock_guard hold(state_->mutex);
        constexpr auto doing = "cannot sync the file system of";
        if (generation_ != state_->generation) return failed(doing, directory_, "the machine was restarted");
        if (auto admitted = state_->admit(Kind::sync_file_system, directory_, doing); !admitted) return admitted;
        state_->file_system_of(directory_)->sync_tree();
        return ok();
    }

private:
    std::shared_ptr<State> state_;
    std::string directory_;
    std::uint64_t generation_;
};

MemoryDisk::MemoryDisk() : state_(std::make_shared<State>()) {}
MemoryDisk::~MemoryDisk() = default;

Result<bool> MemoryDisk::exists(const std::string& path) {
    const std::lock_guard hold(state_->mutex);
    return state_->find(path) != nullptr;
}

Result<std::shared_ptr<File>> MemoryDisk::open(const std::string& path) {
    const std::lock_guard hold(state_->mutex);
    auto node = state_->find(path);
    if (!node) return failed("cannot open", path, "No such file or directory");
    if (node->is_directory) return failed("cannot open", path, "Is a directory");
    return std::shared_ptr<File>(std::make_shared<OpenFile>(state_, path, std::move(node)));
}

Result<std::shared_ptr<File>> MemoryDisk::create(const std::string& path) {
    const std::lock_guard hold(state_->mutex);
    const auto [directory, name] = state_->locate(path);
    if (!directory) return failed("cannot open", path, "No such file or directory");
    if (auto admitted = state_->admit(Kind::create, path, "cannot open"); !admitted) return admitted.error();
    auto& node = directory->names[name];
    if (node) {
        if (node->is_directory) return failed("cannot open", path, "Is a directory");
        state_->used -= node->content.size();
        node->content.truncate(0);
    } else {
        directory->change_names({{name, std::make_shared<Node>(false)}});
    }
    return std::shared_ptr<File>(std::make_shared<OpenFile>(state_, path, node));
}

Result<void> MemoryDisk::rename(const std::string& from, const std::string& to) {
    const std::lock_guard hold(state_->mutex);
    const auto node = state_->find(from);
    const auto [source, source_name] = state_->locate(from);
    const auto [target, target_name] = state_->locate(to);
    if (!node || !source || !target) return failed("cannot rename", from, "No such file or directory");
    if (auto admitted = state_->admit(Kind::rename, from, "cannot rename"); !admitted) return admitted;
    if (source == target) {
        source->change_names({{source_name, nullptr}, {target_name, node}});
    } else {
        target->change_names({{target_name, node}});
        source->change_names({{source_name, nullptr}});
    }
    state_->recount();
    return ok();
}

Result<void> MemoryDisk::remove(const std::string& path) {
    const std::lock_guard hold(state_->mutex);
    const auto node = state_->find(path);
    if (!node) return ok();
    if (!node->names.empty()) return failed("cannot remove", path, "Directory not empty");
    if (auto admitted = state_->admit(Kind::remove, path, "cannot remove"); !admitted) return admitted;
    const auto [directory, name] = state_->locate(path);
    directory->change_names({{name, nullptr}});
    state_->used -= node->content.size();
    return ok();
}

Result<std::vector<DirectoryEntry>> MemoryDisk::list(const std::string& directory) {
    const std::lock_guard hold(state_->mutex);
    const auto node = state_->find(directory);
    if (!node || !node->is_directory) return failed("cannot list", directory, "No such file or directory");
    std::vector<DirectoryEntry> entries;
    for (const auto& [name, child] : node->names) entries.push_back({name, child->is_directory});
    return entries;
}

Result<void> MemoryDisk::make_directory(const std::string& path) {
    const std::lock_guard hold(state_->mutex);
    auto node = state_->root;
    for (const auto& part : parts_of(path)) {
        const auto found = node->names.find(part);
        if (found == node->names.end()) {
            auto admitted = state_->admit(Kind::make_directory, path, "cannot make directory");
            if (!admitted) return admitted;
            auto made = std::make_shared<Node>(true);
            node->change_names({{part, made}});
            node = std::move(made);
        } else {
            node = found->second;
            if (!node->is_directory) return failed("cannot make directory", path, "File exists");
        }
    }
    return ok();
}

Result<void> MemoryDisk::sync_directory(const std::string& path) {
    const std::lock_guard hold(state_->mutex);
    const auto node = state_->find(path);
    if (!node || !node->is_directory) return failed("cannot sync", path, "No such file or directory");
    if (auto admitted = state_->admit(Kind::sync_directory, path, "cannot sync"); !admitted) return admitted;
    node->sync_names();
    return ok();
}

std::unique_ptr<FileSystemSync> MemoryDisk::file_system_sync(const std::string& directory) {
    const std::lock_guard hold(state_->mutex);
    if (!state_->syncs_at_once) return nullptr;
    return std::make_unique<WholeSync>(state_, directory);
}

Result<std::unique_ptr<FileLock>> MemoryDisk::lock(const std::string& path) {
    if (auto there = exists(path); there && !*there) {
        if (auto made = create(path); !made) return made.error();
    }
    const std::lock_guard hold(state_->mutex);
    if (!state_->locked.insert(path).second) {
        return Error::of(ErrorCode::locked, fmt::format("'{}' is locked: another broker uses this directory", path));
    }
    return std::unique_ptr<FileLock>(std::make_unique<Lock>(state_, path));
}

Result<std::uint64_t> MemoryDisk::file_system_of(const std::string& path) {
    const std::lock_guard hold(state_->mutex);
    return reinterpret_cast<std::uintptr_t>(state_->file_system_of(path).get());
}

Result<std::uint64_t> MemoryDisk::total_bytes(const std::string&) {
    const std::lock_guard hold(state_->mutex);
    return state_->capacity;
}

Result<std::uint64_t> MemoryDisk::free_bytes(const std::string&) {
    const std::lock_guard hold(state_->mutex);
    return state_->capacity - std::min(state_->capacity, state_->used);
}

void MemoryDisk::set_script(Script script) {
    const std::lock_guard hold(state_->mutex);
    state_->script = std::move(script);
}

void MemoryDisk::fail_nth(Kind kind, std::uint64_t nth, Fault fault) {
    set_script([kind, fault, left = nth](const Operation& operation) mutable {
        if (operation.kind != kind || left == 0) return Fault::none;
        return --left == 0 ? fault : Fault::none;
    });
}

void MemoryDisk::mount(const std::string& path) {
    const std::lock_guard hold(state_->mutex);
    state_->find(path)->is_mount = true;
}

void MemoryDisk::set_syncs_at_once(bool can) {
    const std::lock_guard hold(state_->mutex);
    state_->syncs_at_once = can;
}

void MemoryDisk::set_capacity(std::uint64_t bytes) {
    const std::lock_guard hold(state_->mutex);
    state_->capacity = bytes;
}

std::uint64_t MemoryDisk::changes() const {
    const std::lock_guard hold(state_->mutex);
    return state_->changes;
}

void MemoryDisk::stop_after(std::uint64_t more_changes) {
    const std::lock_guard hold(state_->mutex);
    state_->stop_at = state_->changes + more_changes;
}

void MemoryDisk::crash(base::Random& random) {
    restart();
    const std::lock_guard hold(state_->mutex);
    state_->root->crash(random);
    state_->recount();
}

void MemoryDisk::restart() {
    const std::lock_guard hold(state_->mutex);
    ++state_->generation;
    state_->locked.clear();
    state_->stop_at = std::numeric_limits<std::uint64_t>::max();
    state_->script = nullptr;
}

}  // namespace ottla::broker::log
