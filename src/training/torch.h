// What this folder uses of libtorch: tensors and automatic differentiation, without torch::nn. Only
// sources include it, and it is precompiled: it takes longer to read than they do to compile.
#pragma once

#if defined(__GNUC__)
#pragma GCC system_header  // its warnings are not ours to mend
#endif

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>
