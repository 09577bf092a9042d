#include "server/errors.hpp"

#include <gtest/gtest.h>

#include "report/messages.hpp"

namespace rigcast::server {
namespace {

// What programs compare stays as it is in every language: the page shows an error beside the member that is called so.
TEST(Errors, MembersKeepTheirNamesInEveryLanguage) {
  const report::Language chinese = report::load_language(*catalog::Catalog::load(), "zh");
  for (const char* field : {"model", "engine", "rig", "context"}) {
    const Response response = refused({ErrorKind::not_found, "is missing", {}, field, "model"}, chinese);
    EXPECT_NE(response.body.find("\"field\": \"" + std::string(field) + '"'), std::string::npos) << response.body;
    EXPECT_NE(response.body.find("\"nearest\": \"model\""), std::string::npos) << response.body;
    EXPECT_EQ(response.body.find("is missing"), std::string::npos) << "the reason is said in Chinese";
  }
}

// Which of the flags it is, the column says; the member is "flags".
TEST(Errors, FaultsInFlagsConcernTheMemberOfAllFlags) {
  for (const char* field : {"-ts", "tensor_degree", ""}) {
    const Response response = refused({ErrorKind::infeasible, "-ts names 2 devices, the rig has 1", Where{"--flags", 1, 5}, field}, {});
    EXPECT_NE(response.body.find("\"field\": \"flags\""), std::string::npos) << response.body;
    EXPECT_NE(response.body.find("\"column\": 5"), std::string::npos) << response.body;
  }
}

// A page shows an error beside the member it asked with, whatever part of its text is at fault.
TEST(Errors, PartsBelongToTheirMember) {
  struct Case { Error error; Question question; int index; const char *field, *part; };
  const Where spec{"rig", 1, 12};
  for (const Case& one : {Case{{ErrorKind::not_found, "x", spec, "processor"}, Question::plan, -1, "rig", "processor"},
                          Case{{ErrorKind::infeasible, "x", Where{"--on", 1, 3}, "power"}, Question::plan, -1, "rig", "power"},
                          Case{{ErrorKind::not_found, "x", Where{"MODEL"}, "quant"}, Question::plan, -1, "model", "quant"},
                          Case{{ErrorKind::infeasible, "x", {}, "devices"}, Question::plan, -1, "rig", "devices"},
                          Case{{ErrorKind::infeasible, "x", {}, "tensor_degree"}, Question::plan, -1, "flags", "tensor_degree"},
                          Case{{ErrorKind::not_found, "x", Where{"MODEL"}, "model"}, Question::compare, -1, "models", ""},
                          Case{{ErrorKind::not_found, "x", spec, "rig"}, Question::compare, 2, "rigs", ""},
                          Case{{ErrorKind::not_found, "x", {}, "engine"}, Question::compare, -1, "engines", ""},
                          Case{{ErrorKind::input, "x", {}, "modle"}, Question::other, -1, "modle", ""}}) {
    const Response response = refused(one.error, {}, one.question, one.index);
    EXPECT_NE(response.body.find("\"field\": \"" + std::string(one.field) + '"'), std::string::npos) << response.body;
    EXPECT_NE(response.body.find("\"part\": \"" + std::string(one.part) + '"'), std::string::npos) << response.body;
    EXPECT_NE(response.body.find("\"index\": " + std::to_string(one.index)), std::string::npos) << response.body;
  }
}

}  // namespace
}  // namespace rigcast::server
