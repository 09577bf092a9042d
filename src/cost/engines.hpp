#pragma once
// What engines do that decides about time, and since when: one place for all that is known of them beside their rules of memory
// (data/engines) and their kernels on processors (processors.hpp).

#include <string>
#include <string_view>

#include "cost/load.hpp"

namespace rigcast::cost {

// What all Paths of one Placement share.
struct Setting {
  std::string engine;        // "ollama"
  std::string kernels;       // the engine whose kernels it runs, its own or another's: "llama.cpp"
  std::string group;         // engines of one kind: "ggml", "serving", "mlx", "eager", ...
  std::string backend;       // "cuda"
  double built = 2025.5;     // date of the engine's build in years
  double year = 0;           // the same from 2025.5, from where effects of years count
  bool slow_host = false;
  bool repacked = false;
  bool plain_matrices = false;   // Vulkan multiplies matrices by plain arithmetic, whatever units the device has
  std::string driver;            // as Conditions::driver; empty on other backends
  std::string source;
};

std::string engine_group(std::string_view engine);

// The Setting of an engine on a backend under these conditions: nobody else makes one.
Setting setting_of(std::string_view engine, std::string_view backend, const Conditions& conditions = {});

// ---- kernels

// Whether few rows at once have kernels of their own, whose plain arithmetic for every weight may take longer than reading it.
bool has_vector_kernels(const Setting& setting);
// Whether kernels of devices read rows of this format class in the order in which they lie: repacked ones are interleaved for processors.
bool devices_read_rows(const Setting& setting, std::string_view format);

// ---- starting work

// Kernels of a decoding step start as one captured CUDA graph instead of one by one.
bool launches_are_graphs(const catalog::Device& device, const Setting& setting);
// Earlier tokens up to which an engine captures its decoding steps as graphs; 0: at any depth, or never.
double captured_until(const Setting& setting);
// Decoding is captured as graphs unless the user forbids it; vLLM on Intel's cards starts its kernels one by one either way.
bool captures_graphs(const Setting& setting);
// Builds of a port that captures the work between attentions, which Python starts one by one, ahead of the device (cudagraph_mode PIECEWISE).
bool captures_pieces(const Setting& setting);
// Builds of a port that starts kernels one by one until it, too, captures them.
bool captures_nothing_yet(const Setting& setting);

// Whether picking experts is one kernel, and adding up what they return another; else picking takes a softmax, a sort, a gathering and a norm,
// and every expert beyond the first an addition.
bool fuses_routing(const Setting& setting);

// Whether experts are multiplied one after the other with the tokens gathered for each, instead of all by one kernel.
bool loops_over_experts(const Setting& setting);

// Kernels that a layer of gated delta rules starts for a step of decoding beside those of one that is computed by a kernel of its own.
double unfused_delta_kernels(const Setting& setting);


// Python starts every kernel, ahead of the device: eager PyTorch, not the compiled graphs of its ports to HPUs, Neuron and TPUs.
bool starts_from_python(const Setting& setting);

// ---- prompts

// Whether one step of the engine decodes and reads prompts at once; others stop decoding for a prompt.
bool mixes_prompts(std::string_view engine);
// Whether passes of one prompt follow each other through devices that hold a range of layers each, so that all of them work.
bool pipelines_prompts(const Setting& setting, placement::Mode mode);
// How many passes of a prompt are under way at once over so many devices.
int passes_in_flight(const Setting& setting, int devices);
// Whether host weights are sent to a device for passes of many tokens (how many: the engine's data).
bool sends_host_weights(const Setting& setting);
// Whether logits are computed of a prompt's last token alone.
bool logits_of_last_token(const Setting& setting);

// ---- attention

// Whether sliding layers look at their window alone, instead of masking the rest of a whole cache.
bool windows_save_work(const Setting& setting);
// What becomes of the earlier entries that sparse attention does not pick: kernels leave them out, or look at all and mask them, or do the latter
// for steps of one token alone. `flash`: attention is fused; `small_cache`: in fewer than 16 bits.
enum class Unpicked { left_out, masked, masked_in_decoding };
Unpicked unpicked(const catalog::Device& device, const Setting& setting, model::AttentionKind kind, bool flash, bool small_cache);
// Whether flash attention is on where nobody says so.
bool flash_by_default(const Setting& setting);
// Builds whose flash attention leaves the matrix units of a device idle that has them.
bool attends_by_matrix_units(const catalog::Device& device, const Setting& setting);
// Whether prompts, too, are multiplied with a latent cache as it is; else it is unfolded into keys and values for them.
bool reads_latent_prompts(const Setting& setting);

}  // namespace rigcast::cost
