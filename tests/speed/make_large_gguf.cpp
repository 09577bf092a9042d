// make_large_gguf FILE: the header of large_gguf.hpp as a sparse file, for whole-process timings.

#include "large_gguf.hpp"

int main(int count, char** arguments) {
  if (count != 2) return 2;
  rigcast::test::large_gguf().write(arguments[1]);
  return 0;
}
