// rigcast tells what a machine will do with an AI model before you buy the machine or download the model.

#include "cli/heap.hpp"
#include "cli/run.hpp"

int main(int argc, char** argv) {
  rigcast::cli::use_large_pages(4);
  return rigcast::cli::run({argv + 1, argv + argc});
}
