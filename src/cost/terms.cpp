#include "cost/terms.hpp"

#include <algorithm>
#include <cmath>

namespace rigcast::cost {
namespace {

constexpr double kTileRows = 16;        // a matrix kernel computes at least this many rows, used or not
// Of the ideal gain of pipelined ubatches half (as a logarithm) is reached: measured on 8 A100, 2 to 6 RTX 3090 and 4 RTX 3090
// (llama.cpp PR 6017, GPU-Benchmarks-on-LLM-Inference, 4x3090-llm-benchmarks).
constexpr double kPipelineGain = 0.5;
constexpr double kVectorRows = 8;       // up to here the kernels and launches of decoding serve a batch
constexpr double kExpertTileRows = 32;  // rows an expert's tiles are padded by, half a tile in the mean

double attended(double depth, double window) { return window > 0 ? std::min(depth, window) : depth; }

// Share of experts that `tokens` independent choices touch.
double touched(const Stage& s, double tokens) {
  if (s.experts <= 0) return 1;
  return 1 - std::pow(1 - static_cast<double>(s.experts_used) / s.experts, tokens);
}

void push(std::vector<StageWork>& out, std::size_t stage, int memory, int compute, double bytes, double flop, int also = -1) {
  if ((memory >= 0 && bytes > 0) || (compute >= 0 && flop > 0))
    out.push_back({static_cast<int>(stage), bytes > 0 ? memory : -1, flop > 0 ? compute : -1, bytes, flop, also});
}

}  // namespace

void add_decode(const Load& load, double depth, double sequences, double times, std::vector<StageWork>& out) {
  for (std::size_t i = 0; i < load.stages.size(); ++i) {
    const Stage& s = load.stages[i];
    double bytes = 0, flop = 0;
    int compute = s.compute;
    switch (s.kind) {
      case StageKind::weights:
      case StageKind::experts: {
        bytes = s.weight_bytes * touched(s, sequences);
        const bool vector = s.vector >= 0 && sequences <= kVectorRows;
        const bool padded = s.kind == StageKind::weights && s.device != placement::kHost && !vector;
        flop = s.weight_flop * (padded ? std::max(sequences, kTileRows) : sequences);
        if (vector) compute = s.vector;
        break;
      }
      case StageKind::kv: bytes = s.token_bytes * attended(depth, s.window) * sequences; break;
      case StageKind::state: case StageKind::sequence:
        bytes = s.kind == StageKind::sequence ? std::max(0.0, sequences - 1) : s.sequence_amount * sequences;
        break;
      case StageKind::all_reduce_bytes: bytes = s.new_token_amount * sequences; break;
      default: bytes = s.step_amount; break;
    }
    push(out, i, s.memory, compute, bytes * times, flop * times);
  }
}

void add_prefill(const Load& load, double prompt, double depth, double times, std::vector<StageWork>& out, bool share) {
  const double ubatch = std::min<double>(load.ubatch, prompt);
  const double steps = prompt / ubatch;
  // Layers split over P devices work on P ubatches at once: steps + P - 1 stages of work instead of steps * P.
  const double p = load.pipeline_devices;
  if (p > 1 && steps > 1) times *= std::pow((std::ceil(steps) + p - 1) / (std::ceil(steps) * p), kPipelineGain);
  for (std::size_t i = 0; i < load.stages.size(); ++i) {
    const Stage& s = load.stages[i];
    double bytes = 0, flop = 0;
    int memory = s.prefill_memory, compute = s.prefill_compute;
    switch (s.kind) {
      case StageKind::weights:
      case StageKind::experts: {
        bytes = s.weight_bytes * touched(s, ubatch) * steps;
        const double rows = s.experts > 0 ? ubatch * s.experts_used / s.experts : ubatch;
        const double tile = ubatch <= kVectorRows ? 0 : s.experts > 0 ? kExpertTileRows : kTileRows;
        flop = s.weight_flop * prompt * (1 + tile / std::max(1.0, rows));
        if (ubatch <= kVectorRows && s.vector >= 0) compute = s.vector;
        if (s.step_amount > 0) {  // host weights: streamed to the device, or multiplied where they are
          const Path& link = load.paths[static_cast<std::size_t>(memory)];
          const Path& cpu = load.paths[static_cast<std::size_t>(compute)];
          if (bytes / link.peak < s.weight_flop * prompt / cpu.peak) { flop = 0; compute = -1; }
          else { flop = s.weight_flop * prompt; bytes = 0; memory = -1; }
        }
        break;
      }
      case StageKind::kv: flop = s.token_flop * prompt * attended(depth + prompt / 2, s.window); memory = -1; break;
      case StageKind::state: flop = s.new_token_amount * prompt; memory = -1; break;
      case StageKind::all_reduce_bytes: bytes = s.new_token_amount * prompt; break;
      case StageKind::launch:
        bytes = share ? 0 : s.step_amount * steps;
        if (ubatch <= kVectorRows) memory = s.memory;
        break;
      case StageKind::host: bytes = share ? 0 : s.step_amount; break;
      default: break;
    }
    push(out, i, memory, compute, bytes * times, flop * times, share ? load.mixed : -1);
  }
}

double seconds(const Load& load, const StageWork& work) {
  double m = 0, c = 0;
  if (work.memory >= 0) {
    const Path& p = load.paths[static_cast<std::size_t>(work.memory)];
    m = work.bytes / (p.peak * p.efficiency);
  }
  if (work.compute >= 0) {
    const Path& p = load.paths[static_cast<std::size_t>(work.compute)];
    c = work.flop / (p.peak * p.efficiency);
  }
  const double scale = work.also < 0 ? 1 : 1 / load.paths[static_cast<std::size_t>(work.also)].efficiency;
  if (m == 0 || c == 0) return (m + c) * scale;
  const double m2 = m * m, c2 = c * c;
  return std::sqrt(std::sqrt(m2 * m2 + c2 * c2)) * scale;
}

double seconds(const Load& load, const std::vector<StageWork>& work) {
  double sum = 0;
  for (const StageWork& w : work) sum += seconds(load, w);
  return sum;
}

}  // namespace rigcast::cost
