#include "catalog/catalog.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <set>

#include "base/text.hpp"
#include "base/units.hpp"
#include "catalog/embedded.hpp"
#include "catalog/engine.hpp"
#include "catalog/names.hpp"
#include "catalog/pack.hpp"
#include "catalog/read.hpp"
#include "catalog/rule.hpp"

namespace rigcast::catalog {
namespace {

// An entry of one of the packs.
struct Spot {
  std::size_t pack = 0;
  int entry = 0;
  friend auto operator<=>(const Spot&, const Spot&) = default;
};

const char* noun(Kind kind) {
  switch (kind) {
    case Kind::device: return "device";
    case Kind::processor: return "processor";
    case Kind::link: return "link";
    case Kind::quant: return "number format";
    case Kind::model: return "model";
    case Kind::engine: return "engine";
    case Kind::rule: return "rule";
  }
  return "entry";
}

}  // namespace

struct Catalog::State {
  std::vector<std::string> owned;  // bytes of the overlay packs
  std::vector<Pack> packs;         // overlays first, the embedded one last

  // What was parsed already; filled on first use.
  mutable std::mutex lock;
  mutable std::map<Spot, Device> devices;
  mutable std::map<Spot, Processor> processors;
  mutable std::map<Spot, LinkType> links;
  mutable std::map<Spot, Quant> quants;
  mutable std::map<std::string, const Quant*, std::less<>> quants_by_key;   // of those: tensors name them so
  mutable std::map<Kind, std::vector<Entry>> entries;
  mutable std::shared_ptr<const std::vector<Rule>> rules;
  mutable std::map<std::string, std::shared_ptr<const Engine>, std::less<>> engines;   // by the name asked for

  // Entries of this name, those of earlier packs hiding later ones with the same key.
  std::vector<Spot> find(Kind kind, std::string_view name) const {
    const std::string folded = fold_name(name);
    std::vector<Spot> exact = find_folded(kind, folded);
    return exact.empty() ? find_folded(kind, core_name(folded)) : exact;
  }
  std::vector<Spot> find_folded(Kind kind, const std::string& folded) const {
    std::vector<Spot> all;
    for (std::size_t pack = 0; pack < packs.size(); ++pack)
      for (const int entry : packs[pack].find(kind, folded))
        if (!hidden(kind, {pack, entry})) all.push_back({pack, entry});
    // A key names one thing, whatever else carries it as a printed name.
    std::vector<Spot> by_key;
    for (const Spot& spot : all)
      if (const std::string key = fold_name(row(spot).key); key == folded || core_name(key) == folded) by_key.push_back(spot);
    return by_key.size() == 1 ? by_key : all;
  }
  bool hidden(Kind kind, const Spot& spot) const {
    if (spot.pack == 0) return false;
    const std::string key = fold_name(row(spot).key);
    for (std::size_t pack = 0; pack < spot.pack; ++pack)
      for (const int entry : packs[pack].find(kind, key))
        if (fold_name(packs[pack].entry(entry).key) == key) return true;
    return false;
  }
  Pack::Row row(const Spot& spot) const { return packs[spot.pack].entry(spot.entry); }
  std::string file_name(const Spot& spot) const { return packs[spot.pack].file_name(row(spot).file); }
  std::string text(const Spot& spot) const { return packs[spot.pack].entry_text(spot.entry); }

  Result<Device> device(const Spot& spot) const {
    const std::scoped_lock hold(lock);
    if (const auto known = devices.find(spot); known != devices.end()) return known->second;
    RC_ASSIGN(read, read_devices(text(spot), file_name(spot)));
    for (const Device& each : read)
      if (each.key == row(spot).key) return devices.emplace(spot, each).first->second;
    return fail(ErrorKind::system, "the index of " + file_name(spot) + " is out of date");
  }
  Result<const Quant*> quant(const Spot& spot) const {
    const std::scoped_lock hold(lock);
    if (const auto known = quants.find(spot); known != quants.end()) return &known->second;
    RC_ASSIGN(read, read_quants(text(spot), file_name(spot)));
    for (const Quant& each : read)
      if (each.key == row(spot).key) return &quants.emplace(spot, each).first->second;
    return fail(ErrorKind::system, "the index of " + file_name(spot) + " is out of date");
  }

  std::string nearest(Kind kind, std::string_view name, std::string_view word = {}) const {
    std::vector<std::string> names;
    std::vector<Spot> spots;
    for (std::size_t pack = 0; pack < packs.size(); ++pack) {
      for (const Pack::Name& each : packs[pack].names(kind)) {
        if (!word.empty() && !holds_word(each.folded, word)) continue;
        names.emplace_back(each.folded);
        spots.push_back({pack, each.entry});
      }
    }
    const std::string best = nearest_name(name, names);
    std::string_view found;   // where several carry the name, the one whose key it is
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == best && (found.empty() || fold_name(row(spots[i]).key) == best)) found = row(spots[i]).key;
    return std::string(found);
  }
  std::vector<std::string> keys(Kind kind) const {
    std::vector<std::string> all;
    for (std::size_t pack = 0; pack < packs.size(); ++pack)
      for (const Pack::Name& each : packs[pack].names(kind)) all.emplace_back(row({pack, each.entry}).key);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }
  Error unknown(Kind kind, std::string_view name, Catalog::Advice advice = Catalog::Advice::nearest) const {
    const std::string what = "no " + std::string(noun(kind)) + " is called '" + std::string(trim(name));
    if (advice == Catalog::Advice::none) return Error{ErrorKind::not_found, what + "'", {}, noun(kind)};
    std::string near = nearest(kind, name);
    const bool lists = kind == Kind::engine && near.empty();   // a dozen
    return Error{ErrorKind::not_found, lists ? what + "': there are " + join(keys(kind), ", ") : what + "'", {}, noun(kind), std::move(near)};
  }
  Error ambiguous(Kind kind, std::string_view name, const std::vector<Spot>& spots) const {
    std::vector<std::string> keys;
    for (const Spot& spot : spots) keys.emplace_back(row(spot).key);
    return Error{ErrorKind::input, "'" + std::string(trim(name)) + "' may be any of " + join(keys, ", ") + ": name one of them", {}, noun(kind), keys.front()};
  }
  Result<Spot> one(Kind kind, std::string_view name) const {
    const std::vector<Spot> spots = find(kind, name);
    if (spots.empty()) return tl::unexpected<Error>(unknown(kind, name));
    if (spots.size() > 1) return tl::unexpected<Error>(ambiguous(kind, name, spots));
    return spots.front();
  }
};

namespace {

Result<std::vector<DataFile>> read_folder(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<DataFile> files;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_regular_file(error) || (at->path().extension() != ".toml" && at->path().extension() != ".csv")) continue;
    std::ifstream in(at->path(), std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (!in) return fail(ErrorKind::system, "cannot be read", Where{at->path().string()});
    files.push_back({fs::relative(at->path(), folder, error).generic_string(), std::move(text)});
  }
  if (error) return fail(ErrorKind::system, "cannot be read: " + error.message(), Where{folder.string()});
  return files;
}

// How far the memory someone saw is from what this Device has; infinite where it cannot be it. A program sees up to 15 % less than the
// capacity, and people quote GB for GiB (7 % less); a size that is part of a name is the one on the box.
double memory_distance(const Device& device, Bytes seen, bool named) {
  double best = INFINITY;
  const auto consider = [&](Bytes size, double penalty) {
    const double ratio = seen / size;
    if (ratio > (named ? 0.96 : 0.82) && ratio < 1.08) best = std::min(best, std::abs(std::log(ratio)) + penalty);
  };
  for (const Bytes size : device.memory_sizes) consider(size, 0);
  consider(card_memory(device), 0);
  consider(device.memory.value, device.chips > 1 ? 0.05 : 0);  // people quote the card, drivers the chip
  if (device.usable_memory && !named) consider(device.usable_memory->value, device.chips > 1 ? 0.05 : 0);
  return best;
}

}  // namespace

Result<Catalog> Catalog::load(const std::vector<std::filesystem::path>& overlays) {
  auto state = std::make_shared<State>();
  state->owned.reserve(overlays.size());
  for (const std::filesystem::path& folder : overlays) {
    const std::string prefix = (folder / "").string();
    RC_ASSIGN(files, read_folder(folder));
    RC_ASSIGN(bytes, build_pack(files, prefix, false));
    state->owned.push_back(std::move(bytes));
    state->packs.emplace_back(state->owned.back(), prefix);
  }
  state->packs.emplace_back(embedded_pack(), "data/");
  Catalog catalog;
  catalog.state_ = std::move(state);
  return catalog;
}

Result<Device> Catalog::device(std::string_view name, std::optional<Bytes> memory_hint, Advice advice) const {
  std::vector<Spot> spots = state_->find(Kind::device, name);
  bool must_fit = false;
  if (spots.empty()) {
    // "RTX 3090 24GB", "mi50-32g": a name and a size that has to be right.
    const SizedName sized = split_size(fold_name(name));
    if (sized.size) spots = state_->find(Kind::device, sized.name + "-" + format_shortest(sized.size->value() / kGiB) + "gb");
    if (sized.size && spots.empty()) spots = state_->find(Kind::device, sized.name);
    if (spots.empty()) return tl::unexpected<Error>(state_->unknown(Kind::device, name, advice));
    memory_hint = sized.size;
    must_fit = true;
  }
  if (spots.size() == 1 && !must_fit) return state_->device(spots.front());
  if (memory_hint) {
    std::vector<std::pair<double, Spot>> fitting;
    for (const Spot& spot : spots) {
      RC_ASSIGN(device, state_->device(spot));
      if (const double distance = memory_distance(device, *memory_hint, must_fit); std::isfinite(distance)) fitting.emplace_back(distance, spot);
    }
    std::sort(fitting.begin(), fitting.end());
    if (fitting.empty() && must_fit) {
      std::map<double, std::string> sold;   // size in GiB -> what to write
      for (const Spot& spot : spots) {
        RC_ASSIGN(device, state_->device(spot));
        for (const Bytes size : device.memory_sizes) sold.emplace(size.value() / kGiB, device.key + '-' + format_shortest(size.value() / kGiB) + 'g');
        if (device.memory_sizes.empty()) sold.emplace(card_memory(device).value() / kGiB, device.key);
      }
      std::vector<std::string> sizes;
      for (const auto& [size, key] : sold) sizes.push_back(format_shortest(size));
      const double wanted = memory_hint->value() / kGiB;
      const auto nearest = std::min_element(sold.begin(), sold.end(), [&](const auto& a, const auto& b) { return std::abs(a.first - wanted) < std::abs(b.first - wanted); });
      return fail(ErrorKind::not_found, "no " + split_size(fold_name(name)).name + " has " + print_gib(*memory_hint) + ": it is sold with " + join(sizes, ", ") + " GiB", Where{}, noun(Kind::device), nearest->second);
    }
    if (fitting.size() == 1 || (fitting.size() > 1 && fitting[1].first > fitting[0].first + 0.02)) return state_->device(fitting.front().second);
  }
  return tl::unexpected<Error>(state_->ambiguous(Kind::device, name, spots));
}

Result<Processor> Catalog::processor(std::string_view name) const {
  RC_ASSIGN(spot, state_->one(Kind::processor, name));
  const std::scoped_lock hold(state_->lock);
  if (const auto known = state_->processors.find(spot); known != state_->processors.end()) return known->second;
  RC_ASSIGN(read, read_processors(state_->text(spot), state_->file_name(spot)));
  for (const Processor& each : read)
    if (each.key == state_->row(spot).key) return state_->processors.emplace(spot, each).first->second;
  return fail(ErrorKind::system, "the index of " + state_->file_name(spot) + " is out of date");
}

Result<LinkType> Catalog::link(std::string_view name) const {
  RC_ASSIGN(spot, state_->one(Kind::link, name));
  const std::scoped_lock hold(state_->lock);
  if (const auto known = state_->links.find(spot); known != state_->links.end()) return known->second;
  RC_ASSIGN(read, read_links(state_->text(spot), state_->file_name(spot)));
  for (const LinkType& each : read)
    if (each.key == state_->row(spot).key) return state_->links.emplace(spot, each).first->second;
  return fail(ErrorKind::system, "the index of " + state_->file_name(spot) + " is out of date");
}

Result<Quant> Catalog::quant(std::string_view name) const {
  {
    const std::scoped_lock hold(state_->lock);
    if (const auto known = state_->quants_by_key.find(name); known != state_->quants_by_key.end()) return *known->second;
  }
  RC_ASSIGN(spot, state_->one(Kind::quant, name));
  RC_ASSIGN(found, state_->quant(spot));
  if (name == found->key) {
    const std::scoped_lock hold(state_->lock);
    state_->quants_by_key.emplace(name, found);
  }
  return *found;
}

const Quant* Catalog::quant_of_ggml_type(int type) const {
  for (std::size_t pack = 0; pack < state_->packs.size(); ++pack) {
    const int entry = state_->packs[pack].entry_of_ggml_type(type);
    if (entry < 0) continue;
    const auto found = state_->quant({pack, entry});
    return found ? *found : nullptr;
  }
  return nullptr;
}

Result<Catalog::Document> Catalog::document(Kind kind, std::string_view name) const {
  RC_ASSIGN(spot, state_->one(kind, name));
  return Document{state_->file_name(spot), state_->text(spot), std::string(state_->row(spot).key)};
}

Result<std::string_view> Catalog::file(std::string_view path) const {
  for (const Pack& pack : state_->packs)
    if (const auto text = pack.file_text(path)) return *text;
  std::vector<std::string> known;
  for (const Pack& pack : state_->packs)
    for (std::string& each : pack.files("")) known.push_back(std::move(each));
  return fail(ErrorKind::not_found, "no data file '" + std::string(path) + "'", Where{}, "", nearest_name(path, known));
}

Error Catalog::in_its_file(Error error) const {
  constexpr std::string_view kFolder = "data/";
  if (!error.where.file.starts_with(kFolder)) return error;
  const std::string path = error.where.file.substr(kFolder.size());
  const auto holds = std::find_if(state_->packs.begin(), state_->packs.end(), [&](const Pack& pack) { return pack.file_text(path).has_value(); });
  if (holds != state_->packs.end()) error.where.file = holds->file_name(path);
  return error;
}

std::vector<std::string> Catalog::files(std::string_view folder) const {
  std::set<std::string> paths;
  for (const Pack& pack : state_->packs)
    for (std::string& each : pack.files(folder)) paths.insert(std::move(each));
  return {paths.begin(), paths.end()};
}

std::vector<Entry> Catalog::entries(Kind kind) const {
  const std::scoped_lock hold(state_->lock);
  std::vector<Entry>& known = state_->entries[kind];
  if (!known.empty()) return known;
  std::map<std::string, Entry> by_key;
  for (const Pack& pack : state_->packs)
    for (int i = 0; i < pack.entry_count(); ++i) {
      const Pack::Row row = pack.entry(i);
      if (row.kind == kind) by_key.emplace(row.key, Entry{kind, std::string(row.key), std::string(row.name)});
    }
  for (auto& [key, entry] : by_key) known.push_back(std::move(entry));
  return known;
}

std::string Catalog::nearest(Kind kind, std::string_view name, std::string_view word) const { return state_->nearest(kind, name, word); }

std::vector<std::string> Catalog::keys(Kind kind, std::string_view name) const {
  std::vector<std::string> keys;
  for (const Spot& spot : state_->find(kind, name)) keys.emplace_back(state_->row(spot).key);
  return keys;
}

bool Catalog::has(Kind kind, std::string_view name) const { return !state_->find(kind, name).empty(); }

Result<std::shared_ptr<const Engine>> Catalog::engine(std::string_view name) const {
  constexpr int kDeepest = 4;
  return engine_over(name, kDeepest);
}

Result<std::shared_ptr<const Engine>> Catalog::engine_over(std::string_view name, int bases) const {
  constexpr std::size_t kMostNames = 64;   // people spell a name in many ways
  {
    const std::scoped_lock hold(state_->lock);
    if (const auto known = state_->engines.find(name); known != state_->engines.end()) return known->second;
  }
  RC_ASSIGN(text, document(Kind::engine, name));
  const auto base_of = [&](std::string_view base) -> Result<std::shared_ptr<const Engine>> {
    if (bases == 0) return fail(ErrorKind::input, "engines build on each other in a circle", Where{text.file}, "base");
    return engine_over(base, bases - 1);
  };
  RC_ASSIGN(read, parse_engine(text, base_of));
  const std::scoped_lock hold(state_->lock);
  if (state_->engines.size() >= kMostNames) state_->engines.clear();
  return state_->engines.insert_or_assign(std::string(name), std::make_shared<const Engine>(std::move(read))).first->second;
}

Result<std::shared_ptr<const std::vector<Rule>>> Catalog::rules() const {
  const std::scoped_lock hold(state_->lock);
  if (state_->rules) return state_->rules;
  auto all = std::make_shared<std::vector<Rule>>();
  for (const std::string& path : files("rules")) {
    RC_ASSIGN(bytes, file(std::string(kReadRules) + path));
    std::vector<Rule> read = rules_from_bytes(bytes);
    std::move(read.begin(), read.end(), std::back_inserter(*all));
  }
  return state_->rules = std::move(all);
}

}  // namespace rigcast::catalog
