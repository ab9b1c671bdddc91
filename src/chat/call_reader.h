// CallReader: reads the calls of one section, by their syntax, out of text that arrives in pieces.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autoglm/chat.h"
#include "base/rng.h"
#include "chat/call_object.h"
#include "chat/call_syntax.h"
#include "chat/json_scanner.h"
#include "chat/tagged_values.h"
#include "chat/tools.h"

namespace autoglm {

/// What is said about a call is said once: its name when that is sure, its arguments as they come.
class CallReader final : private CallSink {
 public:
  enum class Outcome {
    kWait,    ///< all is read, and more must come
    kEnd,     ///< the calls are over; what is left of the text is none of them
    kNoCall,  ///< this was no call: take_attempt() and what is left of the text are content
  };

  /// `syntax` and `tools` outlive this. The ids of calls follow from `seed`.
  CallReader(const CallSyntax& syntax, std::span<const ToolSpec> tools, uint64_t seed)
      : syntax_(&syntax), tools_(tools), rng_(seed) {}

  /// Ready for a section, whose first text comes next.
  void Start();
  /// Takes from the front of `text` and appends to `out`.
  Outcome Read(std::string_view* text, std::vector<ChatDelta>* out);
  /// The text ends here, where the model wanted or cut off. kNoCall as above; else a call under way
  /// is ended.
  Outcome Finish(bool cut_off, std::vector<ChatDelta>* out);

  /// What was read of a call whose name is not known yet.
  std::string take_attempt() { return std::exchange(attempt_, {}); }
  int n_calls() const { return n_calls_; }

 private:
  enum class Part {
    kSectionBegin,
    kCallBegin,
    kObject,
    kName,
    kId,
    kAfterName,
    kJsonArguments,
    kTaggedArguments,
    kCallEnd,
    kBetween,
    kSkip,  ///< the call went wrong: on to its end
  };

  bool BeginCall(std::string_view name, std::string_view id) override;
  void AddArguments(std::string_view piece) override;
  void EndCall(bool complete);

  ReadProgress Step(std::string_view* text);
  ReadProgress ReadLiteral(std::string_view* text, const std::string& literal, Part next);
  void BeginBody();
  ReadProgress ReadName(std::string_view* text);
  ReadProgress ReadId(std::string_view* text);
  ReadProgress ReadAfterName(std::string_view* text);
  ReadProgress ReadJsonArguments(std::string_view* text);
  ReadProgress EndBody(ReadProgress progress);
  ReadProgress ReadCallEnd(std::string_view* text);
  ReadProgress ReadBetween(std::string_view* text);
  ReadProgress Skip(std::string_view* text);
  std::string NewId();

  const CallSyntax* syntax_;
  std::span<const ToolSpec> tools_;
  Rng rng_;
  std::vector<ChatDelta>* out_ = nullptr;  ///< during Read and Finish
  Part part_ = Part::kSectionBegin;
  bool over_ = false;     ///< the section has ended
  bool in_call_ = false;  ///< a call was begun and not ended
  std::string attempt_;
  std::string name_, id_;
  std::optional<CallObject> object_;
  std::optional<TaggedValues> tagged_;
  JsonScanner scanner_;
  bool arguments_begun_ = false;
  int n_calls_ = 0;
};

}  // namespace autoglm
