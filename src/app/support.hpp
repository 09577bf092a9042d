#pragma once
// support: which engines run on a Device, from which version to which, and what each does with each number format; with a model, which of
// them run it, and how.
//
// Nothing here is decided in code: an engine's data says which backends it has and which formats it reads, the rules say what it refuses
// or runs as something else on this chip, the Device says which number formats it computes in.

#include <optional>
#include <string>
#include <vector>

#include "app/knowledge.hpp"
#include "catalog/device.hpp"
#include "catalog/rule.hpp"
#include "cost/estimate.hpp"

namespace rigcast::app {

enum class Support {
  native,    // kernels for it, computing in the format itself or, for weight-only formats, in what they widen to by design
  fallback,  // it runs, in another number format: `runs_as`
  refused,   // a rule says why
  unread,    // the engine cannot load such weights
};
const char* to_string(Support support);

struct FormatSupport {
  std::string format, name;          // a Quant that stands for its kind: "fp8_e4m3", "FP8"
  std::string group;                 // Quant::group
  double bits_per_weight = 0;
  Support support = Support::unread;
  std::string runs_as;               // number format of the arithmetic: "fp16", "int8"; empty where it does not run or nobody can say
  FlopRate rate{};                   // dense, of that arithmetic; 0: unknown
  std::vector<std::string> rules;    // keys of SupportAnswer::rules
};

struct BackendSupport {
  std::string backend;
  std::vector<FormatSupport> formats;   // the same in every backend, in the same order
};

struct EngineSupport {
  std::string key, name, version;       // version: of the release the facts were read from
  std::string why;                      // the rule that keeps it from running here; empty: it runs, or has no backend for the Device
  std::string since, until;             // releases between which it does: "ROCm 7.0.2", "CUDA 12.9, vLLM 0.30"; empty: no limit known
  std::vector<BackendSupport> backends; // that engine and Device share, the engine's favourite first; empty: none
  std::vector<std::string> rules;       // keys of what applies whatever the format
};

// How one engine runs the model on one such Device.
struct ModelSupport {
  std::string key, name;                // of the engine
  std::string model;                    // spec with the Quant: the engine's usual one, or the best that fits: "qwen3-32b:q4_k_m"
  bool runs = false;
  std::string why;                      // where it does not: the refusal, or empty
  Bytes missing{};                      // ... or what is short with the smallest Quant tried, which is `quant`
  std::string quant, backend, launch;
  Bytes weights{};
  cost::Interval decode, prefill;       // token/s; 0 where nobody can say
};

struct SupportRequest {
  std::string device;                   // key or alias
  std::string about;                    // an engine, a model spec, or empty: all engines
};

struct SupportAnswer {
  SupportRequest request;
  catalog::Device device;
  std::optional<std::string> engine;    // key, where the question was about one
  std::vector<EngineSupport> engines;   // in key order
  std::vector<ModelSupport> models;     // where the question was about a model: one per engine, those that run it first; in front those that serve many where the card is one of servers, then what is fast for the bits it keeps
  bool serves_first = false;            // a card of servers: engines that serve many stand in front
  std::vector<catalog::Rule> rules;     // all that apply, each once, refusals first
  std::vector<catalog::Rule> several;   // those that apply only where several such Devices share a model
};

// not_found: with the nearest device, engine or model.
Result<SupportAnswer> support(const Knowledge& knowledge, const SupportRequest& request);

}  // namespace rigcast::app
