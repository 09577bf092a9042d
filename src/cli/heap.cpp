#include "cli/heap.hpp"

#include <cstdint>
#include <cstdlib>

#if defined(__linux__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace rigcast::cli {

void use_large_pages(std::size_t mebibytes) {
  constexpr std::size_t kPage = 4096, kLarge = 512 * kPage;
  const std::size_t size = mebibytes << 20;
  // What the allocator itself arrives at in a program that has freed a large block: blocks up to this size stay on the heap.
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 512 << 20);   // what was reserved below stays
  // A gap in the heap up to one small page before a large one begins: that page takes the head of the first block, which is written at
  // once, and large pages are only given where nothing was touched.
  const auto end = reinterpret_cast<std::uintptr_t>(::sbrk(0)) + kPage;
  const std::uintptr_t begin = (end + kLarge - 1) / kLarge * kLarge;
  if (::sbrk(static_cast<std::intptr_t>(begin - end)) == reinterpret_cast<void*>(-1)) return;
  ::mallopt(M_MMAP_MAX, 0);                 // none of it mapped apart
  void* first = std::malloc(kPage + size);
  if (reinterpret_cast<std::uintptr_t>(first) / kPage * kPage + kPage == begin) ::madvise(reinterpret_cast<void*>(begin), size, MADV_HUGEPAGE);
  std::free(first);
  ::mallopt(M_MMAP_MAX, 65536);             // as it was
}

}  // namespace rigcast::cli
#else
namespace rigcast::cli {
void use_large_pages(std::size_t) {}
}  // namespace rigcast::cli
#endif
