#include "text/jinja/builtins.h"

#include <algorithm>

#include "base/str.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

#define AUTOGLM_JINJA_BUILTIN(name, parameters, function) {name, parameters, function},
constexpr Builtin kFilters[] = {
#include "text/jinja/filters.inc"
};
constexpr Builtin kTests[] = {
#include "text/jinja/tests.inc"
};
constexpr Builtin kGlobals[] = {
#include "text/jinja/globals.inc"
};
#undef AUTOGLM_JINJA_BUILTIN

struct Method {
  Kind type;
  Builtin builtin;
};
#define AUTOGLM_JINJA_METHOD(type, name, parameters, function) \
  {Kind::type, {name, parameters, function}},
constexpr Method kMethods[] = {
#include "text/jinja/methods.inc"
};
#undef AUTOGLM_JINJA_METHOD

template <size_t n>
const Builtin* FindIn(const Builtin (&rows)[n], std::string_view name) {
  const Builtin* row = std::find_if(std::begin(rows), std::end(rows),
                                    [&](const Builtin& b) { return b.name == name; });
  return row == std::end(rows) ? nullptr : row;
}

template <size_t n>
std::string NoSuch(const Builtin (&rows)[n], std::string_view what, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Builtin& row : rows) names.push_back(row.name);
  const std::string_view nearest = name.size() < 40 ? Nearest(name, names) : "";
  std::string message = StrCat("there is no ", what, " named '", Shortened(name), "'");
  if (!nearest.empty()) StrAppend(&message, "; did you mean '", nearest, "'?");
  return message;
}

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Walks over the parameter list of a row.
class Parameters {
 public:
  explicit Parameters(std::string_view list) : rest_(list) {}
  // False at the end.
  bool Next() {
    if (rest_.empty()) return false;
    const size_t space = std::min(rest_.find(' '), rest_.size());
    name = rest_.substr(0, space);
    rest_.remove_prefix(std::min(space + 1, rest_.size()));
    optional = name.ends_with('?');
    if (optional) name.remove_suffix(1);
    return true;
  }
  std::string_view name;
  bool optional = false;

 private:
  std::string_view rest_;
};

// Moves `arguments` into `call`; false and an error where they do not fit.
bool BindArguments(Call* call, const Builtin& builtin, Arguments* arguments) {
  Runtime* const rt = call->rt;
  auto& positional = arguments->positional;
  auto& named = arguments->named;
  bool takes_rest = false, takes_named = false;
  size_t i = 0;
  for (Parameters parameter(builtin.parameters); parameter.Next();) {
    takes_rest |= parameter.name == "*";
    takes_named |= parameter.name == "**";
    if (parameter.name.starts_with('*')) continue;
    const auto by_name = std::find_if(named.begin(), named.end(),
                                      [&](const auto& arg) { return arg.first == parameter.name; });
    if (i < positional.size()) {
      call->Bind(i, std::move(positional[i]));
    } else if (by_name != named.end()) {
      call->Bind(i, std::move(by_name->second));
      named.erase(by_name);
    } else if (!parameter.optional) {
      rt->Wrong(builtin.name, "() misses its argument '", parameter.name, "'");
      return false;
    }
    ++i;
  }
  if (positional.size() > i && !takes_rest) {
    rt->Wrong(builtin.name, "() got more arguments than it takes");
  } else if (!named.empty() && !takes_named) {
    rt->Wrong(builtin.name, "() got an unexpected argument '", Shortened(named[0].first), "'");
  }
  for (size_t k = i; k < positional.size(); ++k) call->rest.push_back(std::move(positional[k]));
  call->named_rest = std::move(named);
  return !rt->failed();
}

}  // namespace

int64_t Call::Int(size_t i, int64_t absent) {
  if (!Has(i) || slots_[i].is_none()) return absent;
  if (slots_[i].is_integral()) return slots_[i].integer();
  if (slots_[i].is_undefined()) {
    rt->FailUndefined(slots_[i]);
  } else {
    rt->Wrong("expected an integer, found '", slots_[i].type_name(), "'");
  }
  return absent;
}

const std::string& Call::Text(size_t i) {
  static const std::string kEmpty;
  if (slots_[i].is_string()) return slots_[i].str();
  if (slots_[i].is_undefined()) {
    rt->FailUndefined(slots_[i]);
  } else {
    rt->Wrong("expected a string, found '", slots_[i].type_name(), "'");
  }
  return kEmpty;
}

const Builtin* FindFilter(std::string_view name) { return FindIn(kFilters, name); }
const Builtin* FindTest(std::string_view name) { return FindIn(kTests, name); }
const Builtin* FindGlobal(std::string_view name) { return FindIn(kGlobals, name); }

const Builtin* FindMethod(const Value& value, std::string_view name) {
  if (value.is_sequence() && (value.sequence().is_view() || (name == "copy" && !value.is_list()))) {
    return nullptr;
  }
  for (const Method& method : kMethods) {
    if (method.type == value.kind() && method.builtin.name == name) return &method.builtin;
  }
  return nullptr;
}

bool IsMutator(const Value& value, std::string_view name) {
  if (value.is_list()) {
    return IsOneOf(name,
                   {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"});
  }
  return value.is_dict() && IsOneOf(name, {"clear", "pop", "popitem", "setdefault", "update"});
}

std::string NoSuchFilter(std::string_view name) { return NoSuch(kFilters, "filter", name); }
std::string NoSuchTest(std::string_view name) { return NoSuch(kTests, "test", name); }

Value CallBuiltin(Runtime* rt, const Builtin& builtin, const Value* self, Arguments arguments) {
  const Runtime::Level level(rt);
  if (!level.ok()) return Value();
  if (self != nullptr) arguments.positional.insert(arguments.positional.begin(), *self);
  Call call(rt);
  if (!BindArguments(&call, builtin, &arguments)) return Value();
  if (call.self().is_string()) rt->WorkOnBytes(call.self().str().size());
  Value result = builtin.function(call);
  return rt->failed() ? Value() : result;
}

}  // namespace autoglm::jinja
