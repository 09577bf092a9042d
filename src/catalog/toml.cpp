// toml++ itself, compiled here once for every room that reads TOML.
#define TOML_IMPLEMENTATION
#include <toml++/toml.h>
