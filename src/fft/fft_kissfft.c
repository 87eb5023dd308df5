#include "fft/fft.h"
const char *kvox_fft_provider(void) { return "fftw"; }
