// What the files of this folder have in common, parsed once.
#pragma once

#include <nlohmann/json.hpp>

#include "service/fields.h"
#include "service/generation_answer.h"
#include "service/route.h"
#include "service/service.h"
