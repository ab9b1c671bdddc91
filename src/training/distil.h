// The verb `distil`: a student learns what a teacher thinks of every next token, and optionally how
// it gets there.
// Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network"; Jiao et al. 2020,
// "TinyBERT" (hidden states); Wang et al. 2021, "MiniLMv2" (attention relations).
#pragma once

#include "training/train.h"

namespace autoglm {

struct DistilLoss {
  double temperature = 1;
  double teacher_weight = 0.7;  ///< of the divergence from the teacher; the data's own has the rest
  double hidden_weight = 0;     ///< of the hidden states' squared distance: one hidden_size needed
  double relation_weight = 0;   ///< of the divergence of the last layer's relations
};

struct DistilOptions : TrainingOptions {
  std::string teacher;  ///< a model of any shape that can be trained
  std::string config;   ///< config.json of a new student with the teacher's tokenizer, or
  std::string student;  ///< a model to go on from, with the same tokenizer
  int n_generated = 0;  ///< prompts of the data that the teacher answers as well, as further data
  DistilLoss loss;
};

/// The loss of `student` towards `teacher` and the data. Both must outlive the result, which never
/// changes the teacher. kInvalidArgument: vocabularies, or hidden states to be compared, of
/// different sizes.
Result<Objective> DistilObjective(const TrainableDecoder& teacher, const TrainableDecoder& student,
                                  const DistilLoss& loss);

/// temperature^2 * KL(teacher || student) of softened logits [n, vocab_size], the mean over rows.
at::Tensor SoftenedDivergence(const at::Tensor& teacher_logits, const at::Tensor& student_logits,
                              double temperature);

/// Trains the student and writes it (see SaveModel). Errors as TrainModel, and kInvalidArgument
/// where tokenizers differ.
Result<TrainerResult> DistilModel(const DistilOptions& options, const Logger& log,
                                  const std::function<void(const TrainerProgress&)>& progress);

/// The teacher's own words, through the engine: greedy answers to the first `n` prompts; of running
/// text, continuations of its beginnings. Errors as AutoGLMSession's.
Result<TextData> GenerateData(const std::string& teacher, const TextData& data, int n, int n_ctx);

}  // namespace autoglm
