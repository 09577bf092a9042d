// toml++ itself, compiled here once for every room that reads TOML. Its assertions look at the text it is given, not at itself: a header
// such as "[", a line break and "[x]]" fails one where the parser is about to say what is wrong with the file. Debian's own build has none.
#define TOML_ASSERT(expr) static_cast<void>(0)
#define TOML_IMPLEMENTATION
#include <toml++/toml.h>
