#include "tensor/tensor.h"

#include "base/str.h"

namespace autoglm {

std::string Shape::ToString() const {
  std::string out = "[";
  for (int i = 0; i < rank_; ++i) StrAppend(&out, i ? ", " : "", dims_[i]);
  return out + "]";
}

}  // namespace autoglm
