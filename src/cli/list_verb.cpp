#include <array>
#include <utility>

#include "app/list.hpp"
#include "cli/here.hpp"
#include "cli/verb.hpp"
#include "report/answers.hpp"

namespace rigcast::cli {
namespace {

using catalog::Kind;

// Hosts are named by their processors: both words are taken.
constexpr std::array<std::pair<const char*, Kind>, 7> kKinds = {{{"devices", Kind::device}, {"models", Kind::model}, {"engines", Kind::engine},
                                                                 {"quants", Kind::quant}, {"hosts", Kind::processor}, {"processors", Kind::processor},
                                                                 {"links", Kind::link}}};

Result<Outcome> run_list(const Arguments& arguments, const World& world) {
  app::ListRequest request;
  const std::string kind = arguments.one_or("KIND", "devices");
  for (const auto& [name, value] : kKinds)
    if (kind == name) request.kind = value;
  for (const std::string& word : arguments.all("TEXT")) request.text += (request.text.empty() ? "" : " ") + word;
  request.vendor = arguments.one_or("--vendor", "");
  request.architecture = arguments.one_or("--architecture", "");
  if (const auto memory = arguments.one("--memory")) {
    auto bytes = app::read_least_memory(*memory);
    if (!bytes) return fail(ErrorKind::input, bytes.error().message, Where{"--memory"}, "memory");
    request.memory_at_least = *bytes;
  }
  RC_ASSIGN(knowledge, load_knowledge(world));
  RC_ASSIGN(answer, app::list(knowledge, request));
  Outcome outcome{report::fields(answer)};
  if (arguments.has("--keys"))
    for (const app::Listed& row : answer.rows) outcome.verbatim += row.key + '\n';
  return outcome;
}

}  // namespace

Verb list_verb() {
  std::vector<std::string> names;
  for (const auto& [name, kind] : kKinds) names.emplace_back(name);
  return {"list",
          "what is known: devices, models, engines, quants, hosts, links"_say,
          {{"KIND", "what to list"_say, Completes::kind_of_list, names}, {"TEXT", "words that must occur in the name"_say, Completes::nothing, {}, false, true}},
          {{"--vendor", "", "VENDOR", "only of this vendor: nvidia, amd, huawei ..."_say},
           {"--architecture", "", "NAME", "only of this chip or model family: ampere, qwen3moe ..."_say},
           {"--memory", "", "BYTES", "only devices with at least so much memory: 24GiB"_say},
           {"--keys", "", "", "only the keys, one per line"_say}},
          {"rigcast list devices --vendor huawei", "rigcast list devices mi50", "rigcast list models qwen3", "rigcast list devices --memory 48GiB"},
          run_list};
}

}  // namespace rigcast::cli
