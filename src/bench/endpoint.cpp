#include "bench/endpoint.hpp"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace rigcast::bench {
namespace {

using nlohmann::json;
using Run = std::function<Result<std::string>(const std::vector<std::string>&)>;

struct Reply { double prompt = 0, generated = 0, seconds = 0, prefill = 0, decode = 0; };

double number(const json& object, const char* part, const char* key) {
  const auto found = object.find(part);
  if (found == object.end() || !found->is_object()) return 0;
  const auto value = found->find(key);
  return value != found->end() && value->is_number() ? value->get<double>() : 0;
}

// Numbers as words: about one token each to most tokenizers, and never the same text twice.
std::string prompt_text(int tokens, long long seed) {
  std::string text = std::to_string(seed);
  for (int i = 0; i < tokens - 4; ++i) text += (i * 7919 + seed) % 3 == 0 ? " the" : (i * 104729 + seed) % 2 == 0 ? " river" : " of";
  return text;
}

Result<Reply> complete(const Run& run, const std::string& url, int prompt, int generated, long long seed) {
  const json body = {{"prompt", prompt_text(prompt, seed)}, {"max_tokens", generated}, {"temperature", 0}, {"ignore_eos", true}, {"cache_prompt", false}};
  const auto text = run({"curl", "-sS", "--max-time", "900", "-H", "Content-Type: application/json", "-d", body.dump(), "-w", "\n%{time_total}", url + "/v1/completions"});
  if (!text) return fail(ErrorKind::system, "nobody answers at " + url + " (" + text.error().message + ")");
  const std::size_t end = text->rfind('\n');
  const json answer = json::parse(text->substr(0, end), nullptr, false);
  if (end == std::string::npos || !answer.is_object()) return fail(ErrorKind::system, url + " does not answer like a completions endpoint: " + text->substr(0, 120));
  if (const auto error = answer.find("error"); error != answer.end()) return fail(ErrorKind::system, url + " refuses: " + error->dump().substr(0, 200));
  return Reply{number(answer, "usage", "prompt_tokens"), number(answer, "usage", "completion_tokens"), parse_double(trim(std::string_view(*text).substr(end + 1))).value_or(0),
               number(answer, "timings", "prompt_per_second"), number(answer, "timings", "predicted_per_second")};
}

}  // namespace

Result<EndpointSpeed> time_endpoint(const Run& run, const std::string& url, int prompt, int generated) {
  std::string base = url;
  while (!base.empty() && base.back() == '/') base.pop_back();
  const long long seed = std::chrono::system_clock::now().time_since_epoch().count() % 1000003;
  RC_TRY(complete(run, base, 16, 2, seed));   // the first request of a server warms it up
  RC_ASSIGN(first, complete(run, base, prompt, 1, seed + 1));
  RC_ASSIGN(whole, complete(run, base, prompt, generated, seed + 2));
  EndpointSpeed speed{whole.prompt, whole.generated, whole.prefill, whole.decode, whole.prefill > 0 && whole.decode > 0};
  if (speed.server_timed) return speed;
  if (first.seconds <= 0 || whole.seconds <= first.seconds || whole.generated < 2)
    return fail(ErrorKind::system, base + " answers too quickly to be timed: it wrote " + format_shortest(whole.generated) + " tokens");
  speed.prefill = first.prompt / first.seconds;
  speed.decode = (whole.generated - 1) / (whole.seconds - first.seconds);
  return speed;
}

}  // namespace rigcast::bench
