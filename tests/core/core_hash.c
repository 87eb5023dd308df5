/* SHA-256 against the examples that FIPS 180-4 was published with, and of arrays. */
#include "core/hash.h"

#include "kvox/array.h"
#include "test.h"

static void assert_hash(const char *text, size_t times, const char *want) {
  kvox_hash hash;
  char hex[65];
  kvox_hash_start(&hash);
  for (size_t i = 0; i < times; i++) {
    kvox_hash_add(&hash, text, strlen(text));
  }
  kvox_hash_end(&hash, hex);
  assert_string_equal(hex, want);
}

static void knows_the_published_examples(void **state) {
  (void)state;
  assert_hash("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert_hash("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  assert_hash("a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* In Python: hashlib.sha256(b"i16 2 3\n" + numpy.arange(1, 7, dtype="<i2").tobytes()).hexdigest() */
static void hashes_what_arrays_hold(void **state) {
  (void)state;
  int16_t dense[2][3] = {{1, 2, 3}, {4, 5, 6}}, spread[3][2][2] = {{{4}, {1}}, {{5}, {2}}, {{6}, {3}}};
  const int64_t shape[2] = {2, 3};
  kvox_array array, same = {.data = &spread[0][1][0],
                            .type = KVOX_I16,
                            .rank = 2,
                            .shape = {2, 3},
                            .strides = {-(int64_t)sizeof spread[0][0], (int64_t)sizeof spread[0]}};
  char hex[65], other[65];
  assert_ok(kvox_array_init(&array, dense, KVOX_I16, 2, shape));
  assert_ok(kvox_array_sha256(&array, hex));
  assert_string_equal(hex, "01ac5487743ab26529df32e161c332ed6b13f7e4f12892f220c8e775b668b27f");
  assert_ok(kvox_array_sha256(&same, other));
  assert_string_equal(hex, other);
  array.type = KVOX_U16;
  assert_ok(kvox_array_sha256(&array, other));
  assert_string_not_equal(hex, other);
  assert_fails(KVOX_ERROR_ARGUMENT, "NULL", kvox_array_sha256(NULL, hex));
  assert_fails(KVOX_ERROR_ARGUMENT, "NULL", kvox_array_sha256(&array, NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(knows_the_published_examples),
                                     cmocka_unit_test(hashes_what_arrays_hold)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
