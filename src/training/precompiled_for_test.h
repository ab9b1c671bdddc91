// What the tests of this folder have in common.
#pragma once

#include <gtest/gtest.h>

#include "training/torch.h"
