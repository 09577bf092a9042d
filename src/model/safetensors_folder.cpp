// A checkpoint in several files: model.safetensors.index.json says which tensor lies in which.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <system_error>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "model/safetensors.hpp"

namespace rigcast::model {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLongestIndex = 256 * 1024 * 1024;
constexpr std::string_view kIndexName = "model.safetensors.index.json";

// Tensor name -> file name.
using WeightMap = std::map<std::string, std::string>;

class IndexHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  WeightMap map;
  std::string problem;
  std::size_t problem_at = 0;

  bool null() override { return plain(); }
  bool boolean(bool) override { return plain(); }
  bool number_integer(number_integer_t) override { return plain(); }
  bool number_unsigned(number_unsigned_t) override { return plain(); }
  bool number_float(number_float_t, const string_t&) override { return plain(); }
  bool binary(binary_t&) override { return plain(); }
  bool string(string_t& value) override {
    if (!in_map()) return true;
    map[name_] = value;
    return true;
  }
  bool start_object(std::size_t) override {
    if (in_map()) return plain();
    ++depth_;
    return true;
  }
  bool end_object() override { --depth_; return true; }
  bool key(string_t& value) override {
    if (depth_ == 1) section_ = value;
    else if (depth_ == 2) name_ = value;
    return true;
  }
  bool start_array(std::size_t) override { return plain(); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    problem = "is not valid JSON here";
    problem_at = position;
    return false;
  }

 private:
  bool in_map() const { return depth_ == 2 && section_ == "weight_map"; }
  bool plain() {
    if (!in_map()) return true;
    problem = "weight_map names no file for '" + name_ + "'";
    return false;
  }
  int depth_ = 0;
  std::string section_, name_;
};

// A file name of the index must name a sister of the index, nothing elsewhere.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.find_first_of("/\\:") == std::string::npos && name != "." && name != "..";
}

Result<Safetensors> read_files(const fs::path& folder, const std::set<std::string>& names) {
  Safetensors whole;
  for (const std::string& name : names) {
    RC_ASSIGN(window, ByteWindow::open(folder / name));
    RC_ASSIGN(part, read_safetensors_part(std::move(window)));
    whole.files.push_back(part.files.front());
    std::move(part.tensors.begin(), part.tensors.end(), std::back_inserter(whole.tensors));
  }
  std::sort(whole.tensors.begin(), whole.tensors.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(whole.tensors.begin(), whole.tensors.end(), [](const auto& a, const auto& b) { return a.name == b.name; });
  if (twice != whole.tensors.end()) return fail(ErrorKind::input, "tensor '" + twice->name + "' occurs in two files", Where{folder.string()});
  return whole;
}

Result<Safetensors> read_indexed(const fs::path& folder, const WeightMap& map) {
  const fs::path index = folder / kIndexName;
  std::set<std::string> names;
  for (const auto& [tensor, file] : map) {
    if (!is_plain_name(file)) return fail(ErrorKind::input, "tensor '" + tensor + "' lies in '" + file + "', which is not a file beside the index", Where{index.string()});
    names.insert(file);
  }
  for (const std::string& name : names) {
    std::error_code ignored;
    if (!fs::exists(folder / name, ignored)) return fail(ErrorKind::input, "names '" + name + "', which is not there: incomplete download?", Where{index.string()});
  }
  RC_ASSIGN(whole, read_files(folder, names));
  for (const auto& [tensor, file] : map) {
    const auto found = std::lower_bound(whole.tensors.begin(), whole.tensors.end(), tensor, [](const SafetensorsTensor& a, const std::string& name) { return a.name < name; });
    if (found == whole.tensors.end() || found->name != tensor) return fail(ErrorKind::input, "promises tensor '" + tensor + "' in '" + file + "', which does not hold it", Where{index.string()});
  }
  return whole;
}

Result<std::set<std::string>> files_of(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code problem;
  for (auto entry = fs::directory_iterator(folder, problem); !problem && entry != fs::directory_iterator(); entry.increment(problem))
    if (entry->path().extension() == ".safetensors") names.insert(entry->path().filename().string());
  if (problem) return fail(ErrorKind::system, "cannot be listed: " + problem.message(), Where{folder.string()});
  if (names.empty()) return fail(ErrorKind::not_found, "holds no .safetensors file", Where{folder.string()});
  // Some publishers add the whole model a second time under its maker's names.
  const bool has_usual = std::any_of(names.begin(), names.end(), [](const std::string& name) { return name.starts_with("model"); });
  if (has_usual) std::erase_if(names, [](const std::string& name) { return name.starts_with("consolidated"); });
  return names;
}

}  // namespace

Result<WeightMap> read_index(ByteWindow window) {
  if (window.size() > kLongestIndex) return window.fail_at(0, "is longer than 256 MiB: no index is");
  RC_ASSIGN(json, window.read(window.size(), "the index"));
  IndexHandler handler;
  if (!nlohmann::json::sax_parse(json, &handler)) return window.fail_at(handler.problem_at, handler.problem);
  if (handler.map.empty()) return window.fail_at(0, "has no weight_map");
  return std::move(handler.map);
}

Result<Safetensors> read_safetensors(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    RC_ASSIGN(window, ByteWindow::open(path));
    return read_safetensors_part(std::move(window));
  }
  if (fs::exists(path / kIndexName, ignored)) {
    RC_ASSIGN(window, ByteWindow::open(path / kIndexName));
    RC_ASSIGN(map, read_index(std::move(window)));
    return read_indexed(path, map);
  }
  RC_ASSIGN(names, files_of(path));
  return read_files(path, names);
}

}  // namespace rigcast::model
