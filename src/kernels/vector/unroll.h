// For loops whose turns have to become straight code: their arrays are registers.
#pragma once

#define AUTOGLM_UNROLL _Pragma("GCC unroll 16")
