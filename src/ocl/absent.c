/* A build without OpenCL (KVOX_OPENCL=OFF). */
#include "core/fail.h"
#include "ocl/ocl.h"
