#include "calibration/detail/models.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.hpp"
#include "calibration/detail/import_json.hpp"
#include "calibration/detail/names.hpp"
#include "cost/paths.hpp"
#include "model/recipe.hpp"

namespace rigcast::calibration::detail {
namespace {

constexpr std::string_view kSeparators = "-_ ";

// Words about how weights are stored or read, not about which they are.
constexpr auto kStorage = std::to_array<std::string_view>({
    "gguf", "ggml", "awq", "gptq", "gptqmodel", "exl2", "exl3", "mlx", "int4", "int8", "fp4", "fp8", "nvfp4", "mxfp4", "bf16", "fp16", "f16", "fp32", "f32", "bit", "w4a16", "w4a8", "w8a8",
    "w8a16", "w4a4", "g128", "g64", "g32", "dynamic", "static", "block", "kv", "autoround", "auto", "round", "unsloth", "bnb", "qat", "ct", "i1", "imat", "imatrix", "marlin", "quantized",
    "quant", "hf", "ud", "xl", "k", "m", "s", "l", "xs", "xxs", "nl", "ks", "kl", "kss", "kt", "r4", "r8", "medium", "small", "large", "mix", "custom", "mcg", "mul1", "moe", "sym", "asym",
    "symmetric", "rtn", "channel", "compressed", "tensors", "e4m3", "e5m2", "bpw", "4", "8", "0", "1", "safetensors", "gb", "gib", "128k", "256k", "1m", "32k", "64k", "ctx"});

bool is_bits(std::string_view word) {   // "4bit", "6.0bpw", "q4", "iq3"
  for (const std::string_view tail : {"bits", "bit", "bpw"})
    if (word.size() > tail.size() && word.ends_with(tail) && parse_double(word.substr(0, word.size() - tail.size()))) return true;
  const std::size_t digits = word.find_first_of("0123456789");
  return digits != std::string_view::npos && digits > 0 && digits + 1 == word.size() && (word.substr(0, digits) == "q" || word.substr(0, digits) == "iq" || word.substr(0, digits) == "tq");
}

bool is_storage(std::string_view word) {
  const std::string lower = to_lower(word);
  return lower.empty() || std::find(kStorage.begin(), kStorage.end(), lower) != kStorage.end() || is_bits(lower);
}

// "-00001-of-00003"
std::string_view without_part(std::string_view name) {
  const std::size_t of = name.rfind("-of-");
  if (of == std::string_view::npos || of < 2 || !parse_int(name.substr(of + 4))) return name;
  const std::size_t begin = name.find_last_of('-', of - 1);
  return begin != std::string_view::npos && parse_int(name.substr(begin + 1, of - begin - 1)) ? name.substr(0, begin) : name;
}

// A file's name without folders and endings; a name of Hugging Face keeps its owner.
std::string_view without_file(std::string_view name) {
  for (const std::string_view ending : {".gguf", ".safetensors", ".bin", ".ggml"})
    if (name.size() > ending.size() && equal_ignoring_case(name.substr(name.size() - ending.size()), ending)) name.remove_suffix(ending.size());
  const bool folders = name.find('\\') != std::string_view::npos || name.find_first_of("/.~") == 0 || std::count(name.begin(), name.end(), '/') > 1;
  if (folders && name.find("://") == std::string_view::npos) name.remove_prefix(name.find_last_of("/\\") + 1);
  return without_part(name);
}

void add(std::vector<std::string>& all, std::string_view one) {
  one = trim(one);
  if (!one.empty() && std::find(all.begin(), all.end(), one) == all.end()) all.emplace_back(one);
}

// Less of it each time, from the end.
void add_shorter(std::vector<std::string>& all, std::string_view name) {
  for (std::size_t end = name.size();;) {
    const std::size_t gap = name.substr(0, end).find_last_of(kSeparators);
    if (gap == std::string_view::npos || gap == 0 || !is_storage(name.substr(gap + 1, end - gap - 1))) return;
    end = gap;
    if (kSeparators.find(name[end - 1]) == std::string_view::npos) add(all, name.substr(0, end));
  }
}

// What the shorter reading of a name left out: "Qwen3-8B-AWQ-4bit" read as qwen3-8b says "AWQ-4bit".
std::string_view left_out(std::string_view whole, std::string_view reading) {
  const std::size_t at = whole.find(reading);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = whole.substr(at + reading.size());
  const std::size_t begin = rest.find_first_not_of("-_ .");
  return begin == std::string_view::npos ? std::string_view{} : rest.substr(begin, rest.find_first_of("[(") - begin);
}

struct Named { model::ModelSpec spec; std::string format; };   // format: that the name tells, empty: none

std::optional<Named> look_up(KnownNames& names, std::string_view printed) {
  const catalog::Catalog& catalog = names.catalog();
  for (const std::string& reading : readings(printed)) {
    auto spec = model::catalogue_spec(catalog, reading);
    if (!spec) continue;
    std::string format = std::move(spec->quant);
    if (format.empty()) format = names.recipe(left_out(without_file(printed), reading));
    if (format.empty()) format = quant_in_model_type(printed);
    return Named{{std::move(spec->name), {}}, model::is_recipe(catalog, format) ? std::move(format) : std::string()};
  }
  return std::nullopt;
}

// "IQ3_K mix", "6.0bpw": a mean where the format has no recipe of its own. The first number in the name is its bits.
std::string bits_of(std::string_view quant) {
  for (std::size_t i = 0; i < quant.size(); ++i) {
    if (quant[i] < '0' || quant[i] > '9') continue;
    std::size_t end = i;
    while (end < quant.size() && ((quant[end] >= '0' && quant[end] <= '9') || quant[end] == '.')) ++end;
    const double bits = parse_double(quant.substr(i, end - i)).value_or(4);
    if (bits >= 1 && bits <= 32) return format_significant(bits < 16 ? bits + 0.5 : 16, 3) + "bpw";
  }
  return "4.8bpw";
}

// Upper-case words of a format's name: letters, digits and points.
std::vector<std::string> words_of(std::string_view quant) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char c : to_upper(quant)) {
    const bool part = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    if (part && !inside) words.emplace_back();
    if (part) words.back() += c;
    inside = part;
  }
  return words;
}

// "Q4KM", "Q4 K M", "Q4_K - Medium" -> "Q4_K_M"; "UD Q4 K XL" -> "UD-Q4_K_XL". Empty: no format of llama.cpp.
std::string file_format(const std::vector<std::string>& words) {
  std::string format;
  for (std::string word : words) {
    if (word == "GGUF" || word == "I1" || word == "UD") continue;
    if (word == "MEDIUM") word = "M";
    if (word == "SMALL") word = "S";
    if (word == "LARGE") word = "L";
    const std::size_t digit = word.find_first_of("0123456789");
    if (format.empty()) {
      if (digit == std::string::npos || (word.substr(0, digit) != "Q" && word.substr(0, digit) != "IQ" && word.substr(0, digit) != "TQ")) return {};
      format = word.substr(0, digit + 1);
      std::string_view rest = std::string_view(word).substr(digit + 1);
      if (rest.starts_with('K')) { format += "_K"; rest.remove_prefix(1); }
      if (!rest.empty()) format.append("_").append(rest);
    } else {
      format += "_" + word;
    }
  }
  return format;
}

// By the words that name a format of the other engines.
std::string checkpoint_format(const std::vector<std::string>& words) {
  const auto has = [&](std::string_view word) { return std::find(words.begin(), words.end(), word) != words.end(); };
  const auto starts = [&](std::string_view begin) {
    const auto found = std::find_if(words.begin(), words.end(), [&](const std::string& word) { return word.starts_with(begin); });
    return found == words.end() ? std::string() : *found;
  };
  const auto bits = [&]() -> std::string {
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::string word = words[i];
      for (const std::string_view tail : {"BPW", "BITS", "BIT"})
        if (word.ends_with(tail)) word.resize(word.size() - tail.size());
      if (word.size() > 1 && (word[0] == 'Q' || word[0] == 'H')) word = word.substr(1);
      if (word.starts_with("INT")) word = word.substr(3);
      if (const auto number = parse_double(word); number && *number >= 1 && *number <= 16) return format_shortest(*number);
    }
    return {};
  };
  if (has("BFLOAT16") || has("BF16")) return "BF16";
  if (has("FLOAT16") || has("FP16") || has("F16") || has("HALF")) return "F16";
  if (has("FLOAT32") || has("FP32") || has("F32")) return "F32";
  if (has("FP4") && has("FP8")) return {};   // parts of each: which is not said
  if (has("MLX")) return "MLX-" + (bits().empty() ? std::string("4") : bits()) + "BIT";
  if (has("NVFP4")) return "NVFP4";
  if (has("MXFP4")) return "MXFP4";
  if (has("AWQ")) return "AWQ";
  if (has("GPTQ")) return bits() == "8" || has("INT8") ? "GPTQ-INT8" : "GPTQ-INT4";
  for (const char* exl : {"EXL2", "EXL3"})
    if (has(exl)) {
      const std::string each = bits();
      return each.empty() ? std::string() : std::string(exl) + "-" + each + (each.find('.') == std::string::npos ? ".0" : "") + "BPW";
    }
  if (has("FP8")) return has("BLOCK") || has("BLOCKWISE") ? "FP8_BLOCK" : "FP8";
  if (has("W8A8")) return "W8A8";
  if (has("INT4") || has("W4A16") || has("UINT4")) return has("G32") ? "INT4-G32" : "AWQ";
  if (has("INT8") || has("W8A16")) return "GPTQ-INT8";
  if (has("NF4") || has("BNB") || has("BITSANDBYTES")) return "NF4";
  return starts("MXFP4");
}

}  // namespace

std::vector<std::string> readings(std::string_view printed) {
  printed = trim(printed);
  std::vector<std::string> all, names;
  const std::size_t open = printed.find('['), close = printed.find(']', open);
  if (open != std::string_view::npos && close != std::string_view::npos) add(names, without_file(trim(printed.substr(open + 1, close - open - 1))));   // the file says more than its kind
  add(names, without_file(trim(printed.substr(0, open))));
  const std::size_t left = printed.find('('), right = printed.find(')', left);
  if (left != std::string_view::npos && right != std::string_view::npos) {
    add(names, printed.substr(0, left));
    add(names, printed.substr(left + 1, right - left - 1));
  }
  for (std::size_t i = 0, given = names.size(); i < given; ++i) {
    // "llama-2-7b.Q4_0", "shisa-v2-llama3.1-8b.i1-Q4_K_M": the point separates as a dash does
    const std::size_t point = names[i].find_last_of('.');
    if (point != std::string::npos && point > 0 && is_storage(std::string_view(names[i]).substr(point + 1, names[i].find_first_of(kSeparators, point) - point - 1)))
      add(names, std::string(names[i]).replace(point, 1, "-"));
  }
  for (const std::string& name : names) add(all, name);
  for (const std::string& name : names) add_shorter(all, name);
  return all;
}

std::string spelled_recipe(const catalog::Catalog& catalog, std::string_view quant) {
  const std::vector<std::string> words = words_of(quant);
  for (const auto& [printed, recipe] : {std::pair{"BFLOAT16", "BF16"}, {"FLOAT16", "F16"}, {"FLOAT32", "F32"}})   // of weights; "float16" alone is a format, and norms' too
    if (std::any_of(words.begin(), words.end(), [&](const std::string& word) { return word.ends_with(printed); })) return recipe;
  std::string usual = recipe_of(quant);
  if (usual.empty() || (usual.find(' ') == std::string::npos && model::is_recipe(catalog, usual))) return usual;
  for (const std::string& other : {file_format(words), checkpoint_format(words), recipe_of(std::string_view(quant).substr(0, quant.find_first_of("(,[")))})
    if (!other.empty() && model::is_recipe(catalog, other)) return other;
  return usual;
}

bool is_known_model(const catalog::Catalog& catalog, std::string_view printed) {
  KnownNames names(catalog);
  return look_up(names, printed).has_value();
}

Result<model::Architecture> named_model(KnownNames& names, model::ModelReader& reader, const Observation& o, const std::string& engine) {
  const bool files = cost::engine_group(engine) == "ggml";
  std::string stated = names.recipe(o.quant);
  std::optional<Named> found;
  for (const std::string* printed : {&o.model, &o.model_printed}) {
    if (printed->empty() || (found && (!stated.empty() || !found->format.empty()))) continue;
    auto named = look_up(names, *printed);
    if (!named) continue;
    if (!found) found = std::move(named);
    else if (found->format.empty()) found->format = std::move(named->format);
  }
  if (!found) return fail(ErrorKind::not_found, "no model is called so");
  std::string recipe = !stated.empty() ? std::move(stated) : !found->format.empty() ? found->format : default_recipe(names.catalog(), engine);
  if (files) recipe = model::gguf_recipe(recipe);
  auto model = reader.read_known({found->spec.name, recipe});
  if (!model && !recipe.empty()) model = reader.read_known({found->spec.name, bits_of(o.quant)});   // the name is known, the format is not
  return model;
}

}  // namespace rigcast::calibration::detail
