#include "calibration/import.hpp"

#include <algorithm>
#include <functional>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "calibration/detail/columns.hpp"
#include "calibration/detail/import_json.hpp"
#include "calibration/detail/spelling.hpp"

namespace rigcast::calibration {
namespace {

using CellTexts = std::vector<std::string>;

CellTexts bar_cells(std::string_view line) {
  CellTexts cells;
  for (const std::string_view cell : split(line, '|')) cells.emplace_back(trim(cell));
  if (!cells.empty() && cells.front().empty()) cells.erase(cells.begin());
  if (!cells.empty() && cells.back().empty()) cells.pop_back();
  return cells;
}

bool rule_line(std::string_view line) { return line.find_first_not_of("|-: \t") == std::string_view::npos; }

// "3.56 GiB" -> bytes; "6.74 B" -> count.
double scaled(std::string_view text) {
  const auto words = split_words(text);
  const double value = words.empty() ? 0 : parse_double(words[0]).value_or(0);
  const std::string_view unit = words.size() > 1 ? words[1] : std::string_view{};
  return value * (unit == "GiB" ? kGiB : unit == "MiB" ? kMiB : unit == "B" ? 1e9 : unit == "M" ? 1e6 : 1);
}

// "pp512 @ d4096", "tg128", "pp2048+tg256"
bool set_test(Observation& o, std::string_view test) {
  const auto words = split_words(test);
  if (words.empty()) return false;
  const std::string_view name = words[0];
  o.depth = 0;
  if (words.size() >= 3 && words[1] == "@") o.depth = parse_double(words[2].substr(1)).value_or(0);
  const double n = parse_double(name.size() > 2 ? name.substr(2) : "").value_or(-1);
  if (n < 0) return false;  // pp+tg mixes have no single phase
  if (name.substr(0, 2) == "pp") { o.phase = "prefill"; o.prompt = n; return true; }
  if (name.substr(0, 2) == "tg") { o.phase = "decode"; o.generated = n; return true; }
  return false;
}

void set_llama_bench_field(Observation& o, const std::string& name, const std::string& value) {
  if (name == "model") {
    o.model_printed = value;
    o.quant = detail::quant_in_model_type(value);
  } else if (name == "size") o.model_bytes = scaled(value);
  else if (name == "params") o.parameters = scaled(value);
  else if (name == "backend") o.backend = value;
  else if (name == "type_k") o.flags["ctk"] = value;
  else if (name == "type_v") o.flags["ctv"] = value;
  else if (name == "n_ubatch") o.flags["ub"] = value;
  else if (name == "n_batch") o.flags["b"] = value;
  else if (name == "t/s") o.value = parse_double(split_words(value).empty() ? "" : split_words(value)[0]).value_or(0);
  else if (name == "mmap" || detail::is_known_flag(name)) o.flags[name] = value;
}

// What llama-bench says around its table: "  Device 0: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes", "ggml_vulkan: 0 = AMD
// Radeon RX 7900 XTX (RADV NAVI31) (radv) | uma: 0 | ...", "build: 4d0d0dc (5921)".
// Newer builds add "VRAM: 24080 MiB", which tells cards of one name apart.
struct Around { std::vector<std::string> devices; std::string build; double memory_gb = 0; };
bool read_around(std::string_view line, Around& around) {
  const std::string_view text = trim(line);
  const auto take = [&](std::string_view name) {
    around.devices.emplace_back(trim(name));
    return true;
  };
  if (text.starts_with("Device ") && text.find(", compute capability") != std::string_view::npos && text.find(": ") != std::string_view::npos) {
    const std::size_t from = text.find(": ") + 2, memory = text.find("VRAM: ");
    if (memory != std::string_view::npos && around.memory_gb == 0) around.memory_gb = scaled(text.substr(memory + 6)) / kGiB;
    return take(text.substr(from, text.find(", compute capability") - from));
  }
  if (text.starts_with("ggml_vulkan: ") && text.find(" = ") != std::string_view::npos) {
    const std::string_view name = text.substr(text.find(" = ") + 3);
    return take(name.substr(0, std::min(name.find(" ("), name.find(" |"))));
  }
  if (text.starts_with("build: ")) {
    const auto words = split_words(text.substr(7));
    if (words.size() >= 2 && words[1].size() > 2 && words[1].front() == '(') around.build = "b" + std::string(words[1].substr(1, words[1].size() - 2)) + " (" + std::string(words[0]) + ")";
    return true;
  }
  return false;
}

void parse_markdown(std::string_view text, std::string_view file, Imported& out) {
  CellTexts header;
  int number = 0;
  Around around;
  const std::size_t before = out.rows.size();
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (read_around(line, around)) continue;
    if (line.find('|') == std::string_view::npos) { header.clear(); continue; }
    if (rule_line(line)) continue;
    CellTexts cells = bar_cells(line);
    if (std::find(cells.begin(), cells.end(), "t/s") != cells.end() || std::find(cells.begin(), cells.end(), "S_TG t/s") != cells.end()) {
      header = std::move(cells);
      continue;
    }
    if (header.empty()) continue;
    if (cells.size() != header.size()) {
      out.unread.push_back({ErrorKind::input, "the row has " + std::to_string(cells.size()) + " cells, its header " + std::to_string(header.size()), Where{std::string(file), number, 1}});
      continue;
    }
    if (std::find(header.begin(), header.end(), "t/s") != header.end()) {
      Observation o = detail::llama_row();
      std::string test;
      for (std::size_t i = 0; i < cells.size(); ++i) {
        if (header[i] == "test") test = cells[i];
        else set_llama_bench_field(o, header[i], cells[i]);
      }
      if (set_test(o, test) && o.value > 0) out.rows.push_back(std::move(o));
      else out.unread.push_back({ErrorKind::input, "the test '" + test + "' has no single phase or no value", Where{std::string(file), number, 1}});
    } else {
      std::map<std::string, double> fields;
      for (std::size_t i = 0; i < cells.size(); ++i) fields[header[i]] = parse_double(cells[i]).value_or(0);
      if (fields["B"] > 0 && fields["S_TG t/s"] + fields["S_PP t/s"] > 0) detail::add_batched(out.rows, fields["PP"], fields["TG"], fields["B"], fields["S_PP t/s"], fields["S_TG t/s"]);
      else out.unread.push_back({ErrorKind::input, "the row has no sequences or no speed", Where{std::string(file), number, 1}});
    }
  }
  for (std::size_t i = before; i < out.rows.size(); ++i) {
    Observation& o = out.rows[i];
    if (o.device.empty()) detail::set_cards(o, around.devices);
    if (o.memory_gb == 0 && !around.devices.empty() && o.device == around.devices.front()) o.memory_gb = around.memory_gb;
    if (o.engine_version.empty()) o.engine_version = around.build;
  }
}

// The text that `vllm bench serve` and SGLang's bench_serving print: "Mean TPOT (ms):   11.20" lines under a title.
bool add_printed_serving(std::string_view text, Imported& out) {
  std::map<std::string, double> values;
  const auto finish = [&] {
    const double requests = values["Successful requests"];
    if (requests <= 0) return values.clear();
    Observation o;
    o.engine = "vLLM";
    o.prompt = values["Total input tokens"] / requests;
    o.generated = values["Total generated tokens"] / requests;
    o.concurrency = values.contains("Maximum request concurrency") ? values["Maximum request concurrency"] : requests == 1 ? 1 : -1;
    o.phase = "serve";
    for (const auto& [label, metric] : {std::pair{"Mean TPOT (ms)", "tpot_ms"}, {"Mean TTFT (ms)", "ttft_ms"}, {"Output token throughput (tok/s)", "output_tokens_per_second"}}) {
      if (values[label] <= 0) continue;
      o.metric_name = metric, o.metric = metric_of(metric), o.value = values[label];
      out.rows.push_back(o);
    }
    values.clear();
  };
  bool any = false;
  double concurrency = -1;
  for (const std::string_view raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    if (line.find("Serving Benchmark Result") != std::string_view::npos) {
      finish();
      any = true;
      if (concurrency > 0) values["Maximum request concurrency"] = concurrency;
      continue;
    }
    const std::size_t colon = line.rfind(':');
    const auto value = colon == std::string_view::npos ? std::nullopt : parse_double(trim(line.substr(colon + 1)));
    if (!value) continue;
    const std::string label(trim(line.substr(0, colon)));
    if (!any && label == "Maximum request concurrency") concurrency = *value;   // said before the run
    values[label] = *value;
  }
  finish();
  return any;
}

// "eval rate:            63.28 tokens/s", and how many tokens each phase had: what `ollama run --verbose` prints behind every answer.
bool add_ollama(std::string_view text, Imported& out) {
  std::map<std::string, double> values;
  const auto finish = [&] {
    Observation o;
    o.engine = "Ollama", o.concurrency = 1, o.metric_name = "tokens_per_second", o.metric = Metric::tokens_per_second;
    if (const double rate = values["prompt eval rate"]; rate > 0) {
      Observation& prefill = out.rows.emplace_back(o);
      prefill.phase = "prefill", prefill.prompt = values["prompt eval count"], prefill.depth = 0, prefill.value = rate;
    }
    if (const double rate = values["eval rate"]; rate > 0) {
      Observation& decode = out.rows.emplace_back(o);
      decode.phase = "decode", decode.generated = values["eval count"], decode.depth = values["prompt eval count"], decode.value = rate;
    }
    values.clear();
  };
  const std::size_t before = out.rows.size();
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto words = split_words(line.substr(colon + 1));
    const std::string label(trim(line.substr(0, colon)));
    if (!words.empty() && (label.ends_with("eval rate") || label.ends_with("eval count"))) values[label] = parse_double(words[0]).value_or(0);
    if (label == "eval rate") finish();   // the last line of an answer
  }
  return out.rows.size() > before;
}

void parse_llama_csv(std::string_view text, std::string_view file, Imported& out) {
  std::vector<std::string> header;
  std::vector<std::string_view> cells;
  std::string unquoted;
  int number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    const auto unread = [&](std::string why) { out.unread.push_back({ErrorKind::input, std::move(why), Where{std::string(file), number, 1}}); };
    if (!detail::cells_of(line.substr(0, line.find_last_not_of('\r') + 1), ',', cells, unquoted)) {
      unread("a quote is not closed");
    } else if (header.empty()) {
      header.assign(cells.begin(), cells.end());
    } else if (cells.size() != header.size()) {
      unread("the row has " + std::to_string(cells.size()) + " cells, its header " + std::to_string(header.size()));
    } else {
      std::map<std::string, std::string> fields;
      for (std::size_t i = 0; i < cells.size(); ++i) fields[header[i]] = cells[i];
      if (auto o = detail::llama_bench_row(fields)) out.rows.push_back(std::move(*o));
      else unread("the row has no single phase or no value");
    }
  }
}

// The first line that is no comment.
std::string_view header_line(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    if (!line.empty() && line.front() != '#') return line;
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return {};
}

void fill(Observation& o, const ImportDefaults& d, std::size_t number) {
  const auto set = [](std::string& field, const std::string& value) { if (field.empty()) field = value; };
  set(o.device, d.device);
  set(o.engine, d.engine);
  set(o.backend, d.backend);
  set(o.model, d.model);
  set(o.quant, d.quant);
  set(o.date, d.date);
  set(o.source, d.source);
  if (o.metric_name.empty() && (o.phase == "decode" || o.phase == "prefill")) { o.metric_name = "tokens_per_second"; o.metric = Metric::tokens_per_second; }
  if (o.id.empty()) o.id = fingerprint(o) + "-" + std::to_string(number);
}

}  // namespace

Result<Imported> import_text(std::string_view text, std::string_view file, const ImportDefaults& defaults) {
  Imported out;
  constexpr std::string_view mark = "\xEF\xBB\xBF";   // of files that Windows wrote
  if (text.starts_with(mark)) text.remove_prefix(mark.size());
  const std::string_view body = trim(text);
  if (body.empty()) return fail(ErrorKind::input, "the file is empty", Where{std::string(file)});
  const std::string_view first = body.substr(0, body.find('\n'));
  if (body.front() == '{' || body.front() == '[') {
    RC_TRY(detail::import_json(body, file, out));
  } else if (first.find("avg_ts") != std::string_view::npos && first.find(',') != std::string_view::npos) {
    out.format = "llama-bench csv";
    parse_llama_csv(body, file, out);
  } else if (body.find("| t/s") != std::string_view::npos || body.find("t/s |") != std::string_view::npos) {
    out.format = body.find("S_TG t/s") != std::string_view::npos ? "llama-batched-bench" : "llama-bench markdown";
    parse_markdown(body, file, out);
  } else if (is_csv_header(header_line(body))) {
    out.format = "csv";
    RC_ASSIGN(read, read_csv(text, file));
    out.rows = std::move(read.rows);
    out.unread = std::move(read.unread);
    out.ignored = std::move(read.ignored);
  } else if (body.find("Serving Benchmark Result") != std::string_view::npos) {
    out.format = "vllm bench serve text";
    add_printed_serving(body, out);
  } else if (body.find("eval rate:") != std::string_view::npos && add_ollama(body, out)) {
    out.format = "ollama run --verbose";
  } else if (body.find("\n{") != std::string_view::npos) {   // rows behind a damaged first line
    RC_TRY(detail::import_json(body, file, out));
  } else {
    return fail(ErrorKind::input, "is no benchmark output known here (llama-bench, llama-batched-bench, vllm bench serve, aiperf, genai-perf, guidellm, ollama run --verbose, rows)",
                Where{std::string(file), 1, 1});
  }
  for (std::size_t i = 0; i < out.rows.size(); ++i) fill(out.rows[i], defaults, i + 1);
  return out;
}

}  // namespace rigcast::calibration
