#pragma once
// evaluate, calibrate, observe: how right the Estimates are, what they rest on, and the user's own measurements.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/knowledge.hpp"
#include "base/watch.hpp"
#include "calibration/evaluate.hpp"
#include "calibration/import.hpp"
#include "calibration/own.hpp"

namespace rigcast::app {

struct EvaluateRequest {
  std::vector<std::filesystem::path> files;   // Observations or exports; empty: the project's own
  std::vector<std::string> by;                // groups of scores; empty: the usual ones
  std::string hold_out;                       // device, model, source; empty: as calibrated
};

struct ScoreTable { std::string by; std::vector<calibration::Score> scores; };

struct EvaluateAnswer {
  EvaluateRequest request;
  calibration::Evaluation evaluation;
  std::vector<ScoreTable> tables;
  std::vector<calibration::PeerScore> peers;  // beside ours, on the same rows
  std::vector<calibration::OwnCheck> own;     // where sources are held out: how much a user's own rows would help
  std::vector<Error> unread;                  // lines that are no Observation
  std::vector<std::string> ignored;           // columns nobody knows
};

// Errors: system for a file that cannot be read, input for one nobody understands or without a single row or a fold or group that does not exist; infeasible once
// the watch is stopped, which takes a fraction of a second.
Result<EvaluateAnswer> evaluate(const Knowledge& knowledge, const EvaluateRequest& request, Watch* watch = nullptr);

struct CalibrateAnswer {
  cost::Calibration calibration;
  std::size_t observations = 0;
  std::filesystem::path folder;               // where it was written; empty: nowhere
  std::vector<calibration::Score> scores;     // of its own rows, by kind
  std::vector<Error> unread;                  // lines of the files that are no Observation
};

// Fits to the project's Observations and those of `files`; writes effects.csv, spreads.csv, widths.csv and shares.csv into `folder` unless it is empty.
Result<CalibrateAnswer> calibrate(const Knowledge& knowledge, const std::vector<std::filesystem::path>& files, const std::filesystem::path& folder);

struct ObserveAnswer {
  std::filesystem::path log;
  std::string format;
  std::size_t read = 0, added = 0, duplicates = 0;
  std::size_t without_device = 0, without_model = 0;   // rows that no estimate can use
  std::map<std::string, std::size_t> unusable = {};   // rows that no estimate can use, by the reason
  std::vector<calibration::DeviceDoubt> doubts = {};  // printed names that several devices carry
  std::vector<std::string> ignored = {};      // columns nobody knows
  std::size_t impossible = 0;                 // rows above the roofline of what they name: kept, and used by nothing
  std::size_t damaged = 0;                    // lines of the log that cannot be read; they stay as they are
  std::vector<Error> unread;
};

// Appends Observations to the log (CSV in the project's columns, in the order of its own header), creating it and its folder, never
// rewriting what is there; those it already holds are left out. A damaged line of the log is counted and left alone. `format` and `unread`
// of the answer are the reader's to fill. input: it is no such log, or lacks a column that a row needs.
Result<ObserveAnswer> observe(const std::vector<calibration::Observation>& rows, const std::filesystem::path& log);

// The same for what `file` holds, with what the user adds to it. Errors: input, also for a device, model, engine, format or date of the
// user's that nobody knows.
Result<ObserveAnswer> observe_import(const Knowledge& knowledge, const std::filesystem::path& file, const std::filesystem::path& log, const calibration::ImportDefaults& defaults);

}  // namespace rigcast::app
