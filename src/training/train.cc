#include "training/train.h"

#include <algorithm>
#include <optional>

#include "platform/file.h"
#include "training/bpe_trainer.h"
#include "training/threads.h"
#include "training/tokenizer_metadata.h"

namespace autoglm {

namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;

Result<TokenizerPart> LearnTokenizer(const TextData& data, const TrainOptions& options) {
  SpecialTokens special = DefaultSpecialTokens();
  if (!options.chat_template.empty()) special.chat_template = options.chat_template;
  AUTOGLM_ASSIGN_OR_RETURN(BpeTrainer trainer,
                           BpeTrainer::Create(special.pre, options.classes_apart));
  if (!data.text.empty()) AUTOGLM_RETURN_IF_ERROR(trainer.Add(data.text));
  for (const PromptAnswer& pair : data.pairs) {
    AUTOGLM_RETURN_IF_ERROR(trainer.Add(pair.prompt));
    AUTOGLM_RETURN_IF_ERROR(trainer.Add(pair.answer));
  }
  const int n_learned = options.vocab_size - static_cast<int>(special.names.size());
  AUTOGLM_ASSIGN_OR_RETURN(const BpeVocabulary vocabulary,
                           trainer.Train({.vocab_size = n_learned}));
  auto metadata = std::make_unique<Metadata>();
  WriteTokenizerMetadata(vocabulary, special, metadata.get());
  return TokenizerPart::Create(std::move(metadata));
}

/// The tokenizer that was asked for, checked against that of the model to go on from.
Result<TokenizerPart> ChooseTokenizer(const TextData& data, const TrainOptions& options,
                                      TrainedModel* init) {
  if (options.tokenizer.empty()) {
    if (init->decoder != nullptr) return std::move(init->text);
    return LearnTokenizer(data, options);
  }
  AUTOGLM_ASSIGN_OR_RETURN(TokenizerPart text, TokenizerPart::Open(options.tokenizer));
  if (init->decoder != nullptr) {
    const Status same = CheckSameTokenizer(*text.metadata, *init->text.metadata);
    if (!same.ok()) return same.WithContext(StrCat(options.tokenizer, ", ", options.init));
  }
  return text;
}

Result<std::unique_ptr<TrainableDecoder>> NewDecoder(const TrainOptions& options,
                                                     const TokenizerPart& text) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string json, ReadWholeFile(options.config, kMaxConfigBytes));
  const auto config = ParseDecoderConfig(json, text.tokenizer->vocab_size());
  if (!config.ok()) return config.status().WithContext(options.config);
  return std::make_unique<TrainableDecoder>(*config, options.trainer.seed);
}

/// A template given beside a tokenizer that comes from elsewhere.
Status ReplaceTemplate(const std::string& source, TokenizerPart* text) {
  text->metadata->SetString("tokenizer.chat_template", source);
  AUTOGLM_ASSIGN_OR_RETURN(*text, TokenizerPart::Create(std::move(text->metadata)));
  return OkStatus();
}

}  // namespace

Result<TextData> ReadTextFiles(const std::vector<std::string>& paths) {
  TextData all;
  for (const std::string& path : paths) {
    AUTOGLM_ASSIGN_OR_RETURN(TextData data, ReadTextData(path));
    all.text += data.text;
    std::move(data.pairs.begin(), data.pairs.end(), std::back_inserter(all.pairs));
  }
  if (!all.text.empty() && !all.pairs.empty()) {
    return Error(StatusCode::kInvalidArgument,
                 "some of the data is text and some is pairs of prompt and answer");
  }
  if (all.text.empty() && all.pairs.empty()) {
    return Error(StatusCode::kInvalidArgument, "there is no data");
  }
  return all;
}

Result<TrainingData> LoadTrainingData(const TextData& train, const TrainingOptions& options,
                                      const TokenizerPart& text, int n_ctx, const Logger& log) {
  const ChatTemplate* chat_template = text.chat_template ? &*text.chat_template : nullptr;
  std::optional<AnswerChoices> grammar;
  if (!options.grammar.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(grammar, AnswerChoices::Create(options.grammar, *text.tokenizer));
  }
  const auto encode = [&](const TextData& data, const char* name) -> Result<ExampleSet> {
    LeftOut left_out;
    auto examples = EncodeExamples(data, *text.tokenizer, chat_template,
                                   grammar ? &*grammar : nullptr, n_ctx, &left_out);
    if (!examples.ok()) return examples.status().WithContext(name);
    if (left_out.too_long > 0) {
      log.Warning(left_out.too_long, " pairs of the ", name, " are longer than ", n_ctx,
                  " tokens and are left out");
    }
    if (left_out.outside_grammar > 0) {
      log.Warning(left_out.outside_grammar, " answers of the ", name,
                  " break the grammar and are left out; the first is '",
                  Quoted(left_out.outside_example), "'");
    }
    log.Info(name, ": ", examples->size(), " examples, ", examples->n_tokens(), " tokens, ",
             examples->n_scored(), " of them learned");
    return examples;
  };
  TrainingData data;
  AUTOGLM_ASSIGN_OR_RETURN(data.train, encode(train, "training data"));
  if (!options.valid.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(const TextData valid, ReadTextData(options.valid));
    AUTOGLM_ASSIGN_OR_RETURN(data.valid, encode(valid, "validation data"));
  }
  return data;
}

Status CheckSameTokenizer(const Metadata& a, const Metadata& b) {
  const auto differ = [](const auto&... parts) {
    return Error(StatusCode::kInvalidArgument, "the tokenizers differ: ", parts...);
  };
  for (const char* key : {"tokenizer.ggml.tokens", "tokenizer.ggml.merges"}) {
    const auto lists = std::pair(a.GetStrings(key), b.GetStrings(key));
    if (lists.first.ok() != lists.second.ok()) return differ("only one of them has ", key);
    if (!lists.first.ok()) continue;
    const auto x = *lists.first, y = *lists.second;
    if (x.size() != y.size()) {
      return differ(key, " has ", x.size(), " entries in one and ", y.size(), " in the other");
    }
    const auto at = std::mismatch(x.begin(), x.end(), y.begin());
    if (at.first != x.end()) {
      return differ("entry ", at.first - x.begin(), " of ", key, " is '", Quoted(*at.first),
                    "' in one and '", Quoted(*at.second), "' in the other");
    }
  }
  for (const char* key : {"tokenizer.ggml.model", "tokenizer.ggml.pre"}) {
    const auto x = a.GetString(key, ""), y = b.GetString(key, "");
    if (x.ok() && y.ok() && *x != *y) {
      return differ(key, " is '", Quoted(*x), "' in one and '", Quoted(*y), "' in the other");
    }
  }
  return OkStatus();
}

Result<TrainerResult> TrainModel(const TrainOptions& options, const Logger& log,
                                 const std::function<void(const TrainerProgress&)>& progress) {
  SetTrainingThreads(options.n_threads);
  if (options.config.empty() == options.init.empty()) {
    return Error(StatusCode::kInvalidArgument,
                 "either a configuration for a new model or a model to go on from is needed");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const TextData data, ReadTextFiles(options.data));
  TrainedModel model;
  if (!options.init.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(model, TrainedModel::Open(options.init));
  }
  AUTOGLM_ASSIGN_OR_RETURN(TokenizerPart text, ChooseTokenizer(data, options, &model));
  if (!options.chat_template.empty()) {
    AUTOGLM_RETURN_IF_ERROR(ReplaceTemplate(options.chat_template, &text));
  }
  if (model.decoder == nullptr) {
    AUTOGLM_ASSIGN_OR_RETURN(model.decoder, NewDecoder(options, text));
  }
  const DecoderConfig& config = model.decoder->config();
  log.Info("model: ", config.architecture, ", ", config.n_parameters(), " parameters, vocabulary ",
           config.vocab_size);
  AUTOGLM_ASSIGN_OR_RETURN(
      const TrainingData examples,
      LoadTrainingData(data, options, text, config.max_position_embeddings, log));
  const Objective objective = CrossEntropyObjective(*model.decoder);
  AUTOGLM_ASSIGN_OR_RETURN(const TrainerResult result,
                           Train(model.decoder.get(), examples.train, examples.valid, objective,
                                 options.trainer, progress));
  AUTOGLM_RETURN_IF_ERROR(
      SaveModel(*model.decoder, text, options.trainer.folder, options.metadata));
  return result;
}

}  // namespace autoglm
