#include "training/distil.h"

#include <algorithm>
#include <numeric>

#include "platform/file.h"
#include "training/ops.h"
#include "training/threads.h"

namespace autoglm {

namespace {

constexpr int kMostRelationHeads = 8;
constexpr size_t kMaxConfigBytes = size_t{1} << 20;

/// Mean over rows of the squared distance of hidden states, student layer i against the teacher's
/// that is as far on its way. Padding counts: it is the same in both.
at::Tensor HiddenDistance(const TrainableDecoder::Trace& teacher,
                          const TrainableDecoder::Trace& student) {
  at::Tensor sum = at::zeros({});
  const size_t n_teacher = teacher.hidden.size() - 1, n_student = student.hidden.size() - 1;
  for (size_t i = 0; i <= n_student; ++i) {
    const at::Tensor& target = teacher.hidden[i * n_teacher / n_student];
    // In units of the teacher's own size, which grows from layer to layer.
    sum = sum + (student.hidden[i] - target).pow(2).mean() / (target.pow(2).mean() + 1e-6);
  }
  return sum / static_cast<double>(n_student + 1);
}

/// log softmax of x x^T / sqrt(d) within each sequence and head, of positions that are past.
at::Tensor LogRelations(const at::Tensor& rows, int64_t n_positions, int64_t n_heads) {
  const int64_t head_dim = rows.size(1) / n_heads;
  const at::Tensor heads = rows.reshape({-1, n_positions, n_heads, head_dim}).transpose(1, 2);
  const at::Tensor scores =
      at::matmul(heads, heads.transpose(2, 3)) / std::sqrt(static_cast<double>(head_dim));
  const at::Tensor future = at::ones({n_positions, n_positions}, at::kBool).triu(1);
  // A large number and no infinity: 0 * infinity in the divergence would be no number.
  return at::log_softmax(scores.masked_fill(future, -1e9), -1);
}

/// How differently queries see queries, keys keys and values values in the last layers.
at::Tensor RelationDivergence(const TrainableDecoder& teacher,
                              const TrainableDecoder::Trace& teacher_trace,
                              const TrainableDecoder& student,
                              const TrainableDecoder::Trace& student_trace, int64_t n_positions) {
  const auto widths = [](const DecoderConfig& c) {
    return std::array<int64_t, 3>{c.q_rows(), c.kv_rows(), c.kv_rows()};
  };
  const auto t = widths(teacher.config()), s = widths(student.config());
  int64_t n_heads = 1;
  const int64_t divisor = std::gcd(std::gcd(t[0], t[1]), std::gcd(s[0], s[1]));
  for (int64_t n = 1; n <= kMostRelationHeads; ++n) n_heads = divisor % n == 0 ? n : n_heads;
  at::Tensor sum = at::zeros({});
  int64_t t_first = 0, s_first = 0;
  for (size_t part = 0; part < 3; ++part) {
    const at::Tensor target =
        LogRelations(teacher_trace.qkv.back().narrow(1, t_first, t[part]), n_positions, n_heads);
    const at::Tensor found =
        LogRelations(student_trace.qkv.back().narrow(1, s_first, s[part]), n_positions, n_heads);
    sum = sum + (target.exp() * (target - found)).sum(-1).mean();
    t_first += t[part];
    s_first += s[part];
  }
  return sum / 3;
}

Result<TrainedModel> OpenStudent(const DistilOptions& options, const TrainedModel& teacher) {
  if (!options.student.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(TrainedModel student, TrainedModel::Open(options.student));
    const Status same = CheckSameTokenizer(*teacher.text.metadata, *student.text.metadata);
    if (!same.ok()) return same.WithContext(StrCat(options.teacher, ", ", options.student));
    return student;
  }
  AUTOGLM_ASSIGN_OR_RETURN(const std::string json, ReadWholeFile(options.config, kMaxConfigBytes));
  const auto config = ParseDecoderConfig(json, teacher.decoder->config().vocab_size);
  if (!config.ok()) return config.status().WithContext(options.config);
  TrainedModel student;
  AUTOGLM_ASSIGN_OR_RETURN(student.text, TokenizerPart::Open(options.teacher));
  student.decoder = std::make_unique<TrainableDecoder>(*config, options.trainer.seed);
  return student;
}

}  // namespace

at::Tensor SoftenedDivergence(const at::Tensor& teacher_logits, const at::Tensor& student_logits,
                              double temperature) {
  const at::Tensor target = at::log_softmax(teacher_logits / temperature, 1);
  const at::Tensor found = at::log_softmax(student_logits / temperature, 1);
  return (target.exp() * (target - found)).sum(1).mean() * (temperature * temperature);
}

Result<Objective> DistilObjective(const TrainableDecoder& teacher, const TrainableDecoder& student,
                                  const DistilLoss& loss) {
  const DecoderConfig &t = teacher.config(), &s = student.config();
  if (t.vocab_size != s.vocab_size) {
    return Error(StatusCode::kInvalidArgument, "the teacher has ", t.vocab_size,
                 " tokens and the student ", s.vocab_size);
  }
  if (loss.hidden_weight > 0 && t.hidden_size != s.hidden_size) {
    return Error(StatusCode::kInvalidArgument, "hidden states of ", t.hidden_size, " and ",
                 s.hidden_size, " elements cannot be compared: leave their weight 0");
  }
  return Objective([&teacher, &student, loss](const TokenBatch& batch) {
    const bool traces = loss.hidden_weight > 0 || loss.relation_weight > 0;
    TrainableDecoder::Trace teacher_trace, student_trace;
    at::Tensor target;
    {
      const at::NoGradGuard no_grad;
      target = teacher.Logits(batch, traces ? &teacher_trace : nullptr);
    }
    const at::Tensor logits = student.Logits(batch, traces ? &student_trace : nullptr);
    at::Tensor sum = SoftenedDivergence(target, logits, loss.temperature) * loss.teacher_weight;
    if (loss.teacher_weight < 1) {
      sum = sum + CrossEntropy(logits, batch.targets) * (1 - loss.teacher_weight);
    }
    if (loss.hidden_weight > 0) {
      sum = sum + HiddenDistance(teacher_trace, student_trace) * loss.hidden_weight;
    }
    if (loss.relation_weight > 0) {
      sum = sum +
            RelationDivergence(teacher, teacher_trace, student, student_trace, batch.n_positions) *
                loss.relation_weight;
    }
    return sum;
  });
}

Result<TrainerResult> DistilModel(const DistilOptions& options, const Logger& log,
                                  const std::function<void(const TrainerProgress&)>& progress) {
  SetTrainingThreads(options.n_threads);
  if (options.config.empty() == options.student.empty()) {
    return Error(StatusCode::kInvalidArgument,
                 "either a configuration of a new student or a student to go on from is needed");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const TrainedModel teacher, TrainedModel::Open(options.teacher));
  AUTOGLM_ASSIGN_OR_RETURN(const TrainedModel student, OpenStudent(options, teacher));
  const DecoderConfig& config = student.decoder->config();
  log.Info("teacher: ", teacher.decoder->config().n_parameters(),
           " parameters, student: ", config.n_parameters());
  AUTOGLM_ASSIGN_OR_RETURN(TextData text, ReadTextFiles(options.data));
  const int n_ctx =
      std::min(config.max_position_embeddings, teacher.decoder->config().max_position_embeddings);
  if (options.n_generated > 0) {
    AUTOGLM_ASSIGN_OR_RETURN(TextData words,
                             GenerateData(options.teacher, text, options.n_generated, n_ctx));
    text.text += words.text;
    std::move(words.pairs.begin(), words.pairs.end(), std::back_inserter(text.pairs));
  }
  AUTOGLM_ASSIGN_OR_RETURN(const TrainingData data,
                           LoadTrainingData(text, options, student.text, n_ctx, log));
  AUTOGLM_ASSIGN_OR_RETURN(const Objective objective,
                           DistilObjective(*teacher.decoder, *student.decoder, options.loss));
  TrainerOptions trainer = options.trainer;
  trainer.run = StrCat("distilled from ", options.teacher, " at ", options.loss.temperature, "/",
                       options.loss.teacher_weight, "/", options.loss.hidden_weight, "/",
                       options.loss.relation_weight);
  AUTOGLM_ASSIGN_OR_RETURN(
      const TrainerResult result,
      Train(student.decoder.get(), data.train, data.valid, objective, trainer, progress));
  AUTOGLM_RETURN_IF_ERROR(
      SaveModel(*student.decoder, student.text, trainer.folder, options.metadata));
  return result;
}

}  // namespace autoglm
