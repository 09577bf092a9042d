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

}  // namespace
}  // namespace rigcast::server
