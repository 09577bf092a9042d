#pragma once
// Sockets as the Loop has them.

#include <string>
#include <utility>

#include <unistd.h>

#include "base/result.hpp"

namespace rigcast::server {

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { if (number_ >= 0) ::close(number_); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept { std::swap(number_, other.number_); return *this; }
  int get() const { return number_; }

 private:
  int number_;
};

// A socket that waits for connections. system: the port is taken or the address is not this machine's.
Result<Descriptor> listen_at(const std::string& address, int port);

// The port a socket was given; 0: none.
int port_of(int socket);

}  // namespace rigcast::server
