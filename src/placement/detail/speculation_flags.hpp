#pragma once
// What flags say of speculative decoding, into Settings::speculation. Each engine names the ways to draft in its own words.

#include "placement/detail/flag_table.hpp"

namespace rigcast::placement::detail {

Result<void> speculative_config(FlagTarget& target, std::string_view value);      // vLLM: a JSON object, or one member of it
Result<void> plugin_params(FlagTarget& target, std::string_view value);           // MindIE: a JSON object
Result<void> speculative_algorithm(FlagTarget& target, std::string_view value);   // SGLang
Result<void> speculative_draft_model(FlagTarget& target, std::string_view value); // SGLang
Result<void> verified_tokens(FlagTarget& target, std::string_view value);         // SGLang: the root of the tree among them
Result<void> speculation_type(FlagTarget& target, std::string_view value);        // llama.cpp, joined by commas
Result<void> speculation_stage(FlagTarget& target, std::string_view value);       // ik_llama.cpp: one of them with settings of its own
Result<void> drafting_model(FlagTarget& target, std::string_view value);          // what it is, its name says, where nothing else does
Result<void> own_layers(FlagTarget& target, std::string_view value);              // ik_llama.cpp: a flag without a value
Result<void> drafted_tokens(FlagTarget& target, std::string_view value);

}  // namespace rigcast::placement::detail
