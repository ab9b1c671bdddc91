#include "sampling/grammar/builtin.h"

#include <array>

namespace autoglm {
namespace {

// Source: the system prompt and the parser (phone_agent/actions/handler.py, model/client.py) of
// Open-AutoGLM. It reads typed text and the final message as they stand, up to the closing ") ; all
// other arguments as Python literals. Coordinates are thousandths of the screen.
constexpr std::string_view kAutoglm = R"gbnf(
root     ::= action | answer | "<think>" [^<]* "</think>" "\n"? answer
answer   ::= "<answer>" action "</answer>"
action   ::= "do(action=\"" do | "finish(message=\"" raw "\")"
do       ::= "Launch\", app=" string ")"
           | "Tap\", element=" point (", message=" string)? ")"
           | "Type\", text=\"" raw "\")"
           | "Type_Name\", text=\"" raw "\")"
           | "Interact\")"
           | "Swipe\", start=" point ", end=" point ")"
           | "Note\", message=" string ")"
           | "Call_API\", instruction=" string ")"
           | "Long Press\", element=" point ")"
           | "Double Tap\", element=" point ")"
           | "Take_over\", message=" string ")"
           | "Back\")"
           | "Home\")"
           | "Wait\", duration=\"" [1-9] [0-9]? " seconds\")"
point    ::= "[" thousandth "," thousandth "]"
thousandth ::= [0-9] | [1-9] [0-9] [0-9]?
string   ::= "\"" ([^"\\\x00-\x1F\x7F] | "\\" ["\\nt])+ "\""
raw      ::= ([^"\x00-\x08\x0B\x0C\x0E-\x1F\x7F] | "\""+ [^")\x00-\x08\x0B\x0C\x0E-\x1F\x7F])*
)gbnf";

// One action of the bundled model; recipes/phone_actions/README.md says what the values mean.
constexpr std::string_view kPhoneActions = R"gbnf(
root     ::= "do(action=\"" action ")"
action   ::= "SetAlarm\"" time day?
           | "SetTimer\", duration=\"" duration "\""
           | "SetReminder\"" text time? day?
           | "AddEvent\", title=" string time? day?
           | "Call\"" contact
           | "SendMessage\"" contact text
           | "OpenApp\", app=" string
           | "Navigate\"" place
           | "GetWeather\"" place? day?
           | "PlayMusic\"" query?
           | "MusicControl\", command=\"" command "\""
           | "Set" ("Volume" | "Brightness") "\"" (level | change)
           | ("Flashlight" | "Wifi" | "Bluetooth" | "AirplaneMode") "\", state=\"o" ("n" | "ff") "\""
           | ("TakePhoto" | "Screenshot" | "BatteryStatus" | "None") "\""
           | "Search\"" query
           | "Translate\"" text ", language=\"" [A-Z] [a-z]+ "\""
           | "TakeNote\"" text
text     ::= ", text=" string
contact  ::= ", contact=" string
place    ::= ", place=" string
query    ::= ", query=" string
time     ::= ", time=\"" (clock | "+" duration | "morning" | "afternoon" | "evening") "\""
clock    ::= ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]
duration ::= amount "h" (amount "m")? (amount "s")? | amount "m" (amount "s")? | amount "s"
amount   ::= [1-9] [0-9]{0,3}
day      ::= ", day=\"" (("day after ")? "tomorrow" | "today" | (("next " | "every ")? weekday)
           | "next week" | "weekend" | "weekdays" | "every day" | "in " [1-9] [0-9]? " days"
           | date) "\""
weekday  ::= "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday"
date     ::= ((("2" [0-9]{3} "-")? ("0" [1-9] | "1" [0-2])) "-")? ("0" [1-9] | [12] [0-9] | "3" [01])
command  ::= "pause" | "resume" | "next" | "previous" | "stop" | "repeat" | "shuffle"
level    ::= ", level=" ("100" | [1-9]? [0-9])
change   ::= ", change=\"" ("up" | "down" | [-+] [1-9] [0-9]?) "\""
string   ::= "\"" ([^"\\\x00-\x1F\x7F] | "\\" ["\\nt])+ "\""
)gbnf";

// RFC 8259; white space has an end, because small models sometimes write it without one.
constexpr std::string_view kJson = R"gbnf(
root   ::= ws value ws
value  ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ws (member (ws "," ws member)*)? ws "}"
member ::= string ws ":" ws value
array  ::= "[" ws (value (ws "," ws value)*)? ws "]"
string ::= "\"" char* "\""
char   ::= [^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" unit)
unit   ::= [0-9a-cA-CefEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}
         | [dD] [89abAB] [0-9a-fA-F]{2} "\\u" [dD] [c-fC-F] [0-9a-fA-F]{2}
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [-+]? [0-9]+)?
ws     ::= [ \t\n\r]{0,64}
)gbnf";

struct Builtin {
  std::string_view name;
  std::string_view gbnf;
};
constexpr std::array kBuiltins = {Builtin{"autoglm", kAutoglm}, Builtin{"json", kJson},
                                  Builtin{"phone_actions", kPhoneActions}};

}  // namespace

Result<std::string> ResolveGrammar(std::string_view grammar) {
  for (const Builtin& builtin : kBuiltins) {
    if (grammar == builtin.name) return std::string(builtin.gbnf);
  }
  if (grammar.find("::=") != std::string_view::npos) return std::string(grammar);
  return Error(
      StatusCode::kNotFound, "'", Quoted(grammar),
      "' is neither GBNF (name ::= ...) nor one of the grammars autoglm, json, phone_actions");
}

}  // namespace autoglm
