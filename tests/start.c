/* Linked into every test program: what has to happen before its main. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "test.h"

/* The library never sets a locale, its host does: here, one with decimal commas, when the environment asks for it. */
static __attribute__((constructor)) void set_locale(void) {
  if (getenv("KVOX_TEST_LOCALE") == NULL) {
    return;
  }
  if (setlocale(LC_ALL, "") == NULL || strcmp(localeconv()->decimal_point, ",") != 0) {
    fputs("KVOX_TEST_LOCALE is set, but the environment's locale has no decimal comma\n", stderr);
    exit(1);
  }
}

/* Test functions of these names are left out: see NUMBERS in tests/CMakeLists.txt. */
static __attribute__((constructor)) void leave_out(void) {
  const char *names = getenv("KVOX_TEST_SKIP");
  if (names != NULL) {
    printf("skipped: %s, whose numbers other suites check\n", names);
    cmocka_set_skip_filter(names);
  }
}
