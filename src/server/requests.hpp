#pragma once
// From the JSON of a request to what app's verbs ask for. Every Error names the member it is about, and for a member or a word
// nobody knows the nearest one.

#include <string>
#include <string_view>
#include <vector>

#include "app/compare.hpp"
#include "app/evaluate.hpp"
#include "app/list.hpp"
#include "app/plan.hpp"
#include "app/show.hpp"
#include "app/support.hpp"
#include "base/result.hpp"
#include "server/http.hpp"

namespace rigcast::server {

struct Asked { app::PlanRequest request; std::string language; };
struct AskedCompare { app::CompareRequest request; std::string language; };

// "en" or "zh"; anything else is refused with the nearest.
Result<void> check_language(const std::string& name);

// The language a body asks for, its own or that of the request inside it, whatever else is wrong with it; empty: none.
std::string language_of(std::string_view body);

// Bodies as docs/openapi.json describes them (PlanRequest, CompareRequest). `body` is at most a few hundred kB.
Result<Asked> read_plan_request(std::string_view body);
Result<AskedCompare> read_compare_request(std::string_view body);

// {"verb": ..., "format": ..., "request": {...}}: the inner object as text, for the reader of that verb.
struct AskedReport { std::string verb, format, request; };
Result<AskedReport> read_report_request(std::string_view body);
struct AskedJob { std::string verb, request; };
Result<AskedJob> read_job_request(std::string_view body);

// {"hold_out": "source", "by": [...]}: which rows and groups exist is for evaluate() to say.
Result<app::EvaluateRequest> read_evaluate_request(std::string_view body);

// The parameters of GET /api/list/{kind} and /api/show/{name}.
Result<app::ListRequest> read_list_request(const std::string& kind, const Request& request);
Result<app::ShowRequest> read_show_request(const std::string& name, const Request& request);
// The parameters of GET /api/support/{device}.
Result<app::SupportRequest> read_support_request(const std::string& device, const Request& request);

// A name among those a parameter may have.
Result<std::string> one_of(std::string_view text, const std::vector<std::string>& choices, const char* field);

}  // namespace rigcast::server
