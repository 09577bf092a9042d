#include "server/jobs.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include <sys/resource.h>

namespace rigcast::server {
namespace {

using Clock = std::chrono::steady_clock;

struct Job {
  JobStatus status;
  Manner manner = Manner::brief;
  Clock::time_point started = Clock::now();
  std::atomic<bool> cancelled = false;
  std::thread thread;
};

}  // namespace

struct Jobs::State {
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  mutable int waiting = 0;
  bool stopping = false;
  std::int64_t next = 1;
  std::map<std::int64_t, std::unique_ptr<Job>> jobs;

  // REQUIRES the mutex.
  void change(Job& job) {
    ++job.status.sequence;
    job.status.elapsed = Seconds(std::chrono::duration<double>(Clock::now() - job.started).count());
    changed.notify_all();
  }
  Job* find(const std::string& id) const {
    for (const auto& [number, job] : jobs)
      if (job->status.id == id) return job.get();
    return nullptr;
  }
  JobStatus now(const Job& job) const {
    JobStatus status = job.status;
    if (status.state == JobState::running) status.elapsed = Seconds(std::chrono::duration<double>(Clock::now() - job.started).count());
    return status;
  }
};

namespace {

class JobProgress final : public Progress {
 public:
  JobProgress(std::mutex& mutex, std::function<void(Job&)> changed, Job& job) : mutex_(mutex), changed_(std::move(changed)), job_(job) {}
  void tell(double share_done) override {
    const std::lock_guard lock(mutex_);
    job_.status.done = share_done;
    changed_(job_);
  }
  void tell(double share_done, std::string message) override {
    const std::lock_guard lock(mutex_);
    job_.status.done = share_done;
    if (!job_.cancelled) job_.status.message = std::move(message);
    changed_(job_);
  }
  bool stopped() const override { return job_.cancelled; }
  const std::atomic<bool>& stop() const override { return job_.cancelled; }

 private:
  std::mutex& mutex_;
  std::function<void(Job&)> changed_;
  Job& job_;
};

bool disturb(Manner one, Manner other) {
  return one != Manner::brief && other != Manner::brief && (one == Manner::alone || other == Manner::alone);
}

// Out of memory, or a fault of ours: the job fails and the server lives.
Result<std::string> carefully(const Jobs::Work& work, Progress& progress) {
  try {
    return work(progress);
  } catch (const std::exception& error) {
    return fail(ErrorKind::system, std::string("something went wrong inside: ") + error.what());
  }
}

tl::unexpected<Error> no_such_job(const std::string& id) {
  return fail(ErrorKind::not_found, "there is no job '" + id.substr(0, 40) + "'; finished ones are forgotten after a while", Where{}, "id");
}

}  // namespace

Jobs::Jobs() : state_(std::make_shared<State>()) {}
Jobs::Jobs(Jobs&&) noexcept = default;
Jobs& Jobs::operator=(Jobs&&) noexcept = default;

Jobs::~Jobs() {
  if (!state_) return;
  stop();
  for (auto& [number, job] : state_->jobs)
    if (job->thread.joinable()) job->thread.join();
}

Result<JobStatus> Jobs::start(std::string verb, Work work, Manner manner) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  int running = 0;
  for (const auto& [number, job] : state.jobs) running += job->status.state == JobState::running;
  if (state.stopping) return fail(ErrorKind::system, "the server is stopping", Where{}, "verb");
  if (running >= kMostRunning) return fail(ErrorKind::infeasible, std::to_string(running) + " jobs are running; wait for one or stop it", Where{}, "verb");
  for (const auto& [number, job] : state.jobs)
    if (job->status.state == JobState::running && disturb(job->manner, manner))
      return fail(ErrorKind::infeasible, "what measures time runs alone, and '" + job->status.verb + "' is running; wait for it or stop it", Where{}, "verb");
  for (auto it = state.jobs.begin(); it != state.jobs.end() && state.jobs.size() >= kMostKept;) {
    const bool finished = it->second->status.state != JobState::running;
    if (finished && it->second->thread.joinable()) it->second->thread.join();
    it = finished ? state.jobs.erase(it) : std::next(it);
  }
  const std::int64_t number = state.next++;
  Job& job = *state.jobs.emplace(number, std::make_unique<Job>()).first->second;
  job.status.id = std::to_string(number);
  job.status.verb = std::move(verb);
  job.manner = manner;
  const auto body = [&state, &job, manner, work = std::move(work)] {
    constexpr int kPolite = 10;
    if (manner == Manner::polite) ::setpriority(PRIO_PROCESS, 0, kPolite);   // of this thread alone, and of those it starts
    JobProgress progress(state.mutex, [&state](Job& changed) { state.change(changed); }, job);
    auto result = carefully(work, progress);
    const std::lock_guard inner(state.mutex);
    if (job.cancelled) job.status.state = JobState::cancelled;
    else job.status.state = result ? JobState::done : JobState::failed;
    if (result) job.status.answer = std::move(*result);
    else job.status.error = std::move(result.error());
    if (job.status.state == JobState::done) job.status.done = 1;
    state.change(job);
  };
  try {
    job.thread = std::thread(body);
  } catch (const std::system_error& error) {
    state.jobs.erase(number);
    return fail(ErrorKind::system, std::string("no thread can be had: ") + error.what(), Where{}, "verb");
  }
  return state.now(job);
}

Result<JobStatus> Jobs::status(const std::string& id, std::int64_t after, Seconds wait) const {
  const State& state = *state_;
  std::unique_lock lock(state.mutex);
  if (state.find(id) == nullptr) return no_such_job(id);
  const auto news = [&] {
    const Job* job = state.find(id);
    return job == nullptr || job->status.sequence > after || job->status.state != JobState::running || state.stopping;
  };
  if (wait > Seconds{} && state.waiting < kMostWaiting) {
    ++state.waiting;
    state.changed.wait_for(lock, std::chrono::duration<double>(wait.value()), news);
    --state.waiting;
  }
  const Job* job = state.find(id);
  if (job == nullptr) return no_such_job(id);
  return state.now(*job);
}

Result<JobStatus> Jobs::cancel(const std::string& id) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  Job* job = state.find(id);
  if (job == nullptr) return no_such_job(id);
  if (job->status.state == JobState::running) {
    job->cancelled = true;
    job->status.message = "stopping";
    state.change(*job);
  }
  return state.now(*job);
}

void Jobs::stop() {
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  for (auto& [number, job] : state_->jobs) job->cancelled = true;
  state_->changed.notify_all();
}

}  // namespace rigcast::server
