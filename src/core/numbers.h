// Numbers with as many digits as people would write.
#pragma once

namespace tiller {

/// The double with the float's shortest decimal digits: 0.7f as 0.7, not as 0.699999988.
double shortest(float value);

}  // namespace tiller
