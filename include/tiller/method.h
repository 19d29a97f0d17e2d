// Steering vectors from tasks: the interface that all methods have, and the two that papers compare by name.
#pragma once

#include "tiller/checkpoint.h"
#include "tiller/function_vector.h"
#include "tiller/in_context_vector.h"
#include "tiller/method_interface.h"
