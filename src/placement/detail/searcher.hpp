#pragma once
// The search at work: kinds of placement are tried one after the other, and of each the best is kept. What the kinds have in common is in
// search.cpp; how each finds its settings is in search_ranges.cpp (engines with slots), search_degrees.cpp (vLLM and its kin) and
// search_processor.cpp; which need no layout, for they cannot win, in search_bounds.cpp.

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "placement/search.hpp"
#include "placement/split.hpp"

namespace rigcast::placement::detail {

// What one layer holds and reads, with experts apart so that they can be moved to the host.
struct LayerBytes { double base = 0, experts = 0, experts_read = 0, cache = 0, idle = 0; };   // idle: held, but not read by plain decoding

// Bytes of weights that every token is multiplied with: of experts those used.
struct LayerRead { double all = 0, experts = 0; };

// Whether it makes no difference which of two devices holds something.
bool same_device(const rig::RigDevice& a, const rig::RigDevice& b);

// Of every layer, and of the output head behind them.
std::vector<LayerBytes> layer_bytes(const model::Architecture& architecture, double context, double cache_element, bool drafts);   // drafts: by layers of its own

class Searcher {
 public:
  Searcher(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Goal& goal, const Settings& base, LayOut lay_out, Cost cost);
  Found run();

 private:
  // One kind under trial: the best way found so far, and where there is none what came nearest.
  struct Trial {
    std::string kind;
    Count count;                       // of what does not fit
    std::optional<Candidate> best = {};
    std::optional<Rejected> nearest = {};
  };
  enum class Moves { nothing, experts, layers };   // what may leave the devices for the host, first layers first; as little as the memory demands

  // search.cpp
  Trial trial_of(std::string kind) const { return {std::move(kind), goal_.best_only ? Count::until_short : Count::all}; }
  bool done() const { return goal_.any && !found_.ranked.empty(); }
  bool splits(std::string_view name) const;
  bool experimental(Mode mode) const;
  bool much_shorter(const Placement& placement, std::int64_t longest) const;
  bool leans_on_guess(const Placement& placement) const;
  int layer_total() const { return static_cast<int>(architecture_.layers.size()) + 1; }
  const Result<Placement>& laid_out(const Settings& settings, Count count);
  const Result<Placement>& longest(const Placement& placement);
  std::vector<Settings> variants(const Settings& settings) const;
  void consider(Trial& trial, const Settings& settings);
  void consider_one(Trial& trial, const Result<Placement>& placement);
  bool reaches_floor(const Settings& settings);
  Candidate candidate_of(const std::string& kind, const Placement& placement, const Speeds& speeds) const;
  double score(const Candidate& candidate, const Speeds& speeds);
  bool tells_fewer_devices() const;
  void tell_fewer_devices();
  void keep(Trial trial);
  void rank();
  void drop_repeated();

  // search_ranges.cpp
  void slots();
  void one_device();
  void layer_split();
  void share_by_arithmetic(Trial& trial);
  double layer_rate(const rig::RigDevice& device) const;
  void whole_tensors();
  void ranges(const char* kind, const Settings& base, Moves moves);
  void layers_and_experts_on_host();
  void read_prompts_otherwise(Trial& trial, Settings base, Moves moves);
  void fastest_device_alone(Trial& trial, const Settings& base, Moves moves);
  Trial range_trial(const char* kind, const std::optional<Settings>& settings);
  std::optional<Settings> fitting_range(const Settings& base, Moves moves);
  Settings from_the_first(Settings settings);
  bool same_place(const rig::RigDevice& a, const rig::RigDevice& b) const;
  std::optional<Settings> range_within(const Settings& base, Moves moves, Count count);
  std::optional<int> fewest(const Settings& base, Moves moves, const std::vector<DeviceLoad>& devices, int host_layers, int most) const;
  std::optional<Settings> fewest_moved(const Settings& base, Moves moves, const std::vector<double>& lost, int host_layers = 0, int most = kAllLayers) const;
  std::vector<LayerLoad> left_with(const Settings& base, Moves moves, int moved, int host_layers) const;
  std::vector<double> overhead_of(const Placement& placement) const;
  std::vector<double> held_by(const Settings& choice) const;
  bool take_back(const Placement& placement, const Settings& choice, std::vector<double>& lost);
  std::vector<LayerLoad> loads(const Settings& base, int expert_layers, int host_layers) const;
  std::vector<DeviceLoad> device_loads(const std::vector<double>& lost) const;
  Rejected shortage(const Settings& base) const;

  // search_bounds.cpp
  const std::vector<LayerRead>& layers_read() const;
  const Candidate* to_beat() const;
  const Candidate* layers_to_beat() const;
  double step_of(const Candidate& candidate) const { return static_cast<double>(goal_.streams) / candidate.over_context; }   // seconds, in the mean of an empty and a full cache
  bool may_move(Moves moves) const;
  bool cache_may_move() const;
  bool processor_may_win() const;

  // search_degrees.cpp
  void degrees();
  void each_device_alone(Trial& trial, Settings settings);
  void copies();
  void groups_of_hosts();
  bool cut_alike(const Candidate& spread) const;
  bool consider_experts(Trial& trial, Settings settings);

  // search_processor.cpp
  void on_processor();
  bool timed_host() const { return !rig_.hosts.empty() && !rig_.hosts.front().kernels.empty(); }
  bool worth_a_flag(const Candidate& other, const Candidate& usual) const;
  void where_worth_a_flag(Trial& trial, FunctionRef<void()> others);
  void leave_flash_attention(Trial& trial, Settings settings, FunctionRef<std::optional<Settings>(const Settings&)> ranged);
  void choose_threads(Trial& trial);

  const catalog::Engine& engine_;
  const model::Architecture& architecture_;
  const rig::Rig& rig_;
  std::span<const rig::RigDevice> devices_;  // as many of the rig's as the engine takes
  const Goal& goal_;
  Settings base_;
  LayOut lay_out_;
  Cost cost_;
  std::vector<LayerBytes> bytes_;
  mutable std::vector<LayerRead> read_;   // as layers_read() says; the last one is the output head. Empty: not asked yet
  std::vector<double> overhead_;     // bytes per device that are not layers, learned from the first exact layout
  bool overhead_known_ = false;
  static constexpr int kAnyDevice = -1;
  int only_ = kAnyDevice;            // the one device that ranges may use
  bool by_arithmetic_ = false;       // ranges go by how fast devices multiply, not by how fast they read
  bool put_off_ = false;             // whole_tensors, until nothing else fits
  static constexpr int kAllLayers = 1 << 30;
  static constexpr double kWorthAFlag = 1.05;
  static constexpr double kTieBreak = 1e-6;   // token/s beside tokens of context
  double margin_ = 0;                // Goal::margin, or nothing where only that fits
  Rejected last_rejection_;
  std::optional<Candidate> soonest_; // where fewer devices may be told: what writes fastest where it was asked about, whatever it comes to with a full context
  std::optional<Candidate> below_;   // the fastest below Goal::floor, which holds whatever it lacks of memory
  std::deque<std::pair<Settings, Result<Placement>>> laid_out_;  // a deque: references stay
  std::vector<std::uint64_t> laid_out_keys_;                     // of each: key_of() its settings
  Found found_;
};

}  // namespace rigcast::placement::detail
