#pragma once
// Reading what a request names, with errors that say which part of the request they are about.

#include <memory>

#include "app/models.hpp"
#include "app/plan.hpp"
#include "cost/load.hpp"

namespace rigcast::app {

// What is to be placed follows from what is asked of it: room for every stream and for all that is read.
PlanRequest with_room(PlanRequest request);

// Whoever wants throughput and names no streams means as many as there may be.
bool names_no_streams(const PlanRequest& request);

struct Asked {
  PlanRequest request;          // with room, and the model's own context in numbers
  std::shared_ptr<const KnownModel> model;
  rig::Rig rig;
  catalog::Engine engine;
  bool assumed_quant = false;   // the format is the engine's usual one: nobody named any
  std::vector<std::string> notes = {};   // of the model, beside its own
  std::int64_t most_streams = 0;         // that keep the least speed asked for, where nobody named their number
};

// A model of the catalogue for which no format is named takes the engine's usual one, or where that does not fit the largest smaller one that
// does; what was published in fewer than 16 bits that the engine reads stays as it is. Files keep theirs.
Result<Asked> read_asked(const Knowledge& knowledge, const PlanRequest& request);

// The engine's usual formats of a model in the order in which they are tried: from large to small, but where making one is work that others have
// done, those that somebody publishes, or the engine makes itself while it loads, before all others.
struct UsualFormats {
  std::vector<std::string> quants;
  std::size_t published = 0;   // so many of them stand first
};
UsualFormats usual_formats(const catalog::Engine& engine, const ModelFormats& formats, const rig::Rig& rig);

// The engine that plans take on these cards where nobody names one and it takes the model.
std::string usual_engine(const Knowledge& knowledge, const rig::Rig& rig);

// The same of a request that names an engine, for a model and a rig that are read.
Result<Asked> read_under_engine(const Knowledge& knowledge, PlanRequest request, std::shared_ptr<const KnownModel> model, rig::Rig rig);

// ... and of one that names none: the engine whose flags these are, one that is usual on such cards and holds the model there, the one that runs on most
// machines, or where that refuses the one that it proposes.
Result<Asked> under_usual_engine(const Knowledge& knowledge, const PlanRequest& request, const std::shared_ptr<const KnownModel>& model, const rig::Rig& rig);

// A card or module of servers, on which engines that serve many are usual.
bool is_of_servers(const catalog::Device& device);

// Whether none is usual on the rig: any like it would have the plain one.
bool leaves_engine_open(const Knowledge& knowledge, const rig::Rig& rig);

// Whether the engine takes the model on this rig, whatever it would advise instead; and whether the rig has room for it.
bool is_taken(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, placement::Request request);
bool has_room(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, const placement::Request& request);

// Files of llama.cpp's formats are read by others, too, but slowly: their users take another format.
bool reads_ggml(const Knowledge& knowledge, const KnownModel& model);

// What layouts of this model on this rig may be remembered by: the words that name both, the engine and its month. Empty: a file or this machine,
// which may have changed.
std::string words_of(const PlanRequest& request, std::string_view engine, const KnownModel& model, const rig::Rig& rig);

// A checkpoint as the engine's files hold it: engines of GGUF read a conversion, in which some formats are stored otherwise.
Result<std::shared_ptr<const KnownModel>> as_engine_reads(const Knowledge& knowledge, const catalog::Engine& engine, std::shared_ptr<const KnownModel> model);

// What plan() answers, without its advice: no longest context, remedies or upgrades.
Result<PlanAnswer> answer_of(const Knowledge& knowledge, Asked asked);

// What a question comes to at best, for advice that asks it of many rigs: token/s, p50, 0 where nobody can say.
struct Outcome {
  placement::Placement placement;
  double decode = 0, prefill = 0;
  double over_context = 0;      // decode_over_context() of the answer
  std::int64_t streams = 1;     // that `decode` is of
  std::shared_ptr<const cost::Load> load = {};   // none where nobody can say how fast it is
};
// Nothing where it does not fit or is refused, and where it may be nothing: below `floor` over a context that fills. REQUIRES: a request as read_asked()
// makes it.
std::optional<Outcome> outcome_of(const Knowledge& knowledge, const PlanRequest& request, const catalog::Engine& engine, const KnownModel& model, const rig::Rig& rig, double floor = 0);

// Throughput with a least speed of each stream, and no streams named, asks how many there may be: of all that the engine runs at a time the most that reach it.
// `as_asked` is the request that read_asked() has made `asked` of.
void take_most_streams(const Knowledge& knowledge, const PlanRequest& as_asked, Asked& asked);

}  // namespace rigcast::app
