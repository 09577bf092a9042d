#include "server/page.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.hpp"

namespace rigcast {
std::string_view embedded_page_html();
std::string_view embedded_page_js();
std::string_view embedded_page_css();
std::string_view embedded_openapi();
}  // namespace rigcast

namespace rigcast::server {
namespace {

constexpr std::size_t kFiles = 3;

std::string tag_of(std::string_view bytes) { return '"' + format_hex(hash_of(bytes)) + '"'; }

}  // namespace

const PageFile& page_file(std::string_view path) {
  static const std::array<std::string, kFiles> tags = {tag_of(embedded_page_html()), tag_of(embedded_page_js()), tag_of(embedded_page_css())};
  static const std::array<PageFile, kFiles> files = {{{"/", "text/html; charset=utf-8", embedded_page_html(), tags[0]},
                                                     {"/page.js", "text/javascript; charset=utf-8", embedded_page_js(), tags[1]},
                                                     {"/page.css", "text/css; charset=utf-8", embedded_page_css(), tags[2]}}};
  const auto found = std::find_if(files.begin(), files.end(), [&](const PageFile& file) { return file.path == path; });
  return found == files.end() ? files.front() : *found;
}

bool has_page() { return !embedded_page_js().empty(); }

std::string_view openapi_document() { return embedded_openapi(); }

}  // namespace rigcast::server
