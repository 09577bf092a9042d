#pragma once
// An Engine is rules as data: how it pads and pages its cache, how it may split a model, which backends and formats it runs, from
// which version to which. data/engines/*.toml; every rule carries its source.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.hpp"
#include "base/result.hpp"
#include "catalog/catalog.hpp"

namespace rigcast::catalog {

// How an engine keeps keys and values.
enum class KvRule {
  slots,        // llama.cpp: one padded region per stream
  paged,        // vLLM, SGLang, MindIE: blocks out of what is left of the memory
  contiguous,   // Transformers, MLX, ExLlama: grows or is allocated at the maximum
};

struct Engine {
  std::string key, name;
  std::vector<std::string> aliases;
  std::string base;                                // engine whose rules it inherits ("llama.cpp" for ollama)
  KvRule kv_rule = KvRule::slots;
  int context_padding = 1;                         // cells are rounded up to this
  int block_tokens = 0;                            // paged: tokens per block
  bool window_saves_memory = true;                 // sliding layers hold only their window
  std::vector<std::string> backends;               // "cuda", "rocm", "vulkan", ...: in order of preference
  std::vector<std::string> splits;                 // "layer", "row", "tensor", "pipeline", "expert", "data", "cpu-experts", "cpu-layers", "cpu-cache", "cpu"
  bool mixed_vendors = false;
  std::vector<std::string> quant_groups;           // what weights it reads: Quant::group names
  std::vector<std::string> families;               // of models it has code for (Architecture::family); empty: nobody keeps a list of what it lacks
  std::vector<std::string> usual_quants;           // recipes in which models are published for it, from large to small
  std::string usual_quant;                         // the one of them that is meant where nobody names one; empty: as the model was published
  std::map<std::string, double, std::less<>> numbers;  // named constants of its rules ("default_ubatch", "footprint_mib.cuda"): each documented in the file
  std::map<std::string, std::string, std::less<>> texts;  // named texts ("launch", "version")
  std::vector<Source> sources;
  std::string file;
  int line = 0;
};

Result<Engine> read_engine(const Catalog& catalog, std::string_view name);
// One file, over the engine it is based on, which `base_of` is asked for: what the Catalog remembers.
Result<Engine> parse_engine(const Catalog::Document& document, FunctionRef<Result<std::shared_ptr<const Engine>>(std::string_view)> base_of);

// The same with the rules that held for builds of a month ("2025-04"): what stands under "NAME@MONTH" held before that month.
Engine as_of(Engine engine, std::string_view month);

// A rule of the engine on one backend: numbers["name.backend"], else numbers["name"], else the fallback.
double number_of(const Engine& engine, std::string_view name, std::string_view backend, double fallback);
// A rule that depends on a device's memory: numbers["name.large"] from `large_device_gib` on, else numbers["name"], else 0.
double sized_number(const Engine& engine, std::string_view name, Bytes device_memory);
// The same of texts, else an empty one; as long-lived as the engine.
std::string_view text_of(const Engine& engine, std::string_view name, std::string_view backend);
// Where what is known of the engine comes from: its first source, else its name.
std::string source_of(const Engine& engine);
// Whether it reads weights of this group of Quants on a backend, which texts["reads_on.GROUP"] may restrict; on any where none is named.
bool reads(const Engine& engine, std::string_view group, std::string_view backend = {});

}  // namespace rigcast::catalog
