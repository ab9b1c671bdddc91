#include "text/jinja/runtime.h"

#include <algorithm>

#include "base/str.h"

namespace autoglm::jinja {

namespace {
constexpr int64_t kMaxRange = 100'000;  // jinja2.sandbox.MAX_RANGE
}

void Runtime::SetError(StatusCode code, std::string message) {
  failed_ = true;
  error_code_ = code;
  error_message_ = std::move(message);
  error_offset_ = offset_;
}

Value Runtime::Raise(std::string message) {
  if (!failed()) {
    SetError(StatusCode::kInvalidArgument, std::move(message));
    error_has_position_ = false;
  }
  return Value();
}

Value Runtime::FailUndefined(const Value& undefined) {
  const auto& message = undefined.undefined_reason().message;
  return Wrong(message ? *message : "undefined value used");
}

void Runtime::FailSteps() {
  Fail(StatusCode::kResourceExhausted, "the template takes more than ", limits_.max_steps,
       " steps");
}

void Runtime::FailDepth() {
  Fail(StatusCode::kResourceExhausted, "calls and expressions nest deeper than ",
       limits_.max_depth);
}

void Runtime::FailMemory() {
  Fail(StatusCode::kResourceExhausted, "the template's values need more than ",
       FormatBytes(limits_.max_live_bytes));
}

bool Runtime::FitsNesting(int depth) {
  if (depth > limits_.max_nesting) {
    Fail(StatusCode::kResourceExhausted, "values nest deeper than ", limits_.max_nesting);
  }
  return !failed();
}

int Runtime::DepthOver(const std::vector<Value>& items) {
  int depth = 1;
  for (const Value& item : items) depth = std::max(depth, item.depth() + 1);
  FitsNesting(depth);
  return depth;
}

bool Runtime::FitsText(size_t n_bytes) {
  if (n_bytes > limits_.max_text_bytes) {
    Fail(StatusCode::kResourceExhausted, "a text would grow beyond ",
         FormatBytes(limits_.max_text_bytes));
  }
  return !failed();
}

bool Runtime::Grow(Charge* charge, size_t n_bytes) {
  if (!charge->Grow(&meter_, n_bytes)) FailMemory();
  return !failed();
}

Value Runtime::String(std::string utf8, bool markup) {
  auto text = std::make_shared<Text>();
  if (!FitsText(utf8.size()) || !WorkOnBytes(utf8.size()) ||
      !Grow(&text->charge, sizeof(Text) + utf8.size() + 16)) {
    return Value();
  }
  text->bytes = std::move(utf8);
  for (char c : text->bytes) text->n_chars += (c & 0xC0) != 0x80;
  text->markup = markup;
  return Value(std::shared_ptr<const Text>(std::move(text)));
}

Value Runtime::Make(SequenceType type, std::vector<Value> items) {
  auto sequence = std::make_shared<Sequence>();
  if (!Work(items.size()) ||
      !Grow(&sequence->charge, sizeof(Sequence) + items.size() * sizeof(Value))) {
    return Value();
  }
  sequence->depth = DepthOver(items);
  if (failed()) return Value();
  sequence->type = type;
  sequence->items = std::move(items);
  return Value(std::shared_ptr<const Sequence>(std::move(sequence)));
}

Value Runtime::Range(int64_t start, int64_t stop, int64_t step) {
  // Unsigned differences: the distance between two int64 always fits.
  const uint64_t distance = step > 0 ? (stop > start ? uint64_t(stop) - uint64_t(start) : 0)
                                     : (start > stop ? uint64_t(start) - uint64_t(stop) : 0);
  const uint64_t stride = step > 0 ? uint64_t(step) : 0 - uint64_t(step);
  const uint64_t n = distance / stride + (distance % stride != 0);
  if (n > kMaxRange) {
    return Fail(StatusCode::kResourceExhausted, "range of more than ", kMaxRange, " numbers");
  }
  std::vector<Value> items;
  items.reserve(n);
  for (uint64_t i = 0; i < n; ++i) {
    items.push_back(Value::Int(static_cast<int64_t>(uint64_t(start) + i * uint64_t(step))));
  }
  const Value made = Make(SequenceType::kRange, std::move(items));
  if (failed()) return Value();
  auto& range = const_cast<Sequence&>(made.sequence());  // not shared with anybody yet
  range.range_start = start, range.range_stop = stop, range.range_step = step;
  return made;
}

Value Runtime::Generator(std::vector<Value> items) {
  auto iterator = std::make_shared<Iterator>();
  if (!Work(items.size()) ||
      !Grow(&iterator->charge, sizeof(Iterator) + items.size() * sizeof(Value))) {
    return Value();
  }
  iterator->depth = DepthOver(items);
  if (failed()) return Value();
  iterator->items = std::move(items);
  return Value(std::move(iterator));
}

Value Runtime::Undefined(std::string message) {
  return Value(UndefinedReason{std::make_shared<const std::string>(std::move(message))});
}

void Runtime::Pin(std::shared_ptr<Breakable> object) {
  Grow(&pin_charge_, 128);
  pinned_.push_back(std::move(object));
}

void Runtime::BreakCycles() {
  // Dropping contents may free objects, but never pins new ones; the pins themselves go last, so
  // that a long chain of objects is not freed recursively.
  for (const auto& object : pinned_) object->DropContents();
  pinned_.clear();
}

void TextBuilder::Repeat(std::string_view part, int64_t n) {
  if (n <= 0 || part.empty()) return;
  if (static_cast<uint64_t>(n) > rt_->limits().max_text_bytes / part.size() + 1) {
    rt_->FitsText(rt_->limits().max_text_bytes + 1);
    return;
  }
  if (!rt_->FitsText(text_.size() + part.size() * n) || !rt_->WorkOnBytes(part.size() * n) ||
      !rt_->Grow(&charge_, part.size() * n)) {
    return;
  }
  text_.reserve(text_.size() + part.size() * n);
  for (int64_t i = 0; i < n; ++i) text_.append(part);
}

}  // namespace autoglm::jinja
