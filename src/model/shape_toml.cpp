// data/models/*.toml -> Shape. data/README.md shows the keys.

#include <cstdint>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "catalog/toml_reader.hpp"
#include "model/family.hpp"
#include "model/names.hpp"
#include "model/shape.hpp"

namespace rigcast::model {
namespace {

using catalog::Faults;
using catalog::TableReader;

template <class T>
struct Named { const char* name; T value; };

constexpr Named<QkNorm> kQkNorms[] = {{"none", QkNorm::none}, {"head", QkNorm::head}, {"full", QkNorm::full}, {"per_head", QkNorm::per_head}};
constexpr Named<FeedForwardNorm> kFfnNorms[] = {{"ffn_norm", FeedForwardNorm::ffn_norm},
                                                {"post_attention_norm", FeedForwardNorm::post_attention_norm},
                                                {"attn_output_norm", FeedForwardNorm::attn_output_norm},
                                                {"none", FeedForwardNorm::none}};
constexpr Named<RecurrentKind> kRecurrentKinds[] = {
    {"mamba1", RecurrentKind::mamba1},         {"mamba2", RecurrentKind::mamba2},       {"gated_delta", RecurrentKind::gated_delta},
    {"kimi_delta", RecurrentKind::kimi_delta}, {"lightning", RecurrentKind::lightning}, {"short_conv", RecurrentKind::short_conv},
    {"rwkv", RecurrentKind::rwkv}};

template <class T, std::size_t N>
T choice(TableReader& table, const char* key, const Named<T> (&names)[N], T fallback) {
  std::vector<std::string> texts;
  std::size_t usual = 0;
  for (std::size_t i = 0; i < N; ++i) {
    texts.emplace_back(names[i].name);
    if (names[i].value == fallback) usual = i;
  }
  return table.has(key) ? names[table.choice(key, texts, usual)].value : fallback;
}

// Every Features flag a row may set, by the name it has in the files.
struct Flag { const char* name; bool Features::*field; };
constexpr Flag kFlags[] = {
    {"fused_qkv", &Features::fused_qkv}, {"fused_gate_up", &Features::fused_gate_up}, {"fused_expert_gate_up", &Features::fused_expert_gate_up},
    {"gated", &Features::gated}, {"qkv_bias", &Features::qkv_bias}, {"attention_output_bias", &Features::attention_output_bias},
    {"ffn_bias", &Features::ffn_bias}, {"norm_bias", &Features::norm_bias}, {"head_bias", &Features::head_bias},
    {"norm_weights", &Features::norm_weights}, {"attention_norm", &Features::attention_norm},
    {"post_attention_norm", &Features::post_attention_norm}, {"post_ffn_norm", &Features::post_ffn_norm},
    {"query_gate", &Features::query_gate}, {"head_gate", &Features::head_gate}, {"output_gate", &Features::output_gate},
    {"sinks", &Features::sinks}, {"router_correction", &Features::router_correction}, {"router_bias", &Features::router_bias},
    {"expert_bias", &Features::expert_bias}, {"shared_expert_gate", &Features::shared_expert_gate},
    {"rope_factors", &Features::rope_factors}, {"embedding_norm", &Features::embedding_norm},
    {"learned_positions", &Features::learned_positions}, {"second_attention_norm", &Features::second_attention_norm},
    {"layer_scale", &Features::layer_scale}, {"next_token_embeddings", &Features::next_token_embeddings}, {"scored_shared", &Features::scored_shared},
};

void read_features(TableReader& row, Features& f) {
  for (const Flag& flag : kFlags) f.*flag.field = row.flag(flag.name, f.*flag.field);
  f.qk_norm = choice(row, "qk_norm", kQkNorms, f.qk_norm);
  f.ffn_norm = choice(row, "ffn_norm", kFfnNorms, f.ffn_norm);
}

void read_variant(TableReader& row, const char* key, AttentionVariant& v) {
  TableReader t = row.table(key);
  v.heads = t.integer("heads", v.heads);
  v.kv_heads = t.integer("kv_heads", v.kv_heads);
  v.head_dim = t.integer("head_dim", v.head_dim);
  v.value_dim = t.integer("value_dim", v.value_dim);
  v.value_is_key = !t.flag("value", !v.value_is_key);
  t.refuse_unknown();
}

// Tables of whole numbers alone.
template <class T>
struct Number { const char* name; int T::*field; };
constexpr Number<Mla> kMla[] = {{"q_rank", &Mla::q_rank}, {"kv_rank", &Mla::kv_rank}, {"nope_dim", &Mla::nope_dim}, {"rope_dim", &Mla::rope_dim}, {"value_dim", &Mla::value_dim}};
constexpr Number<Distances> kDistances[] = {{"rank", &Distances::rank}, {"extent", &Distances::extent}, {"kernel", &Distances::kernel}};
constexpr Number<ValueExperts> kValueExperts[] = {{"experts", &ValueExperts::count}, {"used", &ValueExperts::used}};

template <class T, std::size_t N>
void read_counts(TableReader& row, const char* key, T& into, const Number<T> (&numbers)[N]) {
  TableReader t = row.table(key);
  for (const Number<T>& number : numbers) into.*number.field = t.integer(number.name, into.*number.field);
  t.refuse_unknown();
}

void read_experts(TableReader& row, Experts& e) {
  TableReader t = row.table("moe");
  e.count = t.integer("experts", e.count);
  e.used = t.integer("used", e.used);
  e.width = t.integer("width", e.width);
  e.shared = t.integer("shared", e.shared);
  e.shared_width = t.integer("shared_width", e.shared_width);
  e.first_dense = t.integer("first_dense", e.first_dense);
  e.every = t.integer("every", e.every, 1);
  e.hashed = t.integer("hashed", e.hashed);
  e.latent = t.integer("latent", e.latent);
  e.idle = t.integer("idle", e.idle);
  t.refuse_unknown();
}

void read_recurrent(TableReader& row, RecurrentShape& r) {
  if (!row.has("recurrent")) return;
  TableReader t = row.table("recurrent");
  r.kind = choice(t, "kind", kRecurrentKinds, r.kind);
  r.heads = t.integer("heads", r.heads);
  r.key_heads = t.integer("key_heads", r.key_heads);
  r.head_dim = t.integer("head_dim", r.head_dim);
  r.key_dim = t.integer("key_dim", r.key_dim);
  r.state = t.integer("state", r.state);
  r.groups = t.integer("groups", r.groups);
  r.conv = t.integer("conv", r.conv);
  r.dt_rank = t.integer("dt_rank", r.dt_rank);
  r.gate_rank = t.integer("gate_rank", r.gate_rank);
  r.norm = t.flag("norm", r.norm);
  r.bounded_decay = t.flag("bounded_decay", r.bounded_decay);
  t.refuse_unknown();
}

void read_runs(TableReader& row, const char* key, std::vector<int>& list);

void read_indexer(TableReader& row, Indexer& i) {
  TableReader t = row.table("indexer");
  i.heads = t.integer("heads", i.heads);
  i.dim = t.integer("dim", i.dim);
  i.top_k = t.integer("top_k", i.top_k);
  i.first_layer = t.integer("first_layer", i.first_layer);
  i.pool = t.integer("pool", i.pool);
  read_runs(t, "owners", i.owners);
  t.refuse_unknown();
}

void read_compressed(TableReader& row, Compressed& c) {
  TableReader t = row.table("compressed");
  read_runs(t, "ratios", c.ratios);
  c.q_rank = t.integer("q_rank", c.q_rank);
  c.output_groups = t.integer("output_groups", c.output_groups);
  c.output_rank = t.integer("output_rank", c.output_rank);
  read_runs(t, "sources", c.sources);
  read_runs(t, "choosers", c.choosers);
  t.refuse_unknown();
}

void read_engrams(TableReader& row, Engrams& e) {
  TableReader t = row.table("engrams");
  read_runs(t, "layers", e.layers);
  e.row = t.integer("row", e.row);
  e.rows_a_token = t.integer("rows_a_token", e.rows_a_token);
  const std::string rows = t.text("rows");
  if (!rows.empty()) e.rows.clear();
  for (const std::string_view word : split_words(rows)) {
    const auto count = parse_int(word);
    if (!count || *count < 1 || *count > 100'000'000'000) return t.fault("rows", "'" + std::string(word) + "' is no number of rows");
    e.rows.push_back(*count);
  }
  if (e.rows.size() != e.layers.size()) t.fault("rows", "must say how many rows there are for each of 'layers'");
  t.refuse_unknown();
}

void read_ngrams(TableReader& row, NGrams& n) {
  TableReader t = row.table("ngrams");
  n.layer = t.integer("layer", n.layer);
  n.rows = t.integer("rows", static_cast<int>(n.rows));
  n.row = t.integer("row", n.row);
  n.rows_a_token = t.integer("rows_a_token", n.rows_a_token);
  n.size = t.integer("size", n.size);
  n.kernel = t.integer("kernel", n.kernel);
  t.refuse_unknown();
}

void read_published(TableReader& row, Published& p) {
  TableReader t = row.table("published");
  p.parameters = t.number("parameters", p.parameters);
  p.active = t.number("active", p.active);
  if (row.has("published")) p.source = t.provenance().source.text;
  t.refuse_unknown();
  if (row.has("files")) p.files.clear();
  for (TableReader& file : row.tables("files")) {
    p.files.push_back({file.required_text("quant"), Bytes(file.number("bytes")), file.text("printed"), file.provenance().source.text, file.text("note")});
    file.refuse_unknown();
  }
}

// "8*3 4 0*2" is 8 8 8 4 0 0: one number a layer, equal neighbours written once.
void read_runs(TableReader& row, const char* key, std::vector<int>& list) {
  const std::string text = row.text(key);
  if (text.empty()) return;
  list.clear();
  for (const std::string_view word : split_words(text)) {
    const std::size_t star = word.find('*');
    const auto value = parse_int(word.substr(0, star));
    const auto count = star == std::string_view::npos ? std::optional<std::int64_t>(1) : parse_int(word.substr(star + 1));
    if (!value || !count || *value < 0 || *value > 10'000'000 || *count < 1 || *count > 1000)
      return row.fault(key, "'" + std::string(word) + "' is not a number or number*times");
    list.insert(list.end(), static_cast<std::size_t>(*count), static_cast<int>(*value));
  }
}

void read_numbers(TableReader& row, Shape& s) {
  s.layers = row.integer("layers", s.layers);
  s.next_token_layers = row.integer("next_token_layers", s.next_token_layers);
  s.hidden = row.integer("hidden", s.hidden);
  s.vocab = row.integer("vocab", s.vocab);
  s.ffn = row.integer("ffn", s.ffn);
  s.max_context = row.integer("max_context", static_cast<int>(s.max_context));
  s.tied_embeddings = row.flag("tied", s.tied_embeddings);
  s.heads = row.integer("heads", s.heads);
  s.kv_heads = row.integer("kv_heads", s.kv_heads);
  s.head_dim = row.integer("head_dim", s.head_dim);
  s.value_dim = row.integer("value_dim", s.value_dim);
  s.pattern = row.text("pattern", s.pattern);
  s.window = row.integer("window", s.window);
  read_runs(row, "layer_heads", s.layer_heads);
  read_runs(row, "layer_kv_heads", s.layer_kv_heads);
  read_runs(row, "layer_ffn", s.layer_ffn);
  s.per_layer_embedding = row.integer("per_layer_embedding", s.per_layer_embedding);
  s.shared_cache_layers = row.integer("shared_cache_layers", s.shared_cache_layers);
  s.double_ffn_layers = row.integer("double_ffn_layers", s.double_ffn_layers);
  s.rope_dim = row.integer("rope_dim", s.rope_dim);
  s.streams = row.integer("streams", s.streams);
  s.stream_rank = row.integer("stream_rank", s.stream_rank);
  s.mixing_rounds = row.integer("mixing_rounds", s.mixing_rounds);
  s.bank_interval = row.integer("bank_interval", s.bank_interval);
  s.extra_embeddings = row.integer("extra_embeddings", s.extra_embeddings);
  s.tower = row.integer("tower", static_cast<int>(s.tower));
}

std::string dated(const catalog::Source& source) { return source.text.empty() || source.date.empty() ? source.text : source.text + " (" + source.date + ")"; }

void read_identity(TableReader& row, Shape& s) {
  s.key = row.required_text("key");
  s.name = row.required_text("name");
  row.texts("aliases");
  s.native = row.text("native", s.native);
  s.release = row.text("release", s.release);
  s.own_code = row.text("own_code", s.own_code);
  if (std::string source = dated(row.provenance().source); !source.empty()) s.source = std::move(source);
  s.verified = row.flag("verified", s.verified);
  for (TableReader& each : row.tables("checkpoints")) {
    s.checkpoints.push_back({each.required_text("name"), each.required_text("recipe")});
    std::string repo = each.text("repo"), source = dated(each.provenance().source);
    if (!repo.empty()) s.repositories.push_back({s.checkpoints.back().name, std::move(repo), std::move(source)});
  }
  if (std::string repo = row.text("repo"); !repo.empty()) s.repositories.push_back({{}, std::move(repo)});
  for (TableReader& each : row.tables("repos")) {
    std::string quant = each.required_text("quant"), name = each.required_text("name");
    s.repositories.push_back({std::move(quant), std::move(name), dated(each.provenance().source)});
  }
  if (const std::string note = row.text("note"); !note.empty()) s.notes.push_back(note);
}

// The family's features, unless the row grows from another one of the same family.
void read_family(TableReader& row, Shape& s) {
  const std::string family = row.text("architecture", s.family);
  if (family == s.family) return;
  const Family* known = find_family(family);
  if (!known) {
    std::vector<std::string> names;
    for (const Family& each : families()) names.emplace_back(each.name);
    return row.fault("architecture", "'" + family + "' is no architecture we know", nearest_name(family, names));
  }
  s.family = family;
  s.features = known->features;
}

Result<Shape> read_document(const catalog::Catalog& catalog, const catalog::Catalog::Document& document, int depth);

// The model this one is `like`: its whole shape, of which the row then changes what it names.
Result<Shape> base_of(const catalog::Catalog& catalog, TableReader& row, int depth) {
  const std::string like = row.text("like");
  if (like.empty()) return Shape{};
  if (depth > 4) return fail(ErrorKind::input, "models that are 'like' each other in a circle: " + like);
  RC_ASSIGN(document, catalog.document(catalog::Kind::model, like));
  RC_ASSIGN(base, read_document(catalog, document, depth + 1));
  base.notes.clear();
  base.published = {};
  base.checkpoints.clear();
  base.repositories.clear();
  return base;
}

Result<Shape> read_row(const catalog::Catalog& catalog, const toml::table& table, const std::string& file, int depth) {
  Faults faults(file);
  TableReader row(table, faults);
  RC_ASSIGN(shape, base_of(catalog, row, depth));
  read_identity(row, shape);
  read_family(row, shape);
  read_numbers(row, shape);
  read_variant(row, "full", shape.full);
  read_variant(row, "sliding", shape.sliding);
  read_counts(row, "mla", shape.mla, kMla);
  read_indexer(row, shape.indexer);
  read_compressed(row, shape.compressed);
  read_engrams(row, shape.engrams);
  read_ngrams(row, shape.ngrams);
  read_counts(row, "distances", shape.distances, kDistances);
  read_counts(row, "value_experts", shape.value_experts, kValueExperts);
  read_experts(row, shape.experts);
  read_recurrent(row, shape.recurrent);
  read_features(row, shape.features);
  read_published(row, shape.published);
  row.refuse_unknown();
  RC_TRY(faults.result());
  if (shape.value_dim == 0) shape.value_dim = shape.head_dim;
  if (auto layers = lay_out(shape); !layers) {
    Error error = layers.error();
    error.where = {file, row.line(), 1};
    return tl::unexpected<Error>(std::move(error));
  }
  return shape;
}

Result<Shape> read_document(const catalog::Catalog& catalog, const catalog::Catalog::Document& document, int depth) {
  RC_ASSIGN(root, catalog::parse_toml(document.text, document.file));
  const toml::array* rows = root["model"].as_array();
  for (std::size_t i = 0; rows && i < rows->size(); ++i) {
    const toml::table* row = rows->get(i)->as_table();
    if (row && (*row)["key"].value_or(std::string()) == document.key) return read_row(catalog, *row, document.file, depth);
  }
  return fail(ErrorKind::not_found, "no model '" + document.key + "' in this file", Where{document.file, 1, 1});
}

}  // namespace

std::vector<std::string> other_names(const catalog::Catalog& catalog, std::string_view key) {
  std::vector<std::string> names;
  const auto document = catalog.document(catalog::Kind::model, key);
  const auto root = document ? catalog::parse_toml(document->text, document->file) : Result<toml::table>(toml::table());
  const toml::array* rows = root ? (*root)["model"].as_array() : nullptr;
  for (std::size_t i = 0; rows && i < rows->size(); ++i) {
    const toml::table* row = rows->get(i)->as_table();
    if (!row || (*row)["key"].value_or(std::string()) != document->key) continue;
    if (const auto repo = (*row)["repo"].value<std::string>()) names.push_back(*repo);
    if (const toml::array* aliases = (*row)["aliases"].as_array())
      for (const toml::node& alias : *aliases) names.push_back(alias.value_or(std::string()));
  }
  return names;
}

Result<Shape> read_shape(const catalog::Catalog& catalog, const catalog::Catalog::Document& document) {
  return read_document(catalog, document, 0);
}

}  // namespace rigcast::model
