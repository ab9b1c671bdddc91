// String formats. Sources: RFC 3339 (dates and times; years, months and days fit together), RFC
// 9562 (UUID), RFC 2673 (IPv4 addresses), RFC 5321 and 1123 (mailboxes and host names, the common
// part), ISO 8601 (durations).
#include <algorithm>
#include <string>

#include "sampling/grammar/schema/schema_writer.h"

namespace autoglm::schema {
namespace {

#define AUTOGLM_LEAP_PAIRS "(\"0\" [48] | [2468] [048] | [13579] [26])"
#define AUTOGLM_DATE                                                                       \
  "([0-9]{4} \"-\" ((\"0\" [13578] | \"1\" [02]) \"-\" (\"0\" [1-9] | [12] [0-9] | \"3\" " \
  "[01]) | (\"0\" [469] | \"11\") \"-\" (\"0\" [1-9] | [12] [0-9] | \"30\") | \"02-\" "    \
  "(\"0\" [1-9] | \"1\" [0-9] | \"2\" [0-8])) | ([0-9]{2} " AUTOGLM_LEAP_PAIRS             \
  " | (\"00\" | " AUTOGLM_LEAP_PAIRS ") \"00\") \"-02-29\")"
#define AUTOGLM_HOUR "([01] [0-9] | \"2\" [0-3])"
#define AUTOGLM_TIME                                                                     \
  "(" AUTOGLM_HOUR                                                                       \
  " \":\" [0-5] [0-9] \":\" [0-5] [0-9] (\".\" [0-9]{1,9})? (\"Z\" | [-+] " AUTOGLM_HOUR \
  " \":\" [0-5] [0-9]))"
#define AUTOGLM_OCTET "(\"25\" [0-5] | \"2\" [0-4] [0-9] | \"1\" [0-9]{2} | [1-9]? [0-9])"
#define AUTOGLM_LABEL "([a-zA-Z0-9] ([a-zA-Z0-9-]{0,61} [a-zA-Z0-9])?)"
#define AUTOGLM_HOST AUTOGLM_LABEL " (\".\" " AUTOGLM_LABEL "){0,2}"

#define AUTOGLM_NUMBER "[0-9]{1,15} "
#define AUTOGLM_DURATION_DATE                                            \
  "(" AUTOGLM_NUMBER "\"Y\" (" AUTOGLM_NUMBER "\"M\")? (" AUTOGLM_NUMBER \
  "\"D\")? | " AUTOGLM_NUMBER "\"M\" (" AUTOGLM_NUMBER "\"D\")? | " AUTOGLM_NUMBER "\"D\")"
#define AUTOGLM_DURATION_TIME                                            \
  "(" AUTOGLM_NUMBER "\"H\" (" AUTOGLM_NUMBER "\"M\")? (" AUTOGLM_NUMBER \
  "\"S\")? | " AUTOGLM_NUMBER "\"M\" (" AUTOGLM_NUMBER "\"S\")? | " AUTOGLM_NUMBER "\"S\")"

struct Format {
  std::string_view name;
  std::string_view gbnf;
};

constexpr Format kFormats[] = {
    {"date", AUTOGLM_DATE},
    {"time", AUTOGLM_TIME},
    {"date-time", AUTOGLM_DATE " \"T\" " AUTOGLM_TIME},
    {"uuid", "[0-9a-fA-F]{8} \"-\" ([0-9a-fA-F]{4} \"-\"){3} [0-9a-fA-F]{12}"},
    {"ipv4", AUTOGLM_OCTET " (\".\" " AUTOGLM_OCTET "){3}"},
    {"hostname", AUTOGLM_HOST},
    {"email", "[a-zA-Z0-9_+-]{1,40} (\".\" [a-zA-Z0-9_+-]{1,15}){0,2} \"@\" " AUTOGLM_LABEL
              " (\".\" " AUTOGLM_LABEL "){1,2}"},
    {"duration", "\"P\" (" AUTOGLM_DURATION_DATE " (\"T\" " AUTOGLM_DURATION_TIME
                 ")? | \"T\" " AUTOGLM_DURATION_TIME " | [0-9]{1,15} \"W\")"},
};

#undef AUTOGLM_LEAP_PAIRS
#undef AUTOGLM_DATE
#undef AUTOGLM_HOUR
#undef AUTOGLM_TIME
#undef AUTOGLM_OCTET
#undef AUTOGLM_LABEL
#undef AUTOGLM_HOST
#undef AUTOGLM_NUMBER
#undef AUTOGLM_DURATION_DATE
#undef AUTOGLM_DURATION_TIME

}  // namespace

std::string_view FormatGbnf(std::string_view format) {
  const auto it = std::find_if(std::begin(kFormats), std::end(kFormats),
                               [&](const Format& f) { return f.name == format; });
  return it == std::end(kFormats) ? std::string_view() : it->gbnf;
}

std::string KnownFormats() {
  std::string names;
  for (const Format& format : kFormats) StrAppend(&names, names.empty() ? "" : ", ", format.name);
  return names;
}

}  // namespace autoglm::schema
