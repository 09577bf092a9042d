#pragma once
// The Service answers requests: the page, and app's verbs as JSON under /api. The same request structs, the same answers and the same
// field lists as the command line, hence the same numbers to the digit. Knows nothing of sockets.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/knowledge.hpp"
#include "base/result.hpp"
#include "server/http.hpp"
#include "server/jobs.hpp"
#include "server/origin.hpp"

namespace rigcast::server {

// Work that the caller lends the service: POST /api/jobs {"verb": name}. `run` gets the request object as JSON text, the language among its
// fields, and reports how far it is.
struct LongVerb {
  std::string name;
  std::function<Result<std::string>(const std::string& request, Progress& progress)> run;
  Manner manner = Manner::brief;
};

struct ServiceOptions {
  std::string version;
  OriginRule origin;
  bool paths = true;                   // models and rigs may be named by path; off where others than this machine may ask
  std::vector<LongVerb> long_verbs;
};

class Service {
 public:
  Service(app::Knowledge knowledge, ServiceOptions options);
  ~Service();
  Service(Service&&) noexcept;

  // May be called from several threads at once.
  Response answer(const Request& request);
  // To a request that was not read to its end, in the language its address asks for.
  Response refuse(const Refusal& refusal, const Request& partial);
  // Asks every job to stop and answers all who wait.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rigcast::server
