#include "cli/verify.hpp"

#include <cstdlib>

#include "base/text.hpp"
#include "bench/process.hpp"

namespace rigcast::cli {
namespace {

constexpr double kLongestSeconds = 120;   // reading a header and reserving buffers takes a few

}  // namespace

Result<app::VerifyAnswer> verify(const catalog::Catalog& catalog, const app::PlanAnswer& answer) {
  const char* named = std::getenv("RIGCAST_LLAMA_SERVER");
  const std::string name = named != nullptr && *named != '\0' ? named : "llama-server";
  RC_ASSIGN(words, app::dry_run_words(answer, name));
  const std::string program = bench::find_program(name);
  if (program.empty())
    return fail(ErrorKind::not_found, name + " is not installed here; install llama.cpp, or name it in RIGCAST_LLAMA_SERVER", Where{"--verify"}, "verify");
  words.front() = program;
  const app::PrintedDrafts drafts = app::printed_drafts(answer);
  RC_ASSIGN(log, bench::run(words, {.seconds = kLongestSeconds, .errors = true, .own_group = true, .enough = [&](std::string_view text) { return app::is_whole(text, drafts); }}));
  RC_ASSIGN(printed, app::read_llama_breakdown(log.text, drafts));
  std::string command;
  for (const std::string& word : words) command += (command.empty() ? "" : " ") + (word.empty() ? std::string("\"\"") : word);
  RC_ASSIGN(dry, app::as_dry_run(catalog, answer));
  return app::compare_memory(dry, printed, std::move(command));
}

}  // namespace rigcast::cli
