#include "server/cache.hpp"

namespace rigcast::server {

std::size_t AnswerCache::size_of(const Entry& entry) { return entry.question.size() + entry.answer.body.size() + 512; }   // and what holds them

void AnswerCache::forget(Entries::iterator entry) {
  bytes_ -= size_of(*entry);
  by_question_.erase(entry->question);
  entries_.erase(entry);
}

std::optional<Response> AnswerCache::find(std::string_view question, const std::shared_ptr<const void>& state) {
  const std::lock_guard lock(mutex_);
  const auto found = by_question_.find(question);
  if (found == by_question_.end()) return std::nullopt;
  if (found->second->state != state) {
    forget(found->second);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->answer;
}

void AnswerCache::keep(std::string question, const std::shared_ptr<const void>& state, const Response& answer) {
  Entry entry{std::move(question), state, answer};
  if (size_of(entry) > most_) return;
  const std::lock_guard lock(mutex_);
  if (const auto found = by_question_.find(entry.question); found != by_question_.end()) forget(found->second);
  entries_.push_front(std::move(entry));
  by_question_.emplace(entries_.front().question, entries_.begin());
  bytes_ += size_of(entries_.front());
  while (bytes_ > most_) forget(std::prev(entries_.end()));
}

}  // namespace rigcast::server
