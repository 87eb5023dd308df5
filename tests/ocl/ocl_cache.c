/* The folder of built programs: what it takes, gives back, and what it does not mind. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "programs.h"

static char folder[] = "/tmp/kvox-programs.XXXXXX", file[sizeof folder + 128];

/* How many entries the folder has; the last one's path in `file`. */
static int list_folder(void) {
  int count = 0;
  DIR *open_folder = opendir(folder);
  assert_non_null(open_folder);
  for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
    if (entry->d_name[0] != '.') {
      snprintf(file, sizeof file, "%s/%.100s", folder, entry->d_name);
      count++;
    }
  }
  closedir(open_folder);
  return count;
}

static void clear_folder(void) {
  while (list_folder() > 0) {
    if (unlink(file) != 0) {
      assert_int_equal(rmdir(file), 0);
    }
  }
}

static int make_folder(void **state) {
  (void)state;
  memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
  return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
  (void)state;
  clear_folder();
  return rmdir(folder);
}

/* The program works, whatever the folder holds, and was built from so many sources and binaries. */
static void assert_built(const char *where, int sources, int binaries) {
  kvox_ocl *ocl = open_plainly(where);
  kvox_ocl_program *program = NULL;
  assert_ok(get_text(ocl, "-D VALUE=9", &program));
  assert_int_equal(calls.sources, sources);
  assert_int_equal(calls.binaries, binaries);
  assert_value(ocl, program, 9);
  kvox_ocl_program_drop(program);
  kvox_ocl_drop(ocl);
}

static void test_folder(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  assert_built(NULL, 1, 0);
  assert_built("", 1, 0);
  assert_int_equal(list_folder(), 0);
  assert_built(folder, 1, 0);
  assert_int_equal(list_folder(), 1);
  assert_non_null(strstr(file, ".kvoxcl"));
  struct stat before, after;
  assert_int_equal(stat(file, &before), 0);
  assert_int_equal(before.st_mode & 077, 0); /* nobody else's */
  assert_built(folder, 0, 1);
  assert_int_equal(list_folder(), 1);
  assert_int_equal(stat(file, &after), 0);
  assert_int_equal(after.st_ino, before.st_ino); /* what is good stays as it is */
  assert_int_equal(after.st_mtime, before.st_mtime);
}

static unsigned char *read_file(size_t *bytes) {
  struct stat facts;
  const int from = open(file, O_RDONLY);
  assert_true(from >= 0 && fstat(from, &facts) == 0);
  unsigned char *data = malloc((size_t)facts.st_size);
  assert_non_null(data);
  *bytes = (size_t)facts.st_size;
  assert_int_equal(read(from, data, *bytes), facts.st_size);
  close(from);
  return data;
}

static void write_file(const unsigned char *data, size_t bytes) {
  const int to = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(to >= 0);
  assert_int_equal(write(to, data, bytes), (ssize_t)bytes);
  close(to);
}

/* Whatever is in the file's place: it is built anew, and the file is whole again where it can be. */
static void test_damage(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  assert_built(folder, 1, 0);
  assert_int_equal(list_folder(), 1);
  size_t bytes = 0;
  unsigned char *good = read_file(&bytes);
  /* One byte wrong: magic and its version, key, hash, size, first and last of the program. */
  const size_t at[] = {0, 7, 8, 71, 72, 135, 136, 151, 152, bytes - 1};
  for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
    good[at[i]] ^= 1;
    write_file(good, bytes);
    good[at[i]] ^= 1;
    assert_built(folder, 1, 0);
    assert_built(folder, 0, 1);
  }
  const size_t lengths[] = {0, 1, 151, 152, 153, bytes / 2, bytes - 1};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    write_file(good, lengths[i]);
    assert_built(folder, 1, 0);
    assert_built(folder, 0, 1);
  }
  unsigned char *longer = calloc(1, bytes + 1);
  assert_non_null(longer);
  memcpy(longer, good, bytes);
  write_file(longer, bytes + 1);
  assert_built(folder, 1, 0);
  assert_built(folder, 0, 1);
  free(longer);
  free(good);
  assert_int_equal(list_folder(), 1);
}

/* A file that is whole in itself, whose program is none: the driver refuses it. */
static void test_refused(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  assert_built(folder, 1, 0);
  assert_int_equal(list_folder(), 1);
  kvox_context_options options;
  kvox_heap *heap = NULL;
  char key[65];
  kvox_context_options_init(&options);
  assert_ok(kvox_heap_create(&options, &heap));
  snprintf(key, sizeof key, "%.64s", file + strlen(folder) + 1);
  kvox_ocl_cache_write(heap, folder, key, (const unsigned char *)"no program", 10);
  unsigned char *back = NULL;
  size_t bytes = 0;
  assert_true(kvox_ocl_cache_read(heap, folder, key, &back, &bytes));
  assert_int_equal(bytes, 10);
  assert_memory_equal(back, "no program", 10);
  kvox_release(heap, back);
  kvox_heap_drop(heap);
  assert_built(folder, 1, 0);
  assert_int_equal(calls.refused, 1);
  assert_built(folder, 0, 1);
}

static void count_warnings(void *user, int32_t level, const char *sentence) {
  if (level == KVOX_LOG_WARNING) {
    assert_non_null(strstr(sentence, "could not be kept in"));
    ++*(int *)user;
  }
}

/* Nothing can be kept: the work is done, a warning says so, no call fails. */
static void assert_warned(const char *where) {
  int warnings = 0;
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.log = count_warnings;
  options.log_user = &warnings;
  kvox_ocl *ocl = open_device(&options, where);
  kvox_ocl_program *program = NULL;
  assert_non_null(ocl);
  assert_ok(get_text(ocl, "-D VALUE=9", &program));
  assert_int_equal(warnings, 1);
  assert_value(ocl, program, 9);
  kvox_ocl_program_drop(program);
  kvox_ocl_drop(ocl);
}

static void test_unwritable(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  char missing[sizeof folder + 16];
  snprintf(missing, sizeof missing, "%s/missing", folder);
  assert_warned(missing);
  assert_warned("/dev/null");
  assert_int_equal(list_folder(), 0);
  assert_built(folder, 1, 0);
  assert_int_equal(list_folder(), 1);
  unlink(file);
  assert_int_equal(mkdir(file, 0700), 0); /* a folder in the file's place */
  assert_warned(folder);
  assert_int_equal(list_folder(), 1);
  assert_int_equal(rmdir(file), 0);
  assert_int_equal(mkfifo(file, 0600), 0); /* which nobody writes: reading would wait for ever */
  assert_built(folder, 1, 0);
  assert_built(folder, 0, 1);
}

/* With a folder the caches' own scratch may be refused: then the program is built, or not kept. Nothing leaks. */
static void test_no_memory_for_folder(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  bool done = false;
  for (int64_t fail_at = 1; !done; fail_at++) {
    failing_heap *heap = failing_heap_create();
    heap->fail_at = fail_at;
    const kvox_context_options options = failing_heap_options(heap);
    const kvox_status status = build_once(&options, folder);
    assert_true(status == KVOX_OK || status == KVOX_ERROR_MEMORY);
    done = heap->calls < fail_at && fail_at % 2 == 0; /* odd ones begin with an empty folder */
    failing_heap_destroy(heap);
    if (fail_at % 2 == 0) {
      clear_folder();
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_folder, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_damage, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_refused, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_unwritable, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_no_memory_for_folder, make_folder, remove_folder),
  };
  return cmocka_run_group_tests(tests, look_for_device, NULL);
}
