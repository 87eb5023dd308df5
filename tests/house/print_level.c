/* The best CPU level of this machine, as the library finds it. */
#include <kvox/context.h>
#include <stdio.h>

int main(void) { return puts(kvox_cpu_level_name(kvox_cpu_detected())) < 0; }
