// Ranges of numbers as GBNF expressions over their decimal digits.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"

namespace autoglm {

/// A bound as a decimal number without exponent: an optional '-', digits, and perhaps a fraction.
struct DecimalBound {
  bool is_negative = false;
  std::string whole = "0";  ///< no leading zeros
  std::string fraction;     ///< no trailing zeros
  bool is_inclusive = true;

  bool is_zero() const { return whole == "0" && fraction.empty(); }
};

/// Of a finite number.
DecimalBound ToDecimal(double value, bool is_inclusive);

/// Integers in the range, an empty string where there are none. A missing bound: 15 digits.
std::string IntegerRangeGbnf(const std::optional<DecimalBound>& least,
                             const std::optional<DecimalBound>& most);
/// The same for numbers: decimals without exponent, of about `n_digits` at most. With 15, a program
/// that reads them as doubles sees the bounds respected.
std::string NumberRangeGbnf(const std::optional<DecimalBound>& least,
                            const std::optional<DecimalBound>& most, size_t n_digits = 15);

}  // namespace autoglm
