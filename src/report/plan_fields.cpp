#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/answers.hpp"
#include "report/detail/advice.hpp"
#include "report/detail/parts.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

constexpr std::size_t kBarsShown = 6;   // more devices than these are drawn together where they hold the same
constexpr std::size_t kTermsShown = 4;

Fields memory_fields(const placement::Memory& memory, Bytes capacity) {
  const auto bytes = [](Bytes value) { return Number{value.value(), Unit::bytes}; };
  return {{"capacity_bytes", "capacity"_say, bytes(capacity), Show::capacity},
          {"weights_bytes", "weights"_say, bytes(memory.weights), Show::segment},
          {"kv_bytes", "KV cache"_say, bytes(memory.kv), Show::segment},
          {"state_bytes", "state"_say, bytes(memory.state), Show::segment},
          {"compute_bytes", "compute"_say, bytes(memory.compute), Show::segment},
          {"footprint_bytes", "runtime"_say, bytes(memory.footprint), Show::segment},
          machine("total_bytes", bytes(memory.total()))};
}

Fields device_fields(const app::PlanAnswer& answer, const placement::DeviceShare& share) {
  const rig::RigDevice& one = answer.rig.devices[static_cast<std::size_t>(share.device)];
  return {people(Show::row, device_name(answer.rig, share.device)),
          machine("device", one.device.key),
          machine("name", one.device.name),
          machine("index", std::int64_t{one.index}),
          machine("layers", std::int64_t{share.layer_count}),
          machine("first_layer", std::int64_t{share.first_layer}),
          machine("fraction", Number{share.fraction}),
          {"memory", {}, memory_fields(share.memory, share.capacity), Show::group}};
}

Fields host_fields(const app::PlanAnswer& answer) {
  // What devices that have none of their own take of it is shown with them.
  Bytes shared{};
  for (const placement::DeviceShare& share : answer.placement.devices) {
    const rig::RigDevice& device = answer.rig.devices[static_cast<std::size_t>(share.device)];
    if (device.device.unified && device.host == 0) shared += share.memory.total();
  }
  const Bytes left = answer.placement.host_capacity > Bytes{} ? std::max(Bytes{}, answer.placement.host_capacity - shared) : Bytes{};
  return {people(Show::row, shared > Bytes{} ? "the rest for the host"_say : "host memory"_say),
          machine("device", answer.rig.hosts.empty() ? "" : answer.rig.hosts.front().name),
          {"memory", {}, memory_fields(answer.placement.host, left), Show::group},
          machine("mapped_bytes", Number{answer.placement.host_mapped.value(), Unit::bytes})};
}

// Whether every number that is printed of them is the same.
bool same_share(const app::PlanAnswer& answer, const placement::DeviceShare& a, const placement::DeviceShare& b) {
  const auto& devices = answer.rig.devices;
  const auto printed = [](const placement::DeviceShare& share) {
    const placement::Memory& m = share.memory;
    std::vector<std::string> numbers;
    for (const Bytes each : {m.weights, m.kv, m.state, m.compute, m.footprint, m.total(), share.capacity, share.capacity - m.total()}) numbers.push_back(print_gib(each));
    return numbers;
  };
  return devices[static_cast<std::size_t>(a.device)].device.key == devices[static_cast<std::size_t>(b.device)].device.key && printed(a) == printed(b);
}

// One bar per memory; many devices that hold the same are drawn as one.
Rows bar_rows(const app::PlanAnswer& answer) {
  const auto& shares = answer.placement.devices;
  Rows rows;
  for (std::size_t i = 0; i < shares.size();) {
    std::size_t end = i + 1;
    while (shares.size() > kBarsShown && end < shares.size() && same_share(answer, shares[i], shares[end])) ++end;
    rows.push_back(device_fields(answer, shares[i]));
    if (end - i > 1) {
      const auto& first = answer.rig.devices[static_cast<std::size_t>(shares[i].device)];
      const auto& last = answer.rig.devices[static_cast<std::size_t>(shares[end - 1].device)];
      rows.back().front().value = std::to_string(first.index) + '-' + std::to_string(last.index) + "  " + first.device.name;
    }
    i = end;
  }
  if (answer.placement.host.total() > Bytes{}) rows.push_back(host_fields(answer));
  return rows;
}

Phrase mode_phrase(const app::PlanAnswer& answer);

// Devices that the layout leaves idle; of racks the first few.
Rows idle_rows(const app::PlanAnswer& answer) {
  constexpr std::size_t kShown = 16;
  const auto& shares = answer.placement.devices;
  Rows rows;
  for (const rig::RigDevice& device : answer.rig.devices) {
    const bool used = std::any_of(shares.begin(), shares.end(), [&](const placement::DeviceShare& share) { return share.device == device.index; });
    if (used || rows.size() == kShown) continue;
    const auto twin = std::find_if(shares.begin(), shares.end(), [&](const placement::DeviceShare& share) {
      const rig::RigDevice& other = answer.rig.devices[static_cast<std::size_t>(share.device)];
      return other.device.key == device.device.key && other.memory == device.memory && other.reserved == device.reserved;
    });
    const Bytes capacity = twin != shares.end() ? twin->capacity : device.memory - device.reserved;
    rows.push_back({machine("device", device.device.key), machine("name", device.device.name), machine("index", std::int64_t{device.index}),
                    machine("capacity_bytes", Number{capacity.value(), Unit::bytes})});
  }
  return rows;
}

Field placement_field(const app::PlanAnswer& answer) {
  const placement::Placement& placement = answer.placement;
  Rows devices;
  for (const placement::DeviceShare& share : placement.devices) devices.push_back(device_fields(answer, share));
  return machine("placement", Fields{machine("mode", placement::to_string(placement.mode)),
                                     machine("layout", mode_phrase(answer)),
                                     machine("cards", rig::cards_of(answer.rig)),
                                     machine("cards_used", cards_used(answer)),
                                     machine("idle", idle_rows(answer)),
                                     machine("devices", std::move(devices)),
                                     machine("host", host_fields(answer)),
                                     machine("sequences", std::int64_t{placement.settings.sequences}),
                                     machine("kv_blocks", placement.kv_blocks),
                                     machine("kv_tokens", placement.kv_tokens)});
}

Field model_field(const app::PlanAnswer& answer) {
  const model::Architecture& a = *answer.architecture;
  return machine("model", Fields{machine("key", a.key), machine("name", a.name), machine("family", a.family),
                                 machine("params", Number{a.parameters()}), machine("params_active", Number{a.active_parameters()}),
                                 machine("quant", a.quant), machine("quant_assumed", answer.assumed_quant), machine("weights_bytes", Number{a.weight_bytes().value(), Unit::bytes}),
                                 machine("layers", static_cast<std::int64_t>(a.layers.size())), machine("max_context", a.max_context),
                                 machine("source", a.source)});
}

// What the host computes beside the devices, if anything.
Phrase host_part(const app::PlanAnswer& answer) {
  const placement::Placement& placement = answer.placement;
  const auto& tensors = answer.architecture->tensors;
  std::vector<int> experts, layers;   // layers whose experts, or whose attention, live on the host
  for (std::size_t i = 0; i < tensors.size() && i < placement.tensor_device.size(); ++i) {
    if (placement.tensor_device[i] != placement::kHost || tensors[i].layer < 0) continue;
    if (tensors[i].role == model::Role::expert_ffn) experts.push_back(tensors[i].layer);
    if (tensors[i].role == model::Role::attention || tensors[i].role == model::Role::recurrent) layers.push_back(tensors[i].layer);
  }
  const auto distinct = [](std::vector<int>& all) {
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return std::to_string(all.size());
  };
  if (!placement.lent.empty()) return fill("{0} of each device's weights in host memory"_say, {print_gib(Bytes(placement.settings.host_gib * kGiB))});
  const std::string all = std::to_string(answer.architecture->layers.size());
  if (!layers.empty()) return fill("{0} of {1} layers on the host"_say, {distinct(layers), all});
  if (!experts.empty()) return fill("the experts of {0} of {1} layers on the host"_say, {distinct(experts), all});
  return {};
}

Phrase split_phrase(const app::PlanAnswer& answer) {
  const int copies = placement::whole_copies(*answer.architecture, answer.placement.settings);
  const auto count = std::to_string(answer.placement.devices.size() / static_cast<std::size_t>(copies));
  if (copies > 1)
    return answer.placement.mode == placement::Mode::single ? fill("{0} copies, each on one device"_say, {std::to_string(copies)})
                                                            : fill("{0} copies, each over {1} devices"_say, {std::to_string(copies), count});
  switch (answer.placement.mode) {
    case placement::Mode::single: return "one device"_say;
    case placement::Mode::layer: return fill("layers one after the other over {0} devices"_say, {count});
    case placement::Mode::row: return fill("matrices split by rows over {0} devices"_say, {count});
    case placement::Mode::tensor: return fill("tensor parallel over {0} devices"_say, {count});
    case placement::Mode::pipeline: return fill("pipeline of {0} devices"_say, {count});
    case placement::Mode::expert:
      return answer.placement.settings.data_degree > 1 ? fill("experts spread over {0} devices, attention in {1} copies"_say, {count, std::to_string(answer.placement.settings.data_degree)})
                                                       : fill("experts spread over {0} devices"_say, {count});
    case placement::Mode::cpu: return "all on the host's processor"_say;
  }
  return "";
}

Phrase mode_phrase(const app::PlanAnswer& answer) {
  Phrase split = split_phrase(answer), host = answer.placement.mode == placement::Mode::cpu ? Phrase() : host_part(answer);
  return host.empty() ? split : fill("{0}, {1}"_say, {std::move(split), std::move(host)});
}

Phrase model_line(const model::Architecture& a) {
  if (a.has_experts())
    return fill("{0} parameters, {1} of them per token, {2} of weights"_say,
                {print_count(a.parameters()), print_count(a.active_parameters()), print_gib(a.weight_bytes())});
  return fill("{0} parameters, {1} of weights"_say, {print_count(a.parameters()), print_gib(a.weight_bytes())});
}

Phrase verdict(const app::PlanAnswer& answer) {
  if (!answer.placement.fits) return shortfall(answer);
  if (!answer.speed) return "Fits. How fast cannot be said."_say;
  const cost::Speed& speed = *answer.speed;
  Phrase writes = print(Number{speed.decode.value.p50, Unit::token_rate});
  if (slows_when_full(answer) && answer.whole_streams == answer.at_once) writes = fill("{0} ({1} once the context is full)"_say, {std::move(writes), print(Number{answer.decode_whole->value.p50, Unit::rough})});
  if (answer.at_once > 1)
    writes = fill("{0}, {1} a stream"_say, {std::move(writes), print(Number{speed.decode.value.p50 / static_cast<double>(answer.at_once), Unit::token_rate})});
  if (answer.too_slow)
    return fill("Fits, but nothing here reaches the {0} asked for: writes {1}, reads {2}, first token after {3}."_say,
                {print(Number{answer.request.minimum_speed, Unit::token_rate}), std::move(writes), print(Number{speed.prefill.value.p50, Unit::token_rate}),
                 print(Number{speed.ttft.value.p50, Unit::seconds})});
  return fill("Fits. Writes {0}, reads {1}, first token after {2}."_say,
              {std::move(writes), print(Number{speed.prefill.value.p50, Unit::token_rate}), print(Number{speed.ttft.value.p50, Unit::seconds})});
}

// One context for each stream: slots share it out, caches of their own are as many times as much.
std::string context_words(const app::PlanAnswer& answer) {
  const std::int64_t context = answer.placement.settings.context, count = placement::context_parts(answer.engine, answer.placement.settings);
  if (answer.engine.kv_rule == catalog::KvRule::contiguous && answer.placement.settings.sequences > 1)
    return std::to_string(answer.placement.settings.sequences) + " x " + format_grouped(context);
  return count > 1 ? std::to_string(count) + " x " + format_grouped(context / count) : format_grouped(context);
}

Section summary(const app::PlanAnswer& answer) {
  const placement::Placement& placement = answer.placement;
  const std::string backend = placement.mode == placement::Mode::cpu ? "cpu" : placement.backend;   // whatever the cards would run
  const Phrase how = fill("{0} on {1}, context {2}, {3}"_say, {answer.engine.name, backend, context_words(answer), mode_phrase(answer)});
  return {{},
          {people(Show::headline, fill("{0} on {1}"_say, {model_name(*answer.architecture), rig_name(answer.rig)})),
           machine("fits", placement.fits),
           machine("too_slow", answer.too_slow),
           people(placement.fits && !answer.too_slow ? Show::good : Show::bad, verdict(answer)),
           people(Show::sentence, model_line(*answer.architecture)),
           people(Show::sentence, how),
           machine("engine", placement.engine),
           machine("engine_date", answer.request.question.engine_date),
           machine("backend", placement.backend),
           model_field(answer),
           machine("rig", answer.rig.spec),
           machine("context", placement.settings.context),
           machine("context_per_stream", placement.settings.context / placement::context_parts(answer.engine, placement.settings))}};
}

Section memory(const app::PlanAnswer& answer) {
  Section section{"Memory"_say, {placement_field(answer), people(Show::bars, bar_rows(answer))}};
  const placement::Placement& placement = answer.placement;
  if (placement.kv_blocks > 0)
    section.fields.push_back(people(Show::sentence, fill(placement.settings.data_degree > 1 ? "The cache of each copy holds {0} tokens in {1} blocks."_say : "The cache holds {0} tokens in {1} blocks."_say,
                                                         {format_grouped(placement.kv_tokens), format_grouped(placement.kv_blocks)})));
  if (answer.longest_context > 0) {
    const bool whole = answer.longest_context >= answer.architecture->max_context;
    section.fields.push_back({"longest_context", {}, answer.longest_context, Show::machine});
    const bool beyond = placement.settings.context / placement::context_parts(answer.engine, placement.settings) > answer.architecture->max_context;   // a caveat says so
    if (!whole || !beyond) section.fields.push_back(people(Show::sentence, fill(whole ? "Holds the model's whole context of {0} tokens."_say : "Longest context that fits like this: {0} tokens."_say,
                                                         {format_grouped(whole ? answer.architecture->max_context : answer.longest_context)})));
  }
  return section;
}

// "Of 29.2 ms per token: reading the weights 24.1 ms, ..."; without what three digits of the whole do not show.
Phrase where_time_goes(const cost::Estimate& decode, std::int64_t sequences) {
  struct Part { std::string name; Seconds time; bool hidden; };   // by name, over all devices
  std::vector<Part> terms;
  Seconds total{};
  for (const cost::Term& term : decode.derivation) {
    const auto same = std::find_if(terms.begin(), terms.end(), [&](const auto& one) { return one.name == term.name; });
    if (same == terms.end()) terms.push_back({term.name, term.time, is_hidden(term)});
    else same->time += term.time, same->hidden = same->hidden && is_hidden(term);
    total += term.time;
  }
  std::stable_sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) { return a.time > b.time; });
  const auto unseen = [&](const Part& one) { return one.time < (one.hidden ? 0.005 : 0.001) * total; };
  terms.erase(std::remove_if(terms.begin(), terms.end(), unseen), terms.end());
  Phrase list;
  for (std::size_t i = 0; i < std::min(terms.size(), kTermsShown); ++i) {
    Phrase part = fill("{0} {1}"_say, {term_name(terms[i].name, false), print_seconds(terms[i].time)});
    list = list.empty() ? std::move(part) : fill("{0}, {1}"_say, {std::move(list), std::move(part)});
  }
  return fill(sequences > 1 ? "Of {0} per step: {1}."_say : "Of {0} per token: {1}."_say, {print_seconds(total), std::move(list)});
}

// "Your own 3 measurements of decode on this machine say 0.93x ..."
Phrase own_sentence(const cost::OwnEffect& own, bool decode) {
  const std::string says = format_number(own.says, 2), applied = format_number(own.applied, 2);
  if (own.rows == 1)
    return fill(decode ? "Your own measurement of decode on this machine says {0}x of what published ones do; the figure above is moved by {1}x (--no-own: not)."_say
                       : "Your own measurement of prefill on this machine says {0}x of what published ones do; the figure above is moved by {1}x (--no-own: not)."_say,
                {says, applied});
  return fill(decode ? "Your own {2} measurements of decode on this machine say {0}x of what published ones do; the figure above is moved by {1}x (--no-own: not)."_say
                     : "Your own {2} measurements of prefill on this machine say {0}x of what published ones do; the figure above is moved by {1}x (--no-own: not)."_say,
              {says, applied, std::to_string(own.rows)});
}

Value own_value(const cost::OwnEffect& own) {
  if (own.rows == 0) return std::monostate{};
  return Fields{machine("rows", std::int64_t{own.rows}), machine("says", Number{own.says}), machine("applied", Number{own.applied}),
                machine("narrowing", Number{own.narrowing})};
}

Fields own_fields(const app::PlanAnswer& answer) {
  Fields fields{machine("own", Fields{machine("decode", own_value(answer.own.decode)), machine("prefill", own_value(answer.own.prefill)),
                                      machine("unread", std::int64_t{answer.own.unread})})};
  if (answer.own.decode.rows > 0) fields.push_back(people(Show::sentence, own_sentence(answer.own.decode, true)));
  if (answer.own.prefill.rows > 0) fields.push_back(people(Show::sentence, own_sentence(answer.own.prefill, false)));
  if (answer.own.unread > 0)
    fields.push_back(people(Show::sentence, fill("{0} lines of your log of measurements cannot be read; the others count."_say, {std::to_string(answer.own.unread)})));
  return fields;
}

// Told to people where it is another speed, and where other ways stand beside with theirs.
Field decode_whole_field(const app::PlanAnswer& answer) {
  if (!answer.decode_whole) return machine("decode_whole", std::monostate{});
  const Range range{answer.decode_whole->value, Unit::token_rate};
  const bool same = answer.request.question.depth == answer.whole_depth;
  if (same || (!slows_when_full(answer) && answer.alternatives.empty())) return machine("decode_whole", range);
  const std::string depth = format_grouped(answer.whole_depth);
  if (answer.whole_streams == answer.at_once) return {"decode_whole", fill("decode at depth {0}"_say, {depth}), range};
  if (answer.whole_streams == 1) return {"decode_whole", fill("decode at depth {0}, one stream"_say, {depth}), range};
  return {"decode_whole", fill("decode at depth {0}, {1} streams"_say, {depth, std::to_string(answer.whole_streams)}), range};
}

// What each of several streams sees of it: its share of the speed, and the time from one token to the next.
Fields stream_fields(const app::PlanAnswer& answer) {
  const cost::Interval all = answer.speed->decode.value;
  const auto streams = static_cast<double>(std::max<std::int64_t>(1, answer.at_once));
  const Range each{{all.p10 / streams, all.p50 / streams, all.p90 / streams}, Unit::token_rate};
  const auto seconds = [](double rate) { return rate > 0 ? 1 / rate : 0; };
  const Range between{{seconds(each.value.p90), seconds(each.value.p50), seconds(each.value.p10)}, Unit::seconds};
  if (answer.at_once < 2) return {machine("decode_each", each), machine("tpot", between)};
  return {{"decode_each", "each of them"_say, each}, {"tpot", "time per token (TPOT)"_say, between}};
}

// How prompts wait for each other is not counted; what they take together is.
void add_prompts(const app::PlanAnswer& answer, Section& section) {
  const double rate = answer.speed->prefill.value.p50;
  if (answer.at_once < 2 || rate <= 0) return;
  const int copies = placement::whole_copies(*answer.architecture, answer.placement.settings);   // read side by side
  const Seconds all(static_cast<double>(answer.at_once * answer.request.question.prompt) / (rate * copies));
  section.fields.push_back(people(Show::sentence, fill("How requests wait for each other is not counted: {0} prompts of {1} tokens that come at once take {2} to read, during which the others are written slower."_say,
                                                       {format_grouped(answer.at_once), format_grouped(answer.request.question.prompt), print_seconds(all)})));
}

Section speed(const app::PlanAnswer& answer) {
  Section section{"Speed: likely, and the range that holds in 8 of 10 cases"_say, {}};
  if (!answer.speed) {
    section.title = "Speed"_say;
    if (answer.placement.fits) section.fields.push_back({"no_speed", {}, Phrase(answer.no_speed.message), Show::sentence});
    if (answer.placement.fits && equal_ignoring_case(trim(answer.rig.spec), "here")) section.fields.push_back(people(Show::sentence, "'rigcast bench' measures this machine."_say));
    for (const char* id : {"decode", "decode_each", "tpot", "decode_whole", "prefill", "ttft", "power", "own"}) section.fields.push_back(machine(id, std::monostate{}));
    return section;
  }
  const cost::Speed& s = *answer.speed;
  const cost::Question& q = answer.request.question;
  const Phrase writing = answer.at_once > 1 ? fill("decode, {0} streams together"_say, {std::to_string(answer.at_once)})
                         : q.depth > 0   ? fill("decode at depth {0}"_say, {format_grouped(q.depth)})
                                         : "decode"_say;
  section.fields = {{"decode", writing, Range{s.decode.value, Unit::token_rate}}};
  for (Field& field : stream_fields(answer)) section.fields.push_back(std::move(field));
  section.fields.push_back(decode_whole_field(answer));
  section.fields.push_back({"prefill", fill("prefill of {0} tokens"_say, {format_grouped(q.prompt)}), Range{s.prefill.value, Unit::token_rate}});
  section.fields.push_back({"ttft", answer.at_once > 1 ? "first token (TTFT), its prompt read alone"_say : "first token (TTFT)"_say, Range{s.ttft.value, Unit::seconds}});
  if (s.power && s.energy)
    section.fields.push_back({"power", {}, Fields{{"decode", "power with the host"_say, Range{s.power->value, Unit::watts}},
                                                  {"energy", "energy"_say, Range{s.energy->value, Unit::joules_per_token}}}, Show::group});
  else section.fields.push_back(machine("power", std::monostate{}));
  if (s.power && answer.placement.mode != placement::Mode::cpu && answer.placement.devices.size() < answer.rig.devices.size())
    section.fields.push_back(people(Show::sentence, fill("Power without the idle devices ({0})."_say, {std::to_string(answer.rig.devices.size() - answer.placement.devices.size())})));
  if (!q.engine_date.empty())
    section.fields.push_back(people(Show::sentence, fill("Speeds as of the engine's builds of {0}; memory as its builds of today lay it out."_say, {q.engine_date})));
  if (!s.decode.derivation.empty()) section.fields.push_back(people(Show::sentence, where_time_goes(s.decode, answer.at_once)));
  add_prompts(answer, section);
  for (Field& field : own_fields(answer)) section.fields.push_back(std::move(field));
  return section;
}

Section flags(const app::PlanAnswer& answer) {
  return {"What your flags do"_say, {list_field("flags", flag_rows(answer.placement.flags), Show::table)}};
}

Section caveats(const app::PlanAnswer& answer) {
  Rows rows;
  const auto add = [&](const std::string& id, std::string text, const std::string& source) {
    std::string_view first = std::string_view(text).substr(0, text.find(' '));
    while (first.ends_with(',') || first.ends_with(':')) first.remove_suffix(1);
    const bool name = std::any_of(first.begin(), first.end(), [](char c) { return c < 'a' || c > 'z'; });   // vLLM, macOS, llama.cpp, vllm-ascend
    if (!name && !text.empty() && text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
    rows.push_back({machine("id", id), {"text", {}, Phrase(std::move(text)), Show::sentence}, {"source", {}, Phrase(source), Show::source}});
  };
  for (const auto& caveat : answer.placement.caveats) add(caveat.id, caveat.text, caveat.source);
  for (const std::string& note : answer.rig.notes) add("rig", note, "");
  for (const std::string& note : answer.notes) add("model", note, "");
  return {"Mind"_say, {list_field("caveats", std::move(rows), Show::warnings)}};
}

Section confidence(const app::PlanAnswer& answer) {
  Section section{"How sure"_say, {}};
  Rows derivation, evidence;
  if (answer.speed) {
    const cost::Speed& s = *answer.speed;
    section.fields.push_back(machine("grade", cost::to_string(s.decode.grade)));
    section.fields.push_back(people(Show::sentence, fill("{0}: {1}."_say, {grade_name(s.decode.grade), grade_meaning(s.decode.grade)})));
    evidence = evidence_rows(s.decode);
    for (const auto* part : {&s.decode, &s.prefill, &s.ttft})
      for (const cost::Term& term : part->derivation)
        derivation.push_back(derivation_row(part == &s.decode ? "decode" : part == &s.prefill ? "prefill" : "ttft", term));
  } else {
    section.fields.push_back(machine("grade", std::monostate{}));
  }
  section.fields.push_back(list_field("evidence", std::move(evidence), Show::bullets));
  section.fields.push_back(machine("derivation", std::move(derivation)));
  return section;
}

// A speed that nobody can say is shown as none; machines are told 0.
void add_speed(Fields& row, const char* id, Phrase label, double rate) {
  const Number number{rate, Unit::token_rate};
  if (rate > 0) return row.push_back({id, std::move(label), number, Show::row});
  row.push_back({{}, std::move(label), Phrase("-"), Show::row});
  row.push_back(machine(id, number));
}

// The runner-up of each kind, so that what was weighed is visible; of what is impossible only people's kinds with a reason in bytes.
Section other_ways(const app::PlanAnswer& answer) {
  Rows rows, refused;
  for (const app::Alternative& other : answer.alternatives) {
    Fields row;
    const bool elsewhere = other.backend != answer.placement.backend && other.kind != other.backend && other.kind != "processor";
    row.push_back(machine("kind", Phrase(other.kind)));
    row.push_back({{}, ""_say, elsewhere ? fill("{0}, {1}"_say, {Phrase(other.kind), other.backend}) : Phrase(other.kind), Show::row});
    row.push_back(machine("backend", other.backend));
    add_speed(row, "decode", "decode"_say, other.decode);
    add_speed(row, "decode_full", "context full"_say, other.full);
    add_speed(row, "prefill", "prefill"_say, other.prefill);
    row.push_back({"host_bytes", "host memory"_say, Number{other.host.value(), Unit::bytes}, Show::row});
    row.push_back(machine("launch", other.launch));
    rows.push_back(std::move(row));
  }
  for (const placement::Rejected& rejected : answer.rejected)
    refused.push_back({machine("kind", Phrase(rejected.kind)), machine("why", Phrase(rejected.why)),
                       machine("missing_bytes", Number{rejected.missing.value(), Unit::bytes}),
                       people(Show::sentence, rejected.missing > Bytes{} ? fill(answer.rig.devices.size() > 1 && rejected.kind != "one device" && rejected.kind != "processor" ? "{0}: short of {1} in all"_say : "{0}: short of {1}"_say, {Phrase(rejected.kind), print_gib(rejected.missing)})
                                                                          : fill("{0}: {1}"_say, {Phrase(rejected.kind), Phrase(rejected.why)}))});
  Section section{"Other ways"_say, {list_field("alternatives", std::move(rows), Show::table)}};
  section.fields.push_back(list_field("rejected", std::move(refused), Show::bullets));
  return section;
}

Section next_steps(const app::PlanAnswer& answer) {
  Section section{"Next"_say, {}};
  if (answer.speed) section.fields.push_back(people(Show::code, command("explain", answer.request)));
  if (!answer.rig.devices.empty()) section.fields.push_back(people(Show::code, "rigcast show " + answer.rig.devices.front().device.key));
  return section;
}

}  // namespace

Report fields(const app::PlanAnswer& answer) {
  Report report;
  for (const auto section : {summary, memory, speed, launch_section, flags, other_ways, caveats, remedies, upgrades, confidence, next_steps}) report.sections.push_back(section(answer));
  return report;
}

}  // namespace rigcast::report
