#include "server/service.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "app/compare.hpp"
#include "app/curve.hpp"
#include "app/list.hpp"
#include "app/models.hpp"
#include "app/own.hpp"
#include "app/plan.hpp"
#include "app/rigs.hpp"
#include "app/roofline.hpp"
#include "app/show.hpp"
#include "app/support.hpp"
#include "base/text.hpp"
#include "model/names.hpp"
#include "report/answers.hpp"
#include "report/html.hpp"
#include "report/json.hpp"
#include "report/markdown.hpp"
#include "report/messages.hpp"
#include "report/text.hpp"
#include "server/cache.hpp"
#include "server/dropped.hpp"
#include "server/errors.hpp"
#include "server/page.hpp"
#include "server/requests.hpp"

namespace rigcast::server {
namespace {

// Nobody waits any more once the client has left.
class Asker final : public Watch {
 public:
  explicit Asker(const Request& request) : request_(request) {}
  void tell(double) override {}
  bool stopped() const override { return request_.is_unwanted(); }

 private:
  const Request& request_;
};

using report::machine;
using report::Phrase;

constexpr std::size_t kCachedBytes = 24 * 1024 * 1024;
constexpr std::size_t kLargestQuestion = 256 * 1024;
constexpr std::size_t kMostPlaced = 32768;   // devices of all rows of a comparison: about 7 kB each while it is answered

}  // namespace

struct Service::State {
  app::Knowledge knowledge;
  ServiceOptions options;
  report::Language english, chinese;
  Jobs jobs;
  AnswerCache cache{kCachedBytes};

  std::mutex mutex;                    // guards what follows
  std::map<catalog::Kind, Response> whole_lists;   // every page asks for them, and reading every model takes a while

  State(app::Knowledge k, ServiceOptions o) : knowledge(std::move(k)), options(std::move(o)) {
    chinese = report::load_language(knowledge.catalog, "zh");
  }

  const report::Language& language(std::string_view name) const { return name.starts_with("zh") ? chinese : english; }
  // What the address or the body asks for, also where the request cannot be read.
  const report::Language& language(const Request& request) const {
    const bool may_say = request.method == "POST" && request.body.size() <= kLargestQuestion && request.header("content-type").starts_with("application/json");
    return language(request.parameter("lang").value_or(may_say ? language_of(request.body) : "en"));
  }

  template <class Answer>
  Response told(const Result<Answer>& answer, const report::Language& language, Question question = Question::other) const {
    return answer ? server::told(report::fields(*answer), language) : refused(answer.error(), language, question);
  }

  // What is asked may name files only where nobody but this machine's user can ask.
  Result<void> check_paths(const std::string& spec, const char* field) const {
    if (options.paths || !model::may_name_a_file(spec)) return {};
    return fail(ErrorKind::input, "files can be named by path only while the server listens to this machine alone", Where{}, field);
  }

  template <class Verb>
  auto with_models(const std::vector<std::string>& models, Verb verb) -> decltype(verb(knowledge)) {
    for (const std::string& model : models)
      if (is_dropped(model) && !knowledge.models->was_handed_in(model))
        return fail(ErrorKind::not_found, "this dropped file is no longer known; drop it again", Where{}, "model");
    return verb(knowledge);
  }

  Result<Asked> asked_plan(const std::string& body) {
    RC_ASSIGN(asked, read_plan_request(body));
    asked.request.placement.reads_files = false;
    if (!is_dropped(asked.request.model)) RC_TRY(check_paths(asked.request.model, "model"));
    RC_TRY(check_paths(asked.request.rig, "rig"));
    return asked;
  }

  Result<AskedCompare> asked_compare(const std::string& body) {
    RC_ASSIGN(asked, read_compare_request(body));
    asked.request.placement.reads_files = false;
    for (const std::string& spec : asked.request.models)
      if (!is_dropped(spec)) RC_TRY(check_paths(spec, "model"));
    for (const std::string& spec : asked.request.rigs) RC_TRY(check_paths(spec, "rig"));
    return asked;
  }

  // The machines of a comparison can be read, and are not more than its rows have room for.
  struct RigFault { Error error; int index = -1; };
  std::optional<RigFault> check_rigs(const app::CompareRequest& request) const {
    std::size_t devices = 0, links = 0, room = 0;
    for (std::size_t i = 0; i < request.rigs.size(); ++i) {
      if (equal_ignoring_case(trim(request.rigs[i]), "here")) continue;
      const auto rig = app::find_rig(knowledge, request.rigs[i]);
      if (!rig) {
        Error error = rig.error();
        if (error.where.file.empty()) error.where.file = "rig";
        return RigFault{std::move(error), static_cast<int>(i)};
      }
      devices += (*rig)->devices.size();
      links += (*rig)->links.size();
      room += app::room_of(**rig);
    }
    const std::size_t rows = request.models.size() * std::max<std::size_t>(1, request.engines.size()), most = kMostPlaced / rows;
    if (room <= most) return std::nullopt;
    const auto grouped = [](std::size_t count) { return format_grouped(static_cast<std::int64_t>(count)); };
    return RigFault{{ErrorKind::infeasible, grouped(devices) + " devices with " + grouped(links) + " links in each of " + grouped(rows) + " rows: a comparison has room for " +
                                                grouped(kMostPlaced) + " devices in all, each with 16 links at most", {}, "rig", grouped(most)}};
  }

  template <class Verb>
  Response planned(const Request& request, Verb verb) {
    const auto asked = asked_plan(request.body);
    if (!asked) return refused(asked.error(), language(request));
    return remembered(request, asked->request, [&] {
      return told(with_models({asked->request.model}, [&](const app::Knowledge& known) { return verb(known, asked->request); }), language(asked->language), Question::plan);
    });
  }

  Response plan(const Request& request) { return planned(request, app::plan); }
  Response curve(const Request& request) { return planned(request, app::curve); }

  // Files and the machine at hand may change between two questions; everything else only with the user's log of Observations.
  template <class Answer>
  Response remembered(const Request& request, const app::PlanRequest& asked, Answer answer) {
    if (model::may_name_a_file(asked.model) || app::may_change(asked.rig)) return answer();
    const std::shared_ptr<const void> state = knowledge.own ? knowledge.own->read() : nullptr;
    const std::string question = request.path[1] + '\n' + request.body;
    if (auto known = cache.find(question, state)) return *std::move(known);
    Response response = answer();
    if (response.status == 200) cache.keep(question, state, response);
    return response;
  }

  Response compare(const Request& request) {
    const auto asked = asked_compare(request.body);
    if (!asked) return refused(asked.error(), language(request));
    if (const auto fault = check_rigs(asked->request)) return refused(fault->error, language(asked->language), Question::compare, fault->index);
    const Asker asker(request);
    return told(with_models(asked->request.models, [&](const app::Knowledge& known) { return app::compare(known, asked->request, &asker); }), language(asked->language), Question::compare);
  }

  Response list(const Request& request) {
    const auto asked = read_list_request(request.path[2], request);
    if (!asked) return refused(asked.error(), language(request));
    const bool whole = request.query.empty();
    if (whole)
      if (const std::lock_guard lock(mutex); whole_lists.contains(asked->kind)) return whole_lists.at(asked->kind);
    Response response = told(app::list(knowledge, *asked), language(request));
    if (!whole || response.status != 200) return response;
    const std::lock_guard lock(mutex);
    return whole_lists.insert_or_assign(asked->kind, std::move(response)).first->second;
  }

  Response show(const Request& request) {
    auto asked = read_show_request(request.path[2], request);
    if (asked)
      if (auto allowed = check_paths(asked->name, "name"); !allowed) asked = tl::unexpected<Error>(allowed.error());
    if (!asked) return refused(asked.error(), language(request));
    return told(app::show(knowledge, *asked), language(request));
  }

  Response support(const Request& request) {
    auto asked = read_support_request(request.path[2], request);
    if (asked && !is_dropped(asked->about))
      if (auto allowed = check_paths(asked->about, "about"); !allowed) asked = tl::unexpected<Error>(allowed.error());
    if (!asked) return refused(asked.error(), language(request));
    return told(with_models({asked->about}, [&](const app::Knowledge& known) { return app::support(known, *asked); }), language(request));
  }

  Response roofline(const Request& request) { return told(app::roofline(knowledge, request.path[2]), language(request)); }

  Response shape(const Request& request) {
    const std::string file = request.parameter("name").value_or("model.gguf").substr(0, 200);
    const auto rest = parse_int(request.parameter("rest").value_or("0"));
    if (!rest || *rest < 0) return refused({ErrorKind::input, "must be a count of bytes", {}, "rest", "0"}, language(request));
    const auto read = app::read_given(knowledge, file, request.body, static_cast<std::uint64_t>(*rest));
    if (!read) {
      Error error = read.error();
      error.field = "file";
      return refused(error, language(request));
    }
    const Dropped dropped = dropped_file(file, request.body, static_cast<std::uint64_t>(*rest), *read);
    knowledge.models->hand_in(dropped.name, dropped.architecture);
    return server::told(shape_report(dropped), language(request));
  }

  Response about(const Request& request) {
    report::Sentences verbs, recipes;
    for (const LongVerb& verb : options.long_verbs) verbs.emplace_back(verb.name);
    for (const std::string& recipe : app::recipe_names(knowledge)) recipes.emplace_back(recipe);
    return server::told({{{{}, {machine("version", Phrase(options.version)), machine("recipes", std::move(recipes)), machine("languages", report::Sentences{"en", "zh"}),
                        machine("verbs", std::move(verbs)), machine("body_bytes", static_cast<std::int64_t>(Caps{}.body)), machine("paths", options.paths)}}}},
                language(request));
  }

  Response openapi(const Request& request);
  Response page(const Request& request);
  Response api(const Request& request);
  Response checked(const Request& request, Response (State::*answer)(const Request&));
  struct Route;
  static const std::vector<Route>& routes();

  Response report(const Request& request);
  Result<report::Report> plan_report(const std::string& body, std::string& language_name);
  Result<report::Report> compare_report(const std::string& body, std::string& language_name);
  Response start_job(const Request& request);
  Response job_status(const Request& request);
  Response cancel_job(const Request& request);
  Response job(const Result<JobStatus>& status, const report::Language& language, int code = 200) const;
};

// The report of an answer as people take it along: what plan and compare tell, with the charts only a page can draw.
Response Service::State::report(const Request& request) {
  const auto asked = read_report_request(request.body);
  if (!asked) return refused(asked.error(), language(request));
  std::string language_name;
  const auto made = asked->verb == "compare" ? compare_report(asked->request, language_name) : plan_report(asked->request, language_name);
  if (!made) return refused(made.error(), language(request), asked->verb == "compare" ? Question::compare : Question::plan);
  const report::Language& said = language(language_name);
  std::string text;
  if (asked->format == "html") text = report::render_html(*made, said);
  else if (asked->format == "markdown") text = report::render_markdown(*made, said);
  else if (asked->format == "json") text = report::render_json(*made, said);
  else text = report::render_text(*made, said, {});
  return server::told({{{{}, {machine("text", Phrase(std::move(text)))}}}}, english);
}

Result<report::Report> Service::State::plan_report(const std::string& body, std::string& language_name) {
  RC_ASSIGN(asked, asked_plan(body));
  language_name = asked.language;
  return with_models({asked.request.model}, [&](const app::Knowledge& known) -> Result<report::Report> {
    RC_ASSIGN(answer, app::plan(known, asked.request));
    RC_ASSIGN(curve, app::curve(known, asked.request));
    return report::page_fields(answer, curve);
  });
}

Result<report::Report> Service::State::compare_report(const std::string& body, std::string& language_name) {
  RC_ASSIGN(asked, asked_compare(body));
  language_name = asked.language;
  if (auto fault = check_rigs(asked.request)) return tl::unexpected<Error>(std::move(fault->error));
  return with_models(asked.request.models, [&](const app::Knowledge& known) -> Result<report::Report> {
    RC_ASSIGN(answer, app::compare(known, asked.request));
    return report::page_fields(answer);
  });
}

Response Service::State::job(const Result<JobStatus>& status, const report::Language& said, int code) const {
  if (!status) return refused(status.error(), said);
  static constexpr const char* kStates[] = {"running", "done", "failed", "cancelled"};
  report::Report fields{{{{}, {machine("id", Phrase(status->id)), machine("verb", Phrase(status->verb)),
                               machine("state", kStates[static_cast<int>(status->state)]), machine("sequence", status->sequence),
                               machine("done", report::Number{status->done}), machine("message", Phrase(status->message)),
                               machine("seconds", report::Number{status->elapsed.value()}),
                               machine("error", status->error ? report::Value(error_fields(*status->error)) : report::Value(std::monostate{}))}}}};
  Response response = server::told(fields, said, code);
  // The answer is JSON already: it goes in before the last brace.
  const std::string answer = status->answer.empty() ? "null" : status->answer;
  response.body.insert(response.body.rfind('}'), ",\n  \"answer\": " + answer);
  return response;
}

Response Service::State::start_job(const Request& request) {
  const auto asked = read_job_request(request.body);
  if (!asked) return refused(asked.error(), language(request));
  std::vector<std::string> names;
  for (const LongVerb& verb : options.long_verbs) names.push_back(verb.name);
  const auto found = std::find_if(options.long_verbs.begin(), options.long_verbs.end(), [&](const LongVerb& verb) { return verb.name == asked->verb; });
  if (found == options.long_verbs.end())
    return refused({ErrorKind::not_found, names.empty() ? "this program has no long work to do" : "must be one of " + join(names, ", "), {}, "verb", nearest_name(asked->verb, names)}, language(request));
  return job(jobs.start(found->name, [run = found->run, text = asked->request](Progress& progress) { return run(text, progress); }, found->manner), language(request), 202);
}

Response Service::State::job_status(const Request& request) {
  const auto after = parse_int(request.parameter("after").value_or("-1"));
  const auto wait = parse_double(request.parameter("wait").value_or("0"));
  if (!after || (request.parameter("after") && *after < 0)) return refused({ErrorKind::input, "must be a whole number", {}, "after", "0"}, language(request));
  if (!wait || *wait < 0 || *wait > 20) return refused({ErrorKind::input, "must be 0 to 20 seconds", {}, "wait", "20"}, language(request));
  return job(jobs.status(request.path[2], *after, Seconds(*wait)), language(request));
}

Response Service::State::cancel_job(const Request& request) { return job(jobs.cancel(request.path[2]), language(request)); }

struct Service::State::Route {
  const char* method;
  const char* name;                    // /api/NAME
  std::size_t segments;                // with "api"
  Response (State::*answer)(const Request&);
};

const std::vector<Service::State::Route>& Service::State::routes() {
  static const std::vector<Route> all = {
      {"POST", "plan", 2, &State::plan},         {"POST", "curve", 2, &State::curve},         {"POST", "compare", 2, &State::compare},
      {"GET", "list", 3, &State::list},          {"GET", "show", 3, &State::show},            {"GET", "roofline", 3, &State::roofline},
      {"GET", "support", 3, &State::support},
      {"POST", "shape", 2, &State::shape},       {"POST", "report", 2, &State::report},       {"GET", "about", 2, &State::about},
      {"POST", "jobs", 2, &State::start_job},    {"GET", "jobs", 3, &State::job_status},      {"DELETE", "jobs", 3, &State::cancel_job},
      {"GET", "openapi.json", 2, &State::openapi},
  };
  return all;
}

Response Service::State::openapi(const Request&) { return {200, "application/json", std::string(openapi_document()), {}}; }

Response Service::State::api(const Request& request) {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  const std::string name = request.path.size() > 1 ? request.path[1] : "";
  std::vector<std::string> names;
  std::string allowed;
  for (const Route& route : routes()) {
    names.emplace_back(route.name);
    if (name != route.name || request.path.size() != route.segments) continue;
    if (method == route.method) return checked(request, route.answer);
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  if (allowed.empty())
    return refused({ErrorKind::not_found, "there is nothing here; /api/openapi.json says what there is", {}, "", nearest_name(name.substr(0, 100), names)}, language(request));
  Response response = refused({ErrorKind::input, "is answered to " + allowed + " only", {}, "method", allowed}, language(request));
  response.status = 405;
  response.headers.emplace_back("Allow", allowed);
  return response;
}

// A body must say what it is: forms of other sites can send neither of the two types, and a question is never long.
Response Service::State::checked(const Request& request, Response (State::*answer)(const Request&)) {
  if (const auto said = request.parameter("lang"); said && !said->empty())
    if (const auto known = check_language(*said); !known) return refused(known.error(), language(request));
  if (request.method != "POST") return (this->*answer)(request);
  const bool octets = answer == &State::shape;
  const std::string type = to_lower(request.header("content-type").substr(0, 100));
  const char* wanted = octets ? "application/octet-stream" : "application/json";
  if (trim(std::string_view(type).substr(0, type.find(';'))) != wanted) {
    Response response = refused({ErrorKind::input, std::string("Content-Type must be ") + wanted, {}, "content-type", wanted}, language(request));
    response.status = 415;
    return response;
  }
  if (!octets && request.body.size() > kLargestQuestion) {
    Response response = refused({ErrorKind::input, "the question is longer than " + std::to_string(kLargestQuestion) + " bytes", {}, "", ""}, language(request));
    response.status = 413;
    return response;
  }
  return (this->*answer)(request);
}

Response Service::State::page(const Request& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    Response response = refused({ErrorKind::input, "is answered to GET only", {}, "method", "GET"}, language(request));
    response.status = 405;
    return response;
  }
  std::string path;
  for (const std::string& segment : request.path) path += '/' + segment;
  const PageFile& file = page_file(path.empty() ? "/" : path);
  Response response{200, std::string(file.type), {}, {{"ETag", std::string(file.tag)}, {"Cache-Control", "no-cache"}}};
  if (request.header("if-none-match") == file.tag) response.status = 304;
  else response.body = file.bytes;
  return response;
}

Service::Service(app::Knowledge knowledge, ServiceOptions options) : state_(std::make_unique<State>(std::move(knowledge), std::move(options))) {}
Service::~Service() = default;
Service::Service(Service&&) noexcept = default;
void Service::stop() { state_->jobs.stop(); }

Response Service::refuse(const Refusal& refusal, const Request& partial) {
  return refused_as(refusal.status, {refusal.status >= 500 ? ErrorKind::system : ErrorKind::input, refusal.why}, state_->language(partial.parameter("lang").value_or("en")));
}

Response Service::answer(const Request& request) {
  Response response;
  if (const auto why = why_refused(state_->options.origin, request)) {
    response = refused_as(403, {ErrorKind::input, *why, {}, "host", ""}, state_->language(request));
  } else {
    response = !request.path.empty() && request.path[0] == "api" ? state_->api(request) : state_->page(request);
  }
  // Nothing of this may be framed, sniffed, fetched by other sites, or ask anybody else.
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  return response;
}

}  // namespace rigcast::server
