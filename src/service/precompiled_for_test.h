// What the tests of this folder have in common, parsed once.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "service/service_fixture_for_test.h"
