// rigcast tells what a machine will do with an AI model before you buy the machine or download the model.

#include "cli/run.hpp"

// How the allocator (jemalloc) goes about it: in large pages where the system gives them to those who ask. A short answer would touch fifteen
// hundred small ones for the first time; on a virtual machine each costs microseconds. Few arenas: one per worker of the server would keep
// what each ever held at its busiest.
extern "C" {
const char* malloc_conf = "thp:always,metadata_thp:always,narenas:4";
}

int main(int argc, char** argv) { return rigcast::cli::run({argv + 1, argv + argc}); }
