#pragma once
// The speed of a running server (llama-server, vLLM, anything with an OpenAI completions endpoint), asked over HTTP by curl.

#include <string>

#include "base/result.hpp"
#include "bench/world.hpp"

namespace rigcast::bench {

struct EndpointSpeed {
  double prompt_tokens = 0, generated_tokens = 0;   // as the server counted them
  double prefill = 0, decode = 0;                   // token/s of one stream
  bool server_timed = false;                        // by the server's own clock; else by ours, network included
};

// Sends prompts that no cache has seen: `prompt` tokens or so, then `generated` tokens written. `run`: World::run, patient enough.
// Errors (system): curl is not installed, nobody answers, the answer in the server's own words.
Result<EndpointSpeed> time_endpoint(const std::function<Result<std::string>(const std::vector<std::string>&)>& run, const std::string& url, int prompt, int generated);

}  // namespace rigcast::bench
