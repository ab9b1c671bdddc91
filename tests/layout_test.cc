// The house rules that a machine can check: folders include downwards only (src/LAYERS), files
// stay small.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace autoglm {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLines = 600;

const fs::path kRoot = AUTOGLM_SOURCE_DIR;

struct Layer {
  int number = 0;
  std::set<std::string> also;  // folders of the same layer that it may include
};

std::vector<std::string> Lines(const fs::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::map<std::string, Layer> ReadLayers() {
  std::map<std::string, Layer> layers;
  for (const std::string& line : Lines(kRoot / "src" / "LAYERS")) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    Layer layer;
    std::string folder, word;
    words >> layer.number >> folder;
    while (words >> word) {
      if (word != "also:") layer.also.insert(word);
    }
    layers[folder] = layer;
  }
  return layers;
}

// C and C++ files under `folder`, which need not exist.
std::vector<fs::path> SourceFiles(const fs::path& folder) {
  static const std::set<std::string> kEndings = {".h", ".cc", ".c", ".inc"};
  std::vector<fs::path> files;
  if (!fs::exists(folder)) return files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && kEndings.count(entry.path().extension().string())) {
      files.push_back(entry.path());
    }
  }
  return files;
}

// The paths in #include "..." lines.
std::vector<std::string> QuotedIncludes(const fs::path& file) {
  std::vector<std::string> paths;
  for (const std::string& line : Lines(file)) {
    const size_t first = line.find('"');
    if (!line.starts_with("#include") || first == std::string::npos) continue;
    paths.push_back(line.substr(first + 1, line.find('"', first + 1) - first - 1));
  }
  return paths;
}

std::string FirstFolder(const fs::path& path) { return path.begin()->string(); }

TEST(LayoutTest, EveryFolderOfSrcHasALayer) {
  const auto layers = ReadLayers();
  ASSERT_FALSE(layers.empty());
  for (const fs::directory_entry& entry : fs::directory_iterator(kRoot / "src")) {
    if (!entry.is_directory() || SourceFiles(entry.path()).empty()) continue;
    EXPECT_TRUE(layers.count(entry.path().filename().string()))
        << entry.path() << " is not in src/LAYERS";
  }
}

TEST(LayoutTest, FoldersIncludeOnlyFromLowerLayers) {
  const auto layers = ReadLayers();
  for (const auto& [folder, layer] : layers) {
    for (const fs::path& file : SourceFiles(kRoot / "src" / folder)) {
      const bool is_test = file.stem().string().ends_with("_test");
      for (const std::string& path : QuotedIncludes(file)) {
        const std::string from = FirstFolder(path);
        if (from == folder || from == "autoglm" || (is_test && from == "tests")) continue;
        const auto found = layers.find(from);
        ASSERT_NE(found, layers.end()) << file << " includes \"" << path
                                       << "\", which is in no folder of src/LAYERS (paths start at "
                                          "src/)";
        EXPECT_TRUE(found->second.number < layer.number || layer.also.count(from))
            << file << " (layer " << layer.number << ") includes \"" << path << "\" (layer "
            << found->second.number << ")";
      }
    }
  }
}

TEST(LayoutTest, PublicHeadersIncludeOnlyPublicHeaders) {
  for (const fs::path& file : SourceFiles(kRoot / "include")) {
    for (const std::string& path : QuotedIncludes(file)) {
      EXPECT_EQ(FirstFolder(path), "autoglm") << file << " includes \"" << path << "\"";
    }
  }
}

TEST(LayoutTest, FilesStayUnder600Lines) {
  for (const char* folder : {"src", "apps", "include", "tests", "bench"}) {
    for (const fs::path& file : SourceFiles(kRoot / folder)) {
      if (file.filename().string().ends_with("_data.cc")) continue;  // generated tables
      EXPECT_LT(Lines(file).size(), size_t{kMaxLines}) << file << ": split it by subject";
    }
  }
}

TEST(LayoutTest, HeadersHaveAnOpeningCommentAndPragmaOnce) {
  for (const char* folder : {"src", "apps", "include", "bench"}) {
    for (const fs::path& file : SourceFiles(kRoot / folder)) {
      if (file.extension() != ".h") continue;
      const std::vector<std::string> lines = Lines(file);
      ASSERT_FALSE(lines.empty()) << file;
      EXPECT_TRUE(lines[0].starts_with("//") || lines[0].starts_with("/*"))
          << file << ": the first lines say what it is";
      // c_api.h is C, where #ifndef guards are the portable way.
      const bool once = std::find(lines.begin(), lines.end(), "#pragma once") != lines.end();
      EXPECT_TRUE(once || file.filename() == "c_api.h") << file;
    }
  }
}

}  // namespace
}  // namespace autoglm
