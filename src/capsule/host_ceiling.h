// SPDX-License-Identifier: Apache-2.0
// The ceilings of this host: which CapsulePolicy of its policy file covers a run. Without a file
// root may have what it asks for, within what is grantable at all.
#pragma once

#include "base/result.h"
#include "capsule/admit.h"
#include "capsule/dirs.h"

namespace recap::capsule {

// kDenied with the reasons when there is a policy file and none of its policies covers `run`. The
// name of the one that does, its deadline, and its cpu limit where none was asked for, are put into
// `run`. A file that was changed is compiled first, by recap-image; one that is wrong denies.
base::Status admit_under_host_policy(Admitted& run, const Dirs& dirs, bool keeps_artifacts);

}  // namespace recap::capsule
