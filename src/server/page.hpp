#pragma once
// The Page: the files of web/ as they were bundled at build time, or one page that says why there are none.

#include <string_view>

namespace rigcast::server {

struct PageFile {
  std::string_view path;   // "/", "/page.js"
  std::string_view type;   // "text/javascript; charset=utf-8"
  std::string_view bytes;
  std::string_view tag;    // quoted ETag: changes with the content
};

// The file for a path; every other path is a view, whose address the page itself reads: it gets "/". Never null.
const PageFile& page_file(std::string_view path);
// False: built without Node or with RIGCAST_WEB=OFF.
bool has_page();
// docs/openapi.json as it was built in.
std::string_view openapi_document();

}  // namespace rigcast::server
