#pragma once
// Answers that were given before, by question: the same question of the same facts has the same answer to the byte.

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "server/http.hpp"

namespace rigcast::server {

// Keeps the answers that were asked for last, in a bounded number of bytes. May be used by several threads.
class AnswerCache {
 public:
  explicit AnswerCache(std::size_t bytes) : most_(bytes) {}

  // `state`: what the answer depends on beside the question; an answer under another state is forgotten. Compared, never looked into.
  std::optional<Response> find(std::string_view question, const std::shared_ptr<const void>& state);
  void keep(std::string question, const std::shared_ptr<const void>& state, const Response& answer);

 private:
  struct Entry { std::string question; std::shared_ptr<const void> state; Response answer; };
  using Entries = std::list<Entry>;   // the one asked for last in front
  static std::size_t size_of(const Entry& entry);
  void forget(Entries::iterator entry);

  std::size_t most_;
  std::mutex mutex_;                  // guards what follows
  Entries entries_;
  std::map<std::string_view, Entries::iterator> by_question_;   // views into the entries
  std::size_t bytes_ = 0;
};

}  // namespace rigcast::server
