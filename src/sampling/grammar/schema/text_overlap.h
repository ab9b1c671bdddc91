// Whether some text matches two grammars.
#pragma once

#include <string>
#include <string_view>

namespace autoglm {

enum class TextOverlap { kNone, kSome, kUnknown };

/// Of the texts of both (GBNF, rule "root"). kUnknown: one is no grammar, or the search is too
/// long; it always ends for grammars without recursion, unless they are very large.
TextOverlap FindTextOverlap(const std::string& gbnf, const std::string& other_gbnf);

/// Whether `text` matches; false also for what is no grammar.
bool MatchesGbnf(const std::string& gbnf, std::string_view text);

}  // namespace autoglm
