#pragma once
// Where the program's memory comes from.

#include <cstddef>

namespace rigcast::cli {

// Takes the next `mebibytes` (a multiple of two) of the heap in large pages, where the system gives them to those who ask; only what is
// used is ever there. A short answer touches five hundred small pages for the first time; on a virtual machine each costs ten microseconds
// and more, which was a third of the whole. REQUIRES: no other thread runs yet.
void use_large_pages(std::size_t mebibytes);

}  // namespace rigcast::cli
