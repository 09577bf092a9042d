#pragma once
// What this server says where it has no answer: one shape for every refusal, whoever refuses.

#include "base/result.hpp"
#include "report/field.hpp"
#include "report/language.hpp"
#include "server/http.hpp"

namespace rigcast::server {

// What was asked, for an Error to name its members.
enum class Question { other, plan, compare };

// field, part, index, reason, nearest, kind, column: docs/openapi.json, schema Error. `index`: which of the texts of a list; -1: none.
report::Fields error_fields(const Error& error, Question question = Question::other, int index = -1);

Response told(const report::Report& report, const report::Language& language, int status = 200);
Response refused(const Error& error, const report::Language& language, Question question = Question::other, int index = -1);   // with the status of its kind
Response refused_as(int status, const Error& error, const report::Language& language);

}  // namespace rigcast::server
