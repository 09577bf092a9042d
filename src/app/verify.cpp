#include "app/verify.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/text.hpp"

namespace rigcast::app {
namespace {

constexpr std::string_view kTitle = "memory breakdown [MiB]";
constexpr double kOfOwnLayers = 0.25;   // compute buffers: what joins such a layer to the trunk is not known

// "... |   - Vulkan0 (llvmpipe) | 24105 = 23170 + (7633 = 7029 + 336 + 268) + -6697 |" or "... |   - Host | 2009 = 1576 + 0 + 432 |"
std::optional<PrintedMemory> read_row(std::string_view line) {
  const std::size_t dash = line.find("|   - ");
  if (dash == std::string_view::npos) return std::nullopt;
  std::string_view rest = line.substr(dash + 6);
  const std::size_t bar = rest.rfind('|', rest.size() - 2), name_end = rest.find_first_of(" (|");
  if (name_end == std::string_view::npos) return std::nullopt;
  const std::size_t column = rest.find('|');
  if (column == std::string_view::npos || bar == std::string_view::npos) return std::nullopt;
  std::string_view sums = rest.substr(column + 1);
  if (const std::size_t open = sums.find('('); open != std::string_view::npos) sums = sums.substr(open + 1, sums.find(')', open) - open - 1);
  const std::size_t equals = sums.rfind('=');
  if (equals == std::string_view::npos) return std::nullopt;
  std::vector<double> terms;
  for (std::string_view piece : split(sums.substr(equals + 1), '+')) {
    const auto words = split_words(piece);
    const auto number = words.empty() ? std::nullopt : parse_int(words.front());
    if (!number) return std::nullopt;
    terms.push_back(static_cast<double>(*number));
  }
  if (terms.size() != 3) return std::nullopt;
  return PrintedMemory{std::string(rest.substr(0, name_end)), terms[0], terms[1], terms[2]};
}

// "CUDA1" -> 1; nullopt for memories of the host.
std::optional<int> device_number(const std::string& name) {
  const std::size_t digits = name.find_last_not_of("0123456789");
  if (name.starts_with("CPU") || name.starts_with("Host") || digits == std::string::npos || digits + 1 == name.size()) return std::nullopt;
  const auto number = parse_int(name.substr(digits + 1));
  return number ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

MemoryTerm compared(std::string where, const char* term, Bytes ours, double printed, double relative, double absolute) {
  // What is printed is rounded down: anything from there to one MiB more is the same.
  const double mib = ours.value() / kMiB, distance = mib < printed ? printed - mib : std::max(0.0, mib - printed - 1);
  return {std::move(where), term, ours, Bytes(printed * kMiB), distance <= std::max(relative * printed, absolute)};
}

}  // namespace

namespace {

using Table = std::vector<PrintedMemory>;
struct Log { std::vector<Table> tables; std::string error; };   // whole ones; the first line of an error

Log read_log(std::string_view log) {
  Log read;
  Table current;
  bool inside = false;
  const auto take = [&] {   // the host's row comes behind those of all devices; buffers of other kinds may follow
    if (std::any_of(current.begin(), current.end(), [](const PrintedMemory& row) { return row.name == "Host"; })) read.tables.push_back(std::move(current));
    current.clear();
  };
  for (std::string_view line : split(log, '\n')) {
    if (line.find(kTitle) != std::string_view::npos) { take(); inside = true; continue; }
    if (const auto row = inside ? read_row(line) : std::nullopt) { current.push_back(*row); continue; }
    inside = false;
    if (line.find("error") != std::string_view::npos || line.find("failed") != std::string_view::npos)
      if (read.error.empty()) read.error = std::string(trim(line));
  }
  take();
  return read;
}

// What the context that drafts takes beside the model's own; its weights where they are those of another model.
void add_drafting(Table& table, const Table& drafting, bool weights) {
  for (const PrintedMemory& more : drafting) {
    auto row = std::find_if(table.begin(), table.end(), [&](const PrintedMemory& each) { return each.name == more.name; });
    if (row == table.end()) row = table.insert(row, PrintedMemory{more.name});
    row->model += weights ? more.model : 0, row->context += more.context, row->compute += more.compute;
  }
}

}  // namespace

PrintedDrafts printed_drafts(const PlanAnswer& answer) {
  return answer.placement.drafting ? PrintedDrafts::another_model : answer.placement.draft_layers > 0 ? PrintedDrafts::own_layers : PrintedDrafts::none;
}

bool is_whole(std::string_view log, PrintedDrafts drafts) {
  const std::size_t wanted = drafts == PrintedDrafts::none ? 1 : 2;
  std::size_t tables = 0;
  for (std::size_t title = log.find(kTitle); title != std::string_view::npos; title = log.find(kTitle, title + 1)) {
    const std::size_t host = log.find("- Host", title), line_end = host == std::string_view::npos ? host : log.find('\n', host);
    if (line_end != std::string_view::npos && log.find('\n', line_end + 1) != std::string_view::npos) ++tables;   // CPU_REPACK may follow
  }
  return tables >= wanted;
}

Result<std::vector<PrintedMemory>> read_llama_breakdown(std::string_view log, PrintedDrafts drafts) {
  Log read = read_log(log);
  const std::size_t wanted = drafts == PrintedDrafts::none ? 1 : 2;
  if (read.tables.size() < wanted)
    return fail(ErrorKind::input, !read.error.empty() ? "the engine says: " + read.error : read.tables.empty() ? "the engine printed no memory breakdown" : "the engine printed no memory breakdown of what drafts",
                Where{"--verify"}, "verify");
  Table table = std::move(read.tables[read.tables.size() - wanted]);
  if (drafts != PrintedDrafts::none) add_drafting(table, read.tables.back(), drafts == PrintedDrafts::another_model);
  return table;
}

Result<std::vector<std::string>> dry_run_words(const PlanAnswer& answer, const std::string& program) {
  const auto cannot = [](std::string why) { return fail(ErrorKind::unsupported, std::move(why), Where{"--verify"}, "verify"); };
  if (answer.engine.key != "llama.cpp") return cannot(answer.engine.name + " has no dry run to ask; llama.cpp has");
  if (answer.architecture->file.empty()) return cannot("needs the model's .gguf file: llama.cpp reads its header");
  if (answer.placement.mode == placement::Mode::tensor) return cannot("llama.cpp lays out nothing beforehand with -sm tensor");
  // Its dry run forgets that the attention of -fa off is put together on the host where the cache lies there (ggml_backend_sched_reserve_size
  // resets what llama_context pinned; build 11669), so that it prints another layout than a load takes.
  const placement::Settings& s = answer.placement.settings;
  if (!s.kv_offload && !s.flash_attention.value_or(true) && !answer.placement.devices.empty())
    return cannot("llama.cpp's dry run lays out -fa off with --no-kv-offload otherwise than a load does");
  if (placement::names_another_model(s.speculation.drafter) && !answer.placement.drafting) return cannot("nothing is known of the model that drafts: name a file or a model of the catalogue");
  std::vector<std::string> words = {program, "-m", answer.architecture->file, "--port", "0", "--no-warmup", "-v"};   // any free port: it is stopped before it listens
  for (const placement::FlagNote& flag : answer.launch.flags) {
    if (flag.lays_out) words.insert(words.end(), flag.words.begin(), flag.words.end());
    if (!flag.words.empty()) continue;   // the user's own, which lay nothing else out
    for (const std::string_view word : split_words(flag.flag)) {
      std::string plain(word);
      plain.erase(std::remove(plain.begin(), plain.end(), '\''), plain.end());
      words.push_back(std::move(plain));
    }
  }
  return words;
}

Result<PlanAnswer> as_dry_run(const catalog::Catalog& catalog, PlanAnswer answer) {
  placement::Settings settings = answer.placement.settings;
  settings.dry_run = true;
  RC_ASSIGN(placement, placement::lay_out(catalog, answer.engine, answer.placement.backend, *answer.architecture, answer.rig, settings, placement::Count::all, answer.request.placement.drafter));
  answer.placement.devices = placement.devices;
  answer.placement.host = placement.host;
  return answer;
}

VerifyAnswer compare_memory(const PlanAnswer& answer, const std::vector<PrintedMemory>& printed, std::string command) {
  VerifyAnswer verified{std::move(command), {}, true};
  const auto add = [&](const std::string& where, const placement::Memory& ours, const PrintedMemory& theirs) {
    verified.rows.push_back(compared(where, "weights", ours.weights, theirs.model, 0.005, 0.5));
    verified.rows.push_back(compared(where, "kv", ours.kv + ours.state, theirs.context, 0, 1));
    verified.rows.push_back(compared(where, "compute", ours.compute, theirs.compute, answer.placement.draft_layers > 0 ? kOfOwnLayers : 0.1, 0.5));
  };
  PrintedMemory host;
  const auto share_of = [&](int device) {
    return std::find_if(answer.placement.devices.begin(), answer.placement.devices.end(), [&](const placement::DeviceShare& share) { return share.device == device; });
  };
  std::set<int> told;
  for (const PrintedMemory& row : printed) {
    const auto number = device_number(row.name);
    if (!number) {
      host.model += row.model, host.context += row.context, host.compute += row.compute;
      continue;
    }
    const auto share = share_of(*number);
    add("device " + std::to_string(*number), share == answer.placement.devices.end() ? placement::Memory{} : share->memory, row);
    told.insert(*number);
  }
  for (const placement::DeviceShare& share : answer.placement.devices)   // the engine took other devices than we thought
    if (!told.contains(share.device)) add("device " + std::to_string(share.device), share.memory, PrintedMemory{});
  add("host", answer.placement.host, host);
  verified.agrees = std::all_of(verified.rows.begin(), verified.rows.end(), [](const MemoryTerm& row) { return row.agrees; });
  return verified;
}

}  // namespace rigcast::app
