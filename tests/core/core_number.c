/* Numbers as text are the same under every locale; the run with decimal commas runs this again. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "core/number.h"
#include "core/text.h"
#include "kvox/extend.h"
#include "test.h"

static void formats(void **state) {
  (void)state;
  static const struct {
    double value;
    int32_t digits;
    const char *text;
  } cases[] = {{0, 6, "0"},
               {1.5, 6, "1.5"},
               {-0.25, 6, "-0.25"},
               {1e300, 6, "1e+300"},
               {1.25e-7, 6, "1.25e-07"},
               {3.14159265, 3, "3.14"},
               {0.1, 17, "0.10000000000000001"},
               {123456789, 17, "123456789"},
               {1234567.5, 17, "1234567.5"},
               {INFINITY, 6, "inf"},
               {-INFINITY, 6, "-inf"},
               {2.5, 0, "2"},
               {0.1, 99, "0.10000000000000001"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[KVOX_NUMBER_BYTES];
    assert_ptr_equal(kvox_extend_format(cases[i].value, cases[i].digits, text, sizeof text), text);
    assert_string_equal(text, cases[i].text);
  }
}

/* However little room there is, the text ends and nothing is written beyond. */
static void formats_into_little_room(void **state) {
  (void)state;
  for (size_t size = 0; size < 12; size++) {
    char text[16];
    memset(text, '#', sizeof text);
    kvox_format_number(-1.2345678, 8, text, size);
    if (size > 0) {
      assert_int_equal(strlen(text), size < 11 ? size - 1 : 10);
      assert_memory_equal(text, "-1.2345678", strlen(text));
    }
    for (size_t i = size; i < sizeof text; i++) {
      assert_int_equal(text[i], '#');
    }
  }
}

static void parses(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double value;
    size_t used;
  } cases[] = {{"1.5", 1.5, 3},   {"-2e-3mm", -2e-3, 5}, {"7,5", 7, 1},
               {"1.5.2", 1.5, 3}, {"+4", 4, 2},          {".5", .5, 2},
               {"5.", 5, 2},      {"1e", 1, 1},          {"1.7976931348623157e308", DBL_MAX, 22}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    double value = -1;
    const char *end = kvox_extend_parse(cases[i].text, &value);
    assert_ptr_equal(end, cases[i].text + cases[i].used);
    assert_true(value == cases[i].value);
  }
}

static void parses_nothing(void **state) {
  (void)state;
  static const char *const cases[] = {"", ".", ",5", "-", "e5", "mm", "- 1", "\xff"};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    double value = 42;
    assert_null(kvox_parse_number(cases[i], &value));
    assert_true(value == 42);
  }
}

/* 17 digits hold a double: text and back is the same number, over the whole range. */
static void round_trip(void **state) {
  (void)state;
  uint64_t seed = 1;
  for (int i = 0; i < 20000; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX generator */
    uint64_t bits = seed ^ seed >> 33;
    double value, back = 0;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) {
      continue;
    }
    char text[KVOX_NUMBER_BYTES];
    kvox_format_number(value, 17, text, sizeof text);
    const char *end = kvox_parse_number(text, &back);
    assert_non_null(end);
    assert_int_equal(*end, '\0');
    assert_memory_equal(&value, &back, sizeof value);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(formats), cmocka_unit_test(formats_into_little_room),
                                     cmocka_unit_test(parses), cmocka_unit_test(parses_nothing),
                                     cmocka_unit_test(round_trip)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
