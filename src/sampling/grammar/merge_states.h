// States of an automaton that say the same become one.
#pragma once

#include "sampling/grammar/automaton.h"

namespace autoglm {

/// Leads to one state wherever several are equal: the ends of strings with different bounds, for
/// one, are read alike, so what is found out about one of them is known of all. The others stay,
/// unused; `similar` names the ones that are used.
void MergeEqualStates(Automaton* automaton);

}  // namespace autoglm
