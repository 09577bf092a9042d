#include "server/loop.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/errors.hpp"
#include "server/socket.hpp"

namespace rigcast::server {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

Clock::duration lasting(Seconds time) { return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(time.value())); }

// A client, as the requests it left to workers know it: its end makes them unwanted.
struct Presence {
  std::shared_ptr<std::atomic<bool>> gone = std::make_shared<std::atomic<bool>>(false);
  Presence() = default;
  Presence(Presence&&) = default;
  Presence& operator=(Presence&&) = default;
  ~Presence() { if (gone) *gone = true; }
};

struct Connection {
  Connection(Descriptor s, RequestReader r) : socket(std::move(s)), reader(std::move(r)) {}

  Descriptor socket;
  RequestReader reader;
  std::string input;                   // bytes behind the current request (pipelining)
  std::string output;
  std::size_t sent = 0;
  bool working = false;                // a worker has its request
  bool keep = true;                    // after the answer
  bool closing = false;                // answered and shut; only waiting for the client to take the rest
  bool ended = false;                  // the client will send no more; it may still be reading
  bool polled = false;
  std::uint32_t watched = 0;
  Time deadline;
  Time since;                          // last progress
  std::size_t asked = 0;               // bytes of the request that a worker has or will take
  bool keep_asked = false;             // that request said it would be followed by others
  Presence presence;
  std::size_t held() const { return input.size() + reader.partial().body.size() + asked + output.size() - sent; }
};

struct Task { int id; Request request; };
struct Done { int id; std::string bytes; bool keep; };

// Complete requests in the order in which they came.
struct Queue { std::condition_variable work; std::deque<Task> tasks; };

}  // namespace

struct Loop::State {
  LoopOptions options;
  Refuser refuser;
  Descriptor listener, poll, wake;
  int port = 0;

  std::map<int, Connection> connections;   // by a number that is never used twice, so that a late answer finds nobody
  int next_id = 1;

  std::mutex mutex;                    // guards what follows
  Queue computing, waiting;
  std::vector<Done> done;
  bool workers_end = false;
  std::atomic<bool> stop_asked = false;

  void watch(int id, Connection& connection, std::uint32_t events) {
    if (connection.polled && connection.watched == events) return;
    epoll_event event{};
    event.events = events;
    event.data.u64 = static_cast<std::uint64_t>(id);
    ::epoll_ctl(poll.get(), connection.polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, connection.socket.get(), &event);
    connection.polled = true;
    connection.watched = events;
  }

  void accept_all();
  void make_room();
  void on_event(int id, std::uint32_t events);
  bool read_some(Connection& connection);
  bool write_some(Connection& connection);
  void probe(int id, Connection& connection);
  void advance(int id, Connection& connection);
  void answer_here(Connection& connection, const Response& response);
  void refuse(Connection& connection, const Refusal& refusal) { answer_here(connection, refused(refusal, connection.reader.partial())); }
  Response refused(const Refusal& refusal, const Request& partial) const {
    return refuser ? refuser(refusal, partial) : refused_as(refusal.status, {refusal.status >= 500 ? ErrorKind::system : ErrorKind::input, refusal.why}, {});
  }
  void turn(int most_milliseconds);
  void take_done();
  void write_last();
  void drop_late(Time now);
  void work_on(Queue& queue, const Handler& handler);
  Queue& queue_for(const Request& request) { return options.waiters > 0 && options.waits && options.waits(request) ? waiting : computing; }
  // Whether a large request is too much beside what all others hold.
  bool crowded(const Connection& one) const {
    constexpr std::size_t kLarge = 256 * 1024;
    std::size_t held = 0;
    if (one.held() > kLarge)
      for (const auto& [id, connection] : connections) held += connection.held();
    return held > options.buffered;
  }
};

namespace {

constexpr std::uint64_t kListener = 0, kWake = ~std::uint64_t{0};
constexpr Seconds kLinger{2};

void add_to_poll(int poll, int socket, std::uint64_t mark) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = mark;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event);
}

}  // namespace

Loop::Loop(std::unique_ptr<State> state) : state_(std::move(state)) {}
Loop::~Loop() = default;
Loop::Loop(Loop&&) noexcept = default;
Loop& Loop::operator=(Loop&&) noexcept = default;

Result<Loop> Loop::open(const LoopOptions& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  RC_ASSIGN(listener, listen_at(options.address, options.port));
  state->listener = std::move(listener);
  state->port = port_of(state->listener.get());
  state->poll = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  state->wake = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (state->poll.get() < 0 || state->wake.get() < 0) return fail(ErrorKind::system, std::string("cannot wait for connections: ") + std::strerror(errno));
  add_to_poll(state->poll.get(), state->listener.get(), kListener);
  add_to_poll(state->poll.get(), state->wake.get(), kWake);
  return Loop(std::move(state));
}

int Loop::port() const { return state_->port; }

void Loop::stop() {
  state_->stop_asked = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(state_->wake.get(), &one, sizeof one);
}

void Loop::run(const Handler& handler, const std::function<void()>& ending, const Refuser& refuser) {
  State& state = *state_;
  state.refuser = refuser;
  std::vector<std::thread> workers;
  for (int i = 0; i < state.options.workers; ++i) workers.emplace_back([&] { state.work_on(state.computing, handler); });
  for (int i = 0; i < state.options.waiters; ++i) workers.emplace_back([&] { state.work_on(state.waiting, handler); });
  Time next_look = Clock::now();
  while (!state.stop_asked) {
    state.turn(500);
    if (const Time now = Clock::now(); now >= next_look) {
      state.drop_late(now);
      next_look = now + std::chrono::milliseconds(500);
    }
  }
  if (ending) ending();
  {
    const std::lock_guard lock(state.mutex);
    state.workers_end = true;
  }
  state.computing.work.notify_all();
  state.waiting.work.notify_all();
  for (std::thread& worker : workers) worker.join();
  state.write_last();
  state.connections.clear();
}

// Waits at most so long for something to happen on a socket, and sees to all that did.
void Loop::State::turn(int most_milliseconds) {
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(poll.get(), events.data(), static_cast<int>(events.size()), most_milliseconds);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == kListener) accept_all();
    else if (event.data.u64 == kWake) take_done();
    else on_event(static_cast<int>(event.data.u64), event.events);
  }
}

// The answers of the handlers that were at work, to clients that take them in time. Nobody new is let in.
void Loop::State::write_last() {
  ::epoll_ctl(poll.get(), EPOLL_CTL_DEL, listener.get(), nullptr);
  take_done();
  const auto unsent = [](const auto& one) { return !one.second.output.empty(); };
  const Time end = Clock::now() + lasting(options.last_time);
  while (Clock::now() < end && std::any_of(connections.begin(), connections.end(), unsent)) turn(20);
}

void Loop::State::work_on(Queue& queue, const Handler& handler) {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex);
      queue.work.wait(lock, [&] { return workers_end || !queue.tasks.empty(); });
      if (workers_end) return;
      task = std::move(queue.tasks.front());
      queue.tasks.pop_front();
    }
    if (task.request.is_unwanted()) continue;   // left while it waited
    Response response;
    try {
      response = handler(task.request);
    } catch (const std::exception&) {  // out of memory, or a fault of ours: the next request may still be answered
      response = refused({500, "something went wrong inside"}, task.request);
    }
    const bool keep = task.request.keep_alive && !stop_asked;
    Done one{task.id, to_bytes(response, keep, task.request.method != "HEAD"), keep};
    {
      const std::lock_guard lock(mutex);
      done.push_back(std::move(one));
    }
    const std::uint64_t signal = 1;
    [[maybe_unused]] const auto written = ::write(wake.get(), &signal, sizeof signal);
  }
}

void Loop::State::accept_all() {
  for (;;) {
    Descriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() < 0) {
      if (errno == EMFILE || errno == ENFILE) make_room();
      return;
    }
    if (static_cast<int>(connections.size()) >= options.connections) make_room();
    if (static_cast<int>(connections.size()) >= options.connections) continue;  // everybody is busy: this one is closed
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int id = next_id++;
    const Time now = Clock::now();
    Connection& connection = connections.emplace(id, Connection(std::move(socket), RequestReader(options.caps))).first->second;
    connection.since = now;
    connection.deadline = now + lasting(options.idle_time);
    watch(id, connection, EPOLLIN);
  }
}

// The one that has made no progress for longest and whom no worker is answering goes.
void Loop::State::make_room() {
  auto oldest = connections.end();
  for (auto it = connections.begin(); it != connections.end(); ++it)
    if (!it->second.working && (oldest == connections.end() || it->second.since < oldest->second.since)) oldest = it;
  if (oldest != connections.end()) connections.erase(oldest);
}

void Loop::State::on_event(int id, std::uint32_t events) {
  const auto found = connections.find(id);
  if (found == connections.end()) return;
  Connection& connection = found->second;
  bool alive = (events & (EPOLLERR | EPOLLHUP)) == 0;
  if (alive && connection.working && (events & EPOLLRDHUP) != 0) return probe(id, connection);
  if (alive && (events & EPOLLOUT) != 0) alive = write_some(connection);
  if (alive && (events & EPOLLIN) != 0) alive = read_some(connection);
  if (alive) advance(id, connection);
  else connections.erase(found);
}

// False: the client is gone.
bool Loop::State::read_some(Connection& connection) {
  char buffer[64 * 1024];
  const ssize_t got = ::recv(connection.socket.get(), buffer, sizeof buffer, 0);
  if (got == 0) {
    connection.ended = true;
    return !connection.closing;
  }
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  if (connection.closing) return true;  // what follows a refused request is read and forgotten
  connection.since = Clock::now();
  connection.input.append(buffer, static_cast<std::size_t>(got));
  return true;
}

// Whoever sends no more may still want the answer, or have left: a client that left answers this with a reset, and one that waits passes
// over it. One that said it would ask nothing more gets the answer without.
void Loop::State::probe(int id, Connection& connection) {
  constexpr std::string_view kPatience = "HTTP/1.1 100 Continue\r\n\r\n";
  if (connection.keep_asked) [[maybe_unused]] const auto put = ::send(connection.socket.get(), kPatience.data(), kPatience.size(), MSG_NOSIGNAL);
  watch(id, connection, 0);
}

bool Loop::State::write_some(Connection& connection) {
  while (connection.sent < connection.output.size()) {
    const ssize_t put = ::send(connection.socket.get(), connection.output.data() + connection.sent, connection.output.size() - connection.sent, MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    connection.sent += static_cast<std::size_t>(put);
    connection.since = Clock::now();
  }
  connection.output.clear();
  connection.sent = 0;
  return true;
}

void Loop::State::answer_here(Connection& connection, const Response& response) {
  connection.keep = false;
  connection.output = to_bytes(response, false, true);
  connection.sent = 0;
  connection.input.clear();
  connection.deadline = Clock::now() + lasting(options.answer_time);
}

// Does whatever can be done next on this connection and says what to wait for.
void Loop::State::advance(int id, Connection& connection) {
  if (!connection.working && !connection.closing && connection.keep && connection.output.empty()) {
    RequestReader& reader = connection.reader;
    const bool began = reader.begun();
    connection.input.erase(0, reader.take(connection.input));
    if (!began && reader.begun()) connection.deadline = Clock::now() + lasting(options.request_time);
    if (connection.ended && !reader.complete() && !reader.refusal()) {
      connections.erase(id);
      return;
    }
    if (reader.take_continue()) connection.output = "HTTP/1.1 100 Continue\r\n\r\n";
    if (reader.refusal()) {
      refuse(connection, *reader.refusal());
    } else if (reader.complete() && crowded(connection)) {
      refuse(connection, {503, "too many large requests at once"});
    } else if (reader.complete()) {
      connection.working = true;
      Request request = reader.release();
      connection.asked = request.body.size();
      connection.keep_asked = request.keep_alive;
      request.gone = connection.presence.gone;
      Queue& queue = queue_for(request);
      {
        const std::lock_guard lock(mutex);
        queue.tasks.push_back({id, std::move(request)});
      }
      queue.work.notify_one();
    } else if (crowded(connection)) {
      refuse(connection, {503, "too many large requests at once"});
    }
  }
  if (!connection.output.empty() && !write_some(connection)) {
    connections.erase(id);
    return;
  }
  if (!connection.output.empty()) {
    watch(id, connection, EPOLLOUT);
  } else if (connection.working) {
    watch(id, connection, EPOLLRDHUP);   // its next request waits in the kernel
  } else if (!connection.keep && !connection.closing) {
    // Closing with bytes unread would reset the connection and lose the answer: shut our side, let the client finish.
    ::shutdown(connection.socket.get(), SHUT_WR);
    connection.closing = true;
    connection.deadline = Clock::now() + lasting(kLinger);
    watch(id, connection, EPOLLIN);
  } else {
    watch(id, connection, EPOLLIN);
  }
}

void Loop::State::take_done() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake.get(), &count, sizeof count);
  std::vector<Done> finished;
  {
    const std::lock_guard lock(mutex);
    finished.swap(done);
  }
  for (Done& one : finished) {
    const auto found = connections.find(one.id);
    if (found == connections.end()) continue;  // gone before its answer
    Connection& connection = found->second;
    connection.working = false;
    connection.asked = 0;
    connection.output = std::move(one.bytes);
    connection.sent = 0;
    connection.keep = one.keep && !connection.ended;
    const Time now = Clock::now();
    connection.since = now;
    connection.deadline = now + lasting(options.answer_time);
    advance(one.id, connection);
    const auto still = connections.find(one.id);
    if (still == connections.end() || !still->second.output.empty() || still->second.closing || still->second.working) continue;
    still->second.deadline = now + lasting(options.idle_time);
    if (!still->second.input.empty()) advance(one.id, still->second);
  }
}

void Loop::State::drop_late(Time now) {
  for (auto it = connections.begin(); it != connections.end();) {
    Connection& connection = it->second;
    const int id = it->first;
    ++it;  // advance() may erase this one, never another
    if (connection.working || now < connection.deadline) continue;
    if (connection.output.empty() && !connection.closing && connection.reader.begun()) {
      refuse(connection, {408, "the request took too long to arrive"});
      advance(id, connection);
    } else {
      connections.erase(id);
    }
  }
}

}  // namespace rigcast::server
