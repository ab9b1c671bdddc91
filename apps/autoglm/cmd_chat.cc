// autoglm chat: a conversation on the terminal. Ctrl-C stops the answer, not the program.
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/line_editor.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/session_source.h"
#include "base/str.h"
#include "platform/file.h"

namespace autoglm {
namespace {

constexpr char kHelp[] =
    "/reset        forget the conversation\n"
    "/save FILE    write it to FILE as JSON (what an OpenAI client sends as messages)\n"
    "/help         this text\n"
    "/exit         leave (so does Ctrl-D)\n"
    "Ctrl-C stops an answer. Everything else is said to the model.\n";

// Turns SIGINT into calls of `on_interrupt`, from a thread that waits for it. Made before any other
// thread, which then inherits that the signal is blocked.
class InterruptWatcher {
 public:
  InterruptWatcher() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGUSR2);  // ends the thread
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    thread_ = std::thread([this] { Watch(); });
  }
  ~InterruptWatcher() {
    pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  /// Null: a SIGINT does nothing. The session must stay while it is set.
  void set_session(AutoGLMSession* session) { session_ = session; }

 private:
  void Watch() {
    int signal = 0;
    while (sigwait(&signals_, &signal) == 0 && signal == SIGINT) {
      if (AutoGLMSession* const session = session_) session->Cancel();
    }
  }

  sigset_t signals_, before_;
  std::atomic<AutoGLMSession*> session_{nullptr};
  std::thread thread_;
};

class ChatCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
    options_.Declare(app);
    sampling_.Declare(app);
    app->add_option("--system", system_, "the system message")->type_name("TEXT");
    app->add_option("-n,--max-tokens", max_tokens_, "tokens of an answer at most")
        ->type_name("N")
        ->check(WholeBetween(1, 1 << 24));
    app->add_flag("-v,--verbose", verbose_, "tell on stderr what is done and how fast");
  }

  Status Check() override { return FindModel(options_.model).status(); }

  Status Run() override {
    InterruptWatcher interrupts;
    AUTOGLM_ASSIGN_OR_RETURN(session_, OpenSession(options_, verbose_));
    AUTOGLM_ASSIGN_OR_RETURN(const ModelInfo info, session_->Info());
    if (!info.has_chat_template) {
      return Error(StatusCode::kFailedPrecondition, options_.model,
                   " has no chat template; use 'autoglm run --raw' to continue a text with it");
    }
    AUTOGLM_ASSIGN_OR_RETURN(chat_options_, MakeChatOptions(*session_, sampling_));
    if (max_tokens_ > 0) chat_options_.max_tokens = max_tokens_;
    interrupts.set_session(session_.get());
    Reset();
    std::fputs("Say something; /help tells the commands.\n", stderr);
    LineEditor editor;
    while (const std::optional<std::string> line = editor.Read("> ")) {
      if (line->empty()) continue;
      if (line->starts_with('/')) {
        if (!Obey(*line)) break;
      } else {
        Answer(*line);
      }
    }
    interrupts.set_session(nullptr);
    return OkStatus();
  }

 private:
  void Reset() {
    messages_.clear();
    if (!system_.empty()) messages_.push_back({"system", system_});
  }

  // False: leave.
  bool Obey(const std::string& line) {
    const size_t space = line.find(' ');
    const std::string command = line.substr(0, space);
    const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
    if (command == "/exit" || command == "/quit") return false;
    if (command == "/help") {
      std::fputs(kHelp, stderr);
    } else if (command == "/reset") {
      Reset();
      std::fputs("The conversation is forgotten.\n", stderr);
    } else if (command == "/save") {
      Save(argument);
    } else {
      std::fprintf(stderr, "unknown command %s; /help tells the known ones\n",
                   Quoted(command).c_str());
    }
    return true;
  }

  void Save(const std::string& path) {
    if (path.empty()) {
      std::fputs("/save needs a file name\n", stderr);
      return;
    }
    nlohmann::ordered_json messages = nlohmann::ordered_json::array();
    for (const ChatMessage& message : messages_) {
      messages.push_back({{"role", message.role}, {"content", message.content}});
    }
    const std::string text = nlohmann::ordered_json{{"messages", messages}}.dump(
                                 2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                             "\n";
    const Status status = WriteFileAtomic(path, text);
    std::fprintf(stderr, "%s\n",
                 status.ok() ? StrCat("Saved to ", path, ".").c_str() : status.message().c_str());
  }

  void Answer(const std::string& line) {
    messages_.push_back({"user", line});
    const Result<GenerateResult> result =
        session_->Chat(messages_, chat_options_, [](const ChatDelta& delta) {
          if (delta.kind == ChatDelta::Kind::kContent) Print(delta.text);
          if (delta.kind == ChatDelta::Kind::kReasoning) std::fputs(delta.text.c_str(), stderr);
          FlushOutput();
          return true;
        });
    Print("\n");
    FlushOutput();
    if (!result.ok()) {
      // The question cannot be answered: without it the conversation can go on.
      messages_.pop_back();
      std::fprintf(stderr, "autoglm: error: %s\n", result.status().message().c_str());
      return;
    }
    messages_.push_back({"assistant", result->text});
    if (result->stop_reason == StopReason::kCancelled) std::fputs("(stopped)\n", stderr);
    if (!result->status.ok()) {
      std::fprintf(stderr, "autoglm: warning: %s; /reset begins anew\n",
                   result->status.message().c_str());
    }
    if (verbose_) std::fprintf(stderr, "autoglm: %s\n", Summary(*result).c_str());
  }

  ModelOptions options_;
  SamplingOptions sampling_;
  std::string system_;
  int max_tokens_ = 0;
  bool verbose_ = false;
  std::unique_ptr<AutoGLMSession> session_;
  ChatOptions chat_options_;
  std::vector<ChatMessage> messages_;
};

}  // namespace

std::unique_ptr<Command> NewChatCommand() { return std::make_unique<ChatCommand>(); }

}  // namespace autoglm
