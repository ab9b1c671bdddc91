#include "text/jinja/strftime.h"

#include <algorithm>
#include <string_view>

#include "base/str.h"

namespace autoglm::jinja {

namespace {

constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
constexpr std::string_view kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};

struct CivilTime {
  int64_t unix_s, year;
  int month, day, hour, minute, second;  // month and day from 1
  int week_day, year_day;                // Sunday is 0; January 1st is 0
};

bool IsLeap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0); }

// Days since 1970 to a date of the proleptic Gregorian calendar, in 400-year eras that begin on
// March 1st, so that the leap day is the last day of a year.
CivilTime ToCivil(int64_t unix_s) {
  const int64_t days = FloorDiv(unix_s, 86400);
  const int64_t second_of_day = (unix_s % 86400 + 86400) % 86400;
  const int64_t shifted = days + 719468;  // since 0000-03-01
  const int64_t era = FloorDiv(shifted, 146097);
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t march_month = (5 * day_of_year + 2) / 153;
  CivilTime t{};
  t.unix_s = unix_s;
  t.day = static_cast<int>(day_of_year - (153 * march_month + 2) / 5 + 1);
  t.month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  t.year = year_of_era + era * 400 + (t.month <= 2);
  t.hour = static_cast<int>(second_of_day / 3600);
  t.minute = static_cast<int>(second_of_day / 60 % 60);
  t.second = static_cast<int>(second_of_day % 60);
  t.week_day = static_cast<int>(((days + 4) % 7 + 7) % 7);
  static constexpr int kDaysBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  t.year_day = kDaysBefore[t.month - 1] + t.day - 1 + (t.month > 2 && IsLeap(t.year));
  return t;
}

struct IsoWeek {
  int64_t year;
  int week;
};

IsoWeek IsoWeekOf(const CivilTime& t) {
  const int monday_based = (t.week_day + 6) % 7;
  // The week belongs to the year of its Thursday.
  const int thursday = t.year_day - monday_based + 3;
  if (thursday < 0) {
    const int n_days = IsLeap(t.year - 1) ? 366 : 365;
    return {t.year - 1, (thursday + n_days) / 7 + 1};
  }
  const int n_days = IsLeap(t.year) ? 366 : 365;
  if (thursday >= n_days) return {t.year + 1, 1};
  return {t.year, thursday / 7 + 1};
}

std::string Padded(int64_t number, size_t width, char fill) {
  std::string digits = StrCat(number);
  if (fill != '\0' && digits.size() < width) digits.insert(0, width - digits.size(), fill);
  return digits;
}

std::string Directive(char c, const CivilTime& t, bool bare) {
  const auto zero = [bare](int64_t n, size_t width) { return Padded(n, width, bare ? '\0' : '0'); };
  const auto space = [bare](int64_t n) { return Padded(n, 2, bare ? '\0' : ' '); };
  const int hour12 = t.hour % 12 == 0 ? 12 : t.hour % 12;
  switch (c) {
    case 'Y':
      return StrCat(t.year);
    case 'C':
      return zero(t.year / 100, 2);
    case 'y':
      return zero((t.year % 100 + 100) % 100, 2);
    case 'm':
      return zero(t.month, 2);
    case 'd':
      return zero(t.day, 2);
    case 'e':
      return space(t.day);
    case 'H':
      return zero(t.hour, 2);
    case 'I':
      return zero(hour12, 2);
    case 'k':
      return space(t.hour);
    case 'l':
      return space(hour12);
    case 'M':
      return zero(t.minute, 2);
    case 'S':
      return zero(t.second, 2);
    case 'f':
      return "000000";
    case 'j':
      return zero(t.year_day + 1, 3);
    case 'p':
      return t.hour < 12 ? "AM" : "PM";
    case 'P':
      return t.hour < 12 ? "am" : "pm";
    case 'B':
      return std::string(kMonths[t.month - 1]);
    case 'b':
    case 'h':
      return std::string(kMonths[t.month - 1].substr(0, 3));
    case 'A':
      return std::string(kDays[t.week_day]);
    case 'a':
      return std::string(kDays[t.week_day].substr(0, 3));
    case 'u':
      return StrCat(t.week_day == 0 ? 7 : t.week_day);
    case 'w':
      return StrCat(t.week_day);
    case 'U':
      return zero((t.year_day + 7 - t.week_day) / 7, 2);
    case 'W':
      return zero((t.year_day + 7 - (t.week_day + 6) % 7) / 7, 2);
    case 'V':
      return zero(IsoWeekOf(t).week, 2);
    case 'G':
      return StrCat(IsoWeekOf(t).year);
    case 'g':
      return zero(IsoWeekOf(t).year % 100, 2);
    case 's':
      return StrCat(t.unix_s);
    case 'F':
      return Strftime("%Y-%m-%d", t.unix_s);
    case 'D':
    case 'x':
      return Strftime("%m/%d/%y", t.unix_s);
    case 'T':
    case 'X':
      return Strftime("%H:%M:%S", t.unix_s);
    case 'R':
      return Strftime("%H:%M", t.unix_s);
    case 'r':
      return Strftime("%I:%M:%S %p", t.unix_s);
    case 'c':
      return Strftime("%a %b %e %H:%M:%S %Y", t.unix_s);
    case 'Z':
    case 'z':
      return "";  // a time without a zone, as datetime.now() gives
    case 'n':
      return "\n";
    case 't':
      return "\t";
    case '%':
      return "%";
    default:
      return std::string(bare ? "%-" : "%") + c;
  }
}

}  // namespace

std::string Strftime(std::string_view format, int64_t unix_s) {
  const CivilTime t = ToCivil(unix_s);
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    const bool bare = format[i + 1] == '-' && i + 2 < format.size();
    i += bare ? 2 : 1;
    out += Directive(format[i], t, bare);
  }
  return out;
}

}  // namespace autoglm::jinja
