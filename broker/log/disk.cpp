// SPDX-License-Identifier: Apache-2.0
#include "broker/log/disk.hpp"

#include <fmt/core.h>

namespace ottla::broker::log {

std::string join_path(std::string_view directory, std::string_view name) {
    if (directory.empty()) return std::string(name);
    std::string path(directory);
    if (path.back() != '/') path += '/';
    return path += name;
}

std::string parent_path(std::string_view path) {
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos) return ".";
    return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

Result<void> File::read_exactly(std::uint64_t position, std::span<std::uint8_t> out) const {
    const auto read = read_at(position, out);
    if (!read) return read.error();
    if (*read == out.size()) return ok();
    return Error::of(ErrorCode::file_system, fmt::format("cannot read {} bytes of '{}' at {}: it ends after {}",
                                                         out.size(), path(), position, *read));
}

Result<std::string> read_text(Disk& disk, const std::string& path, std::size_t bytes_max) {
    auto file = disk.open(path);
    if (!file) return file.error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    if (*size > bytes_max) {
        return Error::of(ErrorCode::limit_exceeded,
                         fmt::format("'{}' has {} bytes, more than {}", path, *size, bytes_max));
    }
    std::string text(*size, '\0');
    if (auto read = (*file)->read_exactly(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}); !read) {
        return read.error();
    }
    return text;
}

Result<std::shared_ptr<File>> write_beside(Disk& disk, const std::string& path, std::string_view text) {
    auto file = disk.create(path + ".tmp");
    if (!file) return file.error();
    if (auto written = (*file)->write_at(0, as_bytes(text)); !written) return written.error();
    return file;
}

Result<void> replace_with_beside(Disk& disk, const std::string& path) { return disk.rename(path + ".tmp", path); }

Result<void> replace_text(Disk& disk, const std::string& path, std::string_view text) {
    const auto beside = write_beside(disk, path, text);
    if (!beside) return beside.error();
    if (auto synced = (*beside)->sync(); !synced) return synced;
    if (auto replaced = replace_with_beside(disk, path); !replaced) return replaced;
    return disk.sync_directory(parent_path(path));
}

Result<void> make_durable_directory(Disk& disk, const std::string& path) {
    const std::string parent = parent_path(path);
    const auto there = disk.exists(path);
    if (!there) return there.error();
    if (*there) {
        const auto synced = disk.sync_directory(parent);
        static_cast<void>(synced);  // not ours to read, perhaps
        return disk.make_directory(path);
    }
    if (parent != path && parent != ".") {
        if (auto made = make_durable_directory(disk, parent); !made) return made;
    }
    if (auto made = disk.make_directory(path); !made) return made;
    return disk.sync_directory(parent);
}

Result<void> remove_tree(Disk& disk, const std::string& path) {
    auto entries = disk.list(path);
    if (!entries) return entries.error();
    for (const auto& entry : *entries) {
        const std::string child = join_path(path, entry.name);
        auto removed = entry.is_directory ? remove_tree(disk, child) : disk.remove(child);
        if (!removed) return removed;
    }
    return disk.remove(path);
}

}  // namespace ottla::broker::log
