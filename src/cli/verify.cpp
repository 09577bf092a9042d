#include "cli/verify.hpp"

#include <cstdlib>

#include "base/text.hpp"
#include "bench/process.hpp"

namespace rigcast::cli {
namespace {

constexpr double kLongestSeconds = 120;   // reading a header and reserving buffers takes a few

// A whole table has a row of the host and a line behind it.
bool has_table(std::string_view log) {
  const std::size_t title = log.rfind("memory breakdown [MiB]");
  if (title == std::string_view::npos) return false;
  const std::size_t host = log.find("- Host", title);
  const std::size_t line_end = host == std::string_view::npos ? host : log.find('\n', host);
  if (line_end == std::string_view::npos) return false;
  const std::size_t next_end = log.find('\n', line_end + 1);   // CPU_REPACK may follow
  return next_end != std::string_view::npos;
}

}  // namespace

Result<app::VerifyAnswer> verify(const catalog::Catalog& catalog, const app::PlanAnswer& answer) {
  const char* named = std::getenv("RIGCAST_LLAMA_SERVER");
  const std::string name = named != nullptr && *named != '\0' ? named : "llama-server";
  RC_ASSIGN(words, app::dry_run_words(answer, name));
  const std::string program = bench::find_program(name);
  if (program.empty())
    return fail(ErrorKind::not_found, name + " is not installed here; install llama.cpp, or name it in RIGCAST_LLAMA_SERVER", Where{"--verify"}, "verify");
  words.front() = program;
  RC_ASSIGN(log, bench::run(words, {.seconds = kLongestSeconds, .errors = true, .own_group = true, .enough = has_table}));
  RC_ASSIGN(printed, app::read_llama_breakdown(log.text));
  std::string command;
  for (const std::string& word : words) command += (command.empty() ? "" : " ") + (word.empty() ? std::string("\"\"") : word);
  RC_ASSIGN(dry, app::as_dry_run(catalog, answer));
  return app::compare_memory(dry, printed, std::move(command));
}

}  // namespace rigcast::cli
