// SPDX-License-Identifier: Apache-2.0
// ottla-generate INCLUDE_DIR SOURCE_DIR BATCHES LIST: writes the C++ of all messages whose specs LIST names, one
// path a line. Sources are gathered into BATCHES unity files of 16, for the codec and for JSON. A file that would not
// change is not touched.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "protocol/generator/emit.hpp"
#include "protocol/generator/names.hpp"

namespace fs = std::filesystem;
using namespace ottla::generator;

namespace {

constexpr std::size_t batch_size = 16;

void write(const fs::path& path, const std::string& text) {
    if (std::ifstream in(path, std::ios::binary); in) {
        std::stringstream old;
        old << in.rdbuf();
        if (old.view() == text) return;
    }
    fs::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.close();
    if (!out) throw SpecError(path.string() + ": can't be written");
}

std::vector<std::string> read_list(const std::string& path) {
    std::ifstream in(path);
    if (!in) throw SpecError(path + ": can't be read");
    std::vector<std::string> paths;
    for (std::string line; std::getline(in, line);) {
        if (!line.empty()) paths.push_back(line);
    }
    return paths;
}

std::vector<Spec> read_all(const std::vector<std::string>& paths) {
    std::vector<Spec> specs;
    std::map<std::string, std::string> seen;
    for (const std::string& path : paths) {
        Spec spec = read_spec(path);
        const auto [other, added] = seen.emplace(spec.name, path);
        if (!added) throw SpecError(path + ": the message '" + spec.name + "' is also in " + other->second);
        specs.push_back(std::move(spec));
    }
    std::ranges::sort(specs, {}, &Spec::name);
    return specs;
}

// The response to a request and the other way round: the same API key.
std::string partner(const Spec& spec, const std::vector<Spec>& specs) {
    const char* wanted = spec.type == "request" ? "response" : spec.type == "response" ? "request" : "";
    for (const Spec& other : specs) {
        if (other.type == wanted && other.has_fields() && other.api_key == spec.api_key) return other.name;
    }
    return {};
}

void generate(const fs::path& headers, const fs::path& sources, std::size_t batches,
              const std::vector<std::string>& paths) {
    std::vector<Spec> specs = read_all(paths);
    if (specs.size() > batches * batch_size) throw SpecError("there are more specs than batches for them");
    write(headers / "ottla/protocol/api_keys.inc", emit_api_keys(specs));
    write(headers / "ottla/protocol/messages.hpp", emit_all_headers(specs));
    write(headers / "ottla/protocol/message_table.inc", emit_message_table(specs));
    // The hot ones stand in the first batch, which is compiled with more care.
    std::ranges::stable_partition(specs, &Spec::hot);
    std::vector<std::string> unity(batches), unity_json(batches);
    std::size_t count = 0;
    for (const Spec& spec : specs) {
        if (!spec.has_fields()) continue;
        const std::string file = snake_case(spec.name);
        write(headers / "ottla/protocol/messages" / (file + ".hpp"), emit_header(spec, partner(spec, specs)));
        write(sources / (file + "_walk.hpp"), emit_walk(spec));
        write(sources / (file + ".cpp"), emit_source(spec));
        write(sources / (file + "_json.cpp"), emit_json(spec));
        unity[count / batch_size] += "#include \"" + file + ".cpp\"\n";
        unity_json[count / batch_size] += "#include \"" + file + "_json.cpp\"\n";
        ++count;
    }
    for (std::size_t i = 0; i < batches; ++i) {
        write(sources / ("messages_" + std::to_string(i) + ".cpp"), preamble("all specs") + unity[i]);
        write(sources / ("json_" + std::to_string(i) + ".cpp"), preamble("all specs") + unity_json[i]);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::cerr << "usage: ottla-generate INCLUDE_DIR SOURCE_DIR BATCHES LIST\n";
        return 2;
    }
    try {
        generate(argv[1], argv[2], static_cast<std::size_t>(std::stoul(argv[3])), read_list(argv[4]));
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "ottla-generate: " << e.what() << "\n";
        return 1;
    }
}
