// The scalar matrix product, one for all weight types.
#pragma once

#include "kernels/kernels.h"

namespace autoglm {

LinearKernel ScalarLinear(DType dtype);

}  // namespace autoglm
