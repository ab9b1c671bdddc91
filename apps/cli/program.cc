#include "apps/cli/program.h"

#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/str.h"

namespace autoglm {
namespace {

constexpr int kDone = 0, kFailed = 1, kWrongUsage = 2;

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string Help(const Program& program) {
  std::string text =
      StrCat(program.name, ": ", program.summary, "\n\nUsage: ", program.name, " COMMAND ...\n\n");
  for (const CommandRow& row : program.commands) {
    text += StrCat("  ", row.name, std::string(14 - row.name.size(), ' '), row.summary, "\n");
  }
  return text + StrCat("\n'", program.name, " COMMAND --help' tells the options of one; '",
                       program.name, " --version' the version.\n");
}

int Complain(const Program& program, const std::string& message, int exit_status) {
  std::fprintf(stderr, "%s: error: %s\n", std::string(program.name).c_str(), message.c_str());
  return exit_status;
}

int WrongUsage(const Program& program, std::string_view command, std::string_view message) {
  const std::string name = StrCat(program.name, command.empty() ? "" : " ", command);
  return Complain(program, StrCat(message, "\nTry '", name, " --help'."), kWrongUsage);
}

// The message for an option that `app` does not have.
std::string UnknownOption(const CLI::App& app, const std::string& argument) {
  const std::string name = argument.substr(0, argument.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& long_name : option->get_lnames()) known.push_back("--" + long_name);
    for (const std::string& short_name : option->get_snames()) known.push_back("-" + short_name);
  }
  // One letter is too little to guess from.
  const std::string_view nearest = name.starts_with("--") ? Nearest(name, known) : "";
  return StrCat("unknown option ", Quoted(name),
                nearest.empty() ? "" : StrCat("; did you mean ", nearest, "?"));
}

// Reads `arguments` into the command's options. kDone: go on; else `message` says what is wrong.
Status ParseArguments(CLI::App* app, std::vector<std::string> arguments) {
  // Extras are let through and looked at here, for a message that names the nearest option.
  app->allow_extras();
  std::string error;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app->parse(reversed);
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::ParseError& parse_error) {
    error = parse_error.what();
  }
  std::vector<std::string> extras = app->remaining();
  std::erase(extras, "--");  // it ends the options and is no argument itself
  for (const std::string& extra : extras) {
    if (extra.starts_with('-')) {
      return Error(StatusCode::kInvalidArgument, UnknownOption(*app, extra));
    }
  }
  if (!error.empty()) return Error(StatusCode::kInvalidArgument, error);
  if (!extras.empty()) {
    return Error(StatusCode::kInvalidArgument, "unexpected argument '", Quoted(extras[0]), "'");
  }
  return OkStatus();
}

int RunCommand(const Program& program, const CommandRow& row, std::vector<std::string> arguments) {
  const std::unique_ptr<Command> command = row.make();
  CLI::App app(std::string(row.summary), StrCat(program.name, " ", row.name));
  command->Declare(&app);
  try {
    const Status parsed = ParseArguments(&app, std::move(arguments));
    if (!parsed.ok()) return WrongUsage(program, row.name, parsed.message());
  } catch (const CLI::CallForHelp&) {
    Print(app.help());
    return kDone;
  }
  const Status usage = command->Check();
  if (!usage.ok()) return WrongUsage(program, row.name, usage.message());
  const Status status = command->Run();
  if (!status.ok()) {
    std::fflush(stdout);
    return Complain(program, status.message(), kFailed);
  }
  return kDone;
}

int Dispatch(const Program& program, std::span<char*> argv) {
  if (argv.size() < 2) {
    std::fputs(Help(program).c_str(), stderr);
    return kWrongUsage;
  }
  const std::string_view name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") return Print(Help(program)), kDone;
  if (name == "--version") {
    return Print(StrCat(program.name, " ", program.version, "\n")), kDone;
  }
  std::vector<std::string_view> names;
  for (const CommandRow& row : program.commands) {
    if (row.name == name) {
      return row.make ? RunCommand(program, row, {argv.begin() + 2, argv.end()})
                      : row.run(argv.subspan(1));
    }
    names.push_back(row.name);
  }
  const std::string_view nearest = Nearest(name, names);
  return WrongUsage(program, "",
                    StrCat("unknown command '", Quoted(name), "'",
                           nearest.empty() ? "" : StrCat("; did you mean ", nearest, "?")));
}

}  // namespace

int RunProgram(const Program& program, int argc, char** argv) {
  int exit_status = kFailed;
  try {
    exit_status = Dispatch(program, {argv, static_cast<size_t>(argc)});
  } catch (const std::bad_alloc&) {
    exit_status = Complain(program, "out of memory", kFailed);
  } catch (const std::exception& error) {
    exit_status = Complain(program, StrCat("internal error: ", error.what()), kFailed);
  }
  // Data that did not arrive is a failure (a full disk), however well the rest went.
  const bool written = std::fflush(stdout) == 0 && !std::ferror(stdout);
  if (!written && exit_status == kDone) {
    return Complain(program, "cannot write the output", kFailed);
  }
  return exit_status;
}

}  // namespace autoglm
