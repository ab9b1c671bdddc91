#include "engine/stop_matcher.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"

namespace autoglm {
namespace {

StopMatcher MakeMatcher(std::vector<std::string> stops) {
  auto matcher = StopMatcher::Create(std::move(stops));
  EXPECT_TRUE(matcher.ok()) << matcher.status().ToString();
  return std::move(matcher).value();
}

struct Shown {
  std::string text;
  int32_t which = -1;
};

Shown Feed(StopMatcher matcher, const std::vector<std::string>& pieces) {
  Shown shown;
  for (const std::string& piece : pieces) {
    const StopMatcher::Output out = matcher.Push(piece);
    shown.text += out.emit;
    shown.which = out.which;
    EXPECT_EQ(out.stopped, out.which >= 0);
  }
  shown.text += matcher.Flush();
  return shown;
}

// The definition, by search at every position of the whole text.
Shown NaiveSearch(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    int32_t which = -1;
    for (size_t i = 0; i < stops.size(); ++i) {
      if (std::string_view(text).substr(0, end).ends_with(stops[i]) && stops[i].size() > longest) {
        longest = stops[i].size();
        which = static_cast<int32_t>(i);
      }
    }
    if (which >= 0) return {text.substr(0, end - longest), which};
  }
  return {text, -1};
}

std::string RandomText(Rng& rng, size_t max_size, int n_letters) {
  std::string text(rng.NextBelow(max_size + 1), 'a');
  for (char& c : text) c = static_cast<char>('a' + rng.NextBelow(n_letters));
  return text;
}

TEST(StopMatcher, TextWithoutAStopPassesUnchangedAndAtOnce) {
  StopMatcher matcher = MakeMatcher({"###"});
  EXPECT_EQ(matcher.Push("hello ").emit, "hello ");
  EXPECT_EQ(matcher.Push("world").emit, "world");
  EXPECT_EQ(matcher.Flush(), "");
}

TEST(StopMatcher, WithoutStopStringsEverythingPasses) {
  StopMatcher matcher = MakeMatcher({});
  EXPECT_EQ(matcher.Push("any text").emit, "any text");
  EXPECT_EQ(matcher.Push("").emit, "");
}

TEST(StopMatcher, AStopSplitOverPiecesIsNeverShown) {
  StopMatcher matcher = MakeMatcher({"<|user|>"});
  EXPECT_EQ(matcher.Push("Hi <").emit, "Hi ");
  EXPECT_EQ(matcher.Push("|us").emit, "");
  const StopMatcher::Output out = matcher.Push("er|> more");
  EXPECT_EQ(out.emit, "");
  EXPECT_TRUE(out.stopped);
  EXPECT_EQ(out.which, 0);
  EXPECT_EQ(matcher.Flush(), "");
}

TEST(StopMatcher, HeldTextIsReleasedWhenItTurnsOutToBeNoStop) {
  StopMatcher matcher = MakeMatcher({"<|user|>"});
  EXPECT_EQ(matcher.Push("a <|us").emit, "a ");
  EXPECT_EQ(matcher.Push("b").emit, "<|usb");
  EXPECT_EQ(matcher.Push("<|").emit, "");
  EXPECT_EQ(matcher.Flush(), "<|");
}

TEST(StopMatcher, OnlyWhatMayStillBecomeAStopIsHeld) {
  StopMatcher matcher = MakeMatcher({"aab"});
  EXPECT_EQ(matcher.Push("aaaa").emit, "aa");
  EXPECT_EQ(matcher.Push("b").which, 0);
}

TEST(StopMatcher, TheStopThatIsCompleteFirstCounts) {
  EXPECT_EQ(Feed(MakeMatcher({"abcd", "bc"}), {"xabcd"}).text, "xa");
  EXPECT_EQ(Feed(MakeMatcher({"\n\n", "\n"}), {"x\n\n"}).which, 1);
}

TEST(StopMatcher, OfStopsThatEndTogetherTheLongestCounts) {
  const Shown shown = Feed(MakeMatcher({"c", "abc", "bc"}), {"xab", "c"});
  EXPECT_EQ(shown.text, "x");
  EXPECT_EQ(shown.which, 1);
}

TEST(StopMatcher, AStopGivenTwiceIsReportedByItsFirstIndex) {
  EXPECT_EQ(Feed(MakeMatcher({"x", "ab", "ab"}), {"ab"}).which, 1);
}

TEST(StopMatcher, TextAfterTheStopIsDroppedUntilReset) {
  StopMatcher matcher = MakeMatcher({"."});
  EXPECT_EQ(matcher.Push("one. two").emit, "one");
  EXPECT_EQ(matcher.Push("three").emit, "");
  EXPECT_TRUE(matcher.Push("four").stopped);
  matcher.Reset();
  EXPECT_EQ(matcher.Push("five").emit, "five");
}

TEST(StopMatcher, ACopyContinuesOnItsOwn) {
  StopMatcher matcher = MakeMatcher({"end"});
  matcher.Push("the e");
  StopMatcher copy = matcher;
  EXPECT_EQ(matcher.Push("nd").which, 0);
  EXPECT_EQ(copy.Push("ast").emit, "east");
}

TEST(StopMatcher, HeldTextBeginsAtACharacterOfTheStop) {
  // Both begin with the byte C3: the piece is whole characters, so nothing needs to be held.
  StopMatcher matcher = MakeMatcher({"\u00e9"});
  EXPECT_EQ(matcher.Push("caf\u00e8").emit, "caf\u00e8");
  EXPECT_EQ(matcher.Push("caf\u00e9").emit, "caf");
}

TEST(StopMatcher, AnEmptyStopStringIsRefused) {
  const auto matcher = StopMatcher::Create({"a", ""});
  ASSERT_FALSE(matcher.ok());
  EXPECT_EQ(matcher.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(matcher.status().message().find("stop string 1 is empty"), std::string::npos);
}

TEST(StopMatcher, TooManyBytesOfStopStringsAreRefused) {
  EXPECT_TRUE(StopMatcher::Create({std::string(64 << 10, 'a')}).ok());
  const auto matcher = StopMatcher::Create({std::string(64 << 10, 'a'), "b"});
  EXPECT_EQ(matcher.status().code(), StatusCode::kOutOfRange);
}

TEST(StopMatcher, AgreesWithAWholeTextSearchHoweverTheTextIsSplit) {
  Rng rng(7);
  int n_stopped = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    const int n_letters = 1 + static_cast<int>(rng.NextBelow(3));
    std::vector<std::string> stops(rng.NextBelow(5));
    for (std::string& stop : stops) stop = "b" + RandomText(rng, 5, n_letters);
    const std::string text = RandomText(rng, 40, n_letters);
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size(); at += pieces.back().size()) {
      pieces.push_back(text.substr(at, rng.NextBelow(6)));
      if (pieces.back().empty()) pieces.push_back(text.substr(at, 1));
    }
    const Shown expected = NaiveSearch(stops, text);
    const Shown shown = Feed(MakeMatcher(stops), pieces);
    ASSERT_EQ(shown.text, expected.text) << "trial " << trial;
    ASSERT_EQ(shown.which, expected.which) << "trial " << trial;
    n_stopped += expected.which >= 0;
  }
  EXPECT_GT(n_stopped, 2000);
  EXPECT_LT(n_stopped, 18000);
}

TEST(StopMatcher, NothingSafeIsEverHeld) {
  Rng rng(8);
  for (int trial = 0; trial < 5000; ++trial) {
    const std::vector<std::string> stops = {RandomText(rng, 5, 2) + "b",
                                            RandomText(rng, 5, 2) + "a"};
    StopMatcher matcher = MakeMatcher(stops);
    std::string text, shown;
    for (int step = 0; step < 20; ++step) {
      const std::string piece = RandomText(rng, 3, 3);
      const StopMatcher::Output out = matcher.Push(piece);
      if (out.stopped) break;
      text += piece;
      shown += out.emit;
      const std::string held = text.substr(shown.size());
      ASSERT_EQ(shown + held, text);
      const bool can_grow = std::any_of(stops.begin(), stops.end(),
                                        [&](const std::string& s) { return s.starts_with(held); });
      ASSERT_TRUE(can_grow) << "held '" << held << "' begins no stop string";
    }
  }
}

}  // namespace
}  // namespace autoglm
