#include "text/pre_tokenizer.h"

#include <utility>

namespace autoglm {

Result<PreTokenizer> PreTokenizer::Create(std::span<const std::string_view> regexes) {
  PreTokenizer pre;
  for (const std::string_view pattern : regexes) {
    AUTOGLM_ASSIGN_OR_RETURN(Regex regex, Regex::Compile(pattern));
    pre.regexes_.push_back(std::move(regex));
  }
  return pre;
}

}  // namespace autoglm
