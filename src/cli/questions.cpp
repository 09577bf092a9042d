#include "cli/questions.hpp"

#include "base/text.hpp"
#include "base/units.hpp"

namespace rigcast::cli {
namespace {

constexpr std::int64_t kMostSequences = 1 << 20;
constexpr double kMostSpeed = 1'000'000;   // token/s

// The token count of an option, or `otherwise`.
Result<std::int64_t> tokens(const Arguments& arguments, const std::string& name, std::int64_t least, std::int64_t otherwise) {
  const auto text = arguments.one(name);
  if (!text) return otherwise;
  const auto count = parse_tokens(*text);
  if (!count) {
    Error error = count.error();
    error.where.file = name;
    error.field = name.substr(2);
    return tl::unexpected<Error>(std::move(error));
  }
  if (*count < least) return fail(ErrorKind::input, "must be at least " + std::to_string(least), Where{name}, name.substr(2));
  return std::int64_t{*count};
}

Result<std::int64_t> streams(const Arguments& arguments, std::int64_t otherwise) {
  const auto text = arguments.one("--sequences");
  if (!text) return otherwise;
  const auto count = parse_int(*text);
  if (!count || *count < 1 || *count > kMostSequences)
    return fail(ErrorKind::input, "'" + *text + "' is not a count of streams from 1 to " + std::to_string(kMostSequences), Where{"--sequences"}, "sequences");
  return *count;
}

}  // namespace

std::vector<Option> question_options(bool several) {
  return {
      {"--on", "", "RIG", "the machine: here, 2x3090, \"8xh200 nvlink\", \"host=epyc-7532:8xddr4-3200:512g\", or a rig file"_say, Completes::device, {}, several, several ? "" : "compare"},
      {"--engine", "-e", "ENGINE", "llama.cpp, ollama, vllm, sglang ... ('rigcast list engines'); else the usual one for the cards and the format"_say, Completes::engine, {}, several, several ? "" : "compare"},
      {"--backend", "-b", "BACKEND", "cuda, rocm, vulkan, metal, sycl, cann, musa or cpu; else the best for the devices"_say},
      {"--flags", "-f", "FLAGS", "the engine's own launch flags, verbatim: \"-ngl 40 -ctk q8_0\""_say},
      {"--context", "-c", "TOKENS", "context length: 8192, 32k, 1M; 0: the model's own"_say},
      {"--prompt", "-p", "TOKENS", "length of the prompt to read (512)"_say},
      {"--depth", "-d", "TOKENS", "tokens already in the cache when speed is measured (0)"_say},
      {"--sequences", "-n", "COUNT", "streams decoded together (1)"_say},
      {"--acceptance", "", "SHARE", "how often a drafted token is right if those before it were, where the flags ask for drafts"_say},
      {"--engine-date", "", "YYYY-MM", "speeds as of the engine's builds of then, for pinned forks and older measurements (now)"_say},
      {"--for", "", "OBJECTIVE", "what to place for where the flags leave it open: decode (default), prefill, context, throughput"_say, Completes::choice,
       {"decode", "prefill", "context", "throughput"}},
      {"--no-own", "", "", "leave the user's own measurements (rigcast observe) out of the estimate"_say},
      {"--at-least", "", "SPEED", "token/s that each stream must be written with; --for throughput without -n finds the most streams that are"_say},
  };
}

std::vector<Option> with_file_options(std::vector<Option> options) {
  options.push_back({"--html", "", "FILE", "write the answer as one self-contained page with its charts"_say, Completes::file});
  options.push_back({"--markdown", "", "FILE", "write the answer as Markdown"_say, Completes::file});
  return options;
}

bool wants_file(const Arguments& arguments) { return arguments.has("--html") || arguments.has("--markdown"); }

Result<Question> read_question(const Arguments& arguments) {
  Question question{};
  question.placement.engine = arguments.one_or("--engine", "");
  question.placement.backend = arguments.one_or("--backend", "");
  question.placement.flags = arguments.one_or("--flags", "");
  RC_ASSIGN(context, tokens(arguments, "--context", 0, 0));
  RC_ASSIGN(prompt, tokens(arguments, "--prompt", 1, question.question.prompt));
  RC_ASSIGN(depth, tokens(arguments, "--depth", 0, question.question.depth));
  RC_ASSIGN(sequences, streams(arguments, question.question.sequences));
  question.placement.context = context == 0 && arguments.has("--context") ? app::kWholeContext : context;
  question.question.prompt = prompt;
  question.question.depth = depth;
  question.question.sequences = sequences;
  const auto accepted = arguments.one("--acceptance");
  const auto share = accepted ? parse_double(*accepted) : std::nullopt;
  if (accepted && !(share && *share > 0 && *share < 1))
    return fail(ErrorKind::input, "takes a share above 0 and below 1, not '" + *accepted + "'", Where{"--acceptance"}, "acceptance", "0.85");
  question.question.acceptance = share.value_or(0);
  question.question.engine_date = arguments.one_or("--engine-date", "");
  RC_ASSIGN(objective, placement::parse_objective(arguments.one_or("--for", "decode")));
  const auto least = parse_double(arguments.one_or("--at-least", "0"));
  if (!least || !(*least >= 0 && *least <= kMostSpeed))
    return fail(ErrorKind::input, "'" + arguments.one_or("--at-least", "") + "' is not a speed from 0 to 1,000,000 token/s", Where{"--at-least"}, "at-least");
  question.objective = objective;
  question.minimum_speed = *least;
  return question;
}

Result<app::PlanRequest> read_plan_request(const Arguments& arguments) {
  RC_ASSIGN(question, read_question(arguments));
  const auto rig = arguments.one("--on");
  if (!rig) return fail(ErrorKind::input, "--on RIG is missing: which machine? for example --on 2x3090", Where{}, "rig");
  return app::PlanRequest{arguments.one_or("MODEL", ""), *rig, question.placement, question.question, question.objective, question.minimum_speed, !arguments.has("--no-own")};
}

}  // namespace rigcast::cli
