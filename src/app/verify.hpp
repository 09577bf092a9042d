#pragma once
// verify: what an engine itself says of the memory that a launch line takes, beside what we say.

#include <string>
#include <string_view>
#include <vector>

#include "app/plan.hpp"

namespace rigcast::app {

// One line of llama.cpp's memory breakdown, in MiB rounded down: "CUDA0", "Vulkan1", "Host", "CPU_REPACK".
struct PrintedMemory {
  std::string name;
  double model = 0, context = 0, compute = 0;
};

// Where llama.cpp drafts it prints two tables: of its own context, and behind it of the one that drafts, with the weights of the model that does.
enum class PrintedDrafts { none, own_layers, another_model };
PrintedDrafts printed_drafts(const PlanAnswer& answer);
// Whether a log holds all tables, and a line behind each.
bool is_whole(std::string_view log, PrintedDrafts drafts);

// The last complete table "memory breakdown [MiB]" of what llama.cpp printed, with what drafts added. input: there is none, with the engine's own first
// error line.
Result<std::vector<PrintedMemory>> read_llama_breakdown(std::string_view log, PrintedDrafts drafts = PrintedDrafts::none);

// The words that make llama.cpp lay out the answer's placement without loading weights: `program`, the file, the flags of its launch line.
// unsupported: an engine that has no such run, a placement that --fit does not lay out (-sm tensor), a model that is no file.
Result<std::vector<std::string>> dry_run_words(const PlanAnswer& answer, const std::string& program);

// The answer with its memory as the engine's dry run prints it, which is not in all terms what a load takes.
Result<PlanAnswer> as_dry_run(const catalog::Catalog& catalog, PlanAnswer answer);

// One term on one memory; `agrees` where it lies within what is promised: cache 1 MiB, weights 0.5 %, compute 10 % (where layers of the model draft 25 %),
// beyond the rounding.
struct MemoryTerm {
  std::string where, term;   // "device 0", "host"; "weights", "kv", "compute"
  Bytes ours{}, theirs{};
  bool agrees = false;
};

struct VerifyAnswer {
  std::string command;
  std::vector<MemoryTerm> rows;
  bool agrees = false;       // all of them
};

VerifyAnswer compare_memory(const PlanAnswer& answer, const std::vector<PrintedMemory>& printed, std::string command);

}  // namespace rigcast::app
