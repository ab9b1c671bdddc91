// What every verb that trains asks for, and how it tells where it is.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "training/trainer.h"

namespace autoglm {

/// --out, --epochs, --steps, --batch-tokens, --accumulate, --lr, --final-lr, --warmup,
/// --weight-decay, --beta2, --clip, --seed, --valid-every, --patience, --checkpoint-every.
void DeclareTrainerOptions(CLI::App* app, TrainerOptions* options);

/// --data, --valid.
void DeclareData(CLI::App* app, std::vector<std::string>* data, std::string* valid);

/// --threads.
void DeclareThreads(CLI::App* app, int* n_threads);

/// --metadata KEY=TEXT, to be split by ParseMetadata.
void DeclareMetadata(CLI::App* app, std::vector<std::string>* pairs);
Result<std::vector<std::pair<std::string, std::string>>> ParseMetadata(
    const std::vector<std::string>& pairs);

/// A line on stderr that is written over where that is a terminal, else one every ten seconds.
std::function<void(const TrainerProgress&)> ProgressLine();

/// "1200 steps, loss 0.031, validation 0.045 -> FOLDER", or JSON.
void ReportTraining(const TrainerResult& result, const std::string& folder, bool json);

}  // namespace autoglm
