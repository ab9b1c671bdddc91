// autoglm compress pipeline: the verbs of a recipe, each as a process of its own, so that one that
// fails or is killed leaves what the others wrote. Run again, steps that train go on from their
// checkpoints.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "apps/autoglm-compress/commands.h"
#include "apps/autoglm-compress/recipe.h"
#include "apps/cli/programs.h"
#include "platform/file.h"

extern char** environ;

namespace autoglm {
namespace {

constexpr size_t kMaxRecipeBytes = size_t{1} << 20;

bool IsOwnVerb(std::string_view verb) {
  static constexpr std::string_view kVerbs[] = {
#define AUTOGLM_COMPRESS_COMMAND(Name, name, summary) name,
#include "apps/autoglm-compress/commands.inc"
#undef AUTOGLM_COMPRESS_COMMAND
  };
  return std::find(std::begin(kVerbs), std::end(kVerbs), verb) != std::end(kVerbs);
}

/// The program and the first words of the command that does `verb`.
Result<std::vector<std::string>> ProgramFor(const std::string& verb) {
  const bool is_own = IsOwnVerb(verb);
  const char* const name = is_own ? "autoglm-compress" : "autoglm";
  const std::string program = FindProgram(name);
  if (program.empty()) {
    return Error(StatusCode::kNotFound, "the program ", name, ", which does '", Quoted(verb),
                 "', is not beside this one");
  }
  if (is_own) return std::vector<std::string>{program, verb};
  return std::vector<std::string>{program, "compress", verb};
}

Status RunProcess(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::fflush(stdout);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ);
  if (failed != 0) return ErrnoError(failed, "cannot run", argv[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoError(errno, "cannot wait for", argv[0]);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return OkStatus();
  return Error(StatusCode::kInternal,
               WIFSIGNALED(status) ? StrCat("was ended by signal ", WTERMSIG(status))
                                   : StrCat("failed with exit status ", WEXITSTATUS(status)));
}

class PipelineCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    app->add_option("recipe", file_,
                    "JSON: {\"variables\": {}, \"steps\": [{\"verb\", \"arguments\"}]}")
        ->type_name("FILE")
        ->required();
    app->add_option("--set", sets_, "NAME=TEXT: a variable of the recipe, also several")
        ->type_name("NAME=TEXT");
  }

  Status Check() override {
    for (const std::string& set : sets_) {
      const size_t at = set.find('=');
      if (at == set.npos || at == 0) {
        return Error(StatusCode::kInvalidArgument, "--set: '", Quoted(set), "' is not NAME=TEXT");
      }
      variables_[set.substr(0, at)] = set.substr(at + 1);
    }
    return OkStatus();
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file_, kMaxRecipeBytes));
    const auto steps = ParseRecipeSteps(text, variables_);
    if (!steps.ok()) return steps.status().WithContext(file_);
    for (size_t i = 0; i < steps->size(); ++i) {
      const RecipeStep& step = (*steps)[i];
      AUTOGLM_ASSIGN_OR_RETURN(std::vector<std::string> words, ProgramFor(step.verb));
      words.insert(words.end(), step.arguments.begin(), step.arguments.end());
      std::fprintf(stderr, "step %zu of %zu: %s\n", i + 1, steps->size(), step.verb.c_str());
      const Status status = RunProcess(std::move(words));
      if (!status.ok()) return status.WithContext(StrCat("step ", i + 1, ", ", step.verb));
    }
    return OkStatus();
  }

 private:
  std::string file_;
  std::vector<std::string> sets_;
  std::map<std::string, std::string> variables_;
};

}  // namespace

std::unique_ptr<Command> NewPipelineCommand() { return std::make_unique<PipelineCommand>(); }

}  // namespace autoglm
