#pragma once
// Pieces of the lists of fields that several answers share.

#include <string>

#include "app/plan.hpp"
#include "report/field.hpp"

namespace rigcast::report {

// "2 x GeForce RTX 3090 + Radeon RX 7900 XTX", "EPYC 7532, 8 x ddr4-3200" without devices.
std::string rig_name(const rig::Rig& rig);
// "EPYC 7532, 8 x ddr4-3200"
std::string host_name(const rig::Host& host);
// "Qwen3 32B Q4_K_M"
std::string model_name(const model::Architecture& architecture);
// "0  GeForce RTX 3090"
std::string device_name(const rig::Rig& rig, int device);

// The command that asks `verb` the same question, ready to paste.
std::string command(const std::string& verb, const app::PlanRequest& request);
// The text in double quotes where a shell would take it apart.
std::string shell_quoted(const std::string& text);

Phrase grade_name(cost::Grade grade);      // "near"
Phrase grade_meaning(cost::Grade grade);   // a sentence

// Why it does not fit: which memory is short of how much. REQUIRES that it does not fit.
Phrase shortfall(const app::PlanAnswer& answer);

// One term of a derivation as a short sentence: "weights: 4.92 GiB at 936 GB/s x 0.78 = 6.74 ms".
Phrase term_line(const cost::Term& term);
// Whether its time is an amount of bytes or flop at a rate, rather than a count of things that each take their time.
bool has_rate(const cost::Term& term);
// Whether most of its work takes place while other work goes on: its time is what it adds, not what it would take alone.
bool is_hidden(const cost::Term& term);
// What a term's name means: "reading the weights", or "multiplying matrices" where arithmetic takes longer than reading.
Phrase term_name(const std::string& name, bool bound_by_compute);

Fields derivation_row(const char* phase, const cost::Term& term);
// What the flags' drafts come to, and the speed without; `stated`: how often they are right was asked with.
Phrase drafts_sentence(const app::Drafting& drafting, bool stated);
Rows evidence_rows(const cost::Estimate& estimate);

// "Run it": the line, the file it wants, what it cannot say; for programs also what each flag does.
Section launch_section(const app::PlanAnswer& answer);
Rows flag_rows(const std::vector<placement::FlagNote>& notes);

// Cards of a Rig that a plan uses, as rig::cards_of counts them.
std::int64_t cards_used(const app::PlanAnswer& answer);

}  // namespace rigcast::report
