#include "app/evaluate.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "base/parallel.hpp"
#include "base/text.hpp"
#include "calibration/own.hpp"

namespace rigcast::app {
namespace {

namespace fs = std::filesystem;
using calibration::Observation;

// Bytes that nothing was written to before they were read: of a large file that would take longer than reading it.
struct FileText {
  std::unique_ptr<char[]> bytes;
  std::size_t size = 0;
  std::string_view view() const { return {bytes.get(), size}; }
};

Result<FileText> read_text(const fs::path& path) {
  if (std::error_code ignored; fs::is_directory(path, ignored)) return fail(ErrorKind::input, "is a folder, not a file", Where{path.string()});
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorKind::system, "the file cannot be read", Where{path.string()});
  // In blocks: a character at a time would take as long as understanding them. A pipe tells no size.
  std::error_code unknown;
  const auto size = fs::file_size(path, unknown);
  std::size_t room = unknown ? std::size_t{1} << 20 : static_cast<std::size_t>(size) + 1;
  FileText text{std::make_unique_for_overwrite<char[]>(room)};
  while (in) {
    if (text.size == room) {
      auto larger = std::make_unique_for_overwrite<char[]>(2 * room);
      std::copy_n(text.bytes.get(), text.size, larger.get());
      text.bytes = std::move(larger);
      room *= 2;
    }
    in.read(text.bytes.get() + text.size, static_cast<std::streamsize>(room - text.size));
    text.size += static_cast<std::size_t>(in.gcount());
  }
  return text;
}

Result<std::vector<Observation>> project_observations(const catalog::Catalog& catalog) {
  std::vector<Observation> all;
  for (const std::string& file : catalog.files("observations")) {
    RC_ASSIGN(text, catalog.file(file));
    RC_ASSIGN(rows, calibration::parse_csv(text, "data/" + file));
    all.insert(all.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
  }
  return all;
}

struct Read { std::vector<Observation> rows; std::vector<Error> unread; std::vector<std::string> ignored; };
Result<Read> read_files(const std::vector<fs::path>& files) {
  Read all;
  for (const fs::path& file : files) {
    RC_ASSIGN(text, read_text(file));
    RC_ASSIGN(imported, calibration::import_text(text.view(), file.string()));
    if (imported.rows.empty())
      return fail(ErrorKind::input, "holds no row" + (imported.unread.empty() ? std::string() : ": " + to_text(imported.unread.front())), Where{file.string()});
    if (all.rows.empty()) all.rows = std::move(imported.rows);
    else all.rows.insert(all.rows.end(), std::make_move_iterator(imported.rows.begin()), std::make_move_iterator(imported.rows.end()));
    all.unread.insert(all.unread.end(), imported.unread.begin(), imported.unread.end());
    for (std::string& column : imported.ignored)
      if (std::find(all.ignored.begin(), all.ignored.end(), column) == all.ignored.end()) all.ignored.push_back(std::move(column));
  }
  return all;
}

Result<calibration::Priors> priors_of(const catalog::Catalog& catalog) {
  RC_ASSIGN(text, catalog.file("calibration/priors.csv"));
  return calibration::Priors::read(text);
}

Result<void> write_text(const fs::path& path, const std::string& text) {
  const fs::path temporary = path.string() + ".part";
  {
    std::ofstream out(temporary, std::ios::binary);
    out << text;
    if (!out.flush()) return fail(ErrorKind::system, "the file cannot be written", Where{temporary.string()});
  }
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) return fail(ErrorKind::system, "the file cannot be put in place: " + error.message(), Where{path.string()});
  return {};
}

}  // namespace

Result<EvaluateAnswer> evaluate(const Knowledge& knowledge, const EvaluateRequest& request, Watch* watch) {
  EvaluateAnswer answer;
  answer.request = request;
  const std::vector<std::string>& known = calibration::group_names();
  for (const std::string& by : request.by)
    if (std::find(known.begin(), known.end(), by) == known.end())
      return fail(ErrorKind::not_found, "scores cannot be grouped by '" + by + "'; they can by " + join(known, ", "), Where{"--by"}, "by", nearest_name(by, known));
  std::optional<calibration::Fold> fold;
  if (!request.hold_out.empty()) {
    fold = calibration::fold_of(request.hold_out);
    if (!fold) return fail(ErrorKind::not_found, "'" + request.hold_out + "' cannot be held out; device, model or source can", Where{"--cross-validate"});
  }
  std::vector<Observation> rows;
  if (request.files.empty()) {
    RC_ASSIGN(own, project_observations(knowledge.catalog));
    rows = std::move(own);
  } else {
    RC_ASSIGN(read, read_files(request.files));
    rows = std::move(read.rows);
    answer.unread = std::move(read.unread);
    answer.ignored = std::move(read.ignored);
  }
  if (fold) {
    RC_ASSIGN(priors, priors_of(knowledge.catalog));
    answer.evaluation = calibration::cross_validate(knowledge.catalog, priors, rows, *fold, watch);
    if (*fold == calibration::Fold::source && !stopped(watch)) answer.own = calibration::check_own(answer.evaluation, knowledge.calibration);
  } else {
    answer.evaluation = calibration::evaluate(knowledge.catalog, knowledge.calibration, rows, nullptr, watch);
  }
  if (stopped(watch)) return fail(ErrorKind::infeasible, "stopped");
  std::vector<std::string> by = request.by;
  if (by.empty()) by = {"kind", "engine", "backend", "vendor", "format", "depth", "size", "devices", "grade"};
  answer.peers = calibration::score_peers(answer.evaluation);
  answer.tables.push_back({"all", {}});
  for (const std::string& group : by) answer.tables.push_back({group, {}});
  constexpr std::size_t kWorthAHelper = 2000;   // rows
  share_out(answer.tables.size(), answer.evaluation.rows.size() / kWorthAHelper,
            [&](std::size_t i) { answer.tables[i].scores = calibration::score(answer.evaluation, i == 0 ? "" : by[i - 1]); });
  return answer;
}

Result<CalibrateAnswer> calibrate(const Knowledge& knowledge, const std::vector<fs::path>& files, const fs::path& folder) {
  RC_ASSIGN(rows, project_observations(knowledge.catalog));
  CalibrateAnswer answer;
  RC_ASSIGN(more, read_files(files));
  answer.unread = std::move(more.unread);
  const auto fresh = calibration::without_duplicates(rows, more.rows);
  rows.insert(rows.end(), fresh.begin(), fresh.end());
  RC_ASSIGN(priors, priors_of(knowledge.catalog));
  RC_ASSIGN(fitted, calibration::calibrate(knowledge.catalog, priors, rows));
  answer.observations = rows.size();
  answer.folder = folder;
  if (!folder.empty()) {
    std::error_code error;
    fs::create_directories(folder, error);
    RC_TRY(write_text(folder / "effects.csv", calibration::effects_csv(fitted)));
    RC_TRY(write_text(folder / "spreads.csv", calibration::spreads_csv(fitted)));
    RC_TRY(write_text(folder / "widths.csv", calibration::widths_csv(fitted)));
    RC_TRY(write_text(folder / "shares.csv", calibration::shares_csv(fitted)));
  }
  answer.scores = calibration::score(calibration::evaluate(knowledge.catalog, fitted, rows), "kind");
  answer.calibration = std::move(fitted);
  return answer;
}

namespace {
// In one write to the file's end, so that two programs that append at once do not mix their lines.
bool append_at_once(const fs::path& file, const std::string& text) {
  const int out = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (out < 0) return false;
  const bool written = ::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return ::close(out) == 0 && written;
}
}  // namespace

Result<ObserveAnswer> observe(const std::vector<Observation>& rows, const fs::path& log) {
  calibration::OwnLog before;   // a line that was torn or edited costs only itself
  std::string old;
  if (std::error_code ignored; fs::exists(log, ignored)) {
    RC_ASSIGN(existing, read_text(log));
    before = calibration::read_own(existing.view(), log.string());
    old = existing.view();
  }
  if (before.rows.empty() && before.unread > 0)
    return fail(ErrorKind::input, "is no log of Observations: none of its " + std::to_string(before.unread) + " lines can be read", Where{log.string()});
  // What a row without a device says, one that names it says better: it does not count as there.
  std::vector<Observation> known = before.rows;
  const bool named = std::all_of(rows.begin(), rows.end(), [](const Observation& o) { return !o.device.empty(); });
  if (named) std::erase_if(known, [](const Observation& o) { return o.device.empty(); });
  const auto fresh = calibration::without_duplicates(known, rows);
  ObserveAnswer answer;
  answer.log = log, answer.read = rows.size(), answer.added = fresh.size(), answer.duplicates = rows.size() - fresh.size();
  answer.damaged = static_cast<std::size_t>(before.unread);
  if (fresh.empty()) return answer;
  RC_ASSIGN(added, calibration::to_append(fresh, old, log.string()));
  std::error_code error;
  if (log.has_parent_path()) fs::create_directories(log.parent_path(), error);
  if (!append_at_once(log, added)) return fail(ErrorKind::system, "the log cannot be written", Where{log.string()});
  return answer;
}

namespace {
// Rows that name no device and need one are left out: with --device they come in, and nothing that is there stands in their way. Others that no
// estimate can use say why; those that no hardware of their names can reach stay in the log and move nothing.
void take_usable(const Knowledge& knowledge, std::vector<Observation>& rows, ObserveAnswer& answer) {
  const auto evaluation = calibration::evaluate(knowledge.catalog, knowledge.calibration, rows);
  std::vector<Observation> taken;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string& reason = evaluation.rows[i].reason;
    const bool usable = evaluation.rows[i].predicted || rows[i].phase == "kernel";
    if (!usable && rows[i].device.empty()) {
      ++answer.without_device;
      continue;
    }
    taken.push_back(rows[i]);
    if (usable) continue;
    if (rows[i].model.empty() && rows[i].model_printed.empty() && rows[i].model_bytes == 0) ++answer.without_model;
    else if (reason.starts_with("impossible")) ++answer.impossible;
    else ++answer.unusable[reason];
  }
  rows = std::move(taken);
}
// A file of which nothing was taken: why, where any line of it says so.
tl::unexpected<Error> holds_nothing(const calibration::Imported& imported, const fs::path& file) {
  if (!imported.unread.empty()) return fail(ErrorKind::input, "holds no row that can be read: " + to_text(imported.unread.front()), Where{file.string()});
  return fail(ErrorKind::input, "holds no measurement: llama-bench (md, csv, json, jsonl, sql), llama-batched-bench, vllm bench serve, genai-perf, aiperf, guidellm, ollama run --verbose and the columns of data/observations are read",
              Where{file.string()});
}
}  // namespace

Result<ObserveAnswer> observe_import(const Knowledge& knowledge, const fs::path& file, const fs::path& log, const calibration::ImportDefaults& defaults) {
  RC_TRY(calibration::check(knowledge.catalog, defaults));
  RC_ASSIGN(text, read_text(file));
  RC_ASSIGN(imported, calibration::import_text(text.view(), file.string(), defaults));
  if (imported.rows.empty()) return holds_nothing(imported, file);
  auto doubts = calibration::settle_devices(knowledge.catalog, defaults.device, imported.rows);
  ObserveAnswer found;
  const std::size_t read = imported.rows.size();
  take_usable(knowledge, imported.rows, found);
  RC_ASSIGN(answer, observe(imported.rows, log));
  answer.read = read;
  answer.without_device = found.without_device, answer.without_model = found.without_model, answer.impossible = found.impossible;
  answer.unusable = std::move(found.unusable);
  answer.format = imported.format;
  answer.unread = std::move(imported.unread);
  answer.ignored = std::move(imported.ignored);
  answer.doubts = std::move(doubts);
  return std::move(answer);
}

}  // namespace rigcast::app
