#pragma once
// What this server says where it has no answer: one shape for every refusal, whoever refuses.

#include "base/result.hpp"
#include "report/field.hpp"
#include "report/language.hpp"
#include "server/http.hpp"

namespace rigcast::server {

// field, reason, nearest, kind, column: docs/openapi.json, schema Error.
report::Fields error_fields(const Error& error);

Response told(const report::Report& report, const report::Language& language, int status = 200);
Response refused(const Error& error, const report::Language& language);              // with the status of its kind
Response refused(const Error& error, const report::Language& language, int status);

}  // namespace rigcast::server
