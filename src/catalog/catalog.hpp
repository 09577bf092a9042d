#pragma once
// The Catalog reads, checks and looks up facts. Names match exactly through folded aliases, never by substring; a name nobody
// knows is answered with the nearest ones, and a name that belongs to several entries with all of them.
//
// A name is compared folded (case, spaces, hyphens), first as written, then by its core: without the maker's words and separators
// ("NVIDIA GeForce RTX 3090" and "rtx3090" -> "3090"). A size behind a device's name ("mi50-32g") picks the version and must be right.
//
// A Catalog may be copied and read by several threads. Nothing is parsed before it is asked for: an index made at build time says which data file holds which name, so that a cold
// process reads only the files it needs.

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/device.hpp"
#include "catalog/host.hpp"
#include "catalog/quant.hpp"

namespace rigcast::catalog {

struct Engine;
struct Rule;

enum class Kind { device, processor, link, quant, model, engine, rule };

// One row of the index: what may be listed without parsing.
struct Entry {
  Kind kind;
  std::string key;
  std::string name;
};

class Catalog {
 public:
  // The facts compiled into the program, plus overlays (user directory first wins) read from `overlay` directories, each laid out
  // like data/. Fails with file:line:column on the first overlay file that cannot be read; embedded data cannot fail.
  static Result<Catalog> load(const std::vector<std::filesystem::path>& overlays = {});

  // `name` is a key or an alias. `memory_hint` decides between variants that print the same name (an MI50 of 16 or 32 GB).
  // not_found: with the nearest names. input: the name belongs to several entries and the hint does not decide (they are listed).
  // To find what is nearest takes longer than all else: who tries several names asks for it once they have failed.
  enum class Advice { nearest, none };
  Result<Device> device(std::string_view name, std::optional<Bytes> memory_hint = {}, Advice advice = Advice::nearest) const;
  Result<Processor> processor(std::string_view name) const;
  Result<LinkType> link(std::string_view name) const;
  Result<Quant> quant(std::string_view name) const;
  const Quant* quant_of_ggml_type(int type) const;   // nullptr: no such type

  // The text of the data file that holds this model or engine, and where: parsed by the rooms that own those types.
  struct Document { std::string file; std::string text; std::string key; };
  Result<Document> document(Kind kind, std::string_view name) const;
  // A data file by its path under data/, e.g. "calibration/effects.csv".
  Result<std::string_view> file(std::string_view path) const;   // valid as long as a copy of this Catalog lives
  // An error in such a file, which its reader calls "data/...", names the one it stands in: an overlay's may have taken its place.
  Error in_its_file(Error error) const;
  std::vector<std::string> files(std::string_view folder) const;

  std::vector<Entry> entries(Kind kind) const;       // in key order
  std::string nearest(Kind kind, std::string_view name, std::string_view word = {}) const;   // of the names that hold `word`
  std::vector<std::string> keys(Kind kind, std::string_view name) const;   // of all entries that are called so
  bool has(Kind kind, std::string_view name) const;  // some entry is called so; cheaper than an error with the nearest name
  Result<std::shared_ptr<const std::vector<Rule>>> rules() const;  // of all files, in their order; read once
  Result<std::shared_ptr<const Engine>> engine(std::string_view name) const;  // read once; as read_engine (catalog/engine.hpp)

 private:
  Result<std::shared_ptr<const Engine>> engine_over(std::string_view name, int bases) const;   // that may build on so many others

  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace rigcast::catalog
