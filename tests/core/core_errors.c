/* Statuses and sentences: kept, replaced, one a thread. */
#include <pthread.h>

#include "core/fail.h"
#include "kvox/kvox.h"
#include "test.h"

static void version(void **state) {
  (void)state;
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", KVOX_VERSION_MAJOR, KVOX_VERSION_MINOR, KVOX_VERSION_PATCH);
  assert_string_equal(kvox_version(), text);
}

static void status_names(void **state) {
  (void)state;
  for (kvox_status a = KVOX_OK; a <= KVOX_ERROR_INTERNAL; a++) {
    assert_string_not_equal(kvox_status_string(a), kvox_status_string(-1));
    for (kvox_status b = KVOX_OK; b < a; b++) {
      assert_string_not_equal(kvox_status_string(a), kvox_status_string(b));
    }
  }
  assert_non_null(kvox_status_string(INT32_MAX));
  assert_string_equal(kvox_status_string(INT32_MIN), kvox_status_string(KVOX_ERROR_INTERNAL + 1));
}

static void *first_sentence(void *data) {
  (void)data;
  return strcmp(kvox_last_error(), "") == 0 ? NULL : "not empty";
}

static void empty_at_first(void **state) {
  (void)state;
  kvox_fail(KVOX_ERROR_DATA, "of the main thread");
  pthread_t thread;
  void *complaint = NULL;
  assert_int_equal(pthread_create(&thread, NULL, first_sentence, NULL), 0);
  assert_int_equal(pthread_join(thread, &complaint), 0);
  assert_null(complaint);
}

static void kept_and_replaced(void **state) {
  (void)state;
  kvox_array array;
  int64_t shape[1] = {0};
  float sample = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "shape[0] is 0", kvox_array_init(&array, &sample, KVOX_F32, 1, shape));
  char sentence[KVOX_SENTENCE_BYTES];
  snprintf(sentence, sizeof sentence, "%s", kvox_last_error());

  /* Success and every destroy leave it alone. */
  shape[0] = 1;
  assert_ok(kvox_array_init(&array, &sample, KVOX_F32, 1, shape));
  kvox_context *context = NULL;
  kvox_workspace *workspace = NULL;
  kvox_volume *volume = NULL;
  kvox_grid grid;
  assert_ok(kvox_grid_init(&grid, (int64_t[]){1, 1, 1}, (double[]){1, 1, 1}, NULL));
  assert_ok(kvox_context_create(NULL, &context));
  assert_ok(kvox_workspace_create(context, &workspace));
  assert_ok(kvox_volume_create(context, KVOX_F32, &grid, &volume));
  kvox_volume_destroy(volume);
  kvox_workspace_destroy(workspace);
  kvox_context_destroy(context);
  kvox_volume_destroy(NULL);
  kvox_workspace_destroy(NULL);
  kvox_context_destroy(NULL);
  assert_string_equal(kvox_last_error(), sentence);

  /* The next failure replaces it. */
  assert_fails(KVOX_ERROR_ARGUMENT, "rank", kvox_array_init(&array, &sample, KVOX_F32, 9, shape));
  assert_null(strstr(kvox_last_error(), "shape[0]"));
}

/* A sentence may quote the one before it. */
static void quotes_the_last(void **state) {
  (void)state;
  kvox_fail(KVOX_ERROR_DATA, "inner");
  assert_int_equal(kvox_fail(KVOX_ERROR_IO, "outer: %s", kvox_last_error()), KVOX_ERROR_IO);
  assert_string_equal(kvox_last_error(), "outer: inner");
}

static void long_sentences_are_cut(void **state) {
  (void)state;
  char name[4 * KVOX_SENTENCE_BYTES];
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  kvox_fail(KVOX_ERROR_IO, "%s", name);
  assert_int_equal(strlen(kvox_last_error()), KVOX_SENTENCE_BYTES - 1);
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *fail_often(void *data) {
  const int number = *(int *)data;
  for (int i = 0; i < ROUNDS; i++) {
    char expected[64];
    snprintf(expected, sizeof expected, "thread %d round %d", number, i);
    kvox_fail(KVOX_ERROR_DATA, "%s", expected);
    if (strcmp(kvox_last_error(), expected) != 0) {
      return "another thread's sentence";
    }
  }
  return NULL;
}

static void one_a_thread(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  int numbers[THREADS];
  kvox_fail(KVOX_ERROR_DATA, "of the main thread");
  for (int i = 0; i < THREADS; i++) {
    numbers[i] = i;
    assert_int_equal(pthread_create(&threads[i], NULL, fail_often, &numbers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    void *complaint = NULL;
    pthread_join(threads[i], &complaint);
    assert_null(complaint);
  }
  assert_string_equal(kvox_last_error(), "of the main thread");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(version),         cmocka_unit_test(status_names),
                                     cmocka_unit_test(empty_at_first),  cmocka_unit_test(kept_and_replaced),
                                     cmocka_unit_test(quotes_the_last), cmocka_unit_test(long_sentences_are_cut),
                                     cmocka_unit_test(one_a_thread)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
