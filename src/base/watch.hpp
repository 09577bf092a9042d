#pragma once
// How long work tells how far it is, and learns that nobody wants it any more.

namespace rigcast {

// Both may be called from any thread.
class Watch {
 public:
  virtual ~Watch() = default;
  virtual void tell(double share_done) = 0;   // 0 to 1
  virtual bool stopped() const = 0;           // true once: whatever is done so far will be thrown away
};

inline bool stopped(const Watch* watch) { return watch != nullptr && watch->stopped(); }

}  // namespace rigcast
