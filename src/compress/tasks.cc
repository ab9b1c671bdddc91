#include "compress/tasks.h"

#include <nlohmann/json.hpp>

namespace autoglm {

namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Result<Task> ParseTask(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Error(StatusCode::kInvalidArgument, "not a JSON object");
  Task task;
  for (const auto& [key, value] :
       {std::pair<const char*, std::string*>{"prompt", &task.prompt}, {"answer", &task.answer}}) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string()) {
      return Error(StatusCode::kInvalidArgument, "\"", key, "\" is missing or no string; expected ",
                   R"({"prompt": TEXT, "answer": TEXT})");
    }
    *value = found->get<std::string>();
  }
  if (task.prompt.empty()) return Error(StatusCode::kInvalidArgument, "the prompt is empty");
  return task;
}

}  // namespace

Result<std::vector<Task>> ParseTasks(std::string_view text, std::string_view source) {
  std::vector<Task> tasks;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    Result<Task> task = ParseTask(line);
    if (!task.ok()) {
      return task.status().WithContext(StrCat(Quoted(source, 4096), ", line ", number));
    }
    tasks.push_back(std::move(*task));
  }
  if (!tasks.empty()) return tasks;
  return Error(StatusCode::kInvalidArgument, Quoted(source, 4096), ": no tasks in the file; ",
               R"(expected lines {"prompt": TEXT, "answer": TEXT})");
}

bool IsExactMatch(std::string_view answer, std::string_view expected) {
  return Trimmed(answer) == Trimmed(expected);
}

}  // namespace autoglm
