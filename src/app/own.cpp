#include "app/own.hpp"

#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <system_error>

#include "cost/spread.hpp"

namespace rigcast::app {
namespace {

namespace fs = std::filesystem;

// When a file was changed and how long it is: it only grows, so that both together tell every change.
using Stamp = std::optional<std::pair<fs::file_time_type, std::uintmax_t>>;

Stamp stamp_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) return std::nullopt;
  const auto time = fs::last_write_time(file, error);
  if (error) return std::nullopt;
  return std::pair(time, size);
}

}  // namespace

struct OwnLogs::State {
  std::vector<fs::path> files;
  std::mutex mutex;                 // guards what follows
  std::vector<Stamp> stamps;
  std::shared_ptr<const calibration::OwnLog> log;
};

OwnLogs::OwnLogs(std::vector<fs::path> files) : state_(std::make_unique<State>()) { state_->files = std::move(files); }
OwnLogs::~OwnLogs() = default;

std::shared_ptr<const calibration::OwnLog> OwnLogs::read() {
  const std::lock_guard lock(state_->mutex);
  std::vector<Stamp> stamps;
  for (const fs::path& file : state_->files) stamps.push_back(stamp_of(file));
  if (stamps == state_->stamps) return state_->log;
  calibration::OwnLog all;
  for (std::size_t i = 0; i < state_->files.size(); ++i) {
    if (!stamps[i]) continue;
    std::ifstream in(state_->files[i], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    calibration::OwnLog one = calibration::read_own(text, state_->files[i].string());
    all.rows.insert(all.rows.end(), std::make_move_iterator(one.rows.begin()), std::make_move_iterator(one.rows.end()));
    all.unread += one.unread;
  }
  state_->log = all.rows.empty() && all.unread == 0 ? nullptr : std::make_shared<const calibration::OwnLog>(std::move(all));
  state_->stamps = std::move(stamps);
  return state_->log;
}

std::vector<fs::path> own_log_files(const std::vector<fs::path>& overlays) {
  std::vector<fs::path> files;
  for (const fs::path& folder : overlays) files.push_back(folder / "observations.csv");
  return files;
}

OwnMachine own_machine(const Knowledge& knowledge, const rig::Rig& rig, const placement::Placement& placement, const cost::Load& load) {
  const bool on_host = placement.devices.empty() || placement.mode == placement::Mode::cpu;
  const rig::Host& host = rig.hosts.front();
  const std::string device = on_host ? (host.processor ? host.processor->key : host.name) : rig.devices[static_cast<std::size_t>(placement.devices.front().device)].device.key;
  return {device, on_host ? 1 : static_cast<int>(placement.devices.size()), load.backend, cost::layout_of(load), cost::grade_of(load, knowledge.calibration)};
}

calibration::Own own_for(const Knowledge& knowledge, const model::Architecture& architecture, const rig::Rig& rig, const placement::Placement& placement,
                         const cost::Load& load) {
  const auto log = knowledge.own ? knowledge.own->read() : nullptr;
  if (!log) return {};
  const OwnMachine machine = own_machine(knowledge, rig, placement, load);
  return calibration::own_of(knowledge.catalog, knowledge.calibration, *log, {machine.device, machine.devices, architecture, load, &rig.hosts.front()});
}

}  // namespace rigcast::app
