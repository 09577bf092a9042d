#include "cost/terms.hpp"

#include <algorithm>
#include <cmath>

#include "cost/norm.hpp"

namespace rigcast::cost {
namespace {

constexpr double kTileRows = 16;        // a matrix kernel computes at least this many rows, used or not
// Of the ideal gain of pipelined passes three quarters (as a logarithm) are reached: medians of 0.68 on 8 A100 (llama.cpp PR 6017), 0.71 on 2 to 8
// cards of six kinds (GPU-Benchmarks-on-LLM-Inference), 0.79 on 2 RTX 3060 and 0.88 on 2 and 4 RTX 3090 (qwen-benchmark, qwen38-27b-bench-4x3090).
constexpr double kPipelineGain = 0.75;
constexpr double kVectorRows = 8;       // up to here the kernels and launches of decoding serve a batch
// Tokens of one text and popular experts choose alike: n tokens touch as many experts as n^0.8 independent ones. Fitted decoding of
// mixtures at 4 to 512 requests: median error 17.5 % at 1, 16.6 % at 0.8, 15.4 % at 0.7; single prompts do not care.
constexpr double kIndependence = 0.8;
constexpr double kExpertTileRows = 32;  // rows an expert's tiles are padded by, half a tile in the mean
constexpr double kSmallTileRows = 4;    // the same of llama.cpp's, which are as small as its experts' rows are few
// Of what a matrix-vector kernel computes for one row, a share unpacks weights, which further rows share: RTX 3090 and 4090, RX 6800 at 1, 2, 4
// and 8 rows (llama.cpp PR 8215).
constexpr double kUnpackedOnce = 0.7;

// Of a step of the model, what a pass of what drafts takes where no more is known of it: one layer of 30 to 60, and the head.
constexpr double kDraftShare = 0.05;

double attended(double depth, double window) { return window > 0 ? std::min(depth, window) : depth; }

// Mean of the same over `tokens` tokens of which the first has `depth` earlier ones.
double attended_mean(double depth, double tokens, double window) {
  if (window <= 0) return depth + tokens / 2;
  const double growing = std::clamp(window - depth, 0.0, tokens);   // tokens that still see all that came before
  return tokens > 0 ? (growing * (depth + growing / 2) + (tokens - growing) * window) / tokens : attended(depth, window);
}

// Share of experts that the choices of `tokens` tokens touch.
double touched(const Stage& s, double tokens) {
  if (s.experts <= 0) return 1;
  return 1 - std::pow(1 - static_cast<double>(s.experts_used) / s.experts, tokens > 1 ? std::pow(tokens, kIndependence) : tokens);
}

void push(std::vector<StageWork>& out, std::size_t stage, int memory, int compute, double bytes, double flop, bool in_turn, int also = -1) {
  if ((memory >= 0 && bytes > 0) || (compute >= 0 && flop > 0))
    out.push_back({static_cast<int>(stage), bytes > 0 ? memory : -1, flop > 0 ? compute : -1, bytes, flop, in_turn, also});
}

// What a device's matrix kernels compute for `tokens` tokens over what is needed: rows are padded to whole tiles.
double tiles(const Stage& s, double tokens) {
  const double rows = s.experts > 0 ? tokens * s.experts_used / s.experts / (s.in_turn ? touched(s, tokens) : 1) : tokens;
  const double tile = s.experts > 0 ? (s.in_turn ? kSmallTileRows : kExpertTileRows) : kTileRows;
  return 1 + tile / std::max(1.0, rows);
}

// Processors do not pad.
double padding(const Stage& s, double tokens) { return s.device == placement::kHost ? 1 : tiles(s, tokens); }

// Rows of a matrix-vector kernel, each costing what the first does less what it shares with it. Experts' rows are their own.
double vector_rows(const Stage& s, double rows) { return s.kind == StageKind::weights ? kUnpackedOnce + (1 - kUnpackedOnce) * rows : rows; }

// One step that computes `tokens` tokens of each of `sequences`, over Stages from `first` up to `end`: their caches are read once, whatever their number.
void add_step(const Load& load, std::size_t first, std::size_t end, double depth, double sequences, double tokens, double times, std::vector<StageWork>& out) {
  const double all = sequences * tokens;
  for (std::size_t i = first; i < end; ++i) {
    const Stage& s = load.stages[i];
    double bytes = 0, flop = 0;
    bool in_turn = false;
    int memory = s.memory, compute = s.compute;
    switch (s.kind) {
      case StageKind::weights:
      case StageKind::experts: {
        bytes = s.weight_bytes * touched(s, all);
        const double rows = all * s.token_share;
        if (s.stream >= 0 && all >= s.stream_batch) {
          push(out, i, s.stream, s.stream_compute, bytes * times, s.weight_flop * rows * tiles(s, rows) * times, true);
          continue;
        }
        if (s.vector >= 0 && all <= kVectorRows) {
          flop = s.weight_flop * vector_rows(s, rows);
          compute = s.vector;
        } else if (s.in_turn) {   // the very kernels that read prompts
          flop = s.weight_flop * rows * padding(s, rows);
          compute = s.prefill_compute;
          in_turn = true;
        } else {
          const bool padded = s.kind == StageKind::weights && s.device != placement::kHost;
          flop = s.weight_flop * (padded ? std::max(rows, kTileRows) : rows);
        }
        break;
      }
      case StageKind::kv:
        bytes = s.token_bytes * attended(depth, s.window) * std::max(1.0, sequences * s.token_share);
        if (s.stream >= 0 && sequences >= s.stream_batch) {
          push(out, i, s.stream, s.stream_compute, bytes * times, s.token_flop * attended(depth, s.window) * all * times, true);
          continue;
        }
        flop = s.decode_token_flop * attended(depth, s.window) * all * s.token_share;
        break;
      case StageKind::sent_cache: bytes = s.token_bytes * attended(depth, s.window) * sequences * s.token_share; break;
      case StageKind::state: bytes = s.sequence_amount * std::max(1.0, sequences * s.token_share) * (1 + tokens) / 2; break;   // read once, written for every token
      case StageKind::sequence: bytes = std::max(0.0, sequences * s.token_share - 1); break;
      case StageKind::all_reduce_bytes: bytes = s.new_token_amount * all; break;
      case StageKind::launch:
        if (s.uncaptured >= 0 && depth > s.captured_until) memory = s.uncaptured;
        [[fallthrough]];
      default: bytes = s.step_amount; break;
    }
    push(out, i, memory, compute, bytes * times, flop * times, in_turn);
  }
}

// What drafting costs beyond the steps that are counted, it costs all that is done beside it.
void slow_by_drafts(const Load& load, std::size_t first, std::vector<StageWork>& out) {
  if (load.drafts.tokens <= 0) return;
  for (std::size_t i = first; i < out.size(); ++i) out[i].also = load.speculation;
}

}  // namespace

void add_decode(const Load& load, double depth, double sequences, double times, std::vector<StageWork>& out) {
  const Drafts& drafts = load.drafts;
  const std::size_t first = out.size();
  const std::size_t all = load.stages.size(), own = std::min(load.own_stages, all);
  add_step(load, 0, own, depth, sequences, 1 + drafts.tokens, times / drafts.kept, out);
  const std::size_t verified = out.size();
  if (const double passes = times * drafts.passes / drafts.kept; passes > 0) {
    if (own < all) add_step(load, own, all, depth, sequences, 1, passes, out);
    else add_step(load, 0, own, depth, sequences, 1, passes * kDraftShare, out);
  }
  for (std::size_t i = verified; i < out.size(); ++i) out[i].drafts = true;
  slow_by_drafts(load, first, out);
}

namespace {

// `tokens` tokens of prompts of `length`, whose first has `depth` earlier ones, in ubatches of `chunk`.
void add_read(const Load& load, double tokens, double length, double depth, double chunk, double times, bool along, std::vector<StageWork>& out) {
  const double steps = tokens / chunk;
  for (std::size_t i = 0; i < load.stages.size(); ++i) {
    const Stage& s = load.stages[i];
    double bytes = 0, flop = 0;
    const double seen = along ? tokens * s.token_share : tokens;   // one prompt alone is one copy's work
    int memory = s.prefill_memory, compute = s.prefill_compute;
    bool in_turn = false;
    switch (s.kind) {
      case StageKind::weights:
      case StageKind::experts: {
        if (s.last_token) {   // of prompts read along, the decoding batch has it already
          if (along) break;
          bytes = s.weight_bytes;
          flop = s.weight_flop;
          compute = s.vector >= 0 ? s.vector : s.compute;
          break;
        }
        bytes = s.weight_bytes * touched(s, chunk) * steps;
        const bool few = chunk <= kVectorRows;
        flop = s.weight_flop * seen * (few ? 1 : padding(s, chunk));
        in_turn = s.in_turn && !few;
        if (few && s.vector >= 0) {
          compute = s.vector;
          flop *= vector_rows(s, chunk) / chunk;
        }
        if (s.stream >= 0 && chunk >= s.stream_batch) {   // sent to a device, then multiplied there
          memory = s.stream;
          compute = s.stream_compute;
          flop = s.weight_flop * seen * tiles(s, chunk);
          in_turn = true;
        }
        break;
      }
      case StageKind::kv:
        flop = s.token_flop * seen * attended_mean(depth, length, s.window);
        memory = -1;
        if (s.stream >= 0 && chunk >= s.stream_batch) {   // of the host's layers: once for every ubatch
          memory = s.stream;
          compute = s.stream_compute;
          bytes = s.token_bytes * attended_mean(depth, length, s.window) * steps;
          in_turn = true;
        }
        break;
      case StageKind::sent_cache: bytes = s.token_bytes * attended_mean(depth, length, s.window) * steps; break;   // once for every ubatch
      case StageKind::state: flop = s.new_token_amount * seen; memory = -1; break;
      case StageKind::all_reduce_bytes: bytes = s.new_token_amount * tokens; break;
      case StageKind::launch:
        bytes = along ? 0 : s.step_amount * steps;
        if (chunk <= kVectorRows && s.memory >= 0) memory = s.memory;
        break;
      case StageKind::host: bytes = along ? 0 : s.step_amount; break;
      default: break;
    }
    const std::size_t before = out.size();
    push(out, i, memory, compute, bytes * times, flop * times, in_turn, along ? load.mixed : -1);
    if (i >= load.own_stages && out.size() > before) out.back().drafts = true;   // another model reads prompts, too, before it drafts
  }
}

}  // namespace

void add_prefill(const Load& load, double prompt, double depth, double times, std::vector<StageWork>& out) {
  const double chunk = std::min<double>(load.ubatch, prompt), steps = prompt / chunk;
  // Layers split over P devices work on P ubatches at once: steps + P - 1 stages of work instead of steps * P; with fewer passes in flight
  // P + (steps - 1) P / passes.
  const double p = load.pipeline_devices;
  if (p > 1 && steps > 1) {
    const double each = std::max(1.0, p / load.passes_in_flight);   // stages of work from the end of one pass to that of the next
    times *= std::pow((p + (std::ceil(steps) - 1) * each) / (std::ceil(steps) * p), kPipelineGain);
  }
  add_read(load, prompt, prompt, depth, chunk, times, false, out);
}

void add_loaded_step(const Load& load, double depth, double sequences, double prompt, double prompts, std::vector<StageWork>& out) {
  const std::size_t first = out.size();
  add_decode(load, depth, sequences, 1, out);
  if (prompt * prompts <= 0) return;
  // A step takes whole prompts up to the ubatch: where less than one comes along in the mean, most steps have none and some have one.
  const double along = prompt * prompts * load.drafts.kept;   // tokens of prompts with each step, which keeps so many for each sequence
  const double chunk = std::min<double>(load.ubatch, std::max(prompt, along));
  const double share = std::min(1.0, along / chunk);   // of steps that read one
  const std::size_t decoded = out.size();
  add_read(load, prompt * prompts, prompt, 0, chunk, 1, true, out);
  slow_by_drafts(load, decoded, out);
  if (!load.mixes) return;
  for (std::size_t r = decoded; r < out.size(); ++r) {
    StageWork& read = out[r];
    const Stage& stage = load.stages[static_cast<std::size_t>(read.stage)];
    if (stage.device == placement::kHost || (stage.kind != StageKind::weights && stage.kind != StageKind::experts)) continue;
    const auto same = std::find_if(out.begin() + static_cast<std::ptrdiff_t>(first), out.begin() + static_cast<std::ptrdiff_t>(decoded),
                                   [&](const StageWork& w) { return w.stage == read.stage; });
    if (same == out.begin() + static_cast<std::ptrdiff_t>(decoded)) continue;
    // Of the steps with a prompt: what either of them reads, and the arithmetic of both. The others decode alone.
    read.bytes = std::max(read.bytes, share * same->bytes);
    read.flop += share * same->flop;
    same->bytes *= 1 - share;
    same->flop *= 1 - share;
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
  if (m == 0 || c == 0 || work.in_turn) return (m + c) * scale;
  return norm(m, c) * scale;
}

double least_seconds(const Load& load, const std::vector<StageWork>& work) {
  const auto at_roof = [&](int path, double amount) {
    const double roof = path < 0 ? 0 : load.paths[static_cast<std::size_t>(path)].roof;
    return roof > 0 ? amount / roof : 0;
  };
  double least = 0;
  for (const StageWork& w : work) least += std::max(at_roof(w.memory, w.bytes), at_roof(w.compute, w.flop));
  return least;
}

Totals decode_totals(const Load& load, double depth) {
  double work = 0, traffic = 0;
  for (const Stage& s : load.stages) switch (s.kind) {
    case StageKind::weights:
    case StageKind::experts:
      work += s.weight_flop;
      traffic += s.weight_bytes * touched(s, 1);
      break;
    case StageKind::kv:
      work += (s.decode_token_flop > 0 ? s.decode_token_flop : s.token_flop) * attended(depth, s.window);
      traffic += s.token_bytes * attended(depth, s.window);
      break;
    case StageKind::state:
      work += s.new_token_amount;
      traffic += s.sequence_amount;
      break;
    default: break;
  }
  return {Flop(work), Bytes(traffic)};
}

Totals prefill_totals(const Load& load, double prompt, double depth) {
  const double chunk = std::min<double>(load.ubatch, prompt), steps = prompt / chunk, middle = depth + prompt / 2;
  double work = 0, traffic = 0;
  for (const Stage& s : load.stages) switch (s.kind) {
    case StageKind::weights:
    case StageKind::experts:
      work += s.weight_flop * (s.last_token ? 1 : prompt);
      traffic += s.weight_bytes * (s.last_token ? 1 : touched(s, chunk) * steps);
      break;
    case StageKind::kv:   // the prompt's own entries are written once, and each ubatch reads what it sees
      work += s.token_flop * prompt * attended_mean(depth, prompt, s.window);
      traffic += s.token_bytes * (prompt + steps * attended(middle, s.window));
      break;
    case StageKind::state:
      work += s.new_token_amount * prompt;
      traffic += s.sequence_amount * steps;
      break;
    default: break;
  }
  return {Flop(work), Bytes(traffic)};
}

namespace {

Sides sides_of(const Load& load, const std::vector<StageWork>& work) {
  Sides sides;
  for (const StageWork& w : work) sides[side_of(load, load.stages[static_cast<std::size_t>(w.stage)].kind)] += seconds(load, w);
  return sides;
}

}  // namespace

Side side_of(const Load& load, StageKind kind) {
  if (kind == StageKind::launch) return Side::ahead;
  if (kind == StageKind::host || kind == StageKind::sequence) return load.schedules_between ? Side::between : Side::ahead;
  return Side::device;
}

double Sides::together(bool runs_ahead) const {
  const double ahead = (*this)[Side::ahead], device = (*this)[Side::device];
  return (*this)[Side::between] + (runs_ahead ? norm(ahead, device) : ahead + device);
}

Sides Sides::slopes(bool runs_ahead) const {
  Sides out{{1, 1, 1}};
  const double both = runs_ahead ? norm((*this)[Side::ahead], (*this)[Side::device]) : 0;
  if (both > 0)
    for (const Side side : {Side::ahead, Side::device}) out[side] = norm_slope((*this)[side], both);
  return out;
}

bool runs_ahead(const Load& load, const std::vector<StageWork>& work) {
  return load.runs_ahead || std::any_of(work.begin(), work.end(), [&](const StageWork& w) {
           const int uncaptured = load.stages[static_cast<std::size_t>(w.stage)].uncaptured;
           return uncaptured >= 0 && w.memory == uncaptured;
         });
}

double seconds(const Load& load, const std::vector<StageWork>& work) { return sides_of(load, work).together(runs_ahead(load, work)); }

std::vector<double> parts(const Load& load, const std::vector<StageWork>& work) {
  // The norm N of sides h and d is homogeneous, so N = h dN/dh + d dN/dd (Euler), with dN/dh = (h / N)^3.
  const Sides slopes = sides_of(load, work).slopes(runs_ahead(load, work));
  std::vector<double> out;
  for (const StageWork& w : work) out.push_back(seconds(load, w) * slopes[side_of(load, load.stages[static_cast<std::size_t>(w.stage)].kind)]);
  return out;
}

}  // namespace rigcast::cost
