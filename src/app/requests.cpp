#include "app/detail/requests.hpp"

#include <algorithm>
#include <span>

#include "app/rigs.hpp"
#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "cost/engines.hpp"
#include "model/names.hpp"
#include "model/recipe.hpp"
#include "placement/rules.hpp"
#include "placement/search.hpp"

namespace rigcast::app {
namespace {

// Names what an error is about where the room below could not know it: the option that held the text. A rig spec calls itself "rig".
template <class T>
Result<T> from_option(Result<T> result, const char* option, const char* field) {
  if (result) return result;
  Error error = result.error();
  if (error.where.file.empty() || error.where.file == "rig") error.where.file = option;
  if (error.field.empty()) error.field = field;
  return tl::unexpected<Error>(std::move(error));
}

// Speeds are known of builds from the first that ran these models to the newest whose rules are in data/engines.
Result<void> check_engine_date(const Knowledge& knowledge, const std::string& date) {
  constexpr const char* kFirst = "2023-01";
  if (date.empty()) return {};
  std::string newest = kFirst;
  for (const catalog::Entry& entry : knowledge.catalog.entries(catalog::Kind::engine)) {
    RC_ASSIGN(engine, knowledge.catalog.engine(entry.key));
    for (const catalog::Source& source : engine->sources) newest = std::max(newest, source.date);
  }
  const auto year = parse_year(date);
  if (year && *year >= *parse_year(kFirst) && *year <= parse_year(newest).value_or(0)) return {};
  return fail(ErrorKind::input, "'" + date + "' is not a month from " + kFirst + " to " + newest, Where{"--engine-date"}, "engine_date", year && *year < *parse_year(kFirst) ? kFirst : newest);
}

// Whether a model that was published so runs so: in a small format that the engine reads.
bool runs_as_published(const Knowledge& knowledge, const catalog::Engine& engine, const KnownModel& model) {
  return !model.architecture.is_unquantized() && placement::check_formats(knowledge.catalog, engine, model.view);
}

// Of the format that holds most of its weights; empty: unknown.
std::string quant_group(const Knowledge& knowledge, const KnownModel& model) {
  const auto quant = knowledge.catalog.quant(model.view.dominant_quant());
  return quant ? quant->group : std::string();
}

// The engine's usual recipe; of engines that have none the first that stands in where what was published does not fit.
std::string usual_recipe(const catalog::Engine& engine, const UsualFormats& formats) {
  const bool stands_in = engine.usual_quant.empty() && catalog::number_of(engine, "published_first", "", 0) > 0 && !formats.quants.empty();
  return stands_in ? formats.quants.front() : engine.usual_quant;
}

// What stands for a published format that the engine refuses here, where somebody publishes it, too: for FP8 the 16 bits, for fewer bits the first usual ones that are more.
// nullptr: none that there is room for.
std::shared_ptr<const KnownModel> instead_of_refused(const Knowledge& knowledge, const Asked& asked, const ModelFormats& formats) {
  constexpr double kMore = 1.3;   // times the bytes
  const placement::Request& request = asked.request.placement;
  const model::Architecture& published = asked.model->architecture;
  if (!asked.engine.usual_quant.empty() || published.is_unquantized() || is_taken(knowledge, *asked.model, asked.rig, request)) return nullptr;
  const bool is_fp8 = quant_group(knowledge, *asked.model) == "fp8";
  for (const std::string& quant : is_fp8 ? std::vector<std::string>{"bf16"} : usual_formats(asked.engine, formats, asked.rig).quants) {
    const auto other = formats.in(quant);
    if (!other || !(*other)->architecture.has_repository() || (!is_fp8 && (*other)->architecture.weight_bytes() <= kMore * published.weight_bytes())) continue;
    if (is_taken(knowledge, **other, asked.rig, request) && has_room(knowledge, **other, asked.rig, request)) return *other;
  }
  return nullptr;
}

// The file that holds the maker's experts of MXFP4 as they are, where the engine reads such files and not the rest of the checkpoint; nullptr: none that there is room for.
std::shared_ptr<const KnownModel> file_of_its_experts(const Knowledge& knowledge, const Asked& asked, const ModelFormats& formats) {
  if (cost::engine_group(asked.engine.key) != "ggml" || runs_as_published(knowledge, asked.engine, *asked.model) || quant_group(knowledge, *asked.model) != "fp4") return nullptr;
  const auto file = formats.in(std::string(model::gguf_recipe("mxfp4")));
  if (!file || (*file)->view.dominant_quant() != asked.model->view.dominant_quant()) return nullptr;
  return is_taken(knowledge, **file, asked.rig, asked.request.placement) && has_room(knowledge, **file, asked.rig, asked.request.placement) ? *file : nullptr;
}

// The context of each stream that the rig has room for beside this model; 0: none. `any`: in the first way of laying it out that fits.
std::int64_t context_beside(const Knowledge& knowledge, const KnownModel& model, const Asked& asked, bool any = false) {
  const auto placed = placement::find_room(knowledge.catalog, model.view, asked.rig, asked.request.placement, any);
  return placed ? placed->settings.context / placement::context_parts(asked.engine, placed->settings) : 0;
}

// Eight bits at hand that leave room for far more context than the 16 in which the model was published, where nobody named one: nobody serves the few tokens that are left
// beside those. nullptr: 16 bits leave enough.
std::shared_ptr<const KnownModel> roomier(const Knowledge& knowledge, const Asked& asked, const ModelFormats& formats, std::int64_t context) {
  constexpr double kEight = 0.4;   // of the bytes: below are formats that one takes where it must
  const UsualFormats usual = usual_formats(asked.engine, formats, asked.rig);
  for (std::size_t i = 0; i < usual.published; ++i) {
    const auto smaller = formats.in(usual.quants[i]);
    if (!smaller || (*smaller)->architecture.weight_bytes() < kEight * asked.model->architecture.weight_bytes() || !is_taken(knowledge, **smaller, asked.rig, asked.request.placement)) continue;
    if (placement::much_shorter(context, context_beside(knowledge, **smaller, asked))) return *smaller;
  }
  return nullptr;
}

// Of formats that nobody is known to publish, the first that would fit, too, in more bits than what is taken.
void tell_larger(const Knowledge& knowledge, Asked& asked, const ModelFormats& formats, std::span<const std::string> unpublished) {
  for (const std::string& quant : unpublished) {
    const auto larger = formats.in(quant);
    if (!larger || (*larger)->architecture.weight_bytes() <= asked.model->architecture.weight_bytes() || !is_taken(knowledge, **larger, asked.rig, asked.request.placement) ||
        !has_room(knowledge, **larger, asked.rig, asked.request.placement)) continue;
    asked.notes.push_back((*larger)->architecture.quant + " would fit, too, but no repository of it is known here: somebody would have to make it (" + formats.spec(quant) + " to plan with it).");
    return;
  }
}

Result<void> take_usual_quant(const Knowledge& knowledge, Asked& asked) {
  const PlanRequest& request = asked.request;
  const catalog::Engine& engine = asked.engine;
  const std::shared_ptr<const KnownModel> as_published = asked.model;
  if (as_published->architecture.origin != model::Origin::catalogue) return {};
  const auto named = model::catalogue_spec(knowledge.catalog, request.model);
  if (!named || !named->quant.empty()) return {};
  const std::string published = model::shown_format(as_published->architecture.quant);
  const ModelFormats formats(knowledge, named->name);
  if (const auto other = instead_of_refused(knowledge, asked, formats)) {
    asked.assumed_quant = true;
    asked.model = other;
    asked.notes.push_back("No format is named: " + other->architecture.quant + " is assumed, for " + published + ", as published, is refused here.");
    return {};
  }
  if (auto file = file_of_its_experts(knowledge, asked, formats)) {
    asked.assumed_quant = true;
    asked.model = std::move(file);
    asked.notes.push_back("No format is named: " + asked.model->architecture.quant + " is assumed, which holds the experts as they were published.");
    return {};
  }
  if (engine.usual_quants.empty()) return {};
  const auto is_read = [&] { return placement::check_formats(knowledge.catalog, engine, as_published->view).has_value(); };
  const auto refused = [&](const KnownModel& model) { return !is_taken(knowledge, model, asked.rig, request.placement); };
  // Eight bits of another kind stand for FP8 on chips without it, fewer where it does not fit; what is published in fewer bits stays as it is.
  const auto stands = [&] { return quant_group(knowledge, *as_published) != "fp8" || (!refused(*as_published) && has_room(knowledge, *as_published, asked.rig, request.placement)); };
  if (runs_as_published(knowledge, engine, *as_published) && stands()) return {};
  if (as_published->architecture.is_unquantized() && is_read() && refused(*as_published)) return {};   // in any format: to be told of the model as it was published
  const bool published_first = catalog::number_of(engine, "published_first", "", 0) > 0;
  if (std::int64_t context = published_first && is_read() ? context_beside(knowledge, *as_published, asked, true) : 0; context > 0) {
    const auto cramped = [&] { return placement::much_shorter(context, as_published->architecture.max_context); };
    if (!as_published->architecture.is_unquantized() || request.placement.context > 0 || !cramped()) return {};
    context = context_beside(knowledge, *as_published, asked);   // another way may hold more
    auto smaller = cramped() ? roomier(knowledge, asked, formats, context) : nullptr;
    if (!smaller) return {};
    asked.assumed_quant = true;
    asked.model = std::move(smaller);
    asked.notes.push_back("No format is named and the model is published in " + published + ": " + asked.model->architecture.quant + " is assumed, for " + published + " leaves room for only " +
                          format_grouped(context) + " tokens of context. Name another to choose (" + named->name + ':' + to_lower(published) + ").");
    return {};
  }
  const UsualFormats order = usual_formats(engine, formats, asked.rig);
  const std::vector<std::string>& quants = order.quants;
  const std::string recipe = usual_recipe(engine, order);
  if (recipe.empty()) return {};
  RC_ASSIGN(usual, formats.in(recipe));
  const std::string& usual_name = usual->architecture.quant;
  if (refused(*usual)) {   // another usual one, as published, or all are refused, and told
    for (const std::string& quant : quants) {
      RC_ASSIGN(other, formats.in(quant));
      if (refused(*other) || !has_room(knowledge, *other, asked.rig, request.placement)) continue;
      asked.assumed_quant = true;
      asked.model = std::move(other);
      asked.notes.push_back("No format is named: " + asked.model->architecture.quant + " is assumed, for " + usual_name + ", the usual one with " + engine.name + ", is refused here.");
      return {};
    }
    if (!refused(*as_published))
      asked.notes.push_back("No format is named: " + published + ", as published, is taken, for " + usual_name + ", the usual one with " + engine.name + ", is refused here.");
    return {};
  }
  asked.assumed_quant = true;
  asked.model = usual;
  for (auto quant = std::find(quants.begin(), quants.end(), recipe); quant != quants.end(); ++quant) {   // it, and what comes behind it
    RC_ASSIGN(model, formats.in(*quant));
    if (!has_room(knowledge, *model, asked.rig, request.placement)) continue;
    asked.model = std::move(model);
    break;
  }
  const std::string& taken = asked.model->architecture.quant;
  const auto is_taken_one = [&](const std::string& quant) { return equal_ignoring_case(quant, taken); };
  const auto at = std::find_if(quants.begin(), quants.end(), is_taken_one), unpublished = quants.begin() + static_cast<std::ptrdiff_t>(order.published);
  const bool larger_do_not_fit = published_first || taken != usual_name;
  const auto from = larger_do_not_fit && at != quants.end() ? at + 1 : quants.begin();
  const auto last = published_first && at < unpublished ? unpublished : quants.end();   // nor is one named that nobody publishes where others are
  const auto other = std::find_if_not(from, last, is_taken_one);
  const bool alone = other == last;
  const std::string why = published_first && is_read() ? std::string(alone ? " is assumed, for that does not fit." : " is assumed, for that does not fit. Name another to choose (")
                          : taken == usual_name ? " is assumed, as usual with " + engine.name + (alone ? "." : ". Name another to choose (")
                                              : " is assumed, for " + usual_name + ", the usual one with " + engine.name + (alone ? ", does not fit." : ", does not fit. Name another to choose (");
  std::string note = "No format is named and the model is published in " + published + ": " + taken + why;
  if (!alone) note += asked.model->architecture.key + ':' + *other + ").";
  asked.notes.push_back(std::move(note));
  if (larger_do_not_fit && at < unpublished) tell_larger(knowledge, asked, formats, {unpublished, quants.end()});
  return {};
}

}  // namespace

UsualFormats usual_formats(const catalog::Engine& engine, const ModelFormats& formats, const rig::Rig& rig) {
  UsualFormats usual{engine.usual_quants};
  const std::string backend = placement::choose_backend(engine, rig, "").value_or(std::string());
  if (catalog::number_of(engine, "formats_are_published", backend, 0) <= 0) return usual;
  const std::string_view chip = rig.devices.empty() ? std::string_view() : std::string_view(rig.devices.front().device.architecture);
  if (const auto of_chip = split_words(catalog::text_of(engine, "published_quants", chip)); !of_chip.empty()) usual.quants.assign(of_chip.begin(), of_chip.end());
  Bytes devices{};
  for (const rig::RigDevice& device : rig.devices) devices += device.memory;
  const auto is_at_hand = [&](const std::string& quant) {
    const auto model = formats.in(quant);
    if (!model) return false;
    const model::Architecture& architecture = (*model)->architecture;
    return architecture.has_repository() || placement::made_by_engine(engine, architecture, backend, devices) != placement::Made::no;
  };
  usual.published = static_cast<std::size_t>(std::stable_partition(usual.quants.begin(), usual.quants.end(), is_at_hand) - usual.quants.begin());
  return usual;
}

namespace {

// The name of a file that is not here says as much as a name of the catalogue.
std::string file_stem(std::string_view path) {
  path = path.substr(path.find_last_of("/\\") + 1);
  return std::string(path.ends_with(".gguf") ? path.substr(0, path.size() - 5) : path);
}

Result<std::shared_ptr<const KnownModel>> find_drafter(const Knowledge& knowledge, const catalog::Engine& engine, const std::string& name, bool reads_files) {
  if (!model::may_name_a_file(name) || reads_files)
    if (auto found = find_known(knowledge, name); found && (*found)->architecture.origin != model::Origin::catalogue) return found;
  auto spec = model::catalogue_spec(knowledge.catalog, name);
  if (!spec) spec = model::catalogue_spec(knowledge.catalog, file_stem(name));
  if (!spec) return fail(ErrorKind::not_found, "no model is called so");
  if (spec->quant.empty() && cost::engine_group(engine.key) == "ggml") spec->quant = engine.usual_quant;
  RC_ASSIGN(found, find_known(knowledge, spec->quant.empty() ? spec->name : spec->name + ':' + spec->quant));
  return as_engine_reads(knowledge, engine, std::move(found));
}

// The model that the flags let draft. What is wrong with them, prepare() says.
void take_drafter(const Knowledge& knowledge, Asked& asked) {
  PlanRequest& request = asked.request;
  if (trim(request.placement.flags).empty()) return;
  const auto parsed = placement::parse_flags(asked.engine, asked.model->architecture, asked.rig, request.placement.flags);
  if (!parsed || parsed->draft_model.empty()) return;
  request.drafter_name = parsed->draft_model;
  auto found = find_drafter(knowledge, asked.engine, parsed->draft_model, request.placement.reads_files);
  if (!found) return;
  request.drafter = std::move(*found);
  request.placement.drafter = std::shared_ptr<const placement::ModelView>(request.drafter, &request.drafter->view);
}

}  // namespace

PlanRequest with_room(PlanRequest request) {
  request.placement.streams = std::max<std::int64_t>(1, request.question.sequences);
  request.placement.reach = request.question.depth + request.question.prompt;
  request.placement.built = request.question.engine_date;
  return request;
}

bool names_no_streams(const PlanRequest& request) { return request.objective == placement::Objective::throughput && (request.open_streams || request.question.sequences <= 1); }

namespace {

// Streams that nobody names are as many as the engine runs at a time: the cache decides how many of them do.
PlanRequest of_many(PlanRequest request, const catalog::Engine& engine, const rig::Rig& rig) {
  if (!names_no_streams(request)) return request;
  const bool many = engine.kv_rule == catalog::KvRule::paged && !rig.devices.empty();
  request.question.sequences = many ? std::max<std::int64_t>(1, static_cast<std::int64_t>(catalog::sized_number(engine, "default_max_num_seqs", rig.devices.front().memory))) : 1;
  request.open_streams = many;
  return request;
}

}  // namespace

std::string words_of(const PlanRequest& request, std::string_view engine, const KnownModel& model, const rig::Rig& rig) {
  if (rig.spec.empty() || model.from_file || may_change(rig.spec) || (request.drafter && request.drafter->from_file)) return {};
  return request.model + '\n' + model.architecture.quant + '\n' + rig.spec + '\n' + join(rig.idle, ",") + '\n' + std::string(engine) + '\n' + request.question.engine_date + '\n' +
         format_shortest(request.question.acceptance) + '\n' + (request.drafter ? request.drafter->architecture.key + ' ' + request.drafter->architecture.quant : request.drafter_name);
}

Result<std::shared_ptr<const KnownModel>> as_engine_reads(const Knowledge& knowledge, const catalog::Engine& engine, std::shared_ptr<const KnownModel> model) {
  const model::Architecture& found = model->architecture;
  const std::string_view recipe = model::gguf_recipe(found.quant);
  if (found.origin == model::Origin::gguf || recipe == found.quant || cost::engine_group(engine.key) != "ggml") return model;
  model::Architecture converted = found;
  RC_TRY(model::apply_quant(knowledge.catalog, converted, recipe));
  return std::make_shared<const KnownModel>(std::move(converted), model->from_file);
}

bool is_taken(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, placement::Request request) {
  request.advise = false;
  return placement::prepare(knowledge.catalog, model.view, rig, request).has_value();
}

bool has_room(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, const placement::Request& request) {
  return placement::find_room(knowledge.catalog, model.view, rig, request, true).has_value();
}

bool reads_ggml(const Knowledge& knowledge, const KnownModel& model) { return quant_group(knowledge, model).starts_with("ggml"); }

Result<Asked> read_under_engine(const Knowledge& knowledge, PlanRequest request, std::shared_ptr<const KnownModel> model, rig::Rig rig) {
  RC_ASSIGN(engine, from_option(catalog::read_engine(knowledge.catalog, request.placement.engine), "--engine", "engine"));
  RC_TRY(check_engine_date(knowledge, request.question.engine_date));
  if (!request.placement.backend.empty()) rig = placement::part_that_runs(rig, request.placement.backend);
  const std::string date = request.question.engine_date;
  Asked asked{with_room(of_many(std::move(request), engine, rig)), std::move(model), std::move(rig), catalog::as_of(std::move(engine), date)};
  if (asked.request.placement.context == kWholeContext) asked.request.placement.context = asked.model->architecture.max_context;
  take_drafter(knowledge, asked);
  RC_TRY(take_usual_quant(knowledge, asked));
  RC_ASSIGN(read, as_engine_reads(knowledge, asked.engine, asked.model));
  asked.model = std::move(read);
  return asked;
}

Result<Asked> read_asked(const Knowledge& knowledge, const PlanRequest& request) {
  RC_ASSIGN(model, from_option(find_known(knowledge, request.model), "MODEL", "model"));
  RC_ASSIGN(rig, from_option(read_rig(knowledge, request.rig), "--on", "rig"));
  if (request.placement.engine.empty()) return under_usual_engine(knowledge, request, model, rig);
  return read_under_engine(knowledge, request, std::move(model), std::move(rig));
}

}  // namespace rigcast::app
