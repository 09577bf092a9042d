# The page (web/) is bundled by Node where there is one, and goes into the program. Without Node, or with RIGCAST_WEB=OFF, the program has
# a page that says so.
set(page ${CMAKE_BINARY_DIR}/web)
find_program(RIGCAST_NODE node)
find_program(RIGCAST_NPM npm)
if(RIGCAST_WEB AND RIGCAST_NODE AND RIGCAST_NPM)
  file(GLOB_RECURSE page_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/src/*)
  list(FILTER page_sources EXCLUDE REGEX "/api/types\\.d\\.ts$")   # generated
  add_custom_command(OUTPUT ${page}/index.html ${page}/page.js ${page}/page.css
    COMMAND sh ${CMAKE_SOURCE_DIR}/web/build.sh ${page}
    DEPENDS ${page_sources} ${CMAKE_SOURCE_DIR}/web/build.sh ${CMAKE_SOURCE_DIR}/web/packages.sh ${CMAKE_SOURCE_DIR}/web/package-lock.json ${CMAKE_SOURCE_DIR}/web/vite.config.ts
            ${CMAKE_SOURCE_DIR}/web/index.html ${CMAKE_SOURCE_DIR}/web/absent.html ${CMAKE_SOURCE_DIR}/src/report/html.css
    VERBATIM COMMENT "Bundling the page")
else()
  set(reason "RIGCAST_WEB is OFF")
  if(RIGCAST_WEB)
    set(reason "Node.js and npm were not found")
    message(STATUS "The page is left out: ${reason}")
  endif()
  file(MAKE_DIRECTORY ${page})
  file(READ ${CMAKE_SOURCE_DIR}/web/absent.html absent)
  string(REPLACE "REASON" "${reason}" absent "${absent}")
  file(CONFIGURE OUTPUT ${page}/index.html CONTENT "${absent}" @ONLY)
  file(CONFIGURE OUTPUT ${page}/page.js CONTENT "" @ONLY)
  file(CONFIGURE OUTPUT ${page}/page.css CONTENT "" @ONLY)
endif()
rigcast_embed(rc_server page_html ${page}/index.html)
rigcast_embed(rc_server page_js ${page}/page.js)
rigcast_embed(rc_server page_css ${page}/page.css)
rigcast_embed(rc_server openapi ${CMAKE_SOURCE_DIR}/docs/openapi.json)
