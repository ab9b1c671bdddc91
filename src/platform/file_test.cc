#include "platform/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "platform/mmap.h"

namespace autoglm {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for each test, removed afterwards.
class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::temp_directory_path() / ("autoglm_file_test_" + std::to_string(::getpid()) + "_" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Make(const std::string& name, const std::string& content) const {
    std::ofstream(Path(name), std::ios::binary) << content;
    return Path(name);
  }
  int CountFiles() const {
    return static_cast<int>(std::distance(fs::directory_iterator(folder_), {}));
  }

  fs::path folder_;
};

std::string_view Text(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(FileTest, MappingAndReadingGiveTheSameBytes) {
  std::string content;
  for (int i = 0; i < 300'000; ++i) content.push_back(static_cast<char>(i * 7));
  const std::string path = Make("data", content);
  Result<MappedFile> mapped = MappedFile::Open(path);
  ASSERT_TRUE(mapped.ok()) << mapped.status().message();
  EXPECT_TRUE(mapped->mapped());
  EXPECT_EQ(Text(*mapped), content);
  Result<MappedFile> read = MappedFile::Open(path, MapMode::kRead);
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->mapped());
  EXPECT_EQ(Text(*read), content);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(read->bytes().data()) % 64, 0u);
}

TEST_F(FileTest, BytesStayInPlaceWhenTheOwnerMoves) {
  Result<MappedFile> opened = MappedFile::Open(Make("data", "abc"));
  ASSERT_TRUE(opened.ok());
  const std::byte* before = opened->bytes().data();
  const MappedFile moved = std::move(*opened);
  EXPECT_EQ(moved.bytes().data(), before);
  EXPECT_EQ(Text(moved), "abc");
}

TEST_F(FileTest, DroppedPagesComeBackFromTheFile) {
  const std::string content(100'000, 'x');
  Result<MappedFile> mapped = MappedFile::Open(Make("data", content));
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ(Text(*mapped), content);
  mapped->DropPages(0, content.size());
  mapped->DropPages(5000, 50'000);
  mapped->DropPages(content.size() + 1, 10);
  EXPECT_EQ(Text(*mapped), content);
}

TEST_F(FileTest, APipeIsReadToItsEnd) {
  const std::string path = Path("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const std::string content(200'000, 'p');
  const pid_t child = ::fork();
  if (child == 0) {
    std::ofstream(path, std::ios::binary) << content;
    ::_exit(0);
  }
  Result<MappedFile> file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_FALSE(file->mapped());
  EXPECT_EQ(Text(*file), content);
}

TEST_F(FileTest, MissingDirectoryAndEmptyAreToldApart) {
  const Status missing = MappedFile::Open(Path("nothing")).status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_NE(missing.message().find("nothing"), std::string::npos);
  EXPECT_EQ(MappedFile::Open(folder_.string()).status().code(), StatusCode::kInvalidArgument);
  const Status empty = MappedFile::Open(Make("empty", "")).status();
  EXPECT_EQ(empty.code(), StatusCode::kDataLoss);
  EXPECT_NE(empty.message().find("empty"), std::string::npos);
}

TEST_F(FileTest, AFileWithoutPermissionIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const std::string path = Make("secret", "x");
  fs::permissions(path, fs::perms::none);
  EXPECT_EQ(MappedFile::Open(path).status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(ReadWholeFile(path, 10).status().code(), StatusCode::kPermissionDenied);
}

TEST_F(FileTest, ReadWholeFileKeepsItsBound) {
  const std::string path = Make("data", "0123456789");
  Result<std::string> content = ReadWholeFile(path, 10);
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(*content, "0123456789");
  EXPECT_EQ(ReadWholeFile(path, 9).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadWholeFile("/dev/zero", 100'000).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(*ReadWholeFile(Make("empty", ""), 5), "");
  EXPECT_EQ(ReadWholeFile(folder_.string(), 5).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(FileTest, AWrittenFileAppearsOnlyWhenCommitted) {
  const std::string path = Make("out", "old");
  {
    Result<FileWriter> writer = FileWriter::Create(path);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->Write(std::string(3 << 20, 'n')).ok());
    ASSERT_TRUE(writer->Pad(5000).ok());
    EXPECT_EQ(writer->position(), (3u << 20) + 5000);
    EXPECT_EQ(*ReadWholeFile(path, 100), "old");
    EXPECT_EQ(CountFiles(), 2);
  }
  EXPECT_EQ(CountFiles(), 1) << "the abandoned temporary file must be gone";
  EXPECT_EQ(*ReadWholeFile(path, 100), "old");
  ASSERT_TRUE(WriteFileAtomic(path, "new").ok());
  EXPECT_EQ(*ReadWholeFile(path, 100), "new");
  EXPECT_EQ(CountFiles(), 1);
}

TEST_F(FileTest, WritingThroughALinkKeepsTheLink) {
  const std::string target = Make("target", "old");
  fs::create_symlink(target, Path("link"));
  ASSERT_TRUE(WriteFileAtomic(Path("link"), "new").ok());
  EXPECT_TRUE(fs::is_symlink(Path("link")));
  EXPECT_EQ(*ReadWholeFile(target, 100), "new");
}

TEST_F(FileTest, DevicesAndDirectoriesAreNotReplaced) {
  EXPECT_EQ(WriteFileAtomic("/dev/null", "x").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteFileAtomic(folder_.string(), "x").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteFileAtomic(Path("no/such/folder"), "x").code(), StatusCode::kNotFound);
}

TEST_F(FileTest, AFullDiskIsAnErrorAndLeavesNothing) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{100'000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const Status status = WriteFileAtomic(Path("out"), std::string(300'000, 'x'));
  Status streamed;
  {
    Result<FileWriter> writer = FileWriter::Create(Path("streamed"));
    ASSERT_TRUE(writer.ok());
    for (int i = 0; i < 40; ++i) (void)writer->Write(std::string(100'000, 'y'));
    streamed = writer->Commit();
  }
  ::setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status.ToString();
  EXPECT_EQ(streamed.code(), StatusCode::kResourceExhausted) << streamed.ToString();
  EXPECT_EQ(CountFiles(), 0);
}

}  // namespace
}  // namespace autoglm
